package scorer

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

func nodeID(i int) messages.NodeID { return sha256.Sum256(fmt.Appendf(nil, "node %d", i)) }

func nodeIDs(n int) []messages.NodeID {
	ids := make([]messages.NodeID, n)
	for i := range ids {
		ids[i] = nodeID(i)
	}
	return ids
}

// bench is a core with a clock.
type bench struct {
	t    testing.TB
	core *core
	now  time.Time
}

func newBench(t testing.TB, cfg Config) *bench {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	return &bench{t: t, core: newCore(cfg, rnd), now: time.Unix(1_900_000_000, 0)}
}

func (b *bench) choose(candidates ...messages.NodeID) messages.PeerChoice {
	b.t.Helper()
	choices, err := b.core.choose(b.now, [][]messages.NodeID{candidates}, false)
	if err != nil {
		b.t.Fatal(err)
	}
	return choices[0]
}

func (b *bench) answer(id messages.NodeID, outcome messages.Outcome, took time.Duration) {
	b.core.answered(b.now, messages.PeerAnswered{Peer: id, Outcome: outcome, Took: took, Load: -1})
}

// serve has a peer asked and answer n times.
func (b *bench) serve(id messages.NodeID, n int, took time.Duration) {
	b.t.Helper()
	for range n {
		b.choose(id)
		b.now = b.now.Add(took)
		b.answer(id, messages.OutcomeServed, took)
	}
}

// share returns how many of n idle choices fall on the first candidate.
func (b *bench) share(n int, candidates ...messages.NodeID) int {
	b.t.Helper()
	first := 0
	for range n {
		choice := b.choose(candidates...)
		if choice.Peer == candidates[0] {
			first++
		}
		b.answer(choice.Peer, messages.OutcomeAbandoned, 0)
	}
	return first
}

func TestPrefers(t *testing.T) {
	good, other := nodeID(1), nodeID(2)
	tests := map[string]func(b *bench){
		"Faster": func(b *bench) {
			b.serve(good, 3, 20*time.Millisecond)
			b.serve(other, 3, 100*time.Millisecond)
		},
		"LessInFlight": func(b *bench) {
			b.choose(other)
			b.choose(other)
		},
		"LessLoaded": func(b *bench) {
			b.choose(other)
			b.core.answered(b.now, messages.PeerAnswered{
				Peer: other, Outcome: messages.OutcomeAbandoned, Load: 9,
			})
		},
		"NotFailed": func(b *bench) {
			b.choose(other)
			b.answer(other, messages.OutcomeFailed, time.Millisecond)
		},
		"NotTimedOut": func(b *bench) {
			b.choose(other)
			b.answer(other, messages.OutcomeFailed, 5*time.Second)
			b.now = b.now.Add(20 * b.core.cfg.PenaltyTau / 10)
		},
		"NotWrong": func(b *bench) {
			b.choose(other)
			b.answer(other, messages.OutcomeWrong, time.Millisecond)
		},
		"NotBusy": func(b *bench) {
			b.choose(other)
			b.answer(other, messages.OutcomeBusy, time.Millisecond)
		},
		"NotOvertaken": func(b *bench) {
			b.serve(good, 1, 20*time.Millisecond)
			b.serve(other, 1, 20*time.Millisecond)
			b.choose(other)
			b.answer(other, messages.OutcomeAbandoned, time.Second)
		},
		"NeverHasAnything": func(b *bench) {
			for range 10 {
				b.choose(other)
				b.answer(other, messages.OutcomeAbsent, time.Millisecond)
			}
		},
		"Nearer": func(b *bench) {
			at := func(id messages.NodeID, x float32) *messages.Member {
				return &messages.Member{ID: id, Coordinate: messages.Coordinate{
					Vec: [4]float32{x}, Error: 0.1,
				}}
			}
			view := &messages.View{Self: good, Members: []*messages.Member{
				at(good, 0.01), at(other, 0.3),
			}}
			if view.Members[0].ID[0] > view.Members[1].ID[0] {
				view.Members[0], view.Members[1] = view.Members[1], view.Members[0]
			}
			b.core.see(view)
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.ExploreShare = 0
			b := newBench(t, cfg)
			prepare(b)
			if got := b.share(50, good, other); got != 50 {
				t.Errorf("the better one was chosen %d times of 50", got)
			}
		})
	}
}

