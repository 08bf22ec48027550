package randomizer

import (
	"errors"
	"testing"
)

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatalf("the default is refused: %v", err)
	}
	for name, spoil := range map[string]func(*Config){
		"Profile":             func(c *Config) { c.Profile = "loose" },
		"UsesMax":             func(c *Config) { c.UsesMax = 0 },
		"SpacingTuples":       func(c *Config) { c.SpacingTuples = 64 },
		"ActiveMax":           func(c *Config) { c.ActiveMax = c.SpacingTuples },
		"SparesMax":           func(c *Config) { c.SparesMax = -1 },
		"CandidatesMax":       func(c *Config) { c.CandidatesMax = 0 },
		"CandidatesReady":     func(c *Config) { c.CandidatesReady = 0 },
		"ScanRows":            func(c *Config) { c.ScanRows = 1 << 20 },
		"StreamsMax":          func(c *Config) { c.StreamsMax = 0 },
		"ReservedMax":         func(c *Config) { c.ReservedMax = 1 },
		"WaitingMax":          func(c *Config) { c.WaitingMax = 0 },
		"TransactionTuples":   func(c *Config) { c.TransactionTuples = 1 << 16 },
		"TransactionsMax":     func(c *Config) { c.TransactionsMax = 0 },
		"CollectionBlocksMax": func(c *Config) { c.CollectionBlocksMax = 0 },
		"GenerateBlocks":      func(c *Config) { c.GenerateBlocks = 0 },
	} {
		c := DefaultConfig()
		spoil(&c)
		if err := c.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("a bad %s: %v, want ErrConfig", name, err)
		}
	}
}

func BenchmarkPlan(b *testing.B) {
	c := newCore(DefaultConfig(), testDraw(1))
	for i := range uint64(1 << 16) {
		c.candidates.add(candidate{cid: fakeCID(i)})
	}
	next := uint64(1 << 32)
	for b.Loop() {
		tuples, generate := c.plan(1, 64)
		for _, made := range generate {
			next++
			made.cid = fakeCID(next)
		}
		c.named(tuples)
		k := c.book(tuples)
		c.booked(k)
		c.endStream(1)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/64, "µs/tuple")
}
