package sim

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The loop against a model: a list that is searched for the earliest.
func TestLoopAgainstAModel(t *testing.T) {
	type entry struct {
		atNS  int64
		id    int
		timer *timer
		group int
	}
	rapid.Check(t, func(t *rapid.T) {
		l := &loop{workMax: 1 << 30}
		groups := []*timerGroup{{}, {}, {}}
		var model []entry
		var fired []int
		remove := func(match func(entry) bool) { model = slices.DeleteFunc(model, match) }
		for id := range rapid.IntRange(1, 3000).Draw(t, "operations") {
			switch op := rapid.IntRange(0, 99).Draw(t, "operation"); {
			case op < 60:
				g := rapid.IntRange(0, len(groups)-1).Draw(t, "group")
				d := time.Duration(rapid.IntRange(-1, 50).Draw(t, "delay"))
				timer := l.after(d, groups[g], func() { fired = append(fired, id) })
				model = append(model, entry{l.nowNS + max(0, int64(d)), id, timer, g})
			case op < 80 && len(model) > 0:
				e := model[rapid.IntRange(0, len(model)-1).Draw(t, "victim")]
				if !l.stop(e.timer) || l.stop(e.timer) {
					t.Fatalf("a pending timer stops once")
				}
				remove(func(other entry) bool { return other.id == e.id })
			case op == 80:
				g := rapid.IntRange(0, len(groups)-1).Draw(t, "ended")
				l.end(groups[g])
				remove(func(e entry) bool { return e.group == g })
				groups[g] = &timerGroup{}
			default:
				more, err := l.step(1 << 40)
				if err != nil || more != (len(model) > 0) {
					t.Fatalf("step: %v, %v with %d timers", more, err, len(model))
				}
				if !more {
					continue
				}
				first := slices.MinFunc(model, func(a, b entry) int {
					if a.atNS != b.atNS {
						return int(a.atNS - b.atNS)
					}
					return a.id - b.id
				})
				if got := fired[len(fired)-1]; got != first.id || l.nowNS != first.atNS {
					t.Fatalf("timer %d at %d fired, want %d at %d", got, l.nowNS, first.id, first.atNS)
				}
				if l.stop(first.timer) {
					t.Fatalf("a timer that has fired could be stopped")
				}
				remove(func(e entry) bool { return e.id == first.id })
			}
			if got := l.heap.live(); got != len(model) {
				t.Fatalf("%d live timers, want %d", got, len(model))
			}
		}
	})
}

// Stopped timers do not pile up.
func TestStoppedTimersAreSwept(t *testing.T) {
	l := &loop{workMax: 1 << 30}
	var group timerGroup
	kept := 0
	for i := range 1_000_000 {
		timer := l.after(time.Hour, &group, func() { kept-- })
		if i%1000 == 0 {
			kept++
		} else if !l.stop(timer) {
			t.Fatal("could not be stopped")
		}
	}
	if got := len(l.heap.slots); got > 4*heapSweepMin {
		t.Errorf("%d slots for %d timers", got, l.heap.live())
	}
	for {
		more, err := l.step(1 << 62)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
	}
	if kept != 0 || !l.idle() {
		t.Errorf("%d timers did not fire", kept)
	}
}

func TestTimeDoesNotPassTheLimit(t *testing.T) {
	l := &loop{workMax: 10}
	var group timerGroup
	l.after(time.Second, &group, func() {})
	if more, err := l.step(int64(time.Second) - 1); more || err != nil || l.nowNS != 0 {
		t.Errorf("step: %v, %v, time %d", more, err, l.nowNS)
	}
	if more, err := l.step(int64(time.Second)); !more || err != nil || l.nowNS != int64(time.Second) {
		t.Errorf("step: %v, %v, time %d", more, err, l.nowNS)
	}
}

func TestWorkBoundIsPerInstant(t *testing.T) {
	l := &loop{workMax: 10}
	var group timerGroup
	// Ten at one instant, many times over, are within the bound.
	for i := range 100 {
		for range 10 {
			l.after(time.Duration(i)*time.Second, &group, func() {})
		}
	}
	for !l.idle() {
		if _, err := l.step(1 << 62); err != nil {
			t.Fatalf("at %d: %v", l.nowNS, err)
		}
	}
	var again func()
	again = func() { l.Schedule(again) }
	again()
	var err error
	for range 20 {
		if _, err = l.step(1 << 62); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrRunaway) {
		t.Errorf("got %v, want ErrRunaway", err)
	}
}
