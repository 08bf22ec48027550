package fleet

import (
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// NodeConfig is the configuration of the nodes of a plan.
var NodeConfig = nodeConfig

// RunBroken runs a plan with nodes whose trees are changed when they are made.
func RunBroken(
	p *plan.Plan, o Options, change func(number int, spec tree.Spec) tree.Spec,
) (*report.Result, error) {
	return runChanged(p, o, change)
}
