package network

import (
	"math"

	"github.com/noisefs/noisefs/messages"
)

// What a packet is billed beside its bytes.
const (
	// frameBytes of payload fit into a segment of TCP over IPv4 with
	// timestamps on an Ethernet of 1,500 bytes, and frameOverhead is what
	// the segment's headers take: 20 + 20 + 12 bytes.
	// Sources: RFC 791, RFC 9293, RFC 7323.
	frameBytes    = 1448
	frameOverhead = 52
	// streamOverhead is a yamux header (12 bytes) and a Noise frame (2 bytes
	// of length, 16 of tag), once per packet.
	// Sources: hashicorp/yamux spec.md; libp2p/specs noise/README.md.
	streamOverhead = 30
)

// Rules of retransmission; the package comment has their sources.
const (
	retransmitMinNS = 200e6
	fastFrames      = 3 // up to here nobody tells the sender of a loss
	retransmitsMax  = 8
)

// Packet is what is sent at a time.
type Packet struct {
	From, To     Peer
	Protocol     messages.Protocol
	Head, Blocks int  // bytes; Blocks are billed times Options.Scale
	Stream       bool // reliable, or else a datagram
	Body         any  // the caller's own
}

// bill is what a packet loads the links with.
type bill struct {
	total, blocks, overhead, frames int64
}

func (n *Network) bill(p *Packet) bill {
	blocks := int64(p.Blocks) * n.options.Scale
	payload := int64(p.Head) + blocks + streamOverhead
	frames := (payload + frameBytes - 1) / frameBytes
	overhead := streamOverhead + frames*frameOverhead
	return bill{payload + frames*frameOverhead, blocks, overhead, frames}
}

// stage is what a transit waits for.
type stage uint8

const (
	failing stage = iota // for the sender to give up
	leaving              // for the first bytes of bulk to reach the downlink
	filling              // for the last byte of bulk to come through the downlink
	landing              // for a packet of one frame to come through the downlink
	landed               // for the downlink to be free of those before it
)

// transit is a packet under way.
type transit struct {
	Packet
	network  *Network
	run      func() // step, bound once
	stage    stage
	bill     bill
	fromBoot uint32
	toBoot   uint32

	latencyNS          int64
	upWork, downWork   int64
	up, down           *job  // nil: the link is endless
	sentNS, lastByteNS int64 // when it entered the uplink, and when its last byte arrives
}

// Send sends a packet from a node that is on. What becomes of it, the
// Receiver hears, after Send has returned.
func (n *Network) Send(p Packet) {
	from, to := &n.peers[p.From], &n.peers[p.To]
	now := n.timers.NowNS()
	bill := n.bill(&p)
	if !n.Connectable(p.From, p.To) || !to.on || !n.Open(p.From, p.To) {
		from.counters.Refused++
		n.fail(&p, now+int64(n.options.DialTimeout))
		return
	}
	small := bill.frames == 1 && from.up.sparse(now)
	if !small && !n.room(&from.up, p.kind(), bill.total) {
		from.counters.Dropped++
		n.fail(&p, now)
		return
	}
	from.counters.Sent[n.protocol(p.Protocol)].add(&p, bill)
	d := keyed(n.options.Seed, uint64(p.From)<<32|uint64(p.To), uint64(now),
		from.numbering.next(p.To, now)<<40|uint64(bill.total))
	n.launch(&p, bill, now, &d)
	if !p.Stream && n.options.Duplicate > 0 && d.share() < n.options.Duplicate {
		from.counters.Duplicated++
		n.launch(&p, bill, now, &d)
	}
}

func (p *Packet) kind() int {
	if p.Stream {
		return kindStream
	}
	return kindDatagram
}

// room reports whether that much more bulk may wait at a link.
func (n *Network) room(p *pipe, kind int, bytes int64) bool {
	bound := n.options.QueueBytes
	if kind == kindStream {
		bound = n.options.StreamBytes
	}
	return p.waiting[kind]+bytes <= bound
}

// fail tells of a stream packet that goes nowhere; a datagram is just lost.
func (n *Network) fail(p *Packet, atNS int64) {
	if p.Stream {
		t := n.transit(p)
		t.stage = failing
		n.timers.AtNS(atNS, t.run)
	}
}

// launch sends one copy of a packet on its way.
func (n *Network) launch(p *Packet, bill bill, now int64, d *draws) {
	from, to := &n.peers[p.From], &n.peers[p.To]
	t := n.transit(p)
	t.bill, t.sentNS, t.fromBoot, t.toBoot = bill, now, from.boot, to.boot
	t.upWork = from.up.work(bill.total, from.slow.Factor)
	t.downWork = to.down.work(bill.total, 1)
	delay, lost := n.delay(p, bill, now, d)
	t.latencyNS = delay
	small := bill.frames == 1 && from.up.sparse(now)
	if small {
		leftNS := from.up.ahead(now, t.upWork)
		t.stage = landing
		if !lost {
			n.timers.AtNS(leftNS+t.latencyNS+t.downWork, t.run)
		}
	} else {
		t.stage = leaving
		if t.upWork > 0 {
			t.up = from.up.bulk(now, p.To, p.kind(), bill.total, t.upWork)
		}
		if !lost {
			n.timers.AtNS(max(now, t.joins(&from.up)), t.run)
		}
	}
	if lost { // it has used the uplink all the same
		from.counters.Lost++
		n.release(t)
	}
}

