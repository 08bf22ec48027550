package reader

import (
	"testing"

	"pgregory.net/rapid"
)

func TestReadAhead(t *testing.T) {
	type step struct{ first, last, from, to uint64 }
	for _, test := range []struct {
		name  string
		max   int
		steps []step
	}{
		{"ChunkByChunk", 8, []step{
			{0, 0, 1, 3},
			{1, 1, 3, 6},
			{2, 2, 0, 0},
			{3, 3, 6, 12},
			{4, 4, 0, 0},
			{5, 5, 0, 0},
			{6, 6, 0, 0},
			{7, 7, 12, 16},
			{8, 8, 0, 0},
			{9, 9, 0, 0},
			{10, 10, 0, 0},
			{11, 11, 16, 20},
		}},
		{"SmallReadsInOneChunk", 8, []step{
			{0, 0, 1, 3}, {0, 0, 0, 0}, {0, 0, 0, 0}, {0, 1, 3, 6}, {1, 1, 0, 0},
		}},
		{"LargeReads", 32, []step{{0, 7, 8, 10}, {8, 15, 16, 20}, {16, 23, 24, 32}}},
		{"OutOfOrder", 8, []step{{0, 0, 1, 3}, {2, 2, 3, 7}, {1, 1, 0, 0}, {4, 4, 7, 13}, {3, 3, 0, 0}}},
		{"RandomInASmallFile", 8, []step{{3, 3, 0, 0}, {1, 1, 0, 0}, {5, 5, 0, 0}, {4, 4, 0, 0}}},
		{"FarAwayEndsTheRun", 8, []step{
			{0, 0, 1, 3}, {1, 1, 3, 6}, {1000, 1000, 0, 0}, {1001, 1001, 1002, 1004},
		}},
		{"BackToTheStart", 8, []step{{100, 100, 0, 0}, {0, 0, 0, 0}, {1, 1, 2, 4}}},
		{"Random", 8, []step{{500, 500, 0, 0}, {90, 91, 0, 0}, {7000, 7000, 0, 0}, {300, 300, 0, 0}}},
		{"Off", 0, []step{{0, 0, 0, 0}, {1, 1, 0, 0}, {2, 2, 0, 0}}},
		{"MaxOfOne", 1, []step{{0, 0, 1, 2}, {0, 0, 0, 0}, {1, 1, 2, 3}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := readAhead{max: test.max}
			for i, s := range test.steps {
				from, to := r.observe(s.first, s.last)
				if from != s.from || to != s.to {
					t.Fatalf("step %d, read of %d..%d: got %d..%d, want %d..%d",
						i, s.first, s.last, from, to, s.from, s.to)
				}
			}
		})
	}
}

// TestReadAheadWaste proves that seeks waste no more than is promised: reads
// of a few chunks in a row, each run far from the one before.
func TestReadAheadWaste(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := readAhead{max: rapid.IntRange(0, 64).Draw(t, "max")}
		at := uint64(0)
		for range rapid.IntRange(1, 20).Draw(t, "runs") {
			at += 1000
			length := rapid.Uint64Range(1, 200).Draw(t, "length")
			early := uint64(0)
			for i := range length {
				from, to := r.observe(at+i, at+i)
				if to > from {
					if from < at+i+1 {
						t.Fatalf("chunk %d is read early after it was read", from)
					}
					early += to - from
				}
				if to > at+i+1+uint64(r.max) {
					t.Fatalf("chunk %d is %d ahead, max %d", to, to-at-i-1, r.max)
				}
			}
			used := min(early, length)
			if waste := early - used; waste > uint64(r.max) || waste > 2*length {
				t.Fatalf("%d chunks wasted after a run of %d, max %d", waste, length, r.max)
			}
			at += length
		}
	})
}

// TestReadAheadKeepsUp proves that a run, once started, finds each chunk
// asked for before it is read.
func TestReadAheadKeepsUp(t *testing.T) {
	for _, most := range []int{1, 2, 3, 8, 32} {
		r := readAhead{max: most}
		limit := uint64(0)
		for i := range uint64(500) {
			if i > 0 && i >= limit {
				t.Fatalf("max %d: chunk %d was not asked for early", most, i)
			}
			if from, to := r.observe(i, i); to > from {
				if i > 0 && from != limit {
					t.Fatalf("max %d: asked from %d, want %d", most, from, limit)
				}
				limit = to
			}
			if !r.wants(i+1) && r.limit > i+1 {
				t.Fatalf("max %d: chunk %d was asked for and is not wanted", most, i+1)
			}
		}
	}
}
