package placement

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestNegativeLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := rapid.Uint64().Draw(t, "hash")
		got := float64(negativeLog(hash)) / (1 << logFraction)
		want := 64 - math.Log2(float64(hash|1))
		if math.Abs(got-want) > math.Ldexp(1, -17) {
			t.Fatalf("of %#x: %v, want %v", hash, got, want)
		}
	})
	for _, hash := range []uint64{0, 1, 1 << 63, math.MaxUint64} {
		if got := negativeLog(hash); got == 0 || got > 64<<logFraction {
			t.Errorf("of %#x: %#x is out of bounds", hash, got)
		}
	}
}
