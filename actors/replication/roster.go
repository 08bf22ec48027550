package replication

import (
	"bytes"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// roster gives small numbers to the nodes that hold blocks of ours, so that
// a block can remember its holders in few bytes, and keeps since when each
// of them has been out of reach. It is bounded by the blocks that are
// watched, times factorMax.
type roster struct {
	places []place
	number map[messages.NodeID]uint32
	free   []uint32
}

type place struct {
	id   messages.NodeID
	uses int
	// away is since when the node is not in the view, failing since when it
	// has not answered; zero: it is, it has.
	away, failing time.Time
}

// use returns the number of a node and counts one more use of it.
func (r *roster) use(id messages.NodeID) uint32 {
	n, known := r.number[id]
	if !known {
		if r.number == nil {
			r.number = make(map[messages.NodeID]uint32)
		}
		if last := len(r.free) - 1; last >= 0 {
			n, r.free = r.free[last], r.free[:last]
		} else {
			n = uint32(len(r.places))
			r.places = append(r.places, place{})
		}
		r.places[n] = place{id: id}
		r.number[id] = n
	}
	r.places[n].uses++
	return n
}

// release ends a use.
func (r *roster) release(n uint32) {
	p := &r.places[n]
	if p.uses--; p.uses == 0 {
		delete(r.number, p.id)
		r.free = append(r.free, n)
	}
}

// find returns the place of a node that is in use, or nil.
func (r *roster) find(id messages.NodeID) *place {
	if n, known := r.number[id]; known {
		return &r.places[n]
	}
	return nil
}

// waitedFor reports whether a node that is out of reach may still come back
// in time: it has not been so for longer than the patience.
func (p *place) waitedFor(now time.Time, patience time.Duration) bool {
	short := func(since time.Time) bool { return since.IsZero() || now.Sub(since) < patience }
	return short(p.away) && short(p.failing)
}

// follow notes which nodes of the roster went from one view to the next, and
// which came back, and reports whether any did. Members are in order of ID in
// both, and those of which nothing changed are the same pointers, so a walk of
// both is cheap.
func (r *roster) follow(old, view *messages.View, now time.Time) (changed bool) {
	was, is := old.Members, view.Members
	for len(was) > 0 || len(is) > 0 {
		switch order := compareFirst(was, is); {
		case order == 0:
			was, is = was[1:], is[1:]
		case order < 0:
			if p := r.find(was[0].ID); p != nil {
				p.away = now
				changed = true
			}
			was = was[1:]
		default:
			if p := r.find(is[0].ID); p != nil {
				p.away, p.failing = time.Time{}, time.Time{}
				changed = true
			}
			is = is[1:]
		}
	}
	return changed
}

// compareFirst orders the first members of two lists by ID; the end of a list
// comes after everything.
func compareFirst(a, b []*messages.Member) int {
	switch {
	case len(b) == 0:
		return -1
	case len(a) == 0:
		return 1
	case a[0] == b[0]:
		return 0
	}
	return bytes.Compare(a[0].ID[:], b[0].ID[:])
}
