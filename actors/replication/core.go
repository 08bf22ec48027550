package replication

import (
	"maps"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/placement"
	"github.com/noisefs/noisefs/runtime/port"
)

// tick is the least time between two rounds of looks.
const tick = time.Second

// core decides what is looked at and when, who is asked to hold what, and
// what this node promises to others. It does no I/O: its steps leave what is
// to be done in out. Each step begins with at.
type core struct {
	cfg       Config
	blockSize int
	rand      port.Rand

	now  time.Time
	view *messages.View // nil until it is known

	watched map[messages.CID]*watch
	rows    rows // the watched, for sweeps
	sweep   sweep
	due     schedule
	roster  roster
	looks   int // under way, also those that wait for their demand
	ticked  time.Time

	replicas int // of the watched, held for the network
	foreign  int // of them, not also this node's own
	kept     int // own blocks that are always watched: held for the network, or required
	under    int // of the watched, with too few holders
	mends    int // blocks that are being had anew
	listing  listing
	hot      map[messages.CID]hotBlock

	outbox outbox
	guard  guard // of what comes in

	out   effects
	count counters
}

// counters are for StatReplication.
type counters struct {
	pushed, pushedBytes, repaired, refused, dropped, malformed, mended uint64
}

// hotBlock is what follows from the popularity's word on a block that this
// node serves: what the whole network asks for, if each of the holders that
// were known then serves as much.
type hotBlock struct {
	perHour float64
	told    time.Time
}

// cold reports whether the popularity told of a block too long ago.
func (h hotBlock) cold(now time.Time) bool { return now.Sub(h.told) > hotLife }

// hotMax bounds the blocks of which the popularity's last word is kept, and
// hotLife for how long it is.
const (
	hotMax  = 256
	hotLife = time.Minute
)

// effects is what a step of the core asks for.
type effects struct {
	list      *messages.CID // list kept blocks after this one
	estimates [][]*watch    // whose demand is wanted, up to DemandMax each
	loads     []*request    // pushes whose blocks are to be loaded
	requests  []*request    // to be sent
	hashes    []*exchange   // whose blocks are to be named
	holds     []*hold       // to be held
	drops     []*watch      // whose leases are to be ended
	mends     []*watch      // to be read and repaired
	responses []*exchange   // to be answered
}

func newCore(cfg Config, blockSize int, rand port.Rand) *core {
	return &core{
		cfg: cfg, blockSize: blockSize, rand: rand,
		watched: make(map[messages.CID]*watch),
	}
}

// at begins a step.
func (c *core) at(now time.Time) { c.now = now }

// take ends a step: what was decided is put into packets, and handed out.
func (c *core) take() effects {
	c.flushOwn()
	c.pump()
	c.listMore()
	out := c.out
	c.out = effects{}
	return out
}

// next is when wake is due; false: not before something happens.
func (c *core) next() (time.Time, bool) {
	at, any := c.nextTick()
	if c.sweep.left == 0 {
		return at, any
	}
	if sweep := c.sweep.rested; !any || sweep.Before(at) {
		at = sweep
	}
	return at, true
}

// wake does what is due.
func (c *core) wake() {
	if c.sweep.left > 0 && !c.sweep.rested.After(c.now) {
		c.sweepOn()
	}
	if at, any := c.nextTick(); any && !at.After(c.now) {
		c.tick()
	}
}

// nextTick is when the next looks are to begin.
func (c *core) nextTick() (time.Time, bool) {
	if c.view == nil || len(c.due) == 0 || c.looks >= c.cfg.LooksMax {
		return time.Time{}, false
	}
	if earliest := c.ticked.Add(tick); c.due[0].due.Before(earliest) {
		return earliest, true
	}
	return c.due[0].due, true
}

// jittered draws a time between half and one and a half of d.
func (c *core) jittered(d time.Duration) time.Duration {
	return d/2 + time.Duration(c.rand.Float64()*float64(d))
}

// within draws a time below d.
func (c *core) within(d time.Duration) time.Duration {
	return time.Duration(c.rand.Float64() * float64(d))
}

// rank is this node's place in the order of a block, RanksMax if it has none.
func (c *core) rank(cid messages.CID) int {
	if c.view == nil {
		return c.cfg.RanksMax
	}
	if rank := placement.Rank(c.view, cid, c.view.Self, c.cfg.RanksMax); rank >= 0 {
		return rank
	}
	return c.cfg.RanksMax
}

// add watches a block that was not.
func (c *core) add(cid messages.CID) *watch {
	w := &watch{cid: cid, place: -1, row: len(c.rows)}
	c.watched[cid] = w
	c.rows = append(c.rows, w)
	return w
}

// forget stops watching. A look under way finds out by itself.
func (c *core) forget(w *watch) {
	c.setUnder(w, false)
	c.setHolders(w, nil)
	c.mark(w, false, false)
	c.due.remove(w)
	delete(c.watched, w.cid)
	c.rows = c.rows.without(w)
	delete(c.hot, w.cid)
}

// setUnder notes whether a block has too few holders.
func (c *core) setUnder(w *watch, under bool) {
	if w.under != under {
		w.under = under
		if under {
			c.under++
		} else {
			c.under--
		}
	}
}

