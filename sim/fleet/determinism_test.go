package fleet_test

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// everything is a plan with every workload, faults and lies of every kind,
// and churn.
func everything(p *plan.Plan) {
	p.Duration, p.Sample = time.Minute, 5*time.Second
	p.Policies.Cache = plan.CacheDisk
	p.Timings.RepairDelay, p.Timings.LookInterval = 10*time.Second, 10*time.Second
	p.Timings.PopularityWindow = 10 * time.Second
	p.Churn = plan.Churn{
		Model: plan.ChurnSessions, MedianSession: 40 * time.Second,
		MedianAbsence: 5 * time.Second, Sigma: 1, OnShare: 0.5,
	}
	hot := 3
	p.Workloads = []plan.Workload{
		{Kind: plan.WorkReads, Rate: 1, Zipf: 0.8, Share: 1},
		{Kind: plan.WorkUploads, Rate: 0.05, Share: 0.5, Stop: 20 * time.Second},
		{Kind: plan.WorkStreaming, Rate: 0.05, Share: 0.5, BitsPerSecond: 4e6},
		{Kind: plan.WorkFlashCrowd, Rate: 0.2, File: &hot, Factor: 50, Over: 5 * time.Second},
		{Kind: plan.WorkDelete, Share: 0.1, Start: 10 * time.Second},
		{Kind: plan.WorkOwnerAway, Share: 0.1, Start: 30 * time.Second, Stop: 40 * time.Second},
	}
	node := 5
	p.Faults = []plan.Fault{
		{Kind: plan.FaultCrash, At: 5 * time.Second, Share: 0.1, For: 5 * time.Second},
		{Kind: plan.FaultRestart, At: 10 * time.Second, Node: &node, For: 5 * time.Second},
		{Kind: plan.FaultPartition, At: 15 * time.Second, Share: 0.2, For: 5 * time.Second, OneWay: true},
		{Kind: plan.FaultSlow, At: 20 * time.Second, Share: 0.1, For: 10 * time.Second, Factor: 5},
		{Kind: plan.FaultDiskFull, At: 25 * time.Second, Share: 0.1, For: 5 * time.Second},
		{Kind: plan.FaultObservers, Share: 0.1},
	}
	for i, lie := range []plan.Lie{
		plan.LieFalseHolder, plan.LieWrongBytes, plan.LieGossipFlood, plan.LieInflation, plan.LieTaker,
	} {
		p.Faults = append(p.Faults, plan.Fault{
			Kind: plan.FaultLiar, Lie: lie, Share: 0.1,
			At: time.Duration(10*i) * time.Second, For: 5 * time.Second,
		})
	}
	p.Chaos = &plan.Chaos{
		Every: 10 * time.Second, For: 5 * time.Second, ShareMax: 0.2,
		Kinds: []plan.FaultKind{plan.FaultCrash, plan.FaultPartition, plan.FaultSlow},
	}
}

// written is all that a run leaves behind, as files.
type written struct {
	name  string
	bytes []byte
}

// write runs a plan and returns its files. Nothing told the run what time it
// is, so that not even the wall-clock time can differ.
func write(t *testing.T, seed uint64) []written {
	t.Helper()
	p := small(everything)
	p.Seed = seed
	var events, page, object, table bytes.Buffer
	writer := report.NewEventWriter(&events)
	result, err := fleet.Run(p, fleet.Options{Context: t.Context(), Events: writer})
	if err != nil {
		t.Fatal(err)
	}
	p.Judge(result)
	for _, err := range []error{
		writer.Close(), result.WriteHTML(&page), result.WriteJSON(&object), result.WriteTable(&table),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, problem := range result.InvariantsViolated {
		t.Errorf("seed %d: %s", seed, problem)
	}
	return []written{
		{"event log", events.Bytes()},
		{"page", page.Bytes()},
		{"JSON", object.Bytes()},
		{"table", table.Bytes()},
	}
}

// One seed gives the same files, byte for byte, on however many processors,
// and in whatever order Go walks through its maps, which it draws anew each
// time. Another seed gives others.
func TestSameSeedSameFiles(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	first := write(t, 1)
	for _, kind := range []string{
		"nodeStarted", "nodeStopped", "nodeCrashed", "faultBegan", "faultEnded", "fileStored",
	} {
		if !bytes.Contains(first[0].bytes, []byte(kind)) {
			t.Errorf("no event of kind %s: the run shows too little", kind)
		}
	}
	counts := []int{1, 2, 4, 8}
	if testing.Short() {
		counts = counts[:1]
	}
	for _, processors := range counts {
		runtime.GOMAXPROCS(processors)
		for i, again := range write(t, 1) {
			if !bytes.Equal(again.bytes, first[i].bytes) {
				t.Errorf("with %d processors the %s differs: %s", processors, again.name,
					firstDifference(again.bytes, first[i].bytes))
			}
		}
	}
	for i, other := range write(t, 2) {
		if bytes.Equal(other.bytes, first[i].bytes) {
			t.Errorf("two seeds gave the same %s", other.name)
		}
	}
}

// firstDifference shows where two files part.
func firstDifference(a, b []byte) string {
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	around := func(p []byte) string { return string(p[max(0, min(len(p), at)-80):min(len(p), at+80)]) }
	return around(a) + "\n  instead of\n" + around(b)
}
