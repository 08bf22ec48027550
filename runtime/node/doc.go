// Package node is the composition root: it declares the supervision tree of
// a node as data ([Spec]), starts it over ports that somebody else made
// ([Start]), and gives everything outside the actors one interface to it
// ([Client]).
//
// The daemon, the command line and the tests start nodes over real ports;
// the simulation starts thousands of the same over simulated ones.
//
// # How a file is stored
//
// [Local] cuts what it reads into chunks and sends them to the splitter, as
// many unanswered at a time as the stream's window allows. The splitter asks
// the randomizer for a pair of blocks for each, seals and mixes on worker
// threads, and gives the blocks to the store. When all are durable the drive
// writes the root, gives it its name, and only then is the caller answered.
package node
