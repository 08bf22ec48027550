package cluster

import (
	"context"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

var _ port.Joined = (*Port)(nil)

// Port is the side of the network that one incarnation of an actor sees.
type Port struct {
	host   *Host
	answer func(any)
	closed bool            // guarded by exchanges.mu
	ended  context.Context // of what is asked beyond the network
	end    context.CancelFunc
}

// Self implements [port.Net].
func (p *Port) Self() messages.NodeID { return p.host.self }

// Send implements [port.Net].
func (p *Port) Send(to messages.NodeID, protocol messages.Protocol, packet messages.Packet) {
	p.host.exchanges.send(p, to, protocol, packet)
}

// Request implements [port.Net].
func (p *Port) Request(
	corr messages.Corr, to messages.NodeID, protocol messages.Protocol,
	packet messages.Packet, timeout time.Duration,
) {
	if (to == messages.NodeID{}) && protocol == messages.ProtocolBlock {
		p.host.requestBeyond(p, corr, packet, timeout)
		return
	}
	if err := p.host.exchanges.request(p, corr, to, protocol, packet, timeout); err != nil {
		p.answer(messages.RequestAnswered{
			Answer: messages.Answer{Corr: corr}, From: to, Err: err,
		})
	}
}

// Handle implements [port.Net].
func (p *Port) Handle(protocol messages.Protocol) { p.host.exchanges.handle(p, protocol) }

// Backlog implements [port.Net].
func (p *Port) Backlog() time.Duration { return p.host.exchanges.meter.backlog() }

// Respond implements [port.Net].
func (p *Port) Respond(exchange messages.Exchange, packet messages.Packet) {
	p.host.exchanges.respond(p, exchange, packet)
}

// Close implements [port.Joined].
func (p *Port) Close() {
	p.host.exchanges.mu.Lock()
	p.closed = true
	p.host.exchanges.mu.Unlock()
	p.end()
	p.host.exchanges.forget(p)
	p.host.gossip.forget(p)
}
