package fleet_test

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// small is a plan of a network that is quick to run.
func small(change func(*plan.Plan)) *plan.Plan {
	p := plan.Default()
	p.Name, p.Nodes = "small", 12
	p.Warmup, p.Duration, p.Liveness = 2*time.Minute, 30*time.Second, 5*time.Minute
	p.Content.Files = 12
	p.Timings.DisperseDelay = 5 * time.Second
	p.Workloads = []plan.Workload{{Kind: plan.WorkReads, Rate: 1, Share: 1}}
	if change != nil {
		change(&p)
	}
	return &p
}

func run(t *testing.T, p *plan.Plan) *report.Result {
	t.Helper()
	result, err := fleet.Run(p, fleet.Options{Context: t.Context()})
	if err != nil {
		t.Fatalf("seed %d: %v", p.Seed, err)
	}
	for _, problem := range result.InvariantsViolated {
		t.Errorf("seed %d: %s", p.Seed, problem)
	}
	if t.Failed() {
		for _, line := range result.LastEvents {
			t.Log(line)
		}
	}
	return result
}

// A quiet network of a few nodes serves every read, and each invariant is
// looked at.
func TestSteady(t *testing.T) {
	result := run(t, small(nil))
	if got := result.Figures[report.Availability]; got != 1 {
		t.Errorf("availability is %v, want 1", got)
	}
	if result.Figures[report.Reads] < 200 {
		t.Errorf("only %v reads", result.Figures[report.Reads])
	}
	for _, check := range result.Checks {
		if check.Times == 0 {
			t.Logf("%q was never checked", check.Name)
		}
	}
	t.Logf("%v", result.Figures)
}

// One seed gives one trace, another seed another.
func TestSeeds(t *testing.T) {
	first, again := run(t, small(nil)), run(t, small(nil))
	if first.TraceHash != again.TraceHash {
		t.Errorf("one seed gave the traces %v and %v", first.TraceHash, again.TraceHash)
	}
	other := run(t, small(func(p *plan.Plan) { p.Seed = 2 }))
	if first.TraceHash == other.TraceHash {
		t.Error("two seeds gave one trace")
	}
}
