package scenario_test

import (
	"testing"

	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/sim/scenario"
)

// TestScenarioPanics makes every actor panic in turn, at random messages:
// the node goes on, every command has one reply, and nothing is lost.
func TestScenarioPanics(t *testing.T) {
	for _, child := range node.Spec(scenario.NodeConfig()).Children {
		t.Run(child.Role, func(t *testing.T) {
			sweep(t, seeds(t), func(seed uint64, reuse *scenario.House) (*scenario.House, error) {
				return scenario.Panics{
					Seed: seed, Role: child.Role, Count: 6, Workers: 3, Steps: 4, Reuse: reuse,
				}.Run()
			})
		})
	}
}
