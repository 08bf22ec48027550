// Package scenario runs whole nodes in the simulated world, gives them work,
// and checks that they keep their promises.
//
// A [House] is one node as it ships: the supervision tree of runtime/node on
// simulated ports, with the real block store engine over a simulated disk.
// Its blocks are small, so that a file of a few KiB has as many of them as a
// real one of a few hundred.
//
// # Clients
//
// A [Client] is an actor beside the node. Its sessions are written in
// straight lines (put this, read that) and run as coroutines inside the
// actor: one that waits for a reply is put aside, and the event loop goes
// on. So any number of them work at once, nothing blocks, and a seed decides
// how they interleave. When the node crashes its sessions end where they
// are, as the processes behind them would.
//
// # The model
//
// A [Worker] works at random in a directory of its own and keeps a model of
// what was acknowledged. A command that is under way when the power goes, or
// that fails without saying whether it happened, leaves two states that the
// node may be in; reading everything back tells which, and anything else is
// a broken promise. So: what was acknowledged holds exactly, and what was not
// happened as a whole or not at all.
//
// # Checkers
//
// A [Watch] sees every message on its way and remembers it over all crashes:
// no block is twice in slot A, no pair twice in a tuple, no tuple is
// committed before its blocks are durable, nothing is used that was let go,
// every stored block is noise, also when mixed with others. The client counts
// that each command has one reply. [House.Settle] ends a run: without
// faults everything completes, verification finds nothing, and a collection
// leaves exactly the blocks that something needs.
//
// Whatever is found first ends the run, with the seed and the end of the
// trace.
package scenario
