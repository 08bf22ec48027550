package membership

import (
	"bytes"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// syncing is a comparison of all that is known with another node, page after
// page around the ring: this node lists what it knows of a range, in short, and
// the other one answers with what it knows better, or otherwise.
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
	i := c.search(s.start)
	known := make([]wire.MemberKnown, 0, min(len(c.ring)-i, wire.MemberKnownMax))
	for ; i < len(c.ring) && len(known) < wire.MemberKnownMax; i++ {
		if c.known[i].Digest != 0 {
			known = append(known, c.known[i])
		}
	}
	s.end = c.idAt(i)
	c.ask(s.peer, wire.MemberRequest{
		Kind: wire.MemberSync, Start: s.start, End: s.end,
		Claims: c.gossip(c.greet(s.peer)), Known: known,
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

// answerPage says what this node knows better of the range, or otherwise, and
// whether the other one knows of members that this one does not.
func (c *core) answerPage(
	from messages.NodeID, page wire.MemberRequest,
) (response wire.MemberResponse, news bool) {
	response = wire.MemberResponse{End: page.End, Claims: c.greet(from)}
	theirs, n := page.Known, 0
	i, end := c.search(page.Start), len(c.ring)
	if page.End != (messages.NodeID{}) {
		end = c.search(page.End)
	}
	for ; i < end; i++ {
		if n == c.cfg.SyncPageMembers {
			response.End, theirs = c.idAt(i), nil
			break
		}
		own := c.known[i]
		for len(theirs) > 0 && theirs[0].Prefix < own.Prefix {
			theirs, news = theirs[1:], true
		}
		if len(theirs) > 0 && theirs[0].Prefix == own.Prefix {
			known := theirs[0]
			theirs = theirs[1:]
			if known.Digest == own.Digest && known.Round >= own.Round {
				continue
			}
		} else if own.Digest == 0 {
			continue // neither of us has it
		}
		if m := c.ring[i]; m != c.self && m.id() != from {
			response.Claims = append(response.Claims, claim(m))
			n++
		}
	}
	return response, news || len(theirs) > 0
}

// askBack compares with a node that knows more, though not too often: where
// many join at once, everybody knows more than somebody.
func (c *core) askBack(from messages.NodeID) {
	if c.now >= c.askBackAt && len(c.ring) < c.cfg.MembersMax && !c.leaving {
		c.askBackAt = c.now + c.cfg.SyncFirst
		c.syncWith(from)
	}
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
