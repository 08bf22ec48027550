package sim

import (
	"errors"
	"math/rand/v2"
	"time"
)

// ErrRunaway reports more work in one virtual instant than the bound allows.
var ErrRunaway = errors.New("sim: time stands still")

// loop is the event loop. It is used by one goroutine.
type loop struct {
	nowNS int64 // virtual, since the start of the world
	ready []func()
	heap  timerHeap
	pick  *rand.Rand // draws the next of what is ready; nil: first come, first served

	workMax int    // slices per virtual instant
	work    int    // slices at this instant
	steps   uint64 // slices and timers in all
}

// timer is a function that runs at a time.
type timer struct {
	run   func()
	group *timerGroup
	state timerState
}

type timerState uint8

const (
	timerPending timerState = iota
	timerFired
	timerStopped
)

// timerGroup is a set of timers that can be stopped at once.
type timerGroup struct {
	pending int
	ended   bool
}

// Schedule implements shell.Dispatcher.
func (l *loop) Schedule(f func()) { l.ready = append(l.ready, f) }

// Throughput implements shell.Dispatcher: after each message another actor
// may be drawn.
func (l *loop) Throughput() int { return 1 }

// after runs f when d has passed; a negative d is taken as 0.
func (l *loop) after(d time.Duration, group *timerGroup, f func()) *timer {
	t := &timer{run: f, group: group}
	group.pending++
	l.heap.push(l.nowNS+max(0, int64(d)), t)
	return t
}

// stop cancels a timer; false if it has fired or was stopped.
func (l *loop) stop(t *timer) bool {
	if t.state != timerPending || t.group.ended {
		return false
	}
	t.state = timerStopped
	t.group.pending--
	l.heap.stopped(1)
	return true
}

// end stops all timers of a group.
func (l *loop) end(group *timerGroup) {
	if !group.ended {
		group.ended = true
		l.heap.stopped(group.pending)
	}
}

// idle reports whether nothing will ever happen by itself.
func (l *loop) idle() bool { return len(l.ready) == 0 && l.heap.live() == 0 }

// step runs one slice or one timer, at untilNS at the latest. It reports
// whether it did.
func (l *loop) step(untilNS int64) (bool, error) {
	due, at := l.heap.next()
	now := due && at <= l.nowNS
	if len(l.ready) == 0 && !now {
		if !due || at > untilNS {
			return false, nil
		}
		l.nowNS, l.work = at, 0
		now = true
	}
	l.work++
	l.steps++
	if l.work > l.workMax {
		return false, ErrRunaway
	}
	choices := len(l.ready)
	if now {
		choices++
	}
	choice := 0
	if l.pick != nil && choices > 1 {
		choice = l.pick.IntN(choices)
	}
	if choice == len(l.ready) {
		l.fire()
		return true, nil
	}
	l.takeReady(choice)()
	return true, nil
}

// takeReady removes the i-th ready slice. In drawn order, the last takes its
// place; in order of arrival, the rest moves up.
func (l *loop) takeReady(i int) func() {
	f := l.ready[i]
	last := len(l.ready) - 1
	if l.pick != nil {
		l.ready[i] = l.ready[last]
		l.ready[last] = nil
		l.ready = l.ready[:last]
		return f
	}
	l.ready[i] = nil
	l.ready = l.ready[1:]
	return f
}

func (l *loop) fire() {
	t := l.heap.pop()
	t.state = timerFired
	t.group.pending--
	t.run()
}
