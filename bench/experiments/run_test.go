package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

const tinyScenario = `
name: tiny
nodes: 5
duration: 10s
warmup: 40s
liveness: 0s
network: {preset: lan}
content: {files: 5}
timings: {disperseDelay: 5s}
workloads:
  - {kind: reads, rate: 1}
`

func tinyExperiment() experiment {
	return experiment{name: "tiny", seeds: 2, variants: []variant{
		{labels: []string{"adaptive"}, file: "tiny.yaml"},
		{labels: []string{"random"}, file: "tiny.yaml", params: []string{"policies.peers=random"}},
	}}
}

// Runs that go on at one time have nothing to do with each other: they give
// what they give alone. The race detector looks at this test.
func TestRunTogether(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tiny.yaml"), []byte(tinyScenario), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &runner{dir: dir, jobs: 4, say: t.Logf}
	together, err := r.run(t.Context(), tinyExperiment())
	if err != nil {
		t.Fatal(err)
	}
	lonely := tinyExperiment()
	lonely.alone = true
	alone, err := r.run(t.Context(), lonely)
	if err != nil {
		t.Fatal(err)
	}
	for i := range alone {
		for seed := range lonely.seeds {
			got, want := together[i].results[seed], alone[i].results[seed]
			if got.TraceHash != want.TraceHash || want.Events == 0 {
				t.Errorf("%v, seed %d: got trace %v of %d events, want %v of %d", alone[i].labels, seed+1,
					got.TraceHash, got.Events, want.TraceHash, want.Events)
			}
		}
		if len(alone[i].costs) != lonely.seeds || len(together[i].costs) != 0 {
			t.Errorf("%v: costs of %d runs alone, of %d together", alone[i].labels,
				len(alone[i].costs), len(together[i].costs))
		}
	}
}

func TestRunStops(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tiny.yaml"), []byte(tinyScenario), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &runner{dir: dir, jobs: 2, say: t.Logf}
	if _, err := r.run(ctx, tinyExperiment()); err == nil {
		t.Error("a run that was called off gives a page")
	}
}