func TestExploresAndForgives(t *testing.T) {
	good, other := nodeID(1), nodeID(2)
	cfg := DefaultConfig()
	cfg.ExploreShare = 0.1
	b := newBench(t, cfg)
	b.serve(good, 3, 20*time.Millisecond)
	b.serve(other, 3, 100*time.Millisecond)
	// A tenth is drawn from both: 950 are expected, ±7 is one deviation.
	if got := b.share(1000, good, other); got < 915 || got > 985 {
		t.Errorf("the better one was chosen %d times of 1000, want about 950", got)
	}
	b.core.fail(b.now.UnixNano(), b.core.peers.get(good), failureWrong)
	b.now = b.now.Add(20 * cfg.PenaltyTau)
	if got := b.core.cost(b.now.UnixNano(), candidate{good, b.core.peers.get(good)}); got > 0.1 {
		t.Errorf("after a long time it costs %g s", got)
	}
}

// Who failed lately is not asked for the sake of asking somebody else, as long
// as others may have the block.
func TestWhoFailedIsNoOtherOne(t *testing.T) {
	good, other, bad := nodeID(1), nodeID(2), nodeID(3)
	for _, outcome := range []messages.Outcome{messages.OutcomeWrong, messages.OutcomeFailed} {
		b := newBench(t, DefaultConfig())
		for _, id := range []messages.NodeID{good, other} {
			b.serve(id, 3, 20*time.Millisecond)
		}
		b.choose(bad)
		b.answer(bad, outcome, 20*time.Millisecond)
		wants := make([][]messages.NodeID, 6)
		for i := range wants {
			wants[i] = []messages.NodeID{good, other, bad}
		}
		asked := func() (n int) {
			choices, err := b.core.choose(b.now, wants, true)
			if err != nil {
				t.Fatal(err)
			}
			for _, choice := range choices {
				if choice.Peer == bad {
					n++
				}
			}
			return n
		}
		if n := asked(); n > 0 {
			t.Errorf("after %v it is asked for %d of %d blocks", outcome, n, len(wants))
		}
		b.now = b.now.Add(10 * time.Minute)
		if n := asked(); n == 0 {
			t.Errorf("long after %v it is not asked any more", outcome)
		}
	}
}

// The first samples count alike, later ones by the time constant; what was
// given up counts at once.
func TestEWMA(t *testing.T) {
	cfg := DefaultConfig()
	b := newBench(t, cfg)
	id := nodeID(1)
	b.serve(id, 1, 50*time.Millisecond)
	b.serve(id, 1, 150*time.Millisecond)
	p := b.core.peers.get(id)
	if math.Abs(p.seconds-0.1) > 1e-9 {
		t.Fatalf("after samples of 50 and 150 ms it is %g, want 0.1", p.seconds)
	}
	b.now = b.now.Add(cfg.Tau - 50*time.Millisecond)
	b.serve(id, 1, 50*time.Millisecond)
	if want := 0.05 + 0.05/math.E; math.Abs(p.seconds-want) > 1e-9 {
		t.Errorf("a time constant later it is %g, want %g", p.seconds, want)
	}
	b.choose(id)
	b.answer(id, messages.OutcomeAbandoned, time.Second)
	if p.seconds != 1 {
		t.Errorf("overtaken after 1 s it is %g", p.seconds)
	}
	// What was seen long ago is no longer held against it.
	later := b.now.Add(20 * cfg.ForgetTau).UnixNano()
	want := b.core.prior(id)
	if got := b.core.expected(later, candidate{id, p}); math.Abs(got-want) > 1e-6 {
		t.Errorf("long after it is %g, want the prior %g", got, want)
	}
}

func TestQuantile(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, p := range []float64{quantileP50, quantileP95} {
		var q quantile
		below := 0
		for i := range 30_000 {
			sample := rnd.ExpFloat64()
			if i >= 10_000 && sample <= float64(q) {
				below++
			}
			q.add(sample, p, stepOfAll)
		}
		if got := float64(below) / 20_000; math.Abs(got-p) > 0.01 {
			t.Errorf("%g of the samples are below the quantile of %g", got, p)
		}
	}
}

