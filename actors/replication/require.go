package replication

import (
	"bytes"
	"slices"

	"github.com/noisefs/noisefs/messages"
)

// require sees to it that at least that many others hold blocks of this
// node's own files, and has them looked at soon: each at a time of its own,
// like those that are new.
func (c *core) require(cids []messages.CID, others int) *messages.Error {
	switch most := min(factorMax, c.cfg.RanksMax-c.cfg.Slack) - 1; {
	case others < 0 || others > most:
		return messages.Errorf(messages.CodeInvalid,
			"%d other holders are wanted, want 0 to %d", others, most)
	case len(cids) > messages.ReplicasMax:
		return messages.Errorf(messages.CodeInvalid,
			"%d blocks are asked for, want up to %d", len(cids), messages.ReplicasMax)
	}
	for _, cid := range cids {
		w := c.ownWatch(cid)
		if w == nil || others > 0 && !w.kept() && !c.mayKeep() {
			return c.overloaded()
		}
		if others > 0 {
			c.tally(w, -1)
			w.others = uint8(others)
			c.tally(w, 1)
		}
		w.again = true
		if w.looking {
			continue
		}
		if soon := c.now.Add(c.within(c.cfg.DisperseDelay)); w.place < 0 || soon.Before(w.due) {
			c.due.at(w, soon)
		}
	}
	for _, cid := range cids {
		if c.watched[cid] == nil { // another one of them took its turn
			return c.overloaded()
		}
	}
	return nil
}

func (c *core) overloaded() *messages.Error {
	return messages.Errorf(messages.CodeOverload,
		"too many blocks to look after: WatchedMax is %d, and up to half of that are "+
			"own blocks that others are required to hold", c.cfg.WatchedMax)
}

// ownWatch returns the watch of an own block, which may take the turn of
// another one; nil: there is no room.
func (c *core) ownWatch(cid messages.CID) *watch {
	if c.watched[cid] == nil && len(c.watched) >= c.cfg.WatchedMax && !c.makeRoom() {
		return nil
	}
	c.written([]messages.CID{cid})
	return c.watched[cid]
}

// mayKeep reports whether one own block more may be watched always.
func (c *core) mayKeep() bool {
	return c.kept+c.guard.coming+len(c.outbox.own) < c.cfg.WatchedMax/2
}

// atLeast is how many holders a block must have beside what demand calls
// for: this node is one more than the others that are required, if it has a
// place among them.
func (c *core) atLeast(l *look) int {
	if l.w.others == 0 {
		return 0
	}
	others := int(l.w.others)
	if rank := l.rankOf(c.view.Self); rank >= 0 && rank < others+1+c.cfg.Slack {
		return others + 1
	}
	return others
}

// byDemand reports whether a block has more holders than it would have if
// nobody asked for it.
func (c *core) byDemand(w *watch) bool {
	return c.cfg.Policy == PolicyAdaptive && int(w.factor) > max(c.cfg.RMin, int(w.others)+1)
}

// describe tells what the last looks found.
func (c *core) describe(answer messages.Answer, cids []messages.CID) messages.ReplicasDescribed {
	described := messages.ReplicasDescribed{
		Answer: answer, Blocks: make([]messages.ReplicaState, len(cids)),
	}
	for i, cid := range cids {
		w := c.watched[cid]
		if w == nil {
			continue
		}
		state := messages.ReplicaState{
			Watched: true, Here: w.replica, Factor: int(w.factor), Looked: w.looked,
		}
		for _, n := range w.holders {
			if p := &c.roster.places[n]; p.away.IsZero() && p.failing.IsZero() {
				state.Others = append(state.Others, p.id)
			}
		}
		slices.SortFunc(state.Others, func(a, b messages.NodeID) int {
			return bytes.Compare(a[:], b[:])
		})
		described.Blocks[i] = state
	}
	return described
}
