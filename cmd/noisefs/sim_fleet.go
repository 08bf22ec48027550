package main

import (
	"context"
	"os"
	"runtime/debug"
	"time"

	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

var _ simulate = simulateFleet

// Simulated networks are millions of small objects that live long: looking
// at them less often saves a fifth of the time and costs twice the memory,
// which is there unless the network is very large.
const (
	simGCPercent  = 300
	simNodesLarge = 3000 // from here on memory counts for more
)

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
	if os.Getenv("GOGC") == "" && p.Nodes < simNodesLarge {
		defer debug.SetGCPercent(debug.SetGCPercent(simGCPercent))
	}
	return fleet.Run(p, options)
}
