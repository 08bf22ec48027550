package sim

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// exchange is a request and what becomes of it. Both ends share it, as they
// would a stream.
type exchange struct {
	asker      *netPort
	place      int // in asker.boot.asked; -1: ended
	corr       messages.Corr
	to         messages.NodeID
	protocol   messages.Protocol
	sentNS     int64
	deadlineNS int64
	late       error // what the deadline means

	server *netPort // who is to respond; nil before it arrived, and once it has no need to
	number messages.Exchange
}

func (e *exchange) ended() bool { return e.place < 0 }

// end answers the asker, unless it has its answer.
func (e *exchange) end(packet messages.Packet, err error) {
	if e.ended() {
		return
	}
	e.forget()
	now := e.asker.boot.wire.NowNS()
	e.asker.answer(messages.RequestAnswered{
		Answer: messages.Answer{Corr: e.corr}, From: e.to, Packet: packet,
		Took: time.Duration(now - e.sentNS), Err: err,
	})
}

// forget ends the exchange at both ends.
func (e *exchange) forget() {
	asked := e.asker.boot.asked
	last := len(asked) - 1
	asked[e.place] = asked[last]
	asked[e.place].place = e.place
	asked[last] = nil
	e.asker.boot.asked = asked[:last]
	e.place = -1
	e.served()
}

// served takes the exchange from those that await a response.
func (e *exchange) served() {
	if e.server == nil {
		return
	}
	boot, slot := e.server.boot, e.slot()
	boot.served[slot] = nil
	boot.free = append(boot.free, slot)
	e.server = nil
}

// slotBits is the part of an exchange's number that tells its slot; the rest
// is a count, so that numbers do not come back.
const slotBits = 16

func (e *exchange) slot() int { return int(e.number & (1<<slotBits - 1)) }

// serve numbers a request that has arrived for port; false: there are too
// many.
func (b *netBoot) serve(e *exchange, by *netPort) bool {
	slot := len(b.served)
	if last := len(b.free) - 1; last >= 0 {
		slot, b.free = b.free[last], b.free[:last]
	} else if slot >= min(b.node.config.ExchangesMax, 1<<slotBits) {
		return false
	} else {
		b.served = append(b.served, nil)
	}
	b.serial++
	e.server, e.number = by, messages.Exchange(b.serial<<slotBits|uint64(slot))
	b.served[slot] = e
	return true
}

var _ port.Net = (*netPort)(nil)

// netPort is the port of one incarnation.
type netPort struct {
	boot   *netBoot
	answer func(any)
	closed bool
	hears  bool // gossip
}

// Self implements [port.Net].
func (p *netPort) Self() messages.NodeID { return p.boot.node.config.ID }

// Backlog implements [port.Net].
func (p *netPort) Backlog() time.Duration {
	return p.boot.node.world.wire.network.Backlog(p.boot.node.peer)
}

func (p *netPort) alive() bool { return !p.closed && !p.boot.ended }

// Send implements [port.Net].
func (p *netPort) Send(to messages.NodeID, protocol messages.Protocol, packet messages.Packet) {
	x := p.boot.wire
	peer, known := x.peers[to]
	if known && p.alive() && !tooLarge(packet) {
		x.send(p.boot.node.peer, peer, protocol, parcel{packet: packet})
	}
}

func tooLarge(p messages.Packet) bool {
	return len(p.Head) > messages.PacketHeadMax || len(p.Blocks) > messages.PacketBlocksMax
}

// Request implements [port.Net].
func (p *netPort) Request(
	corr messages.Corr, to messages.NodeID, protocol messages.Protocol,
	packet messages.Packet, timeout time.Duration,
) {
	if !p.alive() {
		return
	}
	refuse := func(err error) {
		p.answer(messages.RequestAnswered{
			Answer: messages.Answer{Corr: corr}, From: to, Err: err,
		})
	}
	switch {
	case tooLarge(packet):
		refuse(port.ErrPacket)
		return
	case len(p.boot.asked) >= requestsMax, to == p.Self():
		refuse(port.ErrUnreachable)
		return
	}
	x := p.boot.wire
	now := x.NowNS()
	e := &exchange{
		asker: p, place: len(p.boot.asked), corr: corr, to: to, protocol: protocol,
		sentNS: now, deadlineNS: now + max(0, int64(timeout)), late: port.ErrTimeout,
	}
	p.boot.asked = append(p.boot.asked, e)
	if peer, known := x.peers[to]; known {
		x.send(p.boot.node.peer, peer, protocol, parcel{request, packet, e})
	} else if dial := x.network.Options().DialTimeout; dial <= timeout {
		e.deadlineNS, e.late = now+int64(dial), port.ErrUnreachable
	}
	p.boot.expireAt(e.deadlineNS)
}

// Handle implements [port.Net].
func (p *netPort) Handle(protocol messages.Protocol) {
	if !p.alive() {
		return
	}
	for i := range p.boot.handlers {
		if p.boot.handlers[i].protocol == protocol {
			p.boot.handlers[i].port = p
			return
		}
	}
	p.boot.handlers = append(p.boot.handlers, handler{protocol, p})
}

// Respond implements [port.Net]. A response that breaks a bound resets the
// exchange.
func (p *netPort) Respond(number messages.Exchange, packet messages.Packet) {
	slot := int(number & (1<<slotBits - 1))
	if !p.alive() || slot >= len(p.boot.served) {
		return
	}
	e := p.boot.served[slot]
	if e == nil || e.number != number || e.server != p {
		return
	}
	kind := response
	if tooLarge(packet) {
		kind, packet = reset, messages.Packet{}
	}
	p.respond(e, parcel{kind, packet, e})
}

func (p *netPort) respond(e *exchange, parcel parcel) {
	e.served()
	p.boot.wire.send(p.boot.node.peer, e.asker.boot.node.peer, e.protocol, parcel)
}

// close ends what the incarnation had under way: nobody answers its
// requests, and the exchanges that it owes a response are reset.
func (p *netPort) close() {
	if !p.alive() {
		return
	}
	p.closed = true
	b := p.boot
	for i := len(b.asked) - 1; i >= 0; i-- {
		if e := b.asked[i]; e.asker == p {
			e.forget() // the last one takes its place, and has been looked at
		}
	}
	for _, e := range b.served {
		if e != nil && e.server == p {
			p.respond(e, parcelOf(reset, e))
		}
	}
	for i := len(b.handlers) - 1; i >= 0; i-- {
		if b.handlers[i].port == p {
			b.handlers = append(b.handlers[:i], b.handlers[i+1:]...)
		}
	}
	if p.hears {
		b.wire.unsubscribe(func(other *netPort) bool { return other == p })
	}
}
