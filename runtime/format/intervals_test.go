package format

import (
	"testing"

	"pgregory.net/rapid"
)

func TestIntervalsEqualAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set intervals
		model := make(map[uint64]bool)
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			from := rapid.Uint64Range(0, 60).Draw(t, "from")
			to := from + rapid.Uint64Range(1, 8).Draw(t, "count")
			free := true
			for n := from; n < to; n++ {
				free = free && !model[n]
			}
			if set.add(from, to) != free {
				t.Fatalf("add(%d, %d): got %v", from, to, !free)
			}
			for n := from; free && n < to; n++ {
				model[n] = true
			}
			for n := range uint64(70) {
				if set.has(n) != model[n] {
					t.Fatalf("has(%d): got %v", n, !model[n])
				}
			}
			for i := 1; i < len(set); i++ {
				if set[i-1].to >= set[i].from {
					t.Fatal("intervals touch or are out of order")
				}
			}
		}
	})
}
