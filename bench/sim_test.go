package bench

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
)

// What is measured is the measured span: fewer events than the whole run
// has, and some CPU.
func TestMeasureSim(t *testing.T) {
	p := plan.Default()
	p.Name, p.Nodes = "small", 6
	p.Warmup, p.Duration, p.Liveness = time.Minute, 10*time.Second, time.Minute
	p.Content.Files = 6
	p.Timings.DisperseDelay = 5 * time.Second
	p.Workloads = []plan.Workload{{Kind: plan.WorkReads, Rate: 5, Share: 1}}
	before := runtime.GOMAXPROCS(0)
	heard := map[string]bool{}
	cost, result, err := MeasureSim(context.Background(), &p, func(now fleet.Progress) {
		heard[now.Phase] = true
	})
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOMAXPROCS(0) != before {
		t.Error("the run keeps the process on one core")
	}
	if !heard[fleet.PhaseMeasured] {
		t.Errorf("heard of the phases %v only", heard)
	}
	if cost.Events == 0 || cost.Events >= result.Events {
		t.Errorf("got %d events of %d in the measured span", cost.Events, result.Events)
	}
	if cost.CPUSeconds <= 0 || cost.CPUPerNodeSecond <= 0 || cost.PeakMiB <= 0 || cost.Speed <= 0 {
		t.Errorf("nothing measured: %+v", cost)
	}
	var table bytes.Buffer
	if err := (SimReport{Scenario: "small", Runs: []SimCost{cost}}).Print(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"small, 6 nodes", "must reach 10", result.TraceHash.String()} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("%q is not in\n%s", want, table.String())
		}
	}
}

func TestSimReportViolated(t *testing.T) {
	r := SimReport{Runs: []SimCost{{}, {InvariantsViolated: []string{"a wrong byte"}}}}
	if got := r.Violated(); len(got) != 1 || got[0] != "a wrong byte" {
		t.Errorf("got %v, want the one that was violated", got)
	}
}
