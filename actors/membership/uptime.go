package membership

import (
	"math"
	"time"
)

// Uptime classes. A member that nobody has watched for long is given the
// benefit of some doubt, so that a new network is an even one.
const (
	uptimeAtFirst    = 0.9
	uptimeHysteresis = 0.02
)

// uptimeClasses are the shares from which a member is in class 1, 2, 3.
var uptimeClasses = [3]float64{0.5, 0.8, 0.95}

// uptime is the share of the time that a member was seen to be there,
// decayed exponentially.
type uptime struct {
	at    time.Duration // up to when it is counted
	share float32
	class uint8
}

func newUptime(now time.Duration) uptime {
	return uptime{at: now, share: uptimeAtFirst, class: 2}
}

// account counts the time since the last call as up or down.
func (u *uptime) account(now, halfLife time.Duration, up bool) {
	old := math.Exp2(-float64(now-u.at) / float64(halfLife))
	share := float64(u.share) * old
	if up {
		share += 1 - old
	}
	u.at, u.share = now, float32(share)
	for u.class < 3 && share >= uptimeClasses[u.class] {
		u.class++
	}
	for u.class > 0 && share < uptimeClasses[u.class-1]-uptimeHysteresis {
		u.class--
	}
}

// account brings a member's uptime up to date; its record follows when the
// class has changed.
func (c *core) account(m *member) {
	m.uptime.account(c.now, c.cfg.UptimeHalfLife, m.here())
	if m.uptime.class != m.record.UptimeClass {
		next := *m.record
		next.UptimeClass = m.uptime.class
		m.record = &next
		c.changed()
	}
}
