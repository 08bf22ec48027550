package replication

import (
	"container/heap"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/placement"
)

// standing is what a look knows of a node in the order of its block.
type standing uint8

const (
	untried  standing = iota
	asking            // an offer is queued or under way
	wanting           // it would take the block
	pushing           // a push is queued or under way
	holding           // it said that it holds the block
	presumed          // it does as far as is known, or will: it is waited for
	silent            // it did not answer, and may hold the block
	passed            // it will not, or cannot
)

// look is one look at a block: are there enough holders, and if not, who else
// can be one?
type look struct {
	w      *watch
	factor int
	fresh  bool // the block leaves this node for the first time
	repair bool // a holder was lost
	// first tells that this node got the block from another, and does not know
	// yet who else holds it: whoever is asked may.
	first bool

	order     []messages.NodeID
	standings []standing
	// absent counts the holders that are not in the view, and waited for.
	absent int
}

// count counts the nodes of one standing among the first n.
func (l *look) count(n int, of ...standing) int {
	sum := 0
	for _, s := range l.standings[:n] {
		if slices.Contains(of, s) {
			sum++
		}
	}
	return sum
}

// near is how far down the order a holder is where a reader looks for it.
// Those that cannot hold it are passed over.
func (l *look) near(slack int) int {
	n, places := 0, l.factor+slack
	for n < len(l.standings) && places > 0 {
		if l.standings[n] != passed {
			places--
		}
		n++
	}
	return n
}

// rankOf is the place of a node in the order, or -1.
func (l *look) rankOf(id messages.NodeID) int { return slices.Index(l.order, id) }

// busyMax is for how many looks in a row a node may be too busy to answer
// before the next in the order is asked in its place.
const busyMax = 3

// tick begins the looks that are due, as many as there is room for.
func (c *core) tick() {
	c.ticked = c.now
	var ask []*watch
	for len(c.due) > 0 && c.looks < c.cfg.LooksMax && !c.due[0].due.After(c.now) {
		w := heap.Pop(&c.due).(*watch)
		if c.ended(w) {
			c.forget(w)
			continue
		}
		c.looks++
		w.looking = true
		if c.cfg.Policy != PolicyAdaptive || !w.replica {
			c.begin(w)
			continue
		}
		if ask = append(ask, w); len(ask) == messages.DemandMax {
			c.out.estimates = append(c.out.estimates, ask)
			ask = nil
		}
	}
	if len(ask) > 0 {
		c.out.estimates = append(c.out.estimates, ask)
	}
}

// ended reports whether nobody needs this node to look after a block: it is
// not its own, and its lease is over. The store may keep it nevertheless.
func (c *core) ended(w *watch) bool {
	if w.mine || w.promising > 0 || w.dropping {
		return false
	}
	return !w.replica || w.until <= c.now.Unix()
}

// estimated takes in the demand of blocks whose looks are to begin; nil when
// it is not known.
func (c *core) estimated(all []*watch, perHour []float64) {
	for i, w := range all {
		if c.watched[w.cid] != w {
			c.looks--
			continue
		}
		demand := float64(w.demand)
		if perHour != nil {
			demand = perHour[i]
		}
		w.demand = float32(max(demand, c.localDemand(w)))
		factor := c.cfg.nextFactor(int(w.factor), float64(w.demand))
		if factor == int(w.factor) && c.onlyPeeked(w) {
			c.looks--
			w.looking = false
			c.due.at(w, c.now.Add(c.peek(w)))
			continue
		}
		c.begin(w)
	}
}

// onlyPeeked reports whether a block is due because it is hot, and not
// because it is time to ask its holders again.
func (c *core) onlyPeeked(w *watch) bool {
	return c.byDemand(w) && !w.again && !w.under && !w.fresh && !w.waiting && w.over == 0 &&
		c.now.Sub(w.looked) < c.cfg.LookInterval
}

// peek is when the demand of a hot block is estimated again: soon while this
// node serves it a lot.
func (c *core) peek(w *watch) time.Duration {
	if _, hot := c.hot[w.cid]; hot {
		return c.jittered(c.cfg.HotInterval)
	}
	return c.jittered(6 * c.cfg.HotInterval)
}

