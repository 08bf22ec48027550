package fleet

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim/plan"
)

// A liar is a node like any other, with ports that change what it sends while
// it lies. Its actors know nothing of it.

// lyingSpec puts ports that may lie under the actors of a node.
func (r *run) lyingSpec(spec tree.Spec, number int) tree.Spec {
	for i, child := range spec.Children {
		inner := child.New
		spec.Children[i].New = func(env *shell.Env) shell.Behaviour {
			if env.Net != nil {
				env.Net = lyingNet{env.Net, r, number}
			}
			if env.Gossip != nil {
				env.Gossip = lyingGossip{env.Gossip, r, number}
			}
			return inner(env)
		}
	}
	return spec
}

// mayLie reports whether any node of the plan will.
func (r *run) mayLie() bool {
	for _, f := range r.plan.Faults {
		if f.Kind == plan.FaultLiar {
			return true
		}
	}
	return false
}

type lyingNet struct {
	port.Net
	run    *run
	number int
}

// Respond implements [port.Net].
func (n lyingNet) Respond(exchange messages.Exchange, packet messages.Packet) {
	switch n.run.liars[n.number] {
	case plan.LieWrongBytes:
		packet = wrongBytes(packet)
	case plan.LieTaker:
		packet = withhold(packet)
	case plan.LieFalseHolder:
		packet = claimAll(withhold(packet))
	}
	n.Net.Respond(exchange, packet)
}

// wrongBytes changes a byte of every block.
func wrongBytes(packet messages.Packet) messages.Packet {
	blocks := make([][]byte, len(packet.Blocks))
	for i, b := range packet.Blocks {
		blocks[i] = append([]byte(nil), b...)
		blocks[i][len(b)/2] ^= 1
	}
	packet.Blocks = blocks
	return packet
}

// withhold says of a block that is to be served that it is not there.
func withhold(packet messages.Packet) messages.Packet {
	if len(packet.Blocks) == 0 {
		return packet
	}
	return messages.Packet{Head: wire.BlockResponse{Status: wire.BlockAbsent}.Append(nil)}
}

// claimAll says of all blocks that somebody asks after that they are held.
func claimAll(packet messages.Packet) messages.Packet {
	response, err := wire.DecodeReplicaResponse(packet.Head)
	if err != nil {
		return packet
	}
	for i := range response.Verdicts {
		response.Verdicts[i] = wire.ReplicaHeld
	}
	return messages.Packet{Head: response.Append(nil)}
}

type lyingGossip struct {
	port.Gossip
	run    *run
	number int
}

// Publish implements [port.Gossip]: who inflates says the most of every cell.
func (g lyingGossip) Publish(topic string, payload []byte) {
	if g.run.liars[g.number] == plan.LieInflation {
		if summary, err := wire.DecodeDemandSummary(payload); err == nil {
			for i := range summary.Cells {
				summary.Cells[i] = 0xff
			}
			payload = summary.Append(nil)
		}
	}
	g.Gossip.Publish(topic, payload)
}

// floodInterval is the time between two messages of one who floods gossip.
const floodInterval = 20 * time.Millisecond

// flood publishes noise as long as the node lies.
func (r *run) flood(m *member) {
	if r.liars[m.number] != plan.LieGossipFlood {
		return
	}
	if gossip := r.gossips[m.number]; m.alive && gossip != nil {
		noise := make([]byte, 1024)
		fill(m.number, int(r.world.Elapsed()), noise)
		gossip.Publish(messages.TopicPopularity, noise)
	}
	r.world.At(floodInterval, func() { r.flood(m) })
}
