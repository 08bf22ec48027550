package cluster

import (
	"context"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// exchanges carries the packets of a node: what it asks, and what it is asked.
type exchanges struct {
	host   host.Host
	self   messages.NodeID
	bounds Bounds
	meter  *meter
	up     *shaper // of what is sent
	down   *shaper // of what is received
	ended  context.Context
	end    context.CancelFunc
	wait   sync.WaitGroup

	mu        sync.Mutex
	handlers  map[messages.Protocol]*Port
	declared  map[messages.Protocol]bool // those that others are told we speak
	lanes     map[laneKey]*lane
	asked     map[uint64]*ask
	served    map[messages.Exchange]*service
	servedFor map[messages.NodeID]int // how many of them are whose
	inbound   map[*inbound]struct{}
	inner     map[messages.Exchange]*inner
	serial    uint64               // of asks and exchanges
	met       []messages.NodeID    // that no membership was told of yet
	reach     *messages.ReachFound // nil: not known
	closed    bool
}

func newExchanges(h host.Host, self messages.NodeID, b Bounds) *exchanges {
	x := &exchanges{
		host: h, self: self, bounds: b, meter: newMeter(),
		up: newShaper(b.UpMax, b.PeerUpMax), down: newShaper(b.DownMax, b.PeerDownMax),
		handlers: make(map[messages.Protocol]*Port), declared: make(map[messages.Protocol]bool),
		lanes: make(map[laneKey]*lane), asked: make(map[uint64]*ask),
		served: make(map[messages.Exchange]*service), servedFor: make(map[messages.NodeID]int),
		inbound: make(map[*inbound]struct{}),
		inner:   make(map[messages.Exchange]*inner),
	}
	x.ended, x.end = context.WithCancel(context.Background())
	return x
}

// ask is a request of ours that awaits its answer.
type ask struct {
	port   *Port
	corr   messages.Corr
	number uint64
	lane   *lane
	sent   time.Time
	timer  *time.Timer
}

func (a *ask) answer(packet messages.Packet, err error) {
	a.port.answer(messages.RequestAnswered{
		Answer: messages.Answer{Corr: a.corr}, From: a.lane.to, Packet: packet,
		Took: time.Since(a.sent), Err: err,
	})
}

// request sends a request, or says why not.
func (x *exchanges) request(
	p *Port, corr messages.Corr, to messages.NodeID, protocol messages.Protocol,
	packet messages.Packet, timeout time.Duration,
) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.closed || p.closed:
		return nil // nobody would hear the answer
	case tooLarge(packet, x.bounds.BlockBytesMax):
		return port.ErrPacket
	case to == x.self, len(x.asked) >= x.bounds.RequestsMax:
		return port.ErrUnreachable
	case timeout <= 0:
		return port.ErrTimeout
	}
	l := x.lane(to, protocol)
	if l == nil {
		return port.ErrUnreachable
	}
	x.serial++
	a := &ask{port: p, corr: corr, number: x.serial, lane: l, sent: time.Now()}
	if !l.queue.push(frame{kind: frameRequest, number: a.number, wait: timeout, packet: packet}) {
		return port.ErrUnreachable
	}
	x.asked[a.number] = a
	l.asks[a.number] = a
	a.timer = time.AfterFunc(timeout, func() { x.giveUp(a) })
	return nil
}

// take removes an ask; false when it has its answer already.
func (x *exchanges) take(a *ask) bool {
	if x.asked[a.number] != a {
		return false
	}
	delete(x.asked, a.number)
	delete(a.lane.asks, a.number)
	a.timer.Stop()
	return true
}

// giveUp answers a request whose time is over.
func (x *exchanges) giveUp(a *ask) {
	x.mu.Lock()
	taken := x.take(a)
	if taken {
		a.lane.cancel(a.number)
	}
	x.mu.Unlock()
	if taken {
		a.answer(messages.Packet{}, port.ErrTimeout)
	}
}

// send sends a packet that wants no answer, if it can.
func (x *exchanges) send(
	p *Port, to messages.NodeID, protocol messages.Protocol, packet messages.Packet,
) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed || p.closed || to == x.self || tooLarge(packet, x.bounds.BlockBytesMax) {
		return
	}
	if l := x.lane(to, protocol); l != nil {
		l.queue.push(frame{kind: frameSend, packet: packet})
	}
}

// handle makes a port the one that hears a protocol.
func (x *exchanges) handle(p *Port, name messages.Protocol) {
	x.mu.Lock()
	if x.closed || p.closed {
		x.mu.Unlock()
		return
	}
	x.handlers[name] = p
	known := x.declared[name]
	x.declared[name] = true
	if name == messages.ProtocolMember {
		x.tellMet()
		x.tellReach()
	}
	x.mu.Unlock()
	if !known {
		x.host.SetStreamHandler(protocol.ID(name), x.accept)
	}
}

// metMax bounds the nodes that discovery met before there was a membership.
const metMax = 64

// found tells the membership of a node that discovery met.
func (x *exchanges) found(id messages.NodeID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.met) < metMax {
		x.met = append(x.met, id)
	}
	x.tellMet()
}

func (x *exchanges) tellMet() {
	if p := x.handlers[messages.ProtocolMember]; p != nil && len(x.met) > 0 {
		p.answer(messages.PeersFound{IDs: x.met})
		x.met = nil
	}
}

// reached tells the membership whether others can connect to this node.
func (x *exchanges) reached(found messages.ReachFound) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.reach = &found
	x.tellReach()
}

func (x *exchanges) tellReach() {
	if p := x.handlers[messages.ProtocolMember]; p != nil && x.reach != nil {
		p.answer(*x.reach)
	}
}

// forget ends all that a port has under way: nobody answers its requests, and
// what it owes a response is refused.
func (x *exchanges) forget(p *Port) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, a := range x.asked {
		if a.port == p && x.take(a) {
			a.lane.cancel(a.number)
		}
	}
	for _, s := range x.served {
		if s.port == p && x.finish(s) {
			s.stream.reply(frame{kind: frameRefusal, number: s.number})
		}
	}
	x.forgetWithin(p)
	for name, handler := range x.handlers {
		if handler == p {
			delete(x.handlers, name)
		}
	}
}

// close ends all streams and waits for their goroutines.
func (x *exchanges) close() {
	x.mu.Lock()
	x.closed = true
	declared := x.declared
	for _, a := range x.asked {
		x.take(a)
	}
	for _, s := range x.served {
		x.finish(s)
	}
	x.forgetWithin(nil)
	for in := range x.inbound {
		_ = in.stream.Reset()
	}
	x.mu.Unlock()
	for name := range declared {
		x.host.RemoveStreamHandler(protocol.ID(name))
	}
	x.end()
	x.wait.Wait()
}
