// Package host adapts the real machine to the ports of runtime/port: its
// clock, its entropy, its processors and its disk. The network comes from
// elsewhere, as a port.Wire.
//
// [Ports] makes an actor's ports. Calls never block the actor: they go to
// goroutines of this package, whose results come back as messages to the
// incarnation that called. The goroutines are few and fixed: one per
// processor for CPU work, sixteen for block writes (they sleep together in
// one group commit), eight for block reads, two for deletion and compaction,
// one per busy index lane, and one that syncs the index.
//
// # Bounds
//
// Every queue here is bounded by 65,536 jobs. That is no back-pressure:
// actors keep windows of credits, and a full queue means that one of them
// has lost count, so the call panics and the actor restarts.
//
// # Ending
//
// Stop the node first, then the [Ports], then close the engines. What is
// queued when the ports stop has not been acknowledged to anybody.
package host
