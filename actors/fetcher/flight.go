package fetcher

import (
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/placement"
)

// flight is one block that is being fetched, for however many asks.
type flight struct {
	cid     messages.CID
	urgency messages.Urgency // of the most urgent ask
	waiters []waiter
	kin     []messages.CID // members of the same tuples, up to kinMax

	view  *messages.View // at the start of it; nil before
	order []int32        // who may hold it: indexes of view.Members
	tried uint32         // bit i: order[i] was asked
	// Of these, who may be asked again: those that were busy from calmNS on,
	// those that were silent when nobody else is left.
	busy, silent uint32

	queued  bool  // in the queue of its urgency
	pauseNS int64 // parked until then, if not 0
	calmNS  int64 // see busy; 0: nobody was
	rounds  int   // pauses so far
	open    int   // choices, requests and hashes under way
	late    int   // of these, requests that take too long
	hashing int   // of these, hashes
	beyond  beyond
	done    bool // had, given up, or nobody waits any more

	asked, absent, refused, failed, wrong int
}

// beyond says whether those who are no members are asked for a block.
type beyond uint8

const (
	beyondNot   beyond = iota
	beyondDue          // as soon as there is room
	beyondAsked        // once
)

// nobody is in the place of a peer when a request is to those who are no
// members.
var nobody messages.NodeID

// waiter is an entry of an ask that waits for a flight.
type waiter struct {
	ask *ask
	at  int
}

// holders returns whom a block may be had from, the likeliest first, this
// node left out, as indexes of view.Members. A node that cannot be dialled
// asks those last whom it cannot dial. self is this node's index.
func holders(view *messages.View, self int32, cid messages.CID, n int) []int32 {
	order := placement.Places(view, cid, n+1, make([]int32, 0, placement.OrderMax))
	if i := slices.Index(order, self); i >= 0 {
		order = slices.Delete(order, i, i+1)
	}
	if self >= 0 && view.Spots[self].Undialable {
		slices.SortStableFunc(order, func(a, b int32) int {
			return distance(view, a) - distance(view, b)
		})
	}
	return order[:min(n, len(order))]
}

// distance is 0 for those who can be dialled, 1 for the others.
func distance(view *messages.View, at int32) int {
	if view.Spots[at].Undialable {
		return 1
	}
	return 0
}

// indexOf returns the index of a member, -1 if there is none.
func indexOf(view *messages.View, id messages.NodeID) int32 {
	if at := view.Search(id); at < len(view.Members) && view.Members[at].ID == id {
		return int32(at)
	}
	return -1
}

// find returns the place of a peer in the order, -1 if it has none.
func (f *flight) find(peer messages.NodeID) int {
	return slices.IndexFunc(f.order, func(at int32) bool {
		return f.view.Members[at].ID == peer
	})
}

// all returns the bits of everybody in the order.
func (f *flight) all() uint32 { return 1<<len(f.order) - 1 }

// exhausted reports whether there is nobody left to ask.
func (f *flight) exhausted() bool { return f.tried == f.all() }

// group returns the part of the order that is being tried: the first width
// places of which one was not tried, and of these who was not.
func (f *flight) group(width int) (places []int32, untried uint32) {
	for low := 0; low < len(f.order); low += width {
		high := min(low+width, len(f.order))
		mask := uint32(1)<<(high-low) - 1
		if untried := ^(f.tried >> low) & mask; untried != 0 {
			return f.order[low:high], untried
		}
	}
	return nil, 0
}

// try notes that a peer is being asked.
func (f *flight) try(peer messages.NodeID) {
	f.tried |= f.bit(peer)
	f.asked++
}

// count notes how an answer ended.
func (f *flight) count(peer messages.NodeID, outcome messages.Outcome) {
	switch outcome {
	case messages.OutcomeAbsent:
		f.absent++
	case messages.OutcomeBusy:
		f.refused++
		f.busy |= f.bit(peer)
	case messages.OutcomeFailed:
		f.failed++
		f.silent |= f.bit(peer)
	case messages.OutcomeWrong:
		f.wrong++
	case messages.OutcomeServed, messages.OutcomeAbandoned:
	}
}

// bit returns the bit of a peer's place in the order, 0 if it has none.
func (f *flight) bit(peer messages.NodeID) uint32 {
	if i := f.find(peer); i >= 0 {
		return 1 << i
	}
	return 0
}

// calm has those asked again that were busy, once they had the time to do
// what they were busy with. They are before those that nobody asked yet, for
// who is busy may well have the block.
func (f *flight) calm(nowNS int64) {
	if f.calmNS == 0 || nowNS < f.calmNS {
		return
	}
	f.tried &^= f.busy
	f.busy, f.calmNS = 0, 0
}

// unavailable says why the block could not be had.
func (f *flight) unavailable() *messages.Error {
	return messages.Errorf(messages.CodeUnavailable,
		"a block could not be had: %d holders asked, %d do not have it, %d were busy, "+
			"%d did not answer, %d sent something else",
		f.asked, f.absent, f.refused, f.failed, f.wrong)
}

// overdue says that the block was not had in time.
func (f *flight) overdue(timeout time.Duration) *messages.Error {
	return messages.Errorf(messages.CodeUnavailable,
		"a block could not be had within %s: %d holders asked", timeout, f.asked)
}
