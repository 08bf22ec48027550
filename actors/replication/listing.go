package replication

import "github.com/noisefs/noisefs/messages"

// pageBlocks is how many kept blocks are listed at a time.
const pageBlocks = 1024

// listing is how far the list of kept blocks has been read, in rounds. Own
// blocks for which there is no room take turns: while any is left out, a
// block that was looked at makes room, and the next round goes on where the
// last one found none.
type listing struct {
	after    messages.CID
	running  bool         // a page was asked for
	all      bool         // the end was reached
	whole    bool         // the round began at the beginning
	missed   bool         // some own block of the round found no room
	resume   messages.CID // before the first of those
	rotating bool         // there are own blocks that are not watched
}

// listMore asks for the next page of kept blocks, if there is to be one.
func (c *core) listMore() {
	l := &c.listing
	room := c.cfg.WatchedMax - len(c.watched)
	if l.all && l.rotating && room > c.cfg.WatchedMax/16 {
		next := listing{rotating: true}
		if l.missed {
			next.after = l.resume
		}
		*l = next
	}
	if l.running || l.all {
		return
	}
	if l.after.IsZero() {
		l.whole = true
	}
	l.running = true
	after := l.after
	c.out.list = &after
}

// listed takes in a page of kept blocks.
func (c *core) listed(blocks []messages.KeptBlock, more bool, last messages.CID) {
	l := &c.listing
	l.running = false
	for _, b := range blocks {
		w := c.watched[b.CID]
		if w == nil && len(c.watched) >= c.cfg.WatchedMax && (!b.Replica || !c.makeRoom()) {
			if !l.missed {
				l.missed, l.rotating, l.resume = true, true, l.after
			}
			continue
		}
		if w == nil {
			w = c.add(b.CID)
			c.due.at(w, c.now.Add(c.within(c.cfg.StartDelay)))
		}
		c.mark(w, w.mine || b.Mine, w.replica)
		if b.Replica && !w.dropping {
			c.isHeld(w, b.Until.Unix())
		}
		l.after = b.CID
	}
	l.after = last
	if l.all = !more; l.all && l.whole && !l.missed {
		l.rotating = false
	}
}

// listFailed makes the page be asked for again.
func (c *core) listFailed() { c.listing.running = false }

// makeRoom stops watching an own block, one whose look is far away: what is
// held for others goes first, and an own block comes round again.
func (c *core) makeRoom() bool {
	for i := len(c.due) - 1; i >= 0; i-- {
		if w := c.due[i]; w.mine && !w.kept() && w.promising == 0 {
			c.listing.rotating = true
			c.forget(w)
			return true
		}
	}
	return false
}
