package main

import (
	"context"
	"time"

	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

var _ simulate = simulateFleet

// simulateFleet runs a plan by package fleet.
func simulateFleet(
	ctx context.Context, p *plan.Plan, o simOptions,
) (*report.Result, error) {
	begin := time.Now()
	options := fleet.Options{
		Context: ctx, Wall: func() time.Duration { return time.Since(begin) }, Events: o.events,
	}
	if o.progress != nil {
		options.Progress = func(now fleet.Progress) { o.progress(now.Phase, now.Done, now.Total) }
	}
	defer collectLess(p.Nodes)()
	return fleet.Run(p, options)
}
