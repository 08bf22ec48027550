package main

import (
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Simulated networks are millions of small objects that live long: looking
// at them less often saves a fifth of the time and costs memory, which is
// there unless the network is very large.
const (
	simGCPercent  = 400
	simNodesLarge = 3000 // from here on memory counts for more
)

// collectLess has garbage collected less often while a network of that many
// nodes is simulated, unless the user has chosen how often. undo ends it.
func collectLess(nodes int) (undo func()) {
	if os.Getenv("GOGC") != "" || nodes >= simNodesLarge {
		return func() {}
	}
	before := debug.SetGCPercent(simGCPercent)
	return func() { debug.SetGCPercent(before) }
}

const (
	// largePagesNodes is from how many nodes on a simulation is too large
	// for the processor's caches.
	largePagesNodes = 50
	// largePagesPerNode is about what a node's objects come to in memory,
	// garbage included.
	largePagesPerNode = 2 << 20
	// largePagesShare is the part of the machine's memory of which no more
	// is asked for: 1 / largePagesShare.
	largePagesShare = 4
)

// useLargePages has the kernel back the heap of a network of that many nodes
// by large pages (madvise(2), MADV_HUGEPAGE). Every message of a simulation
// goes to another node and so to memory that nothing has looked at for long;
// with pages of 4 KiB, most of the time goes into finding where that is. Call
// it once, before the run.
//
// The advice is given to addresses: of a slice that is let go of untouched,
// so that the heap grows into them. It is none for a kernel that does not
// give large pages, and costs address space, not memory.
func useLargePages(nodes int) {
	var machine unix.Sysinfo_t
	if nodes < largePagesNodes || unix.Sysinfo(&machine) != nil {
		return
	}
	limit := uint64(machine.Totalram) * uint64(machine.Unit) / largePagesShare
	addresses := make([]byte, min(uint64(nodes)*largePagesPerNode, limit))
	_ = unix.Madvise(addresses, unix.MADV_HUGEPAGE) // at worst it stays slow
	debug.FreeOSMemory()                            // collects the slice, too
}
