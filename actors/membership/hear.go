package membership

import (
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// incarnationSkewMax is by how much the clocks of two nodes may differ. A
// claim about a later incarnation is a lie: believed, its subject could not
// refute it.
const incarnationSkewMax = 24 * time.Hour

// hearing is how a claim came.
type hearing uint8

const (
	fromItself hearing = iota // the sender speaks of itself, proved
	asNews                    // passed on with a packet
	pageOfSync                // part of all that the sender knows
)

// hearAll takes in the claims of a packet. The first one is the sender's of
// itself; it is false, and nothing is heard, when it speaks of another.
func (c *core) hearAll(from messages.NodeID, claims []wire.MemberClaim, others hearing) bool {
	if claims[0].Member.ID != from || from == c.self.id() {
		return false
	}
	c.hear(&claims[0], fromItself)
	for i := range claims[1:] {
		c.hear(&claims[1+i], others)
	}
	return true
}

// hear takes in a claim: of a later incarnation, or of the same one and a
// higher status, it is believed, except that nobody is declared dead on
// another's word.
func (c *core) hear(claim *wire.MemberClaim, how hearing) {
	if claim.Member.Incarnation > c.incarnationMax() {
		return
	}
	if claim.Member.ID == c.self.id() {
		c.defend(claim)
		return
	}
	m := c.find(claim.Member.ID)
	switch {
	case m == nil:
		c.admit(claim, how)
	case claim.Member.Incarnation < m.record.Incarnation:
		// Old news.
	case claim.Member.Status == messages.MemberAlive:
		c.hearAlive(m, claim, how)
	case claim.Member.Status == messages.MemberSuspect:
		c.hearSuspect(m, claim)
	case claim.Member.Status == messages.MemberDead:
		c.hearDead(m, claim)
	default:
		c.hearLeft(m, claim)
	}
}

// incarnationMax is the latest incarnation that a member can have by now.
func (c *core) incarnationMax() uint64 {
	return c.born + uint64((c.now + incarnationSkewMax).Milliseconds())
}

func (c *core) hearAlive(m *member, claim *wire.MemberClaim, how hearing) {
	if claim.Member.Incarnation == m.record.Incarnation {
		switch {
		case m.record.Status == messages.MemberDead:
			c.doubt(m) // if it is alive, it will say so
		case m.here():
			c.hearCoordinate(m, claim)
		}
		return
	}
	wasDead := m.record.Status == messages.MemberDead
	wasHere := m.record.Status == messages.MemberAlive
	m.round = claim.Round
	c.become(m, cleaned(&claim.Member))
	if how != pageOfSync || !wasHere {
		c.tell(m)
	}
	if wasDead {
		c.resync(m, how)
	}
}

// hearCoordinate takes in a later coordinate of the same incarnation.
func (c *core) hearCoordinate(m *member, claim *wire.MemberClaim) {
	if claim.Round <= m.round || !plausible(claim.Member.Coordinate) {
		return
	}
	m.round = claim.Round
	next := *m.record
	next.Coordinate = claim.Member.Coordinate
	c.become(m, next)
}

func (c *core) hearSuspect(m *member, claim *wire.MemberClaim) {
	if claim.Member.Incarnation > m.record.Incarnation {
		m.round = claim.Round
		next := cleaned(&claim.Member)
		next.Status = messages.MemberAlive
		c.become(m, next)
	}
	if m.here() {
		c.suspect(m, claim.Accuser)
	}
}

// hearDead takes in that another node gave a member up. It is heard as one
// more accusation of a suspect; of anybody else it is found out.
func (c *core) hearDead(m *member, claim *wire.MemberClaim) {
	switch m.record.Status {
	case messages.MemberAlive:
		c.doubt(m)
	case messages.MemberSuspect:
		c.suspect(m, claim.Accuser)
	case messages.MemberDead:
		if claim.Member.Incarnation > m.record.Incarnation {
			next := *m.record
			next.Incarnation = claim.Member.Incarnation
			c.become(m, next)
		}
	case messages.MemberLeft:
	}
}

func (c *core) hearLeft(m *member, claim *wire.MemberClaim) {
	if m.record.Status == messages.MemberLeft &&
		m.record.Incarnation == claim.Member.Incarnation {
		return
	}
	next := *m.record
	next.Status, next.Incarnation = messages.MemberLeft, claim.Member.Incarnation
	c.become(m, next)
	c.tell(m)
}

// defend raises this node's incarnation above what another said of it, unless
// that is what it says itself.
func (c *core) defend(claim *wire.MemberClaim) {
	own := c.self.record
	said := &claim.Member
	if said.Incarnation < own.Incarnation || own.Status == messages.MemberLeft {
		return
	}
	if said.Incarnation == own.Incarnation && said.Status == messages.MemberAlive &&
		said.CapacityBlocks == own.CapacityBlocks && said.Domain == own.Domain &&
		said.Undialable == own.Undialable {
		return
	}
	if said.Status != messages.MemberAlive {
		c.worse(1) // others could not hear us
	}
	next := *own
	next.Incarnation = said.Incarnation + 1
	c.become(c.self, next)
	c.protest(claim.Accuser)
}

// reached takes in whether others can connect to this node, and says so from now
// on: each of its packets begins with what it says of itself.
func (c *core) reached(now time.Duration, undialable bool) {
	c.now = now
	if c.self.record.Undialable == undialable || c.leaving {
		return
	}
	next := *c.self.record
	next.Undialable = undialable
	next.Incarnation++
	c.become(c.self, next)
}

// protest says at once that this node is here, to who accused it and some
// others, who pass it on: a node in bad health may not probe again in time.
func (c *core) protest(accuser messages.NodeID) {
	if c.now < c.protestAt {
		return // what others say of us is not to make us flood them
	}
	c.protestAt = c.now + c.cfg.ProbeTimeout
	m := c.find(accuser)
	if m == c.self {
		m = nil
	}
	if m != nil {
		c.knock(m.id())
	}
	for _, other := range c.some(protestFanout, m) {
		c.knock(other.id())
	}
}

// protestFanout is how many others are told that this node is here.
const protestFanout = 3

// doubt has a member asked soon, because somebody believes something else of
// it: alive, it refutes; dead, it is found out.
func (c *core) doubt(m *member) {
	if !m.doubted {
		m.doubted = true
		c.doubts = append(c.doubts, m)
	}
}

// tell makes what is believed of a member news, to be passed on.
func (c *core) tell(m *member) {
	m.sent = 0
	if !m.queued {
		m.queued = true
		c.news = append(c.news, m)
	}
}

// claim is what this node says of a member.
func claim(m *member) wire.MemberClaim {
	said := wire.MemberClaim{Member: *m.record, Round: m.round}
	if m.suspicion != nil && len(m.suspicion.accusers) > 0 {
		said.Accuser = m.suspicion.accusers[len(m.suspicion.accusers)-1]
	}
	return said
}

// greet begins a packet: this node's claim of itself, and what it believes of
// the receiver where that is to be refuted.
func (c *core) greet(to messages.NodeID) []wire.MemberClaim {
	claims := append(c.room[:0], claim(c.self))
	if m := c.find(to); m != nil && m.record.Status != messages.MemberAlive {
		claims = append(claims, claim(m))
	}
	return claims
}

// gossip adds news to a packet, what was passed on least first, and of that
// the latest.
func (c *core) gossip(claims []wire.MemberClaim) []wire.MemberClaim {
	if len(c.news) == 0 {
		return claims
	}
	limit := retransmits(c.cfg.RetransmitMult, c.here+1)
	told := c.told[:0]
	for sent := uint8(0); sent < limit && len(told) < c.cfg.UpdatesPerPacket; sent++ {
		for i := len(c.news) - 1; i >= 0 && len(told) < c.cfg.UpdatesPerPacket; i-- {
			if c.news[i].sent == sent {
				told = append(told, c.news[i])
			}
		}
		if len(told) == len(c.news) {
			break
		}
	}
	done := false
	for _, m := range told {
		claims = append(claims, claim(m))
		m.sent++
		done = done || m.sent >= limit
	}
	c.told = told[:0]
	if done || len(told) == 0 {
		c.news = slices.DeleteFunc(c.news, func(m *member) bool {
			m.queued = m.sent < limit
			return !m.queued
		})
	}
	return claims
}

// roomKept bounds the array that is kept for the next packet, in claims: a
// page of a sync needs more, but seldom.
const roomKept = 32

// keepRoom lets the next packet use the array of this one.
func (c *core) keepRoom(claims []wire.MemberClaim) {
	if cap(claims) <= roomKept {
		c.room = claims[:0]
	}
}

// headSize guesses the size of a packet's head.
func headSize(claims int) int { return 80 + 112*claims }
