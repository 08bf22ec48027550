// Package fleet runs a plan: a network of whole nodes in the deterministic
// world, with users who read and store files, faults, churn, and checkers
// that look on.
//
// # A run
//
// [Run] has four spans of virtual time. In the set-up the nodes boot and
// find each other, owners store the files of the plan's content through
// their own node, and the blocks are spread. In the measured span the
// workloads run and faults strike; every figure is of this span unless it
// says otherwise. In the liveness phase everything is healed and started
// again, and the network has to converge. At the end every file that was
// acknowledged is read back by a node that does not own it.
//
// # Checkers
//
// Checkers see every delivery, look at the disks once a second, and ask all
// nodes at the end what they keep. A violation ends the run; it is told with
// the last faults, and with the last deliveries of the nodes that it names.
// For each rule, mutation_test.go has a network that breaks it.
//
// # Who is who
//
// A node is the one that ships, on simulated ports. Its [user] is one more
// actor in its tree: it asks the node's drive, reader and splitter what a
// client would ask, and compares every byte it gets with what was stored.
// The catalog is what users tell each other outside of the network: the links
// of files. Nodes never see it.
//
// # Repeating a run
//
// Everything is drawn from the plan's seed: two runs give one trace hash, and
// a report that differs in its wall-clock time alone.
package fleet
