package membership

import (
	"time"

	"github.com/noisefs/noisefs/messages"
)

// views says when the siblings get a new view.
type views struct {
	due     time.Duration // when the next one is due; negative: no change
	last    time.Duration // when the last one was told
	place   uint64        // counts changes of what placement depends on
	current *messages.View
	stale   bool // current is not what is known
}

// changed notes a change that others act on.
func (c *core) changed() {
	c.views.place++
	c.viewIn(c.cfg.ViewInterval)
}

// moved notes that coordinates have changed.
func (c *core) moved() { c.viewIn(c.cfg.CoordinateInterval) }

// viewIn makes the view due, not sooner than interval after the last one.
func (c *core) viewIn(interval time.Duration) {
	c.views.stale = true
	due := max(c.now, c.views.last+interval)
	if c.views.current == nil {
		due = c.now
	}
	if c.views.due < 0 || due < c.views.due {
		c.views.due = due
	}
}

// tellView returns the view to be told now.
func (c *core) tellView(now time.Duration) *messages.View {
	c.now = now
	c.views.due, c.views.last = -1, now
	return c.view()
}

// view returns who is in the network. Members are shared with earlier views.
func (c *core) view() *messages.View {
	if !c.views.stale {
		return c.views.current
	}
	version := uint64(1)
	if c.views.current != nil {
		version = c.views.current.Version + 1
	}
	members := make([]*messages.Member, 0, c.here+1)
	for _, m := range c.ring {
		if m.here() || m == c.self {
			members = append(members, m.record)
		}
	}
	c.views.current = messages.NewView(c.self.id(), version, c.views.place, members, c.views.current)
	c.views.stale = false
	return c.views.current
}