// setHolders replaces what is known of the holders.
func (c *core) setHolders(w *watch, holders []uint32) {
	old := w.holders
	w.holders = holders
	for _, n := range old {
		c.roster.release(n)
	}
}

// written takes in blocks of this node's own files. Each leaves at a time of
// its own, so that those of one tuple do not follow each other.
func (c *core) written(cids []messages.CID) {
	for _, cid := range cids {
		w := c.watched[cid]
		if w == nil {
			if len(c.watched) >= c.cfg.WatchedMax {
				c.listing.rotating = true // the listing comes round to it
				continue
			}
			w = c.add(cid)
		}
		if w.mine {
			continue
		}
		c.mark(w, true, w.replica)
		w.fresh, w.offered = true, 0
		if !w.looking {
			c.due.at(w, c.now.Add(c.within(c.cfg.DisperseDelay)))
		}
	}
}

// gone takes in blocks that this node's own files need no more.
func (c *core) gone(cids []messages.CID) {
	for _, cid := range cids {
		w := c.watched[cid]
		if w == nil {
			continue
		}
		c.mark(w, false, w.replica)
		w.fresh = false
		if !w.replica && w.promising == 0 {
			c.forget(w)
		}
	}
}

// patience is how long this node waits for a holder of a block to come back:
// the first living holder acts first, and the others find it done.
func (c *core) patience(cid messages.CID) time.Duration {
	stagger := float64(c.cfg.RepairStagger) * (float64(c.rank(cid)) + c.rand.Float64()/2)
	return c.cfg.RepairDelay + time.Duration(stagger)
}

// heard takes in what this node serves a lot of: if that calls for more
// holders, those that there are add to them, one after the other.
func (c *core) heard(cids []messages.CID, servedPerHour []float64) {
	if c.cfg.Policy != PolicyAdaptive {
		return
	}
	for i, cid := range cids[:min(len(cids), len(servedPerHour))] {
		w := c.watched[cid]
		if w == nil || !w.replica {
			continue
		}
		if c.hot == nil {
			c.hot = make(map[messages.CID]hotBlock)
		}
		_, known := c.hot[cid]
		if !known && len(c.hot) >= hotMax {
			maps.DeleteFunc(c.hot, func(_ messages.CID, h hotBlock) bool { return h.cold(c.now) })
		}
		if known || len(c.hot) < hotMax {
			// Before its first look a node knows of no other holders.
			holders := max(len(w.holders)+1, c.cfg.RMin)
			perHour := servedPerHour[i] * float64(holders)
			c.hot[cid] = hotBlock{perHour: perHour, told: c.now}
		}
		if w.looking || c.cfg.nextFactor(int(w.factor), c.localDemand(w)) <= int(w.factor) {
			continue
		}
		due := c.now.Add(c.cfg.HotStagger * time.Duration(c.rank(cid)))
		if due.Before(w.due) {
			c.due.at(w, due)
		}
	}
}

// localDemand is the demand of which the popularity told lately, or 0.
func (c *core) localDemand(w *watch) float64 {
	h, known := c.hot[w.cid]
	if !known {
		return 0
	}
	if h.cold(c.now) {
		delete(c.hot, w.cid)
		return 0
	}
	return h.perHour
}

// stats fills a reply to StatReplication.
func (c *core) stats(answer messages.Answer) messages.ReplicationStatted {
	waiting := c.looks + c.outbox.waiting
	for _, w := range c.due {
		if !w.due.After(c.now) {
			waiting++
		}
	}
	return messages.ReplicationStatted{
		Answer:          answer,
		Watched:         int64(len(c.watched)),
		Replicas:        int64(c.replicas),
		UnderReplicated: int64(c.under),
		Waiting:         int64(waiting),
		PushedBlocks:    c.count.pushed,
		PushedBytes:     c.count.pushedBytes,
		RepairedBlocks:  c.count.repaired,
		RefusedOffers:   c.count.refused,
		DroppedReplicas: c.count.dropped,
		MendedBlocks:    c.count.mended,
		BadRequests:     c.count.malformed,
	}
}

// leaseEnd rounds the end of a lease up, so that it tells little of when it
// began.
func (c *core) leaseEnd(at time.Time) int64 {
	quantum := int64(c.cfg.LeaseQuantum / time.Second)
	return (at.Unix() + quantum - 1) / quantum * quantum
}

// items makes the items of a request.
func (c *core) items(tickets []ticket) []wire.ReplicaItem {
	items := make([]wire.ReplicaItem, len(tickets))
	for i, t := range tickets {
		items[i] = wire.ReplicaItem{CID: t.look.w.cid, Until: c.lease(t.look.w)}
	}
	return items
}

// lease is until when a block is to be held: for an own block, a lease from
// now, put off only now and then; and while anybody has promised to hold it
// for longer, as long as that.
func (c *core) lease(w *watch) int64 {
	if w.mine && w.offered < c.now.Add(c.cfg.RenewBelow).Unix() {
		w.offered = c.leaseEnd(c.now.Add(c.cfg.Lease))
	}
	if w.mine {
		return max(w.offered, w.until)
	}
	return w.until
}
