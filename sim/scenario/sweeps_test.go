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

// race is something that is prepared, and then done at some moment of a
// collection, in a node that was started anew and has nothing in memory.
type race struct {
	prepare, do func(s *scenario.Session)
	check       func(s *scenario.Session)
}

// whileCollecting runs a race at many moments.
func whileCollecting(t *testing.T, start func() race) {
	t.Helper()
	sweep(t, 20*seeds(t), func(seed uint64, reuse *scenario.House) (*scenario.House, error) {
		h, err := scenario.New(scenario.Options{Seed: seed, Reuse: reuse})
		if err != nil {
			return h, err
		}
		r := start()
		if err := h.Do(r.prepare); err != nil {
			return h, err
		}
		if err := h.Restart(); err != nil {
			return h, err
		}
		draw := rand.New(rand.NewPCG(seed, 0x1409))
		h.Client.Go(func(s *scenario.Session) {
			_, err := s.Collect()
			must(s, err)
		})
		err = h.Do(func(s *scenario.Session) {
			s.Sleep(time.Duration(draw.IntN(20_000)) * time.Microsecond)
			r.do(s)
		})
		if err == nil {
			err = h.Do(r.check)
		}
		if err != nil {
			return h, err
		}
		return h, h.Settle(nil)
	})
}

func must(s *scenario.Session, err *messages.Error) {
	if err != nil {
		s.Broken("%v (%q)", err, err.Code)
	}
}

// A link that nothing keeps any more is imported while a collection runs:
// either it is there and whole for good, or it is refused.
func TestChaosImportDuringCollection(t *testing.T) {
	whileCollecting(t, func() race {
		var link messages.Link
		imported := false
		return race{
			prepare: func(s *scenario.Session) {
				_, err := s.PutTree("others", library(), messages.Place{Path: "/others"})
				must(s, err)
				link, err = s.PutTree("ended", library(), messages.Place{})
				must(s, err)
				must(s, s.Unshare(link))
			},
			do: func(s *scenario.Session) {
				err := s.Import(link, "/imported")
				if imported = err == nil; !imported && err.Code != messages.CodeNotFound {
					s.Broken("import: %v (%q)", err, err.Code)
				}
			},
			check: func(s *scenario.Session) {
				if imported {
					wantTree(s, scenario.At("/imported"), library())
				}
			},
		}
	})
}

// A directory whose entries were moved away, and are gone for good, is
// removed while a collection runs, which must not look for them.
func TestChaosRemoveDuringCollection(t *testing.T) {
	whileCollecting(t, func() race {
		return race{
			prepare: func(s *scenario.Session) {
				shelf := scenario.NewDirectory()
				for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
					shelf.Entries[name] = library()
				}
				_, err := s.PutTree("shelf", shelf, messages.Place{Path: "/shelf"})
				must(s, err)
				for _, name := range []string{"a", "b", "c", "d", "e"} {
					must(s, s.Rename("/shelf/"+name, "/moved", false))
					must(s, s.Remove("/moved", true))
				}
				_, err = s.Collect()
				must(s, err)
			},
			do: func(s *scenario.Session) { must(s, s.Remove("/shelf", true)) },
			check: func(s *scenario.Session) {
				if all, err := s.List(scenario.At("/"), 3); err != nil || len(all) != 0 {
					s.Broken("%d names in the root, %v; want none", len(all), err)
				}
			},
		}
	})
}