func TestDistance(t *testing.T) {
	a := messages.Coordinate{Vec: [4]float32{3}, Height: 1, Error: 1}
	b := messages.Coordinate{Vec: [4]float32{0, 4}, Height: 0.5, Error: 1}
	if got, ok := distance(&a, &b); !ok || got != 6.5 {
		t.Errorf("got %g, want 6.5", got)
	}
	a.Adjustment = -0.5
	if got, _ := distance(&a, &b); got != 6 {
		t.Errorf("adjusted: got %g, want 6", got)
	}
	a.Adjustment = -100 // would be negative: not applied
	if got, _ := distance(&a, &b); got != 6.5 {
		t.Errorf("adjusted too far: got %g, want 6.5", got)
	}
	if _, ok := distance(&a, &messages.Coordinate{}); ok {
		t.Error("a coordinate that was never measured has a distance")
	}
}

func TestPatience(t *testing.T) {
	cfg := DefaultConfig()
	b := newBench(t, cfg)
	near, far := nodeID(1), nodeID(2)
	got := b.choose(near)
	if got.HedgeAfter != cfg.UnknownTime || got.Timeout != cfg.TimeoutMin {
		t.Errorf("nothing is known of anybody: %+v", got)
	}
	for range 100 {
		b.serve(near, 19, 30*time.Millisecond)
		b.serve(far, 1, 300*time.Millisecond)
	}
	hedgeNear, hedgeFar := b.choose(near).HedgeAfter, b.choose(far).HedgeAfter
	if hedgeNear < 25*time.Millisecond || hedgeNear > 40*time.Millisecond {
		t.Errorf("a hedge of the near one after %s, it takes 30 ms", hedgeNear)
	}
	all := seconds(float64(b.core.p95))
	if hedgeFar != all {
		t.Errorf("a hedge of the far one after %s, want what all take: %s", hedgeFar, all)
	}
	b.serve(far, 200, time.Hour)
	got = b.choose(far)
	if got.HedgeAfter != cfg.HedgeMax || got.Timeout != cfg.TimeoutMax {
		t.Errorf("an hour for a block: %+v, want the bounds", got)
	}
}

// Whatever is asked and answered: choices are candidates, apart as far as
// there are enough, the bounds hold, and in the end nothing is in flight.
func TestChoices(t *testing.T) {
	policies := []string{
		PolicyAdaptive, PolicyRandom, PolicyRoundRobin, PolicyLowestRTT, PolicyTwoChoices,
	}
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		cfg.PeersMax = messages.ChoicesMax
		cfg.Policy = rapid.SampledFrom(policies).Draw(t, "policy")
		seed := rapid.Uint64().Draw(t, "seed")
		c := newCore(cfg, rand.New(rand.NewPCG(seed, 0)))
		now := time.Unix(1_900_000_000, 0)
		known := nodeIDs(rapid.IntRange(1, 100).Draw(t, "nodes"))
		var flying []messages.NodeID
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			wants := make([][]messages.NodeID, rapid.IntRange(0, 8).Draw(t, "wants"))
			for i := range wants {
				at := rapid.IntRange(0, len(known)-1).Draw(t, "at")
				wants[i] = known[at:min(len(known), at+rapid.IntRange(0, 6).Draw(t, "n"))]
			}
			apart := rapid.Bool().Draw(t, "apart")
			bad := map[messages.NodeID]bool{}
			for id, p := range c.peers.byID {
				bad[id] = p.badNS > now.UnixNano()
			}
			choices, err := c.choose(now, wants, apart)
			if err != nil {
				t.Fatal(err)
			}
			checkChoices(t, c, wants, choices, apart, bad)
			for _, choice := range choices {
				if choice.Peer != (messages.NodeID{}) {
					flying = append(flying, choice.Peer)
				}
			}
			for len(flying) > rapid.IntRange(0, 20).Draw(t, "left") {
				c.answered(now, messages.PeerAnswered{
					Peer:    flying[0],
					Outcome: messages.Outcome(rapid.IntRange(1, 6).Draw(t, "outcome")),
					Took:    time.Millisecond * time.Duration(rapid.IntRange(0, 9000).Draw(t, "took")),
					Load:    rapid.IntRange(-1, 50).Draw(t, "load"),
				})
				flying = flying[1:]
			}
		}
		for _, id := range flying {
			c.answered(now, messages.PeerAnswered{Peer: id, Outcome: messages.OutcomeServed})
		}
		for _, score := range c.scores(now) {
			if score.InFlight != 0 {
				t.Fatalf("%d in flight, all were answered", score.InFlight)
			}
		}
	})
}