// delay draws the latency of a packet with all that adds to it, and whether
// it is lost.
func (n *Network) delay(p *Packet, bill bill, now int64, d *draws) (ns int64, lost bool) {
	o := &n.options
	forth, back := int64(n.OneWay(p.From, p.To)), int64(n.OneWay(p.To, p.From))
	ns = forth + int64(float64(forth)*o.Jitter*d.exponential()) +
		n.connect(p.From, p.To)*(forth+back)
	loss := n.frameLoss(p, now)
	once := loss
	if loss > 0 && bill.frames > 1 {
		once = 1 - math.Pow(1-loss, float64(bill.frames))
	}
	hit := d.share() < once
	if !p.Stream {
		if o.Reorder > 0 && d.share() < o.Reorder {
			ns += int64(d.share() * float64(o.ReorderDelay))
		}
		return ns, hit
	}
	if hit {
		n.peers[p.From].counters.Lost++
	}
	wait := forth + back + retransmitMinNS
	for try := 0; hit && try < retransmitsMax; try++ {
		if bill.frames > fastFrames {
			ns += forth + back
		} else {
			ns += wait
			wait *= 2
		}
		hit = d.share() < loss
	}
	return ns, false
}

// frameLoss is the probability that a frame is lost between two nodes now.
func (n *Network) frameLoss(p *Packet, now int64) float64 {
	kept := 1 - n.options.Loss
	for _, end := range [...]Peer{p.From, p.To} {
		x := &n.peers[end]
		b := x.link.Burst
		if b.varies() && x.weather.badAt(now, b) {
			kept *= 1 - b.BadLoss
		} else {
			kept *= 1 - b.GoodLoss
		}
	}
	return 1 - kept
}

// joins returns when bulk enters the downlink: so that the last byte comes
// out as it would if it ran through both links at once. What others send
// after that slows this packet no more at the uplink, only them.
func (t *transit) joins(up *pipe) int64 {
	left := t.sentNS
	if t.up != nil {
		left = up.leaves(t.up)
	}
	t.lastByteNS = left + t.latencyNS
	return t.lastByteNS - min(t.upWork, t.downWork)
}

// step takes a packet to its next stage, or finds that others have slowed it
// down and waits on.
func (t *transit) step() {
	n := t.network
	from, to := &n.peers[t.From], &n.peers[t.To]
	now := n.timers.NowNS()
	switch t.stage {
	case failing:
		n.receiver.Failed(&t.Packet)
		n.release(t)
	case leaving:
		t.leave(from, to, now)
	case filling:
		t.fill(to, now)
	case landing:
		to.down.advance(now)
		if !to.down.sparse(now) {
			t.join(to, now)
			return
		}
		free := max(to.down.atNS, now)
		to.down.ahead(now, t.downWork)
		t.stage = landed
		if free > now {
			n.timers.AtNS(free, t.run)
			return
		}
		t.arrive()
	case landed:
		t.arrive()
	}
}

// leave goes on to the downlink, if the uplink is through with it by then.
func (t *transit) leave(from, to *peer, now int64) {
	n := t.network
	if t.up != nil {
		if from.boot == t.fromBoot && from.on {
			from.up.advance(now)
		}
		if !t.up.left && (from.boot != t.fromBoot || !from.on) {
			t.drop() // it went down with its sender
			return
		}
	}
	if at := t.joins(&from.up); at > now {
		n.timers.AtNS(at, t.run)
		return
	}
	t.join(to, now)
}

// join enters the downlink as bulk.
func (t *transit) join(to *peer, now int64) {
	n := t.network
	if !to.on || to.boot != t.toBoot || !n.room(&to.down, t.kind(), t.bill.total) {
		t.drop()
		return
	}
	t.stage = filling
	at := max(now, t.lastByteNS)
	if t.downWork > 0 {
		t.down = to.down.bulk(now, t.From, t.kind(), t.bill.total, t.downWork)
		at = max(at, to.down.leaves(t.down))
	}
	n.timers.AtNS(at, t.run)
}

// fill arrives, if the downlink is through with it.
func (t *transit) fill(to *peer, now int64) {
	if !to.on || to.boot != t.toBoot {
		t.drop()
		return
	}
	if t.down != nil {
		to.down.advance(now)
		if at := to.down.leaves(t.down); at > now {
			t.network.timers.AtNS(at, t.run)
			return
		}
	}
	t.arrive()
}

// arrive hands the packet over. A stream ends with the boot it led to, and a
// cut stops what is under way.
func (t *transit) arrive() {
	n := t.network
	to := &n.peers[t.To]
	if !to.on || t.Stream && to.boot != t.toBoot || !n.Open(t.From, t.To) {
		t.drop()
		return
	}
	to.counters.Received[n.protocol(t.Protocol)].add(&t.Packet, t.bill)
	n.receiver.Arrived(&t.Packet)
	n.release(t)
}

func (t *transit) drop() {
	t.network.peers[t.From].counters.Dropped++
	t.network.release(t)
}

// transit takes a transit from those that are done, or makes one.
func (n *Network) transit(p *Packet) *transit {
	var t *transit
	if last := len(n.free) - 1; last >= 0 {
		t, n.free[last] = n.free[last], nil
		n.free = n.free[:last]
	} else {
		t = &transit{network: n}
		t.run = t.step
	}
	t.Packet = *p
	return t
}

// transitsKept bounds the transits that wait to be used again.
const transitsKept = 1 << 14

func (n *Network) release(t *transit) {
	if len(n.free) < transitsKept {
		*t = transit{network: n, run: t.run}
		n.free = append(n.free, t)
	}
}
