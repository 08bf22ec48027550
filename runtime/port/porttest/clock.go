package porttest

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/runtime/port"
)

// ClockHarness makes the clocks that the suite of [Clock] tests.
type ClockHarness struct {
	New   func(tb testing.TB, due func(any)) port.Clock
	Await Await
}

// Clock proves the contract of [port.Clock].
func Clock(t *testing.T, h ClockHarness) {
	start := func(t *testing.T) (port.Clock, *inbox) {
		box := &inbox{await: h.Await}
		return h.New(t, box.deliver), box
	}
	t.Run("DeliversOnceAndNotEarly", func(t *testing.T) {
		clock, box := start(t)
		for _, d := range []time.Duration{0, -time.Hour, time.Nanosecond, 3 * time.Millisecond} {
			before := clock.Now()
			timer := clock.After(d, d)
			if got := box.next(t); got != d {
				t.Errorf("got %v, want %v", got, d)
			}
			if passed := clock.Now().Sub(before); passed < d {
				t.Errorf("a timer of %s fired after %s", d, passed)
			}
			if timer.Stop() {
				t.Errorf("a timer of %s could be stopped after it had fired", d)
			}
		}
		if left := box.count(); left != 0 {
			t.Errorf("%d messages too many", left)
		}
	})
	t.Run("StopCancels", func(t *testing.T) {
		clock, box := start(t)
		timer := clock.After(time.Hour, "stopped")
		if !timer.Stop() {
			t.Error("a pending timer could not be stopped")
		}
		if timer.Stop() {
			t.Error("a timer could be stopped twice")
		}
		clock.After(time.Millisecond, "kept")
		if got := box.next(t); got != "kept" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("StopIsAllOrNothing", func(t *testing.T) {
		clock, box := start(t)
		fired := 0
		for i := range 200 {
			timer := clock.After(time.Duration(i)*time.Microsecond, i)
			if i%2 == 0 && timer.Stop() {
				continue
			}
			fired++
		}
		h.Await(t, func() bool { return box.count() >= fired })
		clock.After(5*time.Millisecond, "last")
		h.Await(t, func() bool { return box.count() > fired })
		if got := box.count(); got != fired+1 {
			t.Errorf("%d messages, want %d", got, fired+1)
		}
	})
}
