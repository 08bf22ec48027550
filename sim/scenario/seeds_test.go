package scenario_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/noisefs/noisefs/sim/scenario"
)

// number reads a count from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s is %q, want a number", name, text)
	}
	return n
}

// seeds is how many seeds a sweep runs.
func seeds(t *testing.T) int {
	t.Helper()
	if testing.Short() {
		return number(t, "NOISEFS_SEEDS", 2)
	}
	return number(t, "NOISEFS_SEEDS", 5)
}

// sweep runs a scenario for the seeds 1..count, or for NOISEFS_SEED alone,
// on all cores. reuse is the house of the run before on the same core. The
// lowest seed that fails is reported, with the command that replays it.
func sweep(
	t *testing.T, count int,
	run func(seed uint64, reuse *scenario.House) (*scenario.House, error),
) {
	t.Helper()
	first, last := uint64(1), uint64(count)
	if one := number(t, "NOISEFS_SEED", 0); one > 0 {
		first, last = uint64(one), uint64(one)
	}
	var (
		mu     sync.Mutex
		failed = make(map[uint64]error)
		next   atomic.Uint64
		wait   sync.WaitGroup
	)
	next.Store(first)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			var reuse *scenario.House
			for seed := next.Add(1) - 1; seed <= last; seed = next.Add(1) - 1 {
				house, err := run(seed, reuse)
				if err != nil {
					mu.Lock()
					failed[seed] = err
					mu.Unlock()
					next.Store(last + 1)
					return
				}
				reuse = house
			}
		})
	}
	wait.Wait()
	for seed := first; seed <= last; seed++ {
		if err := failed[seed]; err != nil {
			t.Fatalf("seed %d: %v\nreplay: %s", seed, err, replay(t, seed))
		}
	}
}

func replay(t *testing.T, seed uint64) string {
	return fmt.Sprintf("NOISEFS_SEED=%d go test ./sim/scenario -run '^%s$' -count=1", seed, t.Name())
}
