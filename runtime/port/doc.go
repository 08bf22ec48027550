// Package port names what an actor may touch of the world: interfaces with
// their contracts, and no implementation.
//
// There are two sorts. An actor's port (Clock, Rand, Entropy, Workers,
// Blocks, Index, Net, Gossip) never blocks: it is called from inside
// Receive and answers, if at all, by a message to the incarnation that
// called. A foundation (Disk, BlockEngine, IndexEngine) blocks, is used by
// adapters off the actors, and is what the simulation replaces at the
// bottom, so that the engines above it are the shipped ones.
//
// Each has one conformance suite in port/porttest that its production and
// its simulated implementation both pass.
package port
