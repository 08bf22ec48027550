// Package daemons measures networks of daemons on one machine: each is a
// process of its own, run from the program that people run, and reached over
// its socket as any command reaches it.
//
// Networks settle faster than the shipped settings have them do, since a person
// waits; what is measured begins when a network has settled. All processes
// share the machine, so that rates are those of the machine and not of a node.
package daemons
