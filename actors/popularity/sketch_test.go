package popularity

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// TestSketchBounds: without noise the estimate of a block is at least its
// count less what is usual in a cell, which as a median is at most twice the
// mean; and more than e·N/width above its count for few of the blocks
// (Cormode and Muthukrishnan give exp(-depth) for the least row; the lower
// median of four has three rows wrong, for at most 4·exp(-3) of them).
func TestSketchBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const depth, width, blocks = 4, 256, 500
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		s := sketch{depth: depth}
		s.reset(rapid.Uint64Range(0, 1<<40).Draw(t, "epoch"))
		counts := make([]float64, blocks)
		total := 0.0
		for i := range counts {
			counts[i] = float64(1 + r.IntN(1+1000/(i+1))) // a few popular ones
			total += counts[i]
			cid := testCID(i)
			for range int(counts[i]) {
				s.count(&cid, width)
			}
		}
		above := 0
		for i, count := range counts {
			cid := testCID(i)
			got, spread := s.excess(&cid)
			if spread < 0 {
				t.Fatalf("spread %v", spread)
			}
			if low := count - 2*total/width; got < low {
				t.Fatalf("got %.1f for %.0f requests, want %.1f at least", got, count, low)
			}
			if got > count+math.E*total/width {
				above++
			}
		}
		if above > blocks/5 {
			t.Fatalf("%d of %d estimates are above the bound", above, blocks)
		}
	})
}

// TestPlaces pins the places of a block: they are part of the format.
func TestPlaces(t *testing.T) {
	var cid messages.CID
	for i := range cid {
		cid[i] = byte(i)
	}
	for row, want := range []int{1724, 1492, 901, 1005, 705, 998, 1723, 913} {
		if got := place(3_155_000, &cid, row, 2048); got != row*2048+want {
			t.Errorf("row %d: cell %d, want %d", row, got-row*2048, want)
		}
	}
}

// TestPlacesMove: two blocks that share a cell in one epoch do not in the
// next.
func TestPlacesMove(t *testing.T) {
	const width, pairs = 16, 2000
	a, together := testCID(0), 0
	for n := 1; n <= pairs; n++ {
		b := testCID(n)
		if place(1, &a, 0, width) == place(1, &b, 0, width) &&
			place(2, &a, 0, width) == place(2, &b, 0, width) {
			together++
		}
	}
	// 1/256 of 2000 is 8.
	if together > 25 {
		t.Errorf("%d of %d pairs share cells twice", together, pairs)
	}
}

func TestCellsStopAtTheirEnds(t *testing.T) {
	s := sketch{depth: 1, cells: []int16{math.MaxInt16 - 1, math.MinInt16 + 1, 0}}
	s.add([]byte{255, 0, wire.DemandZero + 5})
	if s.cells[0] != math.MaxInt16 || s.cells[1] != math.MinInt16 || s.cells[2] != 5 {
		t.Errorf("got %v", s.cells)
	}
	full := sketch{depth: 1, cells: []int16{math.MaxInt16}}
	cid := testCID(1)
	full.count(&cid, 1)
	if full.cells[0] != math.MaxInt16 {
		t.Errorf("got %d", full.cells[0])
	}
}
