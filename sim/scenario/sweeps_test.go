package scenario_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/sim/scenario"
)

// TestChaosWriters lets sixteen clients work side by side, all collecting
// and verifying now and then: nothing that is needed is collected.
func TestChaosWriters(t *testing.T) {
	sweep(t, seeds(t), func(seed uint64, reuse *scenario.House) (*scenario.House, error) {
		return scenario.Crowd{Seed: seed, Workers: 16, Steps: 20, Reuse: reuse}.Run()
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

// A link that nothing keeps any more is imported while a collection runs:
// either it is there and whole for good, or it is refused.
func TestChaosImportDuringCollection(t *testing.T) {
	sweep(t, 20*seeds(t), func(seed uint64, reuse *scenario.House) (*scenario.House, error) {
		h, err := scenario.New(scenario.Options{Seed: seed, Reuse: reuse})
		if err != nil {
			return h, err
		}
		draw := rand.New(rand.NewPCG(seed, 0x1409))
		err = h.Do(func(s *scenario.Session) { importWhileCollecting(h, s, draw) })
		if err != nil {
			return h, err
		}
		return h, h.Settle(nil)
	})
}

func importWhileCollecting(h *scenario.House, s *scenario.Session, draw *rand.Rand) {
	must := func(err *messages.Error) {
		if err != nil {
			s.Broken("%v (%q)", err, err.Code)
		}
	}
	_, err := s.PutTree("others", library(), messages.Place{Path: "/others"})
	must(err)
	want := library()
	link, err := s.PutTree("ended", want, messages.Place{})
	must(err)
	must(s.Unshare(link))
	h.Client.Go(func(s *scenario.Session) {
		_, err := s.Collect()
		must(err)
	})
	s.Sleep(time.Duration(draw.IntN(20_000)) * time.Microsecond)
	switch err := s.Import(link, "/imported"); {
	case err == nil:
		s.Sleep(time.Minute) // the collection ends
		wantTree(s, scenario.At("/imported"), want)
	case err.Code != messages.CodeNotFound:
		s.Broken("import: %v (%q)", err, err.Code)
	}
}
