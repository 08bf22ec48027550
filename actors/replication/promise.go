package replication

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// hold asks the store to hold blocks under one lease: for an exchange, or as
// this node's own share of its blocks.
type hold struct {
	until  int64 // Unix seconds
	blocks []messages.Block

	exchange *exchange
	at       []int    // of the exchange's items
	tickets  []ticket // of looks
}

// holdFor returns a hold of the group with that lease and room for one more.
func holdFor(group *[]*hold, until int64) *hold {
	for _, h := range *group {
		if h.until == until && len(h.blocks) < messages.LoadMax {
			return h
		}
	}
	h := &hold{until: until}
	*group = append(*group, h)
	return h
}

// promise notes that a block is being held: it is not to be dropped meanwhile.
func (c *core) promise(cid messages.CID) {
	w := c.watched[cid]
	if w == nil {
		if len(c.watched) >= c.cfg.WatchedMax {
			c.makeRoom()
		}
		w = c.add(cid)
	}
	if w.promising == 0 && !w.replica {
		c.guard.coming++
	}
	w.promising++
}

// held takes in that a hold is durable. Only now is it acknowledged.
func (c *core) held(h *hold, held []bool) {
	for i, b := range h.blocks {
		if held[i] {
			c.settle(b.CID, h.until)
			h.conclude(i, wire.ReplicaHeld, holding)
			continue
		}
		// The bytes are not there, whatever was believed: say so from now on.
		w := c.watched[b.CID]
		if w.until = 0; w.replica {
			c.guard.coming++
			c.mark(w, w.mine, false)
		}
		c.settle(b.CID, 0)
		h.conclude(i, wire.ReplicaRefused, passed)
	}
	c.concluded(h)
}

// notHeld takes in that the store refused a hold.
func (c *core) notHeld(h *hold, code messages.Code) {
	verdict := wire.ReplicaBusy
	if code == messages.CodeQuota || code == messages.CodeNoSpace {
		verdict = wire.ReplicaRefused
		c.guard.full = c.now.Add(c.cfg.FullDelay)
	}
	for i, b := range h.blocks {
		c.settle(b.CID, 0)
		h.conclude(i, verdict, passed)
	}
	c.concluded(h)
}

// settle ends one promise: the block is held until then, or it is not (0).
func (c *core) settle(cid messages.CID, until int64) {
	w := c.watched[cid]
	if until > 0 {
		c.isHeld(w, until)
	}
	if w.promising--; w.promising == 0 && !w.replica {
		c.guard.coming--
	}
	switch {
	case w.looking || w.place >= 0 || w.promising > 0:
	case w.mine || w.replica:
		// Its holders get to know each other soon, so that they miss one that
		// goes, also when the owner goes with it.
		c.due.at(w, c.now.Add(c.jittered(c.cfg.RetryDelay)))
	default:
		c.forget(w)
	}
}

// isHeld notes that a block is durably held under a lease.
func (c *core) isHeld(w *watch, until int64) {
	if !w.replica && w.promising > 0 {
		c.guard.coming--
	}
	c.mark(w, w.mine, true)
	w.until = max(w.until, until)
}

// mark notes for what reasons a block is kept.
func (c *core) mark(w *watch, mine, replica bool) {
	c.tally(w, -1)
	if w.mine, w.replica = mine, replica; !mine {
		w.others = 0
	}
	c.tally(w, 1)
}

// tally adds a block to the counts of what is kept, n times.
func (c *core) tally(w *watch, n int) {
	if w.replica {
		c.replicas += n
		if !w.mine {
			c.foreign += n
		}
	}
	if w.kept() {
		c.kept += n
	}
}

// conclude notes what became of a block of a hold.
func (h *hold) conclude(i int, verdict wire.ReplicaVerdict, stands standing) {
	if h.exchange != nil {
		h.exchange.verdicts[h.at[i]] = verdict
		return
	}
	t := h.tickets[i]
	t.look.standings[t.rank] = stands
}

// concluded goes on with whoever waits for a hold.
func (c *core) concluded(h *hold) {
	for _, t := range h.tickets {
		c.advance(t.look)
	}
	if x := h.exchange; x != nil {
		if x.holds--; x.holds == 0 {
			c.respond(x)
		}
	}
}

// respond hands out the answer to an exchange.
func (c *core) respond(x *exchange) {
	c.guard.exchanges--
	c.out.responses = append(c.out.responses, x)
}

// dropped notes that a lease was ended, or that this failed.
func (c *core) dropped(w *watch, done bool) {
	w.dropping, w.over = false, 0
	if !done {
		return
	}
	c.count.dropped++
	c.mark(w, w.mine, false)
	w.until = 0
	switch {
	case c.watched[w.cid] != w || w.looking:
	case !w.mine:
		c.forget(w)
	default: // one holder less
		if at := c.now.Add(c.jittered(c.cfg.RetryDelay)); at.Before(w.due) {
			c.due.at(w, at)
		}
	}
}