func checkChoices(
	t *rapid.T, c *core, wants [][]messages.NodeID, choices []messages.PeerChoice, apart bool,
	bad map[messages.NodeID]bool,
) {
	chosen := map[messages.NodeID]bool{}
	for i, choice := range choices {
		if len(wants[i]) == 0 {
			if choice != (messages.PeerChoice{}) {
				t.Fatal("a choice without candidates")
			}
			continue
		}
		among, free := false, false
		for _, id := range wants[i] {
			among = among || id == choice.Peer
			free = free || !chosen[id] && !bad[id]
		}
		if !among {
			t.Fatal("chose one that is no candidate")
		}
		if apart && free && chosen[choice.Peer] {
			t.Fatal("chose one twice, though others were free")
		}
		if choice.HedgeAfter < c.cfg.HedgeMin || choice.HedgeAfter > c.cfg.HedgeMax ||
			choice.Timeout < c.cfg.TimeoutMin || choice.Timeout > c.cfg.TimeoutMax {
			t.Fatalf("out of bounds: %+v", choice)
		}
		chosen[choice.Peer] = true
	}
	if n := len(c.peers.byID); n > c.cfg.PeersMax {
		t.Fatalf("%d peers are remembered", n)
	}
}

// A choice that nobody reports on does not count for ever.
func TestForgottenChoicesAreTakenBack(t *testing.T) {
	cfg := DefaultConfig()
	b := newBench(t, cfg)
	for range 5 {
		b.choose(nodeID(1))
	}
	b.now = b.now.Add(choiceAgeMax*cfg.TimeoutMax + 1)
	b.choose(nodeID(1))
	if got := b.core.peers.get(nodeID(1)).inFlight; got != 1 {
		t.Errorf("%d in flight, want 1", got)
	}
}

func TestChooseRefuses(t *testing.T) {
	b := newBench(t, DefaultConfig())
	for name, wants := range map[string][][]messages.NodeID{
		"TooManyBlocks":     make([][]messages.NodeID, messages.ChoicesMax+1),
		"TooManyCandidates": {nodeIDs(messages.CandidatesMax + 1)},
	} {
		_, err := b.core.choose(b.now, wants, true)
		if err == nil || err.Code != messages.CodeInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"Policy":        func(c *Config) { c.Policy = "best" },
		"Draws":         func(c *Config) { c.Draws = 0 },
		"ExploreShare":  func(c *Config) { c.ExploreShare = math.NaN() },
		"Tau":           func(c *Config) { c.Tau = 0 },
		"LoadWeight":    func(c *Config) { c.LoadWeight = -1 },
		"HedgeMax":      func(c *Config) { c.HedgeMax = c.HedgeMin - 1 },
		"TimeoutFactor": func(c *Config) { c.TimeoutFactor = 0.5 },
		"TimeoutMax":    func(c *Config) { c.TimeoutMax = c.TimeoutMin - 1 },
		"PeersMax":      func(c *Config) { c.PeersMax = messages.ChoicesMax - 1 },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if cfg.Validate() == nil {
			t.Errorf("%s: a bad value passes", name)
		}
	}
}

func BenchmarkChooseAndAnswer(b *testing.B) {
	bench := newBench(b, DefaultConfig())
	ids := nodeIDs(200)
	b.ReportAllocs()
	for i := range b.N {
		at := i % (len(ids) - 15)
		wants := [][]messages.NodeID{ids[at : at+5], ids[at+5 : at+10], ids[at+10 : at+15]}
		choices, _ := bench.core.choose(bench.now, wants, true)
		bench.now = bench.now.Add(time.Millisecond)
		for _, choice := range choices {
			bench.answer(choice.Peer, messages.OutcomeServed, 30*time.Millisecond)
		}
	}
}
