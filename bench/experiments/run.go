package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/noisefs/noisefs/bench"
	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// outcome is what a variant gave, by seed.
type outcome struct {
	variant
	results []*report.Result
	costs   []bench.SimCost // of experiments that run alone
}

// values returns a figure by seed; nil unless every run measured it.
func (o outcome) values(figure report.Figure) []float64 {
	var list []float64
	for _, r := range o.results {
		value, ok := r.Figures[figure]
		if !ok {
			return nil
		}
		list = append(list, value)
	}
	return list
}

// violated returns how many runs violated an invariant, and one of these.
func (o outcome) violated() (runs int, first string) {
	for _, r := range o.results {
		if len(r.InvariantsViolated) > 0 {
			if runs++; first == "" {
				first = r.InvariantsViolated[0]
			}
		}
	}
	return runs, first
}

// runner runs experiments whose scenarios are in a folder.
type runner struct {
	dir  string
	jobs int
	say  func(format string, args ...any)
}

func (r *runner) load(v variant, seed int) (*plan.Plan, error) {
	overrides := []plan.Override{{Path: "seed", Value: strconv.Itoa(seed)}}
	for _, param := range v.params {
		key, value, _ := strings.Cut(param, "=")
		overrides = append(overrides, plan.Override{Path: key, Value: value})
	}
	p, err := plan.Load(filepath.Join(r.dir, v.file), overrides...)
	if err != nil {
		return nil, fmt.Errorf("%s, %s: %w", v.file, strings.Join(v.params, " "), err)
	}
	return p, nil
}

// run runs all variants of an experiment under its seeds, which count from 1.
func (r *runner) run(ctx context.Context, e experiment) ([]outcome, error) {
	outcomes := make([]outcome, len(e.variants))
	for i, v := range e.variants {
		outcomes[i] = outcome{variant: v, results: make([]*report.Result, e.seeds)}
		if _, err := r.load(v, 1); err != nil { // all mistakes before the first run
			return nil, err
		}
	}
	if e.alone {
		return outcomes, r.runAlone(ctx, e, outcomes)
	}
	return outcomes, r.runTogether(ctx, e, outcomes)
}

// runAlone runs one after the other, so that what the process uses is the
// run's.
func (r *runner) runAlone(ctx context.Context, e experiment, outcomes []outcome) error {
	for i := range outcomes {
		for seed := range e.seeds {
			p, err := r.load(outcomes[i].variant, seed+1)
			if err != nil {
				return err
			}
			cost, result, err := bench.MeasureSim(ctx, p, nil)
			if err != nil {
				return fmt.Errorf("%s: %w", strings.Join(outcomes[i].labels, ", "), err)
			}
			outcomes[i].results[seed] = result
			outcomes[i].costs = append(outcomes[i].costs, cost)
			r.said(e, outcomes[i].variant, seed, result)
		}
	}
	return nil
}

// runTogether runs as many at a time as there are jobs. The first error ends
// it.
func (r *runner) runTogether(ctx context.Context, e experiment, outcomes []outcome) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	turns := make(chan [2]int)
	var workers sync.WaitGroup
	for range r.jobs {
		workers.Go(func() {
			for turn := range turns {
				result, err := r.one(ctx, outcomes[turn[0]].variant, turn[1]+1)
				if err != nil {
					cancel(err)
					continue // takes what is dealt until the deal ends
				}
				outcomes[turn[0]].results[turn[1]] = result
				r.said(e, outcomes[turn[0]].variant, turn[1], result)
			}
		})
	}
	for seed := range e.seeds {
		for i := range outcomes {
			if ctx.Err() == nil {
				turns <- [2]int{i, seed}
			}
		}
	}
	close(turns)
	workers.Wait()
	return context.Cause(ctx)
}

func (r *runner) one(ctx context.Context, v variant, seed int) (*report.Result, error) {
	p, err := r.load(v, seed)
	if err != nil {
		return nil, err
	}
	result, err := fleet.Run(p, fleet.Options{Context: ctx})
	if err != nil {
		return nil, fmt.Errorf("%s, seed %d: %w", strings.Join(v.labels, ", "), seed, err)
	}
	return result, nil
}

func (r *runner) said(e experiment, v variant, seed int, result *report.Result) {
	r.say("%s: %s, seed %d: availability %s, p99 %s", e.name, strings.Join(v.labels, ", "), seed+1,
		report.Format(result.Figures[report.Availability], report.UnitShare),
		report.Format(result.Figures[report.P99Seconds], report.UnitSeconds))
}
