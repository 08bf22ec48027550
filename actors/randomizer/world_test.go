package randomizer_test

import (
	"math/rand/v2"

	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/memindex"
)

const blockSize = 1024

// node is a randomizer over a simulated index, and a client of it.
type node struct {
	t      sim.Test
	world  *sim.World
	node   *sim.Node
	client *sim.Client
	index  *memindex.Index
	next   byte
}

func newNode(t sim.Test, seed uint64, cfg randomizer.Config) *node {
	t.Helper()
	n := &node{
		t: t, world: sim.NewWorld(sim.Options{Seed: seed}),
		index: memindex.New(memindex.Options{
			Rand: rand.New(rand.NewPCG(seed, 1)), Costs: memindex.DefaultCosts(),
		}),
	}
	n.boot(cfg)
	return n
}

// boot starts a node on the index, which a stopped or crashed one left.
func (n *node) boot(cfg randomizer.Config) {
	n.t.Helper()
	n.next++
	n.node = n.world.AddNode(n.t, sim.NodeConfig{
		Name: "n" + string('a'+n.next),
		Spec: tree.Spec{Children: []tree.ChildSpec{{
			Role: randomizer.Role, Doc: "randomizers",
			New: randomizer.New(cfg, format.Params{BlockSize: blockSize}),
		}, {
			Role: "teller", Doc: "sends events", New: newTeller, Needs: []string{randomizer.Role},
		}}},
		Open: func(sim.Boot) (sim.Engines, error) {
			return sim.Engines{Index: n.index, IndexCost: n.index}, nil
		},
		PowerCut: func() { n.index.PowerCut() },
	})
	n.client = n.world.Client(n.t, n.node)
}

// reboot crashes the node and starts it with another configuration.
func (n *node) reboot(cfg randomizer.Config) {
	n.t.Helper()
	n.node.Crash()
	n.index = n.index.Restart()
	n.boot(cfg)
}

// restart stops the node in order and starts it with another configuration.
func (n *node) restart(cfg randomizer.Config) {
	n.t.Helper()
	n.stop()
	n.index = n.index.Restart()
	n.boot(cfg)
}

func (n *node) stop() {
	n.t.Helper()
	if err := n.node.Stop(); err != nil {
		n.t.Fatalf("stop: %v", err)
	}
}

func reserve(stream messages.StreamID, count int) func(messages.Call) messages.Command {
	return func(c messages.Call) messages.Command {
		return messages.ReserveTuples{Call: c, Stream: stream, Count: count}
	}
}

func commit(
	stream messages.StreamID, tuples [][3]messages.CID,
) func(messages.Call) messages.Command {
	return func(c messages.Call) messages.Command {
		return messages.CommitTuples{Call: c, Stream: stream, Tuples: tuples}
	}
}

func end(stream messages.StreamID) func(messages.Call) messages.Command {
	return func(c messages.Call) messages.Command {
		return messages.EndStream{Call: c, Stream: stream}
	}
}

func retire(cids ...messages.CID) func(messages.Call) messages.Command {
	return func(c messages.Call) messages.Command {
		return messages.RetireBlocks{Call: c, CIDs: cids}
	}
}

func beginCollection(c messages.Call) messages.Command { return messages.BeginCollection{Call: c} }
func endCollection(c messages.Call) messages.Command   { return messages.EndCollection{Call: c} }
func stat(c messages.Call) messages.Command            { return messages.StatRandomizer{Call: c} }

func (n *node) must(build func(messages.Call) messages.Command) messages.Reply {
	n.t.Helper()
	return n.client.Must(randomizer.Role, build)
}

func (n *node) reserve(stream messages.StreamID, count int) []messages.ReservedTuple {
	n.t.Helper()
	return n.must(reserve(stream, count)).(messages.TuplesReserved).Tuples
}

func (n *node) stats() messages.RandomizerStatted {
	n.t.Helper()
	return n.must(stat).(messages.RandomizerStatted)
}

// complete makes a D for each tuple.
func complete(tuples []messages.ReservedTuple) [][3]messages.CID {
	var all [][3]messages.CID
	for _, t := range tuples {
		d := format.Name(append(t.A.CID[:], 'd'))
		all = append(all, [3]messages.CID{d, t.A.CID, t.B.CID})
	}
	return all
}

// write reserves and commits count tuples, and ends the stream.
func (n *node) write(stream messages.StreamID, count int) [][3]messages.CID {
	n.t.Helper()
	var all [][3]messages.CID
	for count > 0 {
		k := min(count, messages.ReserveMax)
		tuples := complete(n.reserve(stream, k))
		n.must(commit(stream, tuples))
		all = append(all, tuples...)
		count -= k
	}
	n.must(end(stream))
	return all
}

// history fails the test unless each block and pair is new to it.
type history struct {
	t     sim.Test
	slotA map[messages.CID]bool
	pairs map[[2]messages.CID]bool
	slotB map[messages.CID]bool
}

func newHistory(t sim.Test) *history {
	return &history{
		t: t, slotA: make(map[messages.CID]bool), slotB: make(map[messages.CID]bool),
		pairs: make(map[[2]messages.CID]bool),
	}
}

func (h *history) add(a, b messages.CID) {
	h.t.Helper()
	if h.slotA[a] {
		h.t.Fatalf("slot A has %s again", a.Short())
	}
	if h.slotB[a] {
		h.t.Fatalf("slot A has %s, which was in slot B", a.Short())
	}
	if h.pairs[[2]messages.CID{a, b}] || h.pairs[[2]messages.CID{b, a}] {
		h.t.Fatalf("the pair %s, %s repeats", a.Short(), b.Short())
	}
	h.slotA[a], h.slotB[b], h.pairs[[2]messages.CID{a, b}] = true, true, true
}
