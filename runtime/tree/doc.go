// Package tree declares a node's supervision tree as data: which actors
// there are, how often each may panic, and whom each sends to.
//
// A [Spec] is a value. The daemon starts it, `noisefs tree` prints it, the
// documentation draws it, the simulation starts a thousand of it, and all
// of them see the same tree.
//
// # What the tree means
//
// One supervisor, named after the node, has one child per role. Children
// start in the order of the spec. Each is restarted by itself when it panics
// (one for one): up to Intensity panics within Period are survived, counted
// in the Clock's time; one more fails the node, which stops as a whole.
// Stopping goes in reverse order, one child after the other.
//
// A child may send only to the roles that it lists, so that the drawing is
// the truth: Env.Sibling panics on any other. Needs are roles that start
// before it. A cycle needs a second list, NeedsLater, so that none comes
// about unnoticed. Messages to an actor that has not started yet wait.
package tree
