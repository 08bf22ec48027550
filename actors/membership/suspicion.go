package membership

import (
	"math"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// suspicion is the time that a member has to refute that it is dead. The more
// nodes suspect it independently, the shorter it gets (Dadgar, Phillips,
// Currey, "Lifeguard", DSN-W 2018; the formulas are hashicorp/memberlist's).
type suspicion struct {
	began    time.Duration
	min, max time.Duration
	needed   int               // confirmations that shorten max to min
	accusers []messages.NodeID // who suspects it, needed+1 at most
}

// suspicionMin is how long a suspicion lasts at least: mult * max(1,
// log10(members)) * interval.
func suspicionMin(mult, members int, interval time.Duration) time.Duration {
	scale := max(1, math.Log10(float64(max(1, members))))
	return time.Duration(float64(mult) * scale * float64(interval))
}

// span is how long the suspicion lasts with the confirmations so far: max -
// (max-min) * log(confirmations+1) / log(needed+1), and min once all are there.
func (s *suspicion) span() time.Duration {
	confirmed := max(0, len(s.accusers)-1)
	if confirmed >= s.needed {
		return s.min
	}
	share := math.Log(float64(confirmed)+1) / math.Log(float64(s.needed)+1)
	return max(s.min, s.max-time.Duration(share*float64(s.max-s.min)))
}

// retransmits is how often news is passed on: mult * ceil(log10(members+1)).
func retransmits(mult, members int) uint8 {
	n := mult * int(math.Ceil(math.Log10(float64(members)+1)))
	return uint8(min(n, math.MaxUint8))
}

// newSuspicion begins now, without accusers.
func (c *core) newSuspicion() *suspicion {
	members := c.here + 1
	s := &suspicion{
		began: c.now, needed: max(0, c.cfg.SuspicionMult-2),
		min: suspicionMin(c.cfg.SuspicionMult, members, c.cfg.ProbeInterval),
	}
	if members-2 < s.needed {
		s.needed = 0 // too few to confirm anything
	}
	s.max = time.Duration(c.cfg.SuspicionMaxMult) * s.min
	return s
}

// suspect takes in that a node, this one or another, got no answer from a
// member that is here.
func (c *core) suspect(m *member, accuser messages.NodeID) {
	if m.record.Status == messages.MemberAlive {
		next := *m.record
		next.Status = messages.MemberSuspect
		c.become(m, next)
	}
	s := m.suspicion
	if accuser == m.id() || len(s.accusers) > s.needed || slices.Contains(s.accusers, accuser) {
		return
	}
	s.accusers = append(s.accusers, accuser)
	c.tell(m)
}

// bury declares those dead that did not refute in time.
func (c *core) bury() {
	for i := len(c.suspects) - 1; i >= 0; i-- {
		m := c.suspects[i]
		if c.now < m.suspicion.began+m.suspicion.span() {
			continue
		}
		next := *m.record
		next.Status = messages.MemberDead
		c.become(m, next)
		c.tell(m)
	}
}

// forgetMissing forgets who has been gone for long.
func (c *core) forgetMissing() {
	for len(c.missing) > 0 && c.now >= c.missing[0].since+c.cfg.DeadRetain {
		c.forget(c.missing[0])
	}
}
