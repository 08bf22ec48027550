package scenario_test

import (
	"testing"

	"github.com/noisefs/noisefs/sim/scenario"
)

// TestChaosWriters lets sixteen clients work side by side, all collecting
// and verifying now and then: nothing that is needed is collected.
func TestChaosWriters(t *testing.T) {
	sweep(t, seeds(t), func(seed uint64, reuse *scenario.House) (*scenario.House, error) {
		return scenario.Crowd{Seed: seed, Workers: 16, Steps: 30, Reuse: reuse}.Run()
	})
}

// One seed gives one trace, another seed another, power cuts included.
func TestScenarioIsDeterministic(t *testing.T) {
	runs := map[string]func(seed uint64) (*scenario.House, error){
		"PowerCuts": func(seed uint64) (*scenario.House, error) {
			return scenario.Cuts{Seed: seed, Count: 4, Workers: 3, Items: 8}.Run()
		},
		"Panics": func(seed uint64) (*scenario.House, error) {
			return scenario.Panics{Seed: seed, Role: "splitter", Count: 2, Workers: 2, Steps: 4}.Run()
		},
		"Faults": func(seed uint64) (*scenario.House, error) {
			return scenario.Faults{Seed: seed, Rounds: 2, Workers: 2, Steps: 10}.Run()
		},
		"Crowd": func(seed uint64) (*scenario.House, error) {
			return scenario.Crowd{Seed: seed, Workers: 4, Steps: 20}.Run()
		},
	}
	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			hashes := make(map[uint64]uint64)
			for _, seed := range []uint64{1, 2, 1} {
				h, err := run(seed)
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				hash := h.World.TraceHash()
				if before, again := hashes[seed]; again && before != hash {
					t.Errorf("seed %d gave trace %x, then %x", seed, before, hash)
				}
				hashes[seed] = hash
			}
			if hashes[1] == hashes[2] {
				t.Error("two seeds gave one trace")
			}
		})
	}
}
