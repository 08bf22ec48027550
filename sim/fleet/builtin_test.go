package fleet_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
)

// smaller is how a built-in scenario is made small enough for every day:
// fewer nodes, and less time where nothing happens at the end of it.
type smaller struct {
	nodes    int
	duration time.Duration // 0: the scenario's
	seeds    int
}

var smallerBuiltins = map[string]smaller{
	"steady": {nodes: 30, duration: time.Minute, seeds: 2},
	// A slow uplink may need more than a minute for a large file: of 30 nodes one
	// seed in 25 has reads that fail for it, of 12 none in 30.
	"uploads":     {nodes: 12, seeds: 2},
	"streaming":   {nodes: 60, duration: time.Minute, seeds: 1},
	"slow-nodes":  {nodes: 30, duration: 2 * time.Minute, seeds: 1},
	"flash-crowd": {nodes: 30, seeds: 1},
	"observers":   {nodes: 30, duration: 2 * time.Minute, seeds: 2},
	// Of 30 nodes six lie, and all holders of a block may be among them.
	"liars":      {nodes: 60, duration: 2 * time.Minute, seeds: 1},
	"partition":  {nodes: 30, seeds: 1},
	"massacre":   {nodes: 30, seeds: 1},
	"owner-away": {nodes: 30, seeds: 1},
	"deletion":   {nodes: 12, seeds: 2},
	"churn":      {nodes: 20, duration: time.Hour, seeds: 1},
}

// TestBuiltins runs every scenario that ships, but for chaos, in small
// networks. Its assertions apply as they are.
func TestBuiltins(t *testing.T) {
	for _, name := range plan.Builtins() {
		if name == "chaos" {
			continue
		}
		size, ok := smallerBuiltins[name]
		if !ok {
			t.Errorf("%s is not tested", name)
			continue
		}
		if testing.Short() {
			size.seeds = 1
		}
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= uint64(size.seeds); seed++ {
				runBuiltin(t, name, seed, size)
			}
		})
	}
}

// chaosRegressions are seeds of chaos that broke something once. How a seed
// goes changes with the code, so that each bug has a test of its own too: that
// of 44, a busy holder that was not asked again in time, is in the fetcher's.
var chaosRegressions = []uint64{44}

// TestChaos runs chaos as it ships: NOISEFS_SEEDS says with how many seeds,
// and NOISEFS_SEED with which one alone.
func TestChaos(t *testing.T) {
	seeds := append([]uint64(nil), chaosRegressions...)
	count := number(t, "NOISEFS_SEEDS", 3)
	if testing.Short() {
		seeds, count = nil, 1
	}
	for seed := uint64(1); seed <= uint64(count); seed++ {
		seeds = append(seeds, seed)
	}
	if one := number(t, "NOISEFS_SEED", 0); one > 0 {
		seeds = []uint64{uint64(one)}
	}
	for _, seed := range seeds {
		runBuiltin(t, "chaos", seed, smaller{})
	}
}

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

func runBuiltin(t *testing.T, name string, seed uint64, size smaller) {
	t.Helper()
	overrides := []plan.Override{{Path: "seed", Value: fmt.Sprint(seed)}}
	replay := fmt.Sprintf("noisefs sim run %s --seed %d", name, seed)
	if size.nodes > 0 {
		overrides = append(overrides, plan.Override{Path: "nodes", Value: fmt.Sprint(size.nodes)})
		replay += fmt.Sprintf(" --nodes %d", size.nodes)
	}
	if size.duration > 0 {
		overrides = append(overrides,
			plan.Override{Path: "duration", Value: size.duration.String()})
		replay += fmt.Sprintf(" --duration %s", size.duration)
	}
	p, err := plan.Load(name, overrides...)
	if err != nil {
		t.Fatal(err)
	}
	result, err := fleet.Run(p, fleet.Options{Context: t.Context()})
	if err != nil {
		t.Errorf("seed %d: %v\nreplay: %s", seed, err, replay)
		return
	}
	p.Judge(result)
	for _, problem := range result.InvariantsViolated {
		t.Errorf("seed %d: %s\nreplay: %s", seed, problem, replay)
	}
	for _, missed := range result.Missed() {
		t.Errorf("seed %d: %s\nreplay: %s", seed, missed, replay)
	}
}
