package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// Bounds of a batch.
const (
	batchRunsMax  = 10_000
	batchSeedsMax = 1000
	batchJobsMax  = 256
)

// figuresShown are those that tables of many runs show by default.
var figuresShown = []report.Figure{
	report.Availability, report.P50Seconds, report.P99Seconds, report.BytesPerUsefulByte,
	report.ReplicasMean, report.LoadGini, report.RepairBytes, report.GossipPerNodeSecond,
}

// batch is many runs: each of its settings under the same seeds.
type batch struct {
	seeds, jobs int
	settings    []setting
}

// setting is a plan but for its seed.
type setting struct {
	scenario  string
	overrides []plan.Override
	seed      uint64 // the first
}

// parseFigures reads a list of figures; empty is those shown by default.
func parseFigures(text string) ([]report.Figure, error) {
	if text == "" {
		return figuresShown, nil
	}
	var figures []report.Figure
	for _, word := range strings.Split(text, ",") {
		figure := report.Figure(strings.TrimSpace(word))
		if _, ok := report.Describe(figure); !ok {
			return nil, usagef("no figure is called %q: see docs/simulation.md", word)
		}
		figures = append(figures, figure)
	}
	return figures, nil
}

func (b *batch) check() error {
	switch runs := len(b.settings) * b.seeds; {
	case b.seeds < 1 || b.seeds > batchSeedsMax:
		return usagef("--seeds takes 1 to %d", batchSeedsMax)
	case b.jobs < 1 || b.jobs > batchJobsMax:
		return usagef("--jobs takes 1 to %d", batchJobsMax)
	case runs > batchRunsMax:
		return usagef("these are %d runs, more than %d", runs, batchRunsMax)
	}
	return nil
}

// run runs everything, as many at one time as there are jobs, and returns
// the results by setting and seed. Every setting is checked before the first
// run. The first error ends it.
func (b *batch) run(ctx context.Context, g *globals, run simulate) ([][]*report.Result, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	results := make([][]*report.Result, len(b.settings))
	nodes := 0 // of the largest network
	for i := range b.settings {
		p, err := loadPlan(b.settings[i].scenario, b.settings[i].overrides)
		if err != nil {
			return nil, err
		}
		b.settings[i].seed = p.Seed
		nodes = max(nodes, p.Nodes)
		results[i] = make([]*report.Result, b.seeds)
	}
	useLargePages(nodes * b.jobs)
	shown := g.startProgress("runs", int64(len(b.settings)*b.seeds), false)
	defer shown.finish()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	turns := make(chan [2]int)
	for range b.jobs {
		workers.Go(func() {
			for turn := range turns {
				result, err := b.one(ctx, run, turn[0], turn[1])
				if err != nil {
					cancel(err)
					return
				}
				results[turn[0]][turn[1]] = result
				shown.add(1)
			}
		})
	}
	b.deal(ctx, turns)
	workers.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return results, nil
}

// deal hands out the runs, seed by seed, so that a batch that is stopped has
// compared like with like.
func (b *batch) deal(ctx context.Context, turns chan<- [2]int) {
	defer close(turns)
	for seed := range b.seeds {
		for setting := range b.settings {
			select {
			case turns <- [2]int{setting, seed}:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (b *batch) one(
	ctx context.Context, run simulate, index, turn int,
) (*report.Result, error) {
	s := b.settings[index]
	seed := s.seed + uint64(turn)
	overrides := append(slices.Clone(s.overrides), plan.Override{
		Flag: "--seed", Path: "seed", Value: strconv.FormatUint(seed, 10),
	})
	p, err := loadPlan(s.scenario, overrides)
	if err != nil {
		return nil, err
	}
	return runPlan(ctx, run, p, simOptions{}, replayCommand(s.scenario, overrides, seed))
}

// values returns a figure of some runs; nil unless all measured it.
func values(results []*report.Result, figure report.Figure) []float64 {
	var list []float64
	for _, r := range results {
		value, ok := r.Figures[figure]
		if !ok {
			return nil
		}
		list = append(list, value)
	}
	return list
}

// batchVerdict reports the first violated invariant. Assertions are those of
// a scenario as it is, so in a batch, which changes it, missing one is worth
// no more than a remark.
func batchVerdict(g *globals, all [][]*report.Result) error {
	missed, runs := 0, 0
	for _, results := range all {
		for _, r := range results {
			if len(r.InvariantsViolated) > 0 {
				return verdict(r)
			}
			if runs++; len(r.Missed()) > 0 {
				missed++
			}
		}
	}
	if missed > 0 {
		g.remark("%d of %d runs miss assertions of their scenario", missed, runs)
	}
	return nil
}

func estimateText(samples []float64, figure report.Figure) string {
	if len(samples) == 0 {
		return "-"
	}
	d, _ := report.Describe(figure)
	return report.EstimateMean(samples).Text(d.Unit)
}

func labelOf(figure report.Figure) string {
	d, ok := report.Describe(figure)
	if !ok {
		panic(fmt.Sprintf("no figure is called %q", figure))
	}
	return d.Label
}
