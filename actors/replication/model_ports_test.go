package replication

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/placement"
	"github.com/noisefs/noisefs/runtime/port"
)

type modelClock struct {
	p    *peerNode
	boot int
}

func (c modelClock) Now() time.Time { return c.p.net.now }

func (c modelClock) After(d time.Duration, due any) port.Timer {
	e := c.p.net.after(d, nil)
	e.run = func() {
		if c.p.up && c.p.boots == c.boot {
			c.p.actor.Due(modelCtx{c.p}, due)
			c.p.check()
		}
	}
	return modelTimer{e}
}

type modelTimer struct{ e *event }

func (t modelTimer) Stop() bool {
	pending := t.e.run != nil
	t.e.run = nil
	return pending
}

type modelWorkers struct{ p *peerNode }

func (w modelWorkers) Do(corr messages.Corr, cost time.Duration, f func() any) {
	result := f()
	w.p.later(cost, func() {
		w.p.receive(messages.WorkDone{Answer: messages.Answer{Corr: corr}, Result: result})
	})
}

type modelNet struct{ p *peerNode }

func (m modelNet) Self() messages.NodeID                                    { return m.p.id }
func (m modelNet) Send(messages.NodeID, messages.Protocol, messages.Packet) {}
func (m modelNet) Handle(messages.Protocol)                                 {}

func (m modelNet) Request(corr messages.Corr, to messages.NodeID, protocol messages.Protocol,
	packet messages.Packet, timeout time.Duration,
) {
	p, n, done := m.p, m.p.net, false
	answer := func(response messages.Packet, err error) {
		if done {
			return
		}
		done = true
		p.receive(messages.RequestAnswered{
			Answer: messages.Answer{Corr: corr}, From: to, Packet: response, Err: err,
		})
	}
	p.later(timeout, func() { answer(messages.Packet{}, port.ErrTimeout) })
	n.pushes += len(packet.Blocks)
	n.send(p, n.find(to), packet, func(response messages.Packet) { answer(response, nil) })
}

// send takes a request to a node, and its response back.
func (n *network) send(
	from, to *peerNode, packet messages.Packet, answer func(messages.Packet),
) {
	latency := func() time.Duration {
		return time.Duration(1+n.rand.IntN(100)) * time.Millisecond
	}
	lost := func() bool { return n.rand.Float64() < n.loss || from.side != to.side }
	n.after(latency(), func() {
		if !to.up || lost() {
			return
		}
		to.exchange++
		to.requests[to.exchange], _ = wire.DecodeReplicaRequest(packet.Head)
		to.responses[to.exchange] = func(response messages.Packet) {
			if !lost() {
				from.later(latency(), func() { answer(response) })
			}
		}
		to.receive(messages.PacketReceived{
			From: from.id, Protocol: messages.ProtocolReplica, Packet: packet,
			Exchange: to.exchange,
		})
	})
}

func (m modelNet) Backlog() time.Duration { return 0 }

func (m modelNet) Respond(exchange messages.Exchange, packet messages.Packet) {
	respond := m.p.responses[exchange]
	if respond == nil {
		m.p.net.fatalf("an exchange was answered twice, or is none")
	}
	delete(m.p.responses, exchange)
	response, err := wire.DecodeReplicaResponse(packet.Head)
	if err != nil {
		m.p.net.fatalf("a response that cannot be read: %v", err)
	}
	for i, verdict := range response.Verdicts {
		item := m.p.requests[exchange].Items[i]
		granted := min(item.Until, m.p.net.now.Add(m.p.cfg.LeaseMax).Unix())
		if verdict == wire.ReplicaHeld && m.p.leases[item.CID] < granted {
			m.p.net.fatalf("a hold was acknowledged that is not durable")
		}
	}
	delete(m.p.requests, exchange)
	if m.p.lie != nil {
		packet = m.p.lie(m.p.net.rand, packet)
	}
	respond(packet)
}

// ask sends a request from one node's identity to another, outside of what
// its actor does, and returns the verdicts; nil: no answer.
func (n *network) ask(
	from, to *peerNode, request wire.ReplicaRequest, blocks ...[]byte,
) []wire.ReplicaVerdict {
	var verdicts []wire.ReplicaVerdict
	packet := messages.Packet{Head: request.Append(nil), Blocks: blocks}
	n.send(from, to, packet, func(response messages.Packet) {
		m, err := wire.DecodeReplicaResponse(response.Head)
		if err != nil {
			n.fatalf("%v", err)
		}
		verdicts = m.Verdicts
	})
	n.run(2 * time.Second)
	return verdicts
}

// order is the order of a block as a node sees it.
func (p *peerNode) order(cid messages.CID, n int) []messages.NodeID {
	return placement.Order(p.view, cid, n)
}
