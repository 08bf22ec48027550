package popularity

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/noisefs/noisefs/messages/wire"
)

// TestNoiseDistribution compares samples with the formula by chi-square.
func TestNoiseDistribution(t *testing.T) {
	for name, base := range map[string]float64{
		"Default": noiseBase(1, 4), "Little": noiseBase(3, 2), "Much": noiseBase(0.2, 4),
	} {
		t.Run(name, func(t *testing.T) {
			const samples = 400_000
			n, entropy := newNoise(base), newSeeded(5)
			seen := map[int]int{}
			for range samples {
				seen[n.sample(entropy.Uint64())]++
			}
			// Values are cells of the test as long as 50 are expected; what
			// lies beyond on each side is one more.
			chi, cells, left := 0.0, 0, float64(samples)
			rest := samples
			for k := 0; ; k++ {
				want := samples * (1 - base) / (1 + base) * math.Pow(base, float64(k))
				if want < 50 {
					break
				}
				for _, v := range slices.Compact([]int{-k, k}) {
					chi += math.Pow(float64(seen[v])-want, 2) / want
					cells++
					left -= want
					rest -= seen[v]
				}
			}
			chi += math.Pow(float64(rest)-left, 2) / left
			// Mean cells, variance 2·cells: five deviations are far out.
			if limit := float64(cells) + 5*math.Sqrt(2*float64(cells)); chi > limit {
				t.Errorf("chi-square %.1f of %d cells, limit %.1f", chi, cells, limit)
			}
		})
	}
}

func TestNoiseSize(t *testing.T) {
	for _, epsilon := range []float64{0.5, 1, 4} {
		base := noiseBase(epsilon, 4)
		sum := 0.0
		for k := 1; k < 1000; k++ {
			sum += 2 * float64(k) * (1 - base) / (1 + base) * math.Pow(base, float64(k))
		}
		if got := noiseSize(base); math.Abs(got-sum) > 1e-6 {
			t.Errorf("epsilon %v: got %v, want %v", epsilon, got, sum)
		}
	}
}

// TestNoiseIsPrivate: that a count is one higher changes the odds of no value
// by more than exp(Epsilon/Depth), by the sampler's own table.
func TestNoiseIsPrivate(t *testing.T) {
	cfg := DefaultConfig()
	n := newRules(cfg).noise
	odds := func(k int) float64 {
		k = max(k, -k)
		if k == 0 {
			return float64(n.upTo[0])
		}
		return float64(n.upTo[k]-n.upTo[k-1]) / 2
	}
	limit := math.Exp(cfg.Epsilon/float64(cfg.Depth)) * (1 + 1e-6)
	for k := -60; k < 60; k++ {
		if ratio := odds(k) / odds(k+1); ratio > limit || 1/ratio > limit {
			t.Errorf("%d is %.4f times as likely as %d, limit %.4f", k, ratio, k+1, limit)
		}
	}
}

func TestSampleEnds(t *testing.T) {
	n := newNoise(noiseBase(1, 4))
	if got := n.sample(0); got != 0 {
		t.Errorf("got %d for the smallest number", got)
	}
	if got := n.sample(math.MaxUint64); got > -wire.DemandZero || got < -noiseMax {
		t.Errorf("got %d for the largest number", got)
	}
}

// TestSummariesAreClipped: however much was served, a summary keeps the
// bounds that receivers insist on.
func TestSummariesAreClipped(t *testing.T) {
	cfg := DefaultConfig()
	n := newRules(cfg).noise
	for _, served := range []int16{0, 1, 10, 500, math.MaxInt16} {
		counts := slices.Repeat([]int16{served}, cfg.Depth*cfg.Width)
		cells := n.summarize(counts, cfg, newSeeded(3))
		if !newLimits(cfg).keptBy(cells) {
			t.Errorf("a summary of cells of %d would be refused", served)
		}
	}
	// A few popular blocks keep their counts up to CellMax, and the noise is
	// about 0 in the mean.
	counts := make([]int16, cfg.Depth*cfg.Width)
	for i := range 400 {
		counts[i] = 300
	}
	mean, empty := 0.0, 0.0
	for i, c := range n.summarize(counts, cfg, newSeeded(4)) {
		if v := float64(int(c) - wire.DemandZero); i < 400 {
			mean += v / 400
		} else {
			empty += v / float64(len(counts)-400)
		}
	}
	if math.Abs(mean-float64(cfg.CellMax)) > 1.5 || math.Abs(empty) > 0.4 {
		t.Errorf("mean of full cells %.2f, of empty ones %.2f", mean, empty)
	}
}

// TestSummariesLookAlike: one of a node that served nothing is as long as any
// other, and its cells are not empty.
func TestSummariesLookAlike(t *testing.T) {
	cfg := DefaultConfig()
	idle := summaryOf(cfg, newSeeded(1))
	busy := summaryOf(cfg, newSeeded(2), repeat(testCID(1), 1000)...)
	if len(idle) != len(busy) {
		t.Errorf("%d and %d bytes", len(idle), len(busy))
	}
	zero := 0
	for _, c := range decode(t, idle).Cells {
		if c == wire.DemandZero {
			zero++
		}
	}
	if share := float64(zero) / float64(cfg.Depth*cfg.Width); share > 0.15 {
		t.Errorf("%.2f of an idle node's cells have no noise, want about 0.12", share)
	}
}

func FuzzReceive(f *testing.F) {
	cfg := smallConfig()
	f.Add(summaryOf(cfg, newSeeded(1), repeat(testCID(1), 9)...), uint64(1))
	f.Fuzz(func(t *testing.T, payload []byte, author uint64) {
		var id, other [32]byte
		binary.LittleEndian.PutUint64(id[:], author)
		binary.LittleEndian.PutUint64(other[:], author+1)
		c, cid := newTestCore(cfg), testCID(1)
		c.receive(start, id, payload)
		c.receive(start, id, payload)
		c.receive(start, other, payload)
		if c.mergedCount+c.refused != 3 || c.mergedCount != 0 && c.mergedCount != 2 {
			t.Errorf("merged %d, refused %d of three", c.mergedCount, c.refused)
		}
		if got := c.estimate(start, &cid); got < 0 || math.IsNaN(got) {
			t.Errorf("estimate %v", got)
		}
	})
}
