// Package sim runs nodes in a deterministic world: one goroutine, virtual
// time, and every choice drawn from a seed.
//
// The nodes are the ones that ship. The same supervision tree, the same
// actors and the same block store engine run on simulated ports; only the
// clock, the randomness, the disk and the wire are replaced.
//
// # The loop
//
// A [World] has a ready list (slices of actors that have a message) and a
// heap of timers ordered by time and then by age. While the ready list has
// something, time stands still; then it jumps to the next timer. Which ready
// actor goes next is drawn from the seed, so that seeds explore the orders
// in which messages of different senders may interleave; the order between
// one sender and one receiver never changes. Work per virtual instant is
// bounded: actors that answer each other for ever are an error that names
// them, not a hang.
//
// # The network
//
// With Options.Network, nodes have the ports Net and Gossip, on the packets
// of package network: each has an ID and a Link. World.Network parts them,
// slows them and counts what they send. Heads are copied when they are sent,
// so that nodes share nothing; blocks are shared, since nobody writes to
// them. A power cut is silence: what was asked of the node runs into its
// timeout, and what it asked is forgotten. An actor that restarts resets
// what it owed, as a closed stream would.
//
// Nothing of it enters the trace by itself: what arrives is a delivery like
// any other.
//
// # Seeds and traces
//
// Every delivery goes into a trace hash: time, receiver, kind, message type
// and correlation id. Two runs of one seed have one hash. Each actor's
// incarnation has streams of randomness of its own, keyed by seed, node,
// boot, actor and incarnation, so that one draw more in one actor shifts
// nothing elsewhere. There is no real entropy in here: keys made in a
// simulation protect nothing, and no real repository is opened with them.
//
// # Tests of actors
//
// A test makes a world, adds a node with the actors it is about and a [Fake]
// for each sibling, and talks to it through a [Client], in straight lines:
//
//	world := sim.NewWorld(sim.Options{Seed: 1})
//	node := world.AddNode(t, sim.NodeConfig{Name: "n1", Spec: spec})
//	reply := world.Client(t, node).Ask("store", func(call messages.Call) messages.Command {
//		return messages.StoreBlocks{Call: call}
//	})
//
// Ask runs the world until the reply is there. A world that goes idle
// without it, or in which an actor panics without being told to, fails the
// test with the end of the trace.
package sim
