package main

import (
	"context"
	"errors"

	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// errNoSimulator is what runs end with until sim/fleet runs plans.
var errNoSimulator = errors.New("this build cannot run scenarios yet")

// simulateFleet runs a plan.
func simulateFleet(context.Context, *plan.Plan, simOptions) (*report.Result, error) {
	return nil, errNoSimulator
}
