package replication

import (
	"time"

	"github.com/noisefs/noisefs/messages"
)

const (
	// sweepBlocks is how many watched blocks one step of a sweep goes through, and
	// sweepMoves how many of them it may give another time, which costs ten times
	// as much: so that a step takes less than a millisecond.
	sweepBlocks, sweepMoves = 1024, 64
	// sweepRest is the time between two steps. A million blocks take a minute
	// or two, which is little beside Config.RepairDelay.
	sweepRest = 50 * time.Millisecond
)

// rows are the watched blocks, in no order, so that a sweep can go through them
// in steps.
type rows []*watch

// without takes a watch out. The last one takes its place.
func (r rows) without(w *watch) rows {
	last := len(r) - 1
	r[w.row] = r[last]
	r[w.row].row = w.row
	r[last] = nil
	return r[:last]
}

// sweep is how far the watched blocks were gone through after the view changed.
// It goes from the last row to the first: a row that moves down meanwhile was
// gone through already, and one that is new knows of no holders yet.
type sweep struct {
	left   int  // rows that are left; 0: no sweep is under way
	grew   bool // there are newcomers
	rested time.Time
	// again tells that the view changed during the sweep, and another one is to
	// follow; grewAgain that there were newcomers.
	again, grewAgain bool
}

// viewChanged takes in who is in the network. Blocks whose holders went are
// looked at when these were waited for; when they are back before, nothing
// happens.
func (c *core) viewChanged(view *messages.View) {
	old := c.view
	c.view = view
	if old == nil {
		return
	}
	changed := c.roster.follow(old, view, c.now)
	grew := c.under > 0 && newcomers(old, view)
	s := &c.sweep
	switch {
	case !changed && !grew:
	case s.left > 0:
		s.again, s.grewAgain = true, s.grewAgain || grew
	default:
		s.left, s.grew = len(c.rows), grew
		c.sweepOn()
	}
}

// newcomers reports whether the view has a member that the old one had not.
func newcomers(old, view *messages.View) bool {
	was, is := old.Members, view.Members
	for len(is) > 0 {
		switch order := compareFirst(was, is); {
		case order == 0:
			was, is = was[1:], is[1:]
		case order < 0:
			was = was[1:]
		default:
			return true
		}
	}
	return false
}

// sweepOn makes a step of a sweep.
func (c *core) sweepOn() {
	s := &c.sweep
	s.left = min(s.left, len(c.rows)) // some may be gone
	moves := 0
	for range sweepBlocks {
		if s.left == 0 || moves == sweepMoves {
			break
		}
		s.left--
		if c.revise(c.rows[s.left]) {
			moves++
		}
	}
	s.rested = c.now.Add(sweepRest)
	if s.left == 0 && s.again {
		*s = sweep{left: len(c.rows), grew: s.grewAgain, rested: s.rested}
	}
}

// revise says when a block is to be looked at now that members went and came,
// and reports whether that is another time than before. A look under way finds
// out by itself.
func (c *core) revise(w *watch) bool {
	if w.place < 0 {
		return false
	}
	gone, failing := false, false
	for _, n := range w.holders {
		p := &c.roster.places[n]
		gone = gone || !p.away.IsZero()
		failing = failing || !p.failing.IsZero()
	}
	due := w.due
	switch {
	case gone && !w.waiting && c.now.Add(c.cfg.RepairDelay).Before(due):
		if at := c.now.Add(c.patience(w.cid)); at.Before(due) {
			due, w.waiting = at, true
		}
	case !gone && !failing && w.waiting:
		due, w.waiting = c.now.Add(c.jittered(c.cfg.LookInterval)), false
	}
	if c.sweep.grew && w.under {
		if at := c.now.Add(c.jittered(c.cfg.RetryDelay)); at.Before(due) {
			due = at
		}
	}
	if due.Equal(w.due) {
		return false
	}
	c.due.at(w, due)
	return true
}
