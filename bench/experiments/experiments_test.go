package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/sim/report"
)

// scenarios is the folder of the experiments.
const scenarios = "../../docs/experiments"

// Every variant of every experiment is a good scenario, and groups begin with
// what the others are compared with.
func TestVariantsLoad(t *testing.T) {
	r := &runner{dir: scenarios}
	for _, e := range all() {
		names := map[string]bool{}
		for _, v := range e.variants {
			if _, err := r.load(v, 1); err != nil {
				t.Errorf("%s: %v", e.name, err)
			}
			if len(v.labels) != len(e.columns) {
				t.Errorf("%s: %v has %d labels for %d columns", e.name, v.labels, len(v.labels), len(e.columns))
			}
			full := strings.Join(v.labels, ", ")
			if names[full] {
				t.Errorf("%s: two variants are called %s", e.name, full)
			}
			names[full] = true
		}
	}
	if _, err := r.load(variant{file: "peers.yaml", params: []string{"nods=1"}}, 1); err == nil {
		t.Error("an unknown key is not noticed")
	}
}

func fakeOutcome(v variant, p99, stored []float64) outcome {
	o := outcome{variant: v}
	for i := range p99 {
		figures := report.Figures{}
		figures.Set(report.P99Seconds, p99[i])
		figures.Set(report.BytesStored, stored[i])
		o.results = append(o.results, &report.Result{Nodes: 5, Figures: figures, TraceHash: 7})
	}
	return o
}

// fakePage has a first variant and two others, of which the second stores as
// much as it and is slower under every seed.
func fakePage() *page {
	e := experiment{
		name: "fake", title: "A fake", about: "Nothing.", seeds: 3, equalBytes: true,
		columns:  []string{"when", "copies"},
		figures:  []report.Figure{report.P99Seconds, report.Availability},
		compared: []report.Figure{report.P99Seconds},
		plots: []plot{{
			name: "p99", title: "p99", scatter: true,
			x: figureOver("GiB", report.BytesStored, 1<<30), y: figureOver("s", report.P99Seconds, 1),
		}},
	}
	labels := func(name string) variant {
		return variant{labels: []string{"now", name}, file: "fake.yaml", params: []string{"nodes=5"}}
	}
	p := &page{experiment: e, outcomes: []outcome{
		fakeOutcome(labels("adaptive"), []float64{1, 2, 3}, []float64{100, 100, 100}),
		fakeOutcome(labels("fixed 2"), []float64{1.1, 1.9, 3}, []float64{60, 60, 60}),
		fakeOutcome(labels("fixed 3"), []float64{2, 3.1, 4}, []float64{110, 105, 110}),
	}}
	for _, o := range p.outcomes {
		p.variants = append(p.variants, o.variant)
	}
	return p
}

func TestPage(t *testing.T) {
	dir := t.TempDir()
	p := fakePage()
	p.outcomes[1].results[2].InvariantsViolated = []string{"a wrong byte"}
	if err := p.write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "fake.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| now | **fixed 3** | +1.03 s ± 143 ms, adaptive is better |",
		"| now | fixed 2 | 0 s ± 248 ms, not clear |",
		"Of 9 runs 1 violated an invariant", "- now, fixed 2: 1 of 3 runs; a wrong byte",
		"| now | adaptive | 2 s ± 2.48 s | – |",
		"noisefs sim run docs/experiments/fake.yaml --param nodes=5 --seed 1",
		"![p99](fake-p99.svg)",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	drawn, err := os.ReadFile(filepath.Join(dir, "fake-p99.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Count(drawn, []byte("<circle")); got != 6 {
		t.Errorf("got %d dots, want one per variant and one in the legend", got)
	}
}

func TestChoose(t *testing.T) {
	chosen, err := choose("cost,peers")
	if err != nil || len(chosen) != 2 || chosen[0].name != "cost" {
		t.Errorf("got %d experiments, %v", len(chosen), err)
	}
	if _, err := choose("speed"); err == nil {
		t.Error("an unknown experiment is not noticed")
	}
}
