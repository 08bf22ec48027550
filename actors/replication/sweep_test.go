package replication

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// TestSweepReachesAllBlocks: a change of the view is heard of by every block,
// in steps that are bounded, also when blocks come and go and the view changes
// again meanwhile.
func TestSweepReachesAllBlocks(t *testing.T) {
	const blocks, members = 5 * sweepBlocks, 20
	c, all := newWatching(blocks, members)
	began := c.now
	change := func(members []*messages.Member) {
		c.viewChanged(messages.NewView(all[0].ID, 0, 0, members, nil))
	}
	moved := func() (waiting int) {
		for _, w := range c.rows {
			if w.waiting {
				waiting++
			}
		}
		return waiting
	}
	finish := func() {
		t.Helper()
		for c.sweep.left > 0 {
			at, any := c.next()
			if !any || at.Sub(c.now) > sweepRest {
				t.Fatalf("the next step is due %s from now: %v", at.Sub(c.now), any)
			}
			before := moved()
			if at.After(c.now) {
				c.at(at)
			}
			c.wake()
			if now := moved(); now-before > sweepMoves || before-now > sweepMoves {
				t.Fatalf("one step moved %d blocks", now-before)
			}
		}
	}

	change(all[:members-1])
	if c.sweep.left == 0 || moved() > sweepMoves {
		t.Fatalf("the first step moved %d blocks, %d are left", moved(), c.sweep.left)
	}
	for range 3 * sweepBlocks / 2 { // from both ends
		c.forget(c.rows[0])
		c.forget(c.rows[len(c.rows)-1])
	}
	change(all[:members-2])
	finish()
	lost := func(w *watch) bool {
		for _, n := range w.holders {
			if !c.roster.places[n].away.IsZero() {
				return true
			}
		}
		return false
	}
	patience := c.cfg.RepairDelay + time.Duration(c.cfg.RanksMax+1)*c.cfg.RepairStagger
	for _, w := range c.rows {
		if soon := w.due.Before(began.Add(patience)); w.waiting != lost(w) && !soon {
			t.Fatalf("a block that lost a holder (%v) waits for it: %v", lost(w), w.waiting)
		}
	}
	if moved() == 0 {
		t.Fatal("no block lost a holder")
	}
	c.at(c.now.Add(time.Minute))
	change(all)
	finish()
	if n := moved(); n != 0 {
		t.Errorf("%d blocks wait for a holder, and all are back", n)
	}
}
