package membership

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sort"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// capacityMax is more than any node offers, in blocks: 128 PiB.
const capacityMax = 1 << 40

// member is what this node knows of another, or of itself. Times are since
// the start of this incarnation of the actor.
type member struct {
	record    *messages.Member // immutable; shared with views
	suspicion *suspicion       // while Status is MemberSuspect
	since     time.Duration    // when Status became what it is
	uptime    uptime
	round     uint32     // of the record's coordinate
	trips     [3]float32 // the last round trips, in seconds
	tripped   uint8      // how many of them there are

	sent    uint8  // how often it was passed on, while queued
	queued  bool   // it is news
	ordered bool   // it has a place in the order of probes
	doubted bool   // somebody believes something else of it
	gone    bool   // it was forgotten; whoever still points to it lets go
	keep    uint64 // of two that there is no room for, the lower one stays
}

// id is short for its ID.
func (m *member) id() messages.NodeID { return m.record.ID }

// here reports whether it is counted as part of the network.
func (m *member) here() bool {
	return m.record.Status == messages.MemberAlive || m.record.Status == messages.MemberSuspect
}

// trip takes in a round trip and returns the median of the last three:
// one stall is no distance.
func (m *member) trip(took time.Duration) time.Duration {
	copy(m.trips[1:], m.trips[:2])
	m.trips[0] = float32(took.Seconds())
	m.tripped = min(m.tripped+1, 3)
	sorted := m.trips
	slices.Sort(sorted[:m.tripped])
	return time.Duration(float64(sorted[m.tripped/2]) * float64(time.Second))
}

// search returns the place on the ring of the first member whose ID is not
// below id.
func (c *core) search(id messages.NodeID) int {
	prefix := binary.BigEndian.Uint64(id[:])
	i := sort.Search(len(c.known), func(i int) bool { return c.known[i].Prefix >= prefix })
	for i < len(c.ring) && c.known[i].Prefix == prefix &&
		bytes.Compare(c.ring[i].record.ID[:], id[:]) < 0 {
		i++
	}
	return i
}

// note brings what is known of a member in short up to date.
func (c *core) note(m *member) { c.known[c.search(m.id())] = inShort(m) }

// inShort is what is known of a member, with no digest when it is not here.
func inShort(m *member) wire.MemberKnown {
	said := claim(m)
	known := said.Known()
	if !m.here() {
		known.Digest = 0
	}
	return known
}

// find returns the member of that ID, or nil.
func (c *core) find(id messages.NodeID) *member {
	if i := c.search(id); i < len(c.ring) && c.ring[i].id() == id {
		return c.ring[i]
	}
	return nil
}

// admit takes in a member that was not known, if there is room for it. Those
// that are not there are not worth it.
func (c *core) admit(claim *wire.MemberClaim, how hearing) {
	if claim.Member.Status > messages.MemberSuspect || !c.makeRoom(claim.Member.ID) {
		return
	}
	m := &member{round: claim.Round, since: c.now, keep: c.keepOf(claim.Member.ID)}
	m.uptime = newUptime(c.now)
	record := cleaned(&claim.Member)
	record.Status = messages.MemberAlive
	record.UptimeClass = m.uptime.class
	m.record = &record
	at := c.search(m.id())
	c.ring, c.victim = slices.Insert(c.ring, at, m), nil
	c.known = slices.Insert(c.known, at, inShort(m))
	c.here++
	c.putInOrder(m)
	c.changed()
	if how != pageOfSync {
		c.tell(m)
	}
	if claim.Member.Status == messages.MemberSuspect {
		c.suspect(m, claim.Accuser)
	}
}

// cleaned copies a record, without what no member can have.
func cleaned(m *messages.Member) messages.Member {
	record := *m
	record.CapacityBlocks = min(record.CapacityBlocks, capacityMax)
	if !plausible(record.Coordinate) {
		record.Coordinate = messages.Coordinate{}
	}
	return record
}

// makeRoom makes room for a member of that ID, and reports whether there is.
func (c *core) makeRoom(id messages.NodeID) bool {
	if len(c.ring) < c.cfg.MembersMax {
		return true
	}
	if len(c.missing) > 0 {
		c.forget(c.missing[0])
		return true
	}
	own := c.search(c.self.id())
	if c.victim == nil {
		c.victim = c.leastWanted(own)
	}
	if !c.near(c.search(id), own) && c.keepOf(id) >= c.victim.keep {
		return false
	}
	c.forget(c.victim)
	return true
}

// leastWanted returns the member that goes first when there is no more room.
// own is this node's place on the ring.
func (c *core) leastWanted(own int) *member {
	var least *member
	for i, m := range c.ring {
		if !c.near(i, own) && (least == nil || m.keep > least.keep) {
			least = m
		}
	}
	return least
}

// near reports whether two places on the ring are within nearMax.
func (c *core) near(i, j int) bool {
	n := len(c.ring)
	return (i-j+n)%n <= nearMax || (j-i+n)%n <= nearMax
}

// keepOf draws an even sample that nobody else can foresee: the members with
// the lowest values. The mixing is the finalizer of SplitMix64 (Steele, Lea,
// Flood, OOPSLA 2014).
func (c *core) keepOf(id messages.NodeID) uint64 {
	x := binary.LittleEndian.Uint64(id[:]) ^ c.keepKey
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// forget drops a member for want of room, or because it is long gone.
func (c *core) forget(m *member) {
	at := c.search(m.id())
	c.ring, c.victim = slices.Delete(c.ring, at, at+1), nil
	c.known = slices.Delete(c.known, at, at+1)
	m.gone = true
	if m.here() {
		c.here--
		c.changed()
	}
	c.suspects = without(c.suspects, m)
	c.missing = without(c.missing, m)
	c.news = without(c.news, m)
	c.doubts = without(c.doubts, m)
	// The order of probes lets go of it when it comes by.
}

// without removes a member from a list that may have it, and keeps the order.
func without(list []*member, m *member) []*member {
	if i := slices.Index(list, m); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// become gives a member another record, and keeps the books: the lists, the
// uptime and whether the view has to change.
func (c *core) become(m *member, next messages.Member) {
	was := *m.record
	c.account(m)
	next.UptimeClass = m.uptime.class
	m.record = &next
	c.note(m)
	if was.Status != next.Status {
		m.since = c.now
		c.move(m, was.Status, next.Status)
		c.viewIn(c.cfg.ViewInterval)
	}
	if was.CapacityBlocks != next.CapacityBlocks || was.Domain != next.Domain ||
		was.Undialable != next.Undialable ||
		was.UptimeClass != next.UptimeClass {
		c.changed()
	}
	if was.Coordinate != next.Coordinate {
		c.moved()
	}
}

// move puts a member from the lists of one status onto those of another.
func (c *core) move(m *member, was, is messages.MemberStatus) {
	isHere := func(s messages.MemberStatus) bool { return s <= messages.MemberSuspect }
	if was == messages.MemberSuspect {
		m.suspicion = nil
		c.suspects = without(c.suspects, m)
	}
	switch {
	case isHere(was) && !isHere(is):
		c.here--
		c.missing = append(c.missing, m)
		c.changed()
	case !isHere(was) && isHere(is):
		c.here++
		c.missing = without(c.missing, m)
		c.putInOrder(m)
		c.changed()
	}
	if is == messages.MemberSuspect {
		m.suspicion = c.newSuspicion()
		c.suspects = append(c.suspects, m)
	}
}
