package scenario_test

import (
	"testing"

	"github.com/noisefs/noisefs/sim/scenario"
)

// cutsPerWorld is how many power cuts one repository lives through.
const cutsPerWorld = 20

// TestChaosPowerCuts cuts the power at random operations of disk and index.
// NOISEFS_CUTS is how often.
func TestChaosPowerCuts(t *testing.T) {
	cuts := 200
	if testing.Short() {
		cuts = 80
	}
	cuts = number(t, "NOISEFS_CUTS", cuts)
	sweep(t, (cuts+cutsPerWorld-1)/cutsPerWorld,
		func(seed uint64, reuse *scenario.House) (*scenario.House, error) {
			c := scenario.Cuts{
				Seed: seed, Count: cutsPerWorld, Workers: 2, Items: 5, Reuse: reuse,
			}
			if seed%16 == 0 { // a busy one
				c.Workers, c.Items = 4, 14
			}
			return c.Run()
		})
}