// begin begins a look.
func (c *core) begin(w *watch) {
	w.factor = uint8(c.cfg.nextFactor(int(w.factor), float64(w.demand)))
	l := &look{w: w, fresh: w.fresh, order: placement.Order(c.view, w.cid, c.cfg.RanksMax)}
	l.first = w.replica && !w.mine && w.looked.IsZero()
	// A small network cannot do what demand calls for; that it has fewer
	// members than the floor, or than are required, is a shortage all the same.
	least := c.atLeast(l)
	w.factor = max(w.factor, uint8(least))
	l.factor = min(int(w.factor), max(len(l.order), c.cfg.factorAt(0), least))
	l.standings = make([]standing, len(l.order))
	if rank := l.rankOf(c.view.Self); rank >= 0 && w.replica {
		l.standings[rank] = holding
	}
	waitedFor := w.again && w.others > 0 // somebody waits, and not for who may come back
	known := 0
	for _, n := range w.holders {
		p := &c.roster.places[n]
		rank := l.rankOf(p.id)
		switch {
		case !p.waitedFor(c.now, c.cfg.RepairDelay):
			l.repair = true
		case !p.away.IsZero():
			if !waitedFor {
				l.absent++
			}
		case rank >= 0 && rank < l.near(c.cfg.Slack) && known < l.factor:
			c.ask(l, rank)
			known++
		}
	}
	w.fresh, w.waiting, w.again = false, false, false
	c.advance(l)
}

// ask asks a node of the order to hold the block.
func (c *core) ask(l *look, rank int) {
	switch {
	case l.order[rank] != c.view.Self:
		l.standings[rank] = asking
		c.outbox.offer(l.order[rank], ticket{l, rank})
	case l.w.replica:
		l.standings[rank] = holding
	case l.w.mine && !l.w.dropping && (l.w.kept() || c.mayKeep()):
		l.standings[rank] = asking
		c.outbox.own = append(c.outbox.own, ticket{l, rank})
	default:
		l.standings[rank] = passed
	}
}

// advance goes on with a look: it asks and pushes until enough nodes near
// the top of the order hold the block, or nobody is left.
//
// A block that is new is pushed to whoever wants it. Later, all that are near
// are asked first, since others may have found holders that this node does
// not know.
func (c *core) advance(l *look) {
	for {
		near := l.near(c.cfg.Slack)
		lacking := l.factor - l.absent - l.count(near, asking, pushing, holding, presumed, silent)
		moved, outside := false, lacking <= 0 && !c.reachable(l, near)
		if outside {
			lacking = 1
		}
		for rank := 0; rank < near && lacking > 0; rank++ {
			switch {
			case outside && !c.dialable(l.order[rank]):
				continue
			case l.standings[rank] == wanting && l.fresh:
				c.push(l, rank)
			case l.standings[rank] == untried:
				c.ask(l, rank)
			default:
				continue
			}
			moved = true
			lacking--
		}
		for rank := 0; rank < near && lacking > 0 && l.count(near, asking) == 0; rank++ {
			if l.standings[rank] == wanting && (!outside || c.dialable(l.order[rank])) {
				c.push(l, rank)
				moved = true
				lacking--
			}
		}
		if !moved {
			break
		}
	}
	if l.count(len(l.order), asking, pushing) == 0 {
		c.finish(l)
	}
}

// reachable reports whether anybody can reach a holder among the first n: two
// nodes that cannot be dialled cannot reach each other.
func (c *core) reachable(l *look, n int) bool {
	for rank, s := range l.standings[:n] {
		if s != untried && s != wanting && s != passed && c.dialable(l.order[rank]) {
			return true
		}
	}
	return false
}

func (c *core) dialable(id messages.NodeID) bool {
	m := c.view.Find(id)
	return m != nil && !m.Undialable
}

// push queues the block for a node that wants it.
func (c *core) push(l *look, rank int) {
	l.standings[rank] = pushing
	c.outbox.push(l.order[rank], ticket{l, rank})
}

// heardOf takes in a verdict of a node on a block, after an offer or a push.
func (c *core) heardOf(t ticket, verdict wire.ReplicaVerdict) {
	l, known := t.look, c.knownHolder(t)
	if p := c.roster.find(l.order[t.rank]); p != nil {
		p.failing = time.Time{}
	}
	pushed := l.standings[t.rank] == pushing
	next := passed
	switch verdict {
	case wire.ReplicaHeld:
		next = holding
	case wire.ReplicaWanted:
		if !pushed {
			next = wanting
			l.repair = l.repair || known
		}
	case wire.ReplicaComing:
		next = presumed
	case wire.ReplicaBusy:
		// Its place is kept for it for some looks, so that a node that is
		// busy for a minute does not send the block down the order.
		if known || l.w.tries < busyMax {
			next = presumed
		}
	case wire.ReplicaRefused:
		l.repair = l.repair || known
	}
	l.standings[t.rank] = next
}

