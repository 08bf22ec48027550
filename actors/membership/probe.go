package membership

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// probe is the question whether a member is there: to it, and when it does
// not answer, to others who may reach it.
type probe struct {
	m       *member
	waiting int // relays that have not answered
	silent  int // relays that gave no answer at all
	done    bool
}

// putInOrder gives a member a random place among those still to be probed in
// this round.
func (c *core) putInOrder(m *member) {
	if m.ordered {
		return
	}
	m.ordered = true
	c.order = append(c.order, m)
	last := len(c.order) - 1
	place := c.next + c.draw.IntN(last-c.next+1)
	c.order[last], c.order[place] = c.order[place], c.order[last]
}

// inOrder returns the next member of the round, or nil when nobody is there.
// Each round asks everybody once, in a new random order.
func (c *core) inOrder() *member {
	for range 2 {
		for c.next < len(c.order) {
			m := c.order[c.next]
			c.next++
			if !m.gone && m.here() {
				return m
			}
			m.ordered = false // it is put in order again if it comes back
		}
		c.newRound()
	}
	return nil
}

func (c *core) newRound() {
	for _, m := range c.order {
		m.ordered = false
	}
	c.order, c.next = c.order[:0], 0
	for _, m := range c.ring {
		if m != c.self && m.here() {
			m.ordered = true
			c.order = append(c.order, m)
		}
	}
	c.draw.Shuffle(len(c.order), func(i, j int) {
		c.order[i], c.order[j] = c.order[j], c.order[i]
	})
}

// whom returns whom to probe now: one that somebody holds another belief of,
// else the next of the round.
func (c *core) whom() *member {
	if n := len(c.doubts); n > 0 {
		i := c.draw.IntN(n) // others hold the same doubts: begin elsewhere
		m := c.doubts[i]
		c.doubts[i] = c.doubts[n-1]
		c.doubts = c.doubts[:n-1]
		m.doubted = false
		return m
	}
	return c.inOrder()
}

// probeNext probes one member, unless the last probe is still under way.
func (c *core) probeNext() {
	if c.probe != nil && !c.probe.done {
		return
	}
	m := c.whom()
	if m == nil {
		return
	}
	if !m.here() {
		c.knock(m.id())
		return
	}
	c.account(m)
	c.probe = &probe{m: m}
	c.ping(m.id(), ticket{purpose: forProbe, probe: c.probe})
}

// ping asks a node whether it is there, and passes news on.
func (c *core) ping(to messages.NodeID, why ticket) {
	c.ask(to, wire.MemberRequest{Kind: wire.MemberPing, Claims: c.gossip(c.greet(to))},
		c.patience(1), why)
}

// knock asks a node that is not believed to be there.
func (c *core) knock(to messages.NodeID) { c.ping(to, ticket{purpose: forKnock}) }

// patience is how long to wait for an answer over so many hops.
func (c *core) patience(hops int) time.Duration {
	return time.Duration(hops*(c.health+1)) * c.cfg.ProbeTimeout
}

// probeAnswered: the member itself was asked.
func (c *core) probeAnswered(p *probe, ok bool, took time.Duration) {
	if ok {
		p.done = true
		c.better()
		c.tripped(p.m, took)
		return
	}
	for _, relay := range c.some(c.cfg.IndirectProbes, p.m) {
		p.waiting++
		c.ask(relay.id(), wire.MemberRequest{
			Kind: wire.MemberRelay, Target: p.m.id(), Claims: c.gossip(c.greet(relay.id())),
		}, c.patience(2), ticket{purpose: forRelay, probe: p})
	}
	if p.waiting == 0 {
		p.silent = 1
		c.probeFailed(p)
	}
}

// relayAnswered: another was asked to reach the member.
func (c *core) relayAnswered(p *probe, ok, reached bool) {
	p.waiting--
	if p.done {
		return
	}
	switch {
	case reached:
		p.done = true
		return
	case !ok:
		p.silent++
	}
	if p.waiting == 0 {
		c.probeFailed(p)
	}
}

// probeFailed suspects the member, and this node's own health as far as
// nobody else has answered either.
func (c *core) probeFailed(p *probe) {
	p.done = true
	c.worse(p.silent)
	if !p.m.gone && p.m.here() {
		c.suspect(p.m, c.self.id())
	}
}

// worse and better keep the local health multiplier of Lifeguard: a node that
// hears nobody is slow to accuse others.
func (c *core) worse(by int) { c.health = min(c.health+by, c.cfg.HealthMax) }
func (c *core) better()      { c.health = max(c.health-1, 0) }

// tripped takes in a round trip to a member.
func (c *core) tripped(m *member, took time.Duration) {
	if took <= 0 || took > roundTripMax {
		return
	}
	c.place.observe(m.record.Coordinate, m.trip(took), c.draw)
	if c.place.moved(c.self.record.Coordinate) {
		c.self.round++
		next := *c.self.record
		next.Coordinate = c.place.coordinate()
		c.become(c.self, next)
	}
}

// some draws up to n different members that are believed alive, except one.
func (c *core) some(n int, except *member) []*member {
	var drawn []*member
	for tries := 0; len(drawn) < n && tries < 8*n; tries++ {
		m := c.ring[c.draw.IntN(len(c.ring))]
		taken := m == c.self || m == except || m.record.Status != messages.MemberAlive
		for _, other := range drawn {
			taken = taken || other == m
		}
		if !taken {
			drawn = append(drawn, m)
		}
	}
	return drawn
}

// probeMissing asks, now and then, one that was given up, or a seed that is
// not here: after a partition, somebody has to knock first.
func (c *core) probeMissing() {
	if c.now < c.knockAt {
		return
	}
	c.knockAt = c.now + c.spread(c.cfg.DeadProbeInterval)
	if n := len(c.cfg.Seeds); n > 0 && c.draw.IntN(4) == 0 {
		seed := c.cfg.Seeds[c.draw.IntN(n)]
		if m := c.find(seed); seed != c.self.id() && (m == nil || !m.here()) {
			c.knock(seed)
			return
		}
	}
	if m := c.aDeadOne(); m != nil {
		c.knock(m.id())
	}
}

// aDeadOne draws one of the members that were given up, or nil.
func (c *core) aDeadOne() *member {
	n := len(c.missing)
	if n == 0 {
		return nil
	}
	start := c.draw.IntN(n)
	for i := range n {
		if m := c.missing[(start+i)%n]; m.record.Status == messages.MemberDead {
			return m
		}
	}
	return nil
}
