package replication

import (
	"container/heap"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// watch is a block that is looked after.
type watch struct {
	cid messages.CID

	mine    bool // this node's own files need it
	replica bool // held for the network, durably
	fresh   bool // mine, and not offered to anybody yet
	under   bool // at the last look fewer held it than the factor says
	// dropping tells that its lease is being ended: nothing is promised.
	dropping bool
	// mending tells that its bytes are damaged, and being had anew.
	mending bool
	// waiting tells that the next look waits for holders to come back.
	waiting bool

	again  bool  // look soon, whatever was found lately
	others uint8 // how many others are to hold it, whatever demand says
	factor uint8 // how many holders it should have; 0: not known yet
	over   uint8 // looks in a row at which enough others held it
	tries  uint8 // looks in a row that could not reach the factor
	// promising counts the holds of it that are not durable yet.
	promising uint16

	until   int64     // end of the lease under which it is held, Unix seconds; 0: none
	offered int64     // end of the lease that this node offers others for its own block
	demand  float32   // requests per hour of the whole network, as last known
	looked  time.Time // the last complete look; zero: none

	// holders are those of the last look, this node left out.
	holders []uint32 // of the roster

	due   time.Time // the next look
	place int       // in the schedule; -1: not in it
	row   int       // in the rows
	// looking tells that a look is under way; meanwhile no other is scheduled.
	looking bool
}

// kept reports whether an own block is always watched, and does not take turns.
func (w *watch) kept() bool { return w.mine && (w.replica || w.others > 0) }

// schedule orders watches by their next look.
type schedule []*watch

var _ heap.Interface = (*schedule)(nil)

// Len implements [heap.Interface].
func (s schedule) Len() int { return len(s) }

// Less implements [heap.Interface]. What is due together goes in order of
// CID, which is an order that tells nothing.
func (s schedule) Less(i, j int) bool {
	if !s[i].due.Equal(s[j].due) {
		return s[i].due.Before(s[j].due)
	}
	return s[i].cid.Compare(s[j].cid) < 0
}

// Swap implements [heap.Interface].
func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].place, s[j].place = i, j
}

// Push implements [heap.Interface].
func (s *schedule) Push(x any) {
	w := x.(*watch)
	w.place = len(*s)
	*s = append(*s, w)
}

// Pop implements [heap.Interface].
func (s *schedule) Pop() any {
	last := len(*s) - 1
	w := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	w.place = -1
	return w
}

// at schedules the next look of a watch, which may have one already.
func (s *schedule) at(w *watch, due time.Time) {
	w.due = due
	if w.place < 0 {
		heap.Push(s, w)
		return
	}
	heap.Fix(s, w.place)
}

// remove takes a watch out, if it is in.
func (s *schedule) remove(w *watch) {
	if w.place >= 0 {
		heap.Remove(s, w.place)
	}
}
