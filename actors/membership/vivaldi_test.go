package membership

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// distance is what two coordinates predict, in seconds.
func distance(a *vivaldi, b messages.Coordinate) float64 {
	raw := a.flat(b) + a.height + float64(b.Height)
	if adjusted := raw + a.adjustment + float64(b.Adjustment); adjusted > 0 {
		return adjusted
	}
	return raw
}

// TestVivaldiFindsItsPlace: nodes on a plane, each behind an access link of
// its own, predict each other's round trips after 40 measurements each.
func TestVivaldiFindsItsPlace(t *testing.T) {
	const nodes, updates = 100, 40
	for seed := range uint64(5) {
		draw := rand.New(rand.NewPCG(seed, 1))
		var x, y, h [nodes]float64
		all := make([]vivaldi, nodes)
		for i := range all {
			x[i], y[i] = 0.15*draw.Float64(), 0.08*draw.Float64()
			h[i] = 0.001 + 0.015*draw.ExpFloat64()
			all[i] = newVivaldi()
		}
		trip := func(i, j int) float64 {
			return math.Hypot(x[i]-x[j], y[i]-y[j]) + h[i] + h[j]
		}
		for range updates {
			for i := range all {
				j := draw.IntN(nodes)
				if i == j {
					continue
				}
				jitter := 1 + 0.05*draw.Float64()
				took := time.Duration(trip(i, j) * jitter * float64(time.Second))
				all[i].observe(all[j].coordinate(), took, draw)
			}
		}
		var wrong []float64
		for i := range all {
			for j := range i {
				want := trip(i, j)
				wrong = append(wrong, math.Abs(distance(&all[i], all[j].coordinate())-want)/want)
			}
		}
		slices.Sort(wrong)
		median := wrong[len(wrong)/2]
		t.Logf("seed %d: median relative error %.3f", seed, median)
		if median >= 0.35 {
			t.Errorf("seed %d: median relative error %.3f, want below 0.35", seed, median)
		}
	}
}

// TestVivaldiRefuses: what cannot be a measurement changes nothing.
func TestVivaldiRefuses(t *testing.T) {
	good := messages.Coordinate{Vec: [4]float32{0.01, 0, 0, 0}, Height: 0.001, Error: 0.5}
	for name, test := range map[string]struct {
		change func(*messages.Coordinate)
		took   time.Duration
	}{
		"Unknown":     {func(c *messages.Coordinate) { *c = messages.Coordinate{} }, time.Second},
		"Far":         {func(c *messages.Coordinate) { c.Vec[2] = -11 }, time.Second},
		"Tall":        {func(c *messages.Coordinate) { c.Height = 11 }, time.Second},
		"Underground": {func(c *messages.Coordinate) { c.Height = -1 }, time.Second},
		"Adjusted":    {func(c *messages.Coordinate) { c.Adjustment = 11 }, time.Second},
		"Sure":        {func(c *messages.Coordinate) { c.Error = -1 }, time.Second},
		"NoTime":      {func(*messages.Coordinate) {}, 0},
		"Stalled":     {func(*messages.Coordinate) {}, roundTripMax + 1},
	} {
		t.Run(name, func(t *testing.T) {
			v, other, draw := newVivaldi(), good, rand.New(rand.NewPCG(1, 1))
			test.change(&other)
			v.observe(other, test.took, draw)
			if v != newVivaldi() {
				t.Errorf("moved to %+v", v)
			}
			v.observe(good, 20*time.Millisecond, draw)
			if v == newVivaldi() {
				t.Error("a good measurement changed nothing")
			}
		})
	}
}
