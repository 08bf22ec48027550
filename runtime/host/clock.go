package host

import (
	"time"

	"github.com/noisefs/noisefs/runtime/port"
)

var _ port.Clock = (*Clock)(nil)

// Clock is the machine's time, delivering to one incarnation.
type Clock struct{ due func(any) }

// NewClock makes a clock that delivers timers to due, which is called on a
// goroutine of its own and must not block. A timer of an incarnation that
// has ended fires into the void: due drops it.
func NewClock(due func(any)) *Clock { return &Clock{due} }

// Now implements [port.Clock].
func (*Clock) Now() time.Time { return time.Now() }

// After implements [port.Clock].
func (c *Clock) After(d time.Duration, due any) port.Timer {
	return time.AfterFunc(d, func() { c.due(due) })
}

// Elapsed is a monotonic reading: the time since the process-wide start that
// NewElapsed was called at.
func NewElapsed() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}
