package membership

import (
	"bytes"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// syncing is a comparison of all that is known with another node, page after
// page around the ring: this node sends what it knows of a range, the other
// one what it knows better.
type syncing struct {
	peer       messages.NodeID
	start, end messages.NodeID // the range of the page under way; end may be zero
	pages      int
}

// syncWith begins to compare with a node, if there is room for one more.
func (c *core) syncWith(peer messages.NodeID) {
	if c.syncs < c.cfg.SyncsMax {
		c.syncs++
		c.sendPage(&syncing{peer: peer})
	}
}

func (c *core) sendPage(s *syncing) {
	claims := c.greet(s.peer)
	i, n := c.search(s.start), 0
	for ; i < len(c.ring) && n < c.cfg.SyncPageMembers; i++ {
		if m := c.ring[i]; m != c.self && m.id() != s.peer {
			claims = append(claims, claim(m))
			n++
		}
	}
	s.end = c.idAt(i)
	c.ask(s.peer, wire.MemberRequest{
		Kind: wire.MemberSync, Start: s.start, End: s.end, Claims: claims,
	}, c.patience(3), ticket{purpose: forSync, sync: s})
}

// idAt is the ID at a place on the ring, zero after the last one.
func (c *core) idAt(i int) messages.NodeID {
	if i < len(c.ring) {
		return c.ring[i].id()
	}
	return messages.NodeID{}
}

// pageAnswered goes on with the next page, until the ring is closed.
func (c *core) pageAnswered(s *syncing, ok bool, end messages.NodeID) {
	s.pages++
	none := messages.NodeID{}
	ended := s.end == none
	forward := end == none && ended || end != none && bytes.Compare(end[:], s.start[:]) > 0 &&
		(ended || bytes.Compare(end[:], s.end[:]) <= 0)
	pagesMax := 4 + 2*c.cfg.MembersMax/c.cfg.SyncPageMembers
	if !ok || !forward || end == none || s.pages >= pagesMax {
		c.syncs--
		return
	}
	s.start = end
	c.sendPage(s)
}

// answerPage says what this node knows better of the range, or differently.
// The claims are in the order of the ring after those about the two nodes.
func (c *core) answerPage(from messages.NodeID, page wire.MemberRequest) wire.MemberResponse {
	none := messages.NodeID{}
	claims := c.greet(from)
	theirs := page.Claims[1:]
	if len(theirs) > 0 && theirs[0].Member.ID == c.self.id() {
		theirs = theirs[1:]
	}
	n := 0
	for i := c.search(page.Start); i < len(c.ring); i++ {
		m := c.ring[i]
		id := m.id()
		if page.End != none && bytes.Compare(id[:], page.End[:]) >= 0 {
			break
		}
		if n == c.cfg.SyncPageMembers {
			return wire.MemberResponse{End: id, Claims: claims}
		}
		for len(theirs) > 0 && bytes.Compare(theirs[0].Member.ID[:], id[:]) < 0 {
			theirs = theirs[1:]
		}
		if m == c.self || id == from {
			continue
		}
		known := len(theirs) > 0 && theirs[0].Member.ID == id
		if known && differs(m, &theirs[0]) || !known && m.here() {
			claims = append(claims, claim(m))
			n++
		}
	}
	return wire.MemberResponse{End: page.End, Claims: claims}
}

// differs reports whether the other one should hear what is believed here.
func differs(m *member, theirs *wire.MemberClaim) bool {
	if m.record.Incarnation != theirs.Member.Incarnation {
		return m.record.Incarnation > theirs.Member.Incarnation
	}
	return m.record.Status != theirs.Member.Status || m.round > theirs.Round
}

// syncNow and then: often after a join or when somebody came back, and once
// in SyncInterval when all is quiet.
func (c *core) syncNowAndThen() {
	if c.now < c.syncAt {
		return
	}
	c.syncGap = min(2*c.syncGap, c.cfg.SyncInterval)
	c.syncAt = c.now + c.spread(c.syncGap)
	for _, m := range c.some(1, nil) {
		c.syncWith(m.id())
	}
}

// resync compares often again: somebody came back from the dead, and is
// perhaps not the only one.
func (c *core) resync(m *member, how hearing) {
	if c.syncGap > c.cfg.SyncFirst {
		c.syncGap = c.cfg.SyncFirst
		c.syncAt = min(c.syncAt, c.now+c.spread(c.syncGap))
	}
	if how == fromItself {
		c.syncWith(m.id())
	}
}

// join asks seeds and the dead for the network while this node is alone, and
// whom discovery met in any case.
func (c *core) join() {
	for len(c.candidates) > 0 && c.syncs < c.cfg.SyncsMax {
		id := c.candidates[0]
		c.candidates = c.candidates[1:]
		if m := c.find(id); m == nil || !m.here() {
			c.syncWith(id)
		}
	}
	if c.here > 0 || c.now < c.joinAt {
		return
	}
	c.joinAt = c.now + c.spread(c.joinGap)
	c.joinGap = min(2*c.joinGap, c.cfg.JoinIntervalMax)
	c.syncGap = c.cfg.SyncFirst
	c.syncAt = c.joinAt + c.spread(c.syncGap)
	seeds := c.cfg.Seeds
	start := c.draw.IntN(max(1, len(seeds)))
	for i := range min(len(seeds), joinSeeds) {
		if seed := seeds[(start+i)%len(seeds)]; seed != c.self.id() {
			c.syncWith(seed)
		}
	}
	if m := c.aDeadOne(); m != nil {
		c.syncWith(m.id())
	}
}

// joinSeeds is how many seeds are asked at a time.
const joinSeeds = 2

// meet takes in nodes that discovery found.
func (c *core) meet(now time.Duration, ids []messages.NodeID) {
	c.now = now
	for _, id := range ids {
		known := c.find(id)
		if id == (messages.NodeID{}) || known != nil && known.here() ||
			len(c.candidates) >= c.cfg.CandidatesMax {
			continue
		}
		c.candidates = append(c.candidates, id)
	}
	if !c.leaving {
		c.join()
	}
}
