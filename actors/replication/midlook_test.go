package replication

import (
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// TestLastHolderDropsNothing: a node that has no place in the order of a
// block keeps it as long as those that have one refuse it.
func TestLastHolderDropsNothing(t *testing.T) {
	n := newNetwork(t, 9, 60, func(i int, c *Config) {
		c.DropAbove, c.LookInterval = 0, time.Hour
		if i > 0 {
			c.ReplicasMax = 0
		}
	})
	n.run(10 * time.Second)
	p := n.nodes[0]
	cid, data := n.block()
	for slices.Contains(p.order(cid, p.cfg.RanksMax), p.id) {
		cid, data = n.block()
	}
	p.blocks[cid], p.leases[cid] = data, n.now.Add(p.cfg.Lease).Unix()
	p.crash()
	p.boot()
	n.tellViews()
	n.run(48 * time.Hour)
	if p.leases[cid] == 0 || p.stats().UnderReplicated != 1 {
		t.Error("the only replica was dropped, or is not known to be the only one")
	}
	for _, other := range n.nodes[1:] {
		other.actor.core.cfg.ReplicasMax = 100
	}
	n.run(48 * time.Hour)
	if p.leases[cid] != 0 || n.holders(cid) < 3 {
		t.Errorf("others hold it now (%d), and it was not dropped", n.holders(cid))
	}
}

// A holder that goes while others are asked is missed as soon as one that goes
// at another time.
func TestHolderGoesDuringALook(t *testing.T) {
	n := newNetwork(t, 1, 10, nil)
	cids := n.populate(1, 1)
	owner := n.nodes[0]
	c := owner.actor.core
	w := c.watched[cids[0]]
	l := &look{w: w, factor: 3, order: owner.order(w.cid, c.cfg.RanksMax)}
	l.standings = make([]standing, len(l.order))
	var last *peerNode
	for _, holder := range w.holders {
		id := c.roster.places[holder].id
		l.standings[l.rankOf(id)] = holding
		last = n.find(id)
	}
	if last == nil || w.under {
		t.Fatalf("%d holders before", len(w.holders))
	}
	if rank := l.rankOf(owner.id); rank >= 0 && w.replica {
		l.standings[rank] = holding
	}
	l.factor = l.count(len(l.order), holding)
	last.crash()
	c.due.remove(w) // as of a look that is under way
	w.looking = true
	c.looks++
	n.tellViews()
	n.run(n.detect + time.Second)
	c.finish(l)
	if !w.under || !w.waiting {
		t.Errorf("under %v, waiting %v, want both", w.under, w.waiting)
	}
}

// A look whose block turns out to be damaged while this node takes its own
// share of it ends once: the hold tells by itself what became of it.
func TestRottenDuringAnOwnHold(t *testing.T) {
	n := newNetwork(t, 1, 10, nil)
	n.run(10 * time.Second)
	owner := n.nodes[0]
	c := owner.actor.core
	var cid messages.CID
	for c.rank(cid) > 0 {
		cid = n.write(owner, 1)[0]
	}
	w := c.watched[cid]
	c.due.remove(w) // as of a look that is under way
	w.looking = true
	c.looks++
	l := &look{w: w, factor: 3, order: owner.order(cid, c.cfg.RanksMax)}
	l.standings = make([]standing, len(l.order))
	l.standings[0], l.standings[1] = asking, pushing
	own := &hold{blocks: []messages.Block{{CID: cid}}, tickets: []ticket{{l, 0}}}
	c.promise(cid)
	looks := c.looks
	c.rotten(ticket{l, 1})
	c.advance(l)
	if c.looks != looks {
		t.Fatal("the look ended before the hold")
	}
	c.held(own, []bool{false})
	if c.looks != looks-1 {
		t.Errorf("%d looks are under way, want %d", c.looks, looks-1)
	}
}

// A replica that is given up while it is looked at is not counted.
func TestOwnReplicaGoesDuringALook(t *testing.T) {
	n := newNetwork(t, 1, 10, nil)
	n.run(10 * time.Second)
	owner := n.nodes[0]
	c := owner.actor.core
	var cid messages.CID
	for c.rank(cid) > 0 {
		cid = n.write(owner, 1)[0]
	}
	w := c.watched[cid]
	c.isHeld(w, c.now.Add(c.cfg.Lease).Unix())
	c.due.remove(w)
	w.looking = true
	c.looks++
	l := &look{w: w, factor: 3, order: owner.order(cid, c.cfg.RanksMax)}
	l.standings = make([]standing, len(l.order))
	for rank := range 3 {
		l.standings[rank] = holding
	}
	w.dropping = true
	c.dropped(w, true)
	c.finish(l)
	if !w.under {
		t.Error("two holders are enough for a factor of 3")
	}
}