// failed takes in that a node did not answer. One that is known to hold the
// block is waited for, and one that may.
func (c *core) failed(t ticket) {
	l := t.look
	p := c.roster.find(l.order[t.rank])
	if p != nil && p.failing.IsZero() {
		p.failing = c.now
	}
	asked := l.standings[t.rank] == asking
	l.standings[t.rank] = passed
	if l.first && asked {
		l.standings[t.rank] = silent
		return
	}
	if p == nil || !c.knownHolder(t) {
		return
	}
	if p.waitedFor(c.now, c.cfg.RepairDelay) {
		l.standings[t.rank] = presumed
	} else {
		l.repair = true
	}
}

// knownHolder reports whether a node held the block at the last look.
func (c *core) knownHolder(t ticket) bool {
	for _, n := range t.look.w.holders {
		if c.roster.places[n].id == t.look.order[t.rank] {
			return true
		}
	}
	return false
}

// finish ends a look: what was found is kept, and the next one scheduled.
func (c *core) finish(l *look) {
	w := l.w
	c.looks--
	w.looking = false
	if c.watched[w.cid] != w {
		return
	}
	self := l.rankOf(c.view.Self)
	if self >= 0 && l.standings[self] == holding && !w.replica {
		l.standings[self] = passed // it was given up while others were asked
	}
	near := l.near(c.cfg.Slack)
	held, heldNear := l.count(len(l.order), holding), l.count(near, holding)
	if w.replica && (self < 0 || l.standings[self] != holding) {
		held++ // this node holds it, where no reader looks for it
	}
	// Who went while others were asked is a holder to be waited for.
	gone := 0
	for rank, id := range l.order {
		if l.standings[rank] == holding && c.view.Find(id) == nil {
			gone++
		}
	}
	c.setUnder(w, held-gone < l.factor)
	waited := c.remember(l) || gone > 0
	w.looked = c.now
	spare := w.replica && !w.mine && (self < 0 || self >= near) && heldNear >= l.factor
	if spare {
		w.over = min(w.over+1, 2)
	} else {
		w.over = 0
	}
	if c.finishSpare(w) {
		return
	}
	c.schedule(w, waited)
}

// finishSpare lets go of a block that others look after: a replica that was
// superfluous at two looks, when room is short, and an own block that has
// enough holders, none of them required, when others wait to be watched.
func (c *core) finishSpare(w *watch) bool {
	full := float64(c.replicas) >= c.cfg.DropAbove*float64(c.cfg.ReplicasMax)
	if w.over >= 2 && full && w.promising == 0 && !w.dropping {
		w.dropping = true
		c.out.drops = append(c.out.drops, w)
		c.schedule(w, false)
		return true
	}
	if c.listing.rotating && w.mine && !w.kept() && !w.under && w.promising == 0 {
		c.forget(w)
		return true
	}
	return false
}

// schedule says when a block that was looked at is looked at again.
func (c *core) schedule(w *watch, waited bool) {
	var delay time.Duration
	switch {
	case w.again:
		delay = c.within(c.cfg.DisperseDelay)
	case w.under && waited:
		// Those that are out of reach may come back.
		delay = c.patience(w.cid)
		w.waiting = true
	case w.under:
		delay = min(c.cfg.RetryDelay<<min(w.tries, 16), c.cfg.LookInterval)
		delay = c.jittered(delay)
		w.tries = min(w.tries+1, 16)
	case w.over == 1:
		delay = c.jittered(max(c.cfg.RepairDelay, c.cfg.RetryDelay))
	case c.byDemand(w):
		delay = c.peek(w)
	default:
		delay = c.jittered(c.cfg.LookInterval)
	}
	if !w.under {
		w.tries = 0
	}
	c.due.at(w, c.now.Add(max(delay, tick)))
}

// remember keeps who holds the block. Those are included that are out of
// reach and waited for; it reports whether there are any.
func (c *core) remember(l *look) (waited bool) {
	kept := make([]uint32, 0, l.factor)
	for rank, id := range l.order {
		known := c.knownHolder(ticket{l, rank})
		switch s := l.standings[rank]; {
		case id == c.view.Self || len(kept) == factorMax:
		case s == presumed && known, s == silent, s == holding:
			n := c.roster.use(id)
			p := &c.roster.places[n]
			if p.away.IsZero() && c.view.Find(id) == nil {
				p.away = c.now // it went while it was asked
			}
			if s == silent && p.failing.IsZero() {
				p.failing = c.now
			}
			kept = append(kept, n)
			waited = waited || s != holding
		}
	}
	for _, n := range l.w.holders {
		p := &c.roster.places[n]
		if p.away.IsZero() || !p.waitedFor(c.now, c.cfg.RepairDelay) ||
			len(kept) == factorMax || slices.Contains(kept, n) {
			continue
		}
		kept = append(kept, c.roster.use(p.id))
		waited = true
	}
	c.setHolders(l.w, kept)
	return waited
}
