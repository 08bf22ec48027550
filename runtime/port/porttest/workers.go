package porttest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// WorkersHarness makes the ports that the suite of [Workers] tests.
type WorkersHarness struct {
	New   func(tb testing.TB, answer func(any)) port.Workers
	Await Await
}

// Workers proves the contract of [port.Workers].
func Workers(t *testing.T, h WorkersHarness) {
	start := func(t *testing.T) (port.Workers, *inbox) {
		box := &inbox{await: h.Await}
		return h.New(t, box.deliver), box
	}
	t.Run("AnswersEachOnce", func(t *testing.T) {
		workers, box := start(t)
		const jobs = 1000
		var ran atomic.Int64
		for i := range jobs {
			cost := time.Duration(i%7) * time.Microsecond
			workers.Do(messages.Corr(i), cost, func() any { ran.Add(1); return i * i })
		}
		for corr, answer := range box.all(t, jobs) {
			done := answer.(messages.WorkDone)
			if done.Err != nil || done.Result != int(corr)*int(corr) {
				t.Errorf("job %d: got %v, %v", corr, done.Result, done.Err)
			}
		}
		if got := ran.Load(); got != jobs {
			t.Errorf("%d jobs ran, want %d", got, jobs)
		}
	})
	t.Run("PanicIsAnError", func(t *testing.T) {
		workers, box := start(t)
		workers.Do(1, 0, func() any { panic("canary") })
		if done := answerAs[messages.WorkDone](t, box, 1); !errors.Is(done.Err, port.ErrWorkPanicked) {
			t.Errorf("got %v", done.Err)
		}
		workers.Do(2, 0, func() any { return "still there" })
		done := answerAs[messages.WorkDone](t, box, 2)
		if done.Err != nil || done.Result != "still there" {
			t.Errorf("got %v, %v", done.Result, done.Err)
		}
	})
}
