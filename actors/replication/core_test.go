package replication

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestFactorFollowsDemand(t *testing.T) {
	c := DefaultConfig()
	c.RootShare = 0.5 // r = max(0.5·√d, d/1800), 3 to 16
	for _, test := range []struct {
		demand float64
		want   int
	}{
		{0, 3},
		{36, 3},
		{37, 4},
		{100, 5},
		{400, 10},
		{1024, 16},
		{1e12, 16},
		{math.Inf(1), 16},
		{-5, 3},
		{math.NaN(), 3},
	} {
		if got := c.factorAt(test.demand); got != test.want {
			t.Errorf("%v an hour: factor %d, want %d", test.demand, got, test.want)
		}
	}
	c.RootShare, c.PerHolder = 0, 100 // the load rule alone
	if got := c.factorAt(701); got != 8 {
		t.Errorf("701 an hour at 100 per holder: factor %d, want 8", got)
	}
	c.Policy, c.Factor = PolicyFixed, 7
	for _, demand := range []float64{0, 1e9} {
		if got := c.nextFactor(3, demand); got != 7 {
			t.Errorf("fixed: factor %d, want 7", got)
		}
	}
}

// TestFactorDoesNotFlap: demand that moves by less than a factor of two
// changes the factor at most once, and what it settles at is enough.
func TestFactorDoesNotFlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := DefaultConfig()
		base := rapid.Float64Range(0, 3000).Draw(t, "demand")
		factor, changes := c.nextFactor(0, base*2), 0
		for range 20 {
			demand := base * rapid.Float64Range(1, 2).Draw(t, "noise")
			next := c.nextFactor(factor, demand)
			if next != factor {
				changes++
			}
			if factor = next; factor < c.factorAt(demand) {
				t.Fatalf("factor %d at %v an hour, want %d", factor, demand, c.factorAt(demand))
			}
		}
		if changes > 0 {
			t.Fatalf("it changed %d times", changes)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"Policy":             func(c *Config) { c.Policy = "other" },
		"Factor":             func(c *Config) { c.Factor = 17 },
		"RMin":               func(c *Config) { c.RMin = 0 },
		"RMax":               func(c *Config) { c.RMax = c.RMin - 1 },
		"Slack":              func(c *Config) { c.Slack = -1 },
		"RanksMax":           func(c *Config) { c.RanksMax = 5 },
		"WatchedMax":         func(c *Config) { c.WatchedMax = 1 },
		"ReplicasMax":        func(c *Config) { c.ReplicasMax = c.WatchedMax/2 + 1 },
		"LooksMax":           func(c *Config) { c.LooksMax = 0 },
		"RequestsInFlight":   func(c *Config) { c.RequestsInFlightMax = 0 },
		"PerPeerMax":         func(c *Config) { c.PerPeerMax = c.RequestsInFlightMax + 1 },
		"OfferBatchMax":      func(c *Config) { c.OfferBatchMax = 65 },
		"PushBlocksMax":      func(c *Config) { c.PushBlocksMax = 17 },
		"InboundMax":         func(c *Config) { c.InboundMax = 0 },
		"PeerItemsPerMinute": func(c *Config) { c.PeerItemsPerMinute = 0 },
		"PeersMax":           func(c *Config) { c.PeersMax = 0 },
		"DisperseDelay":      func(c *Config) { c.DisperseDelay = -1 },
		"LookInterval":       func(c *Config) { c.LookInterval = c.RetryDelay - 1 },
		"RetryDelay":         func(c *Config) { c.RetryDelay = time.Millisecond },
		"LeaseQuantum":       func(c *Config) { c.LeaseQuantum = time.Millisecond },
		"Lease":              func(c *Config) { c.Lease = time.Second },
		"LeaseMax":           func(c *Config) { c.LeaseMax = c.Lease - 1 },
		"Century":            func(c *Config) { c.LeaseMax = math.MaxInt64 },
		"RootShare":          func(c *Config) { c.RootShare = math.NaN() },
		"PerHolder":          func(c *Config) { c.PerHolder = 0 },
		"DropAbove":          func(c *Config) { c.DropAbove = 1.5 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			change(&cfg)
			if cfg.Validate() == nil {
				t.Fatal("accepted")
			}
		})
	}
}

// BenchmarkLook is a look at a block of which all is well: its share of an
// offer to two others, in a network of 1,000.
func BenchmarkLook(b *testing.B) {
	n := newNetwork(b, 1, 3, func(_ int, c *Config) { c.StartDelay, c.DisperseDelay = 0, 0 })
	n.run(10 * time.Second)
	cids := n.write(n.nodes[0], 500)
	n.run(time.Minute)
	n.expectHolders(cids, 3)
	core := n.nodes[0].actor.core
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += len(cids) {
		n.now = n.now.Add(core.cfg.LookInterval)
		core.at(n.now)
		for _, w := range core.due {
			w.due = n.now
		}
		core.tick()
		out := core.take()
		for len(out.estimates)+len(out.requests) > 0 {
			for _, all := range out.estimates {
				core.estimated(all, nil)
			}
			for _, r := range out.requests {
				core.answered(r, heldResponse(len(r.tickets)), nil)
			}
			out = core.take()
		}
	}
}
