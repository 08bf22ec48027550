package popularity

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

func newTestHot(blocksMax int) *hot {
	return &hot{blocksMax: blocksMax, halfLife: 30 * time.Second, base: start}
}

// TestHotRates: under a steady load the rate is right, and it halves with
// each half-life after it.
func TestHotRates(t *testing.T) {
	h, cid := newTestHot(4), testCID(1)
	now := start
	for range 3 * 3600 { // far beyond where weights are scaled down
		now = now.Add(time.Second / 3)
		h.count(now, &cid)
	}
	if got := h.rate(now, &cid); math.Abs(got-3*3600) > 150 {
		t.Errorf("got %.0f per hour, want 10800", got)
	}
	if got := h.rate(now.Add(2*time.Minute), &cid); math.Abs(got-3*3600/16) > 10 {
		t.Errorf("after four half-lives: got %.0f per hour, want 675", got)
	}
	other := testCID(2)
	if got := h.rate(now, &other); got != 0 {
		t.Errorf("a block that was not served has %.0f per hour", got)
	}
}

// TestHotBounds: space-saving never says more than was served, and keeps
// every block that was served more than its share of the whole.
func TestHotBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blocksMax := rapid.IntRange(1, 8).Draw(t, "blocksMax")
		h := newTestHot(blocksMax)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		counts := map[messages.CID]float64{}
		const served = 400
		for range served { // all at once, so that nothing decays
			cid := testCID(int(math.Abs(r.NormFloat64()) * 5))
			counts[cid]++
			h.count(start, &cid)
		}
		if len(h.blocks) > blocksMax {
			t.Fatalf("%d blocks are kept, bound %d", len(h.blocks), blocksMax)
		}
		one := math.Ln2 / h.halfLife.Hours()
		for cid, count := range counts {
			if got := h.rate(start, &cid) / one; got > count+1e-6 {
				t.Fatalf("%.1f of %.0f requests", got, count)
			}
			if count > served/float64(blocksMax) && h.find(&cid) == nil {
				t.Fatalf("a block of %.0f of %d requests is not kept", count, served)
			}
		}
	})
}

func TestChangedTellsFactorsOfTwo(t *testing.T) {
	h, cid := newTestHot(4), testCID(1)
	const least = 360
	one := math.Ln2 / h.halfLife.Hours() // what one request makes: 83 per hour
	serve := func(n int) {
		for range n {
			h.count(start, &cid)
		}
	}
	step := func(what string, now time.Time, want float64, wantMore bool) {
		t.Helper()
		out, more := h.changed(now, least)
		switch {
		case more != wantMore:
			t.Errorf("%s: more is %v", what, more)
		case want == 0 && len(out.CIDs) != 0:
			t.Errorf("%s: told %v", what, out.ServedPerHour)
		case want > 0 && (len(out.CIDs) != 1 || out.CIDs[0] != cid ||
			math.Abs(out.ServedPerHour[0]-want) > 1):
			t.Errorf("%s: told %v, want %.0f", what, out.ServedPerHour, want)
		}
	}
	step("nothing served", start, 0, false)
	serve(4)
	step("below the least rate", start, 0, false)
	serve(1)
	step("above it", start, 5*one, true)
	serve(4)
	step("less than twice", start, 0, true)
	serve(1)
	step("twice", start, 10*one, true)
	step("after a half-life", start.Add(30*time.Second), 5*one, true)
	step("less than half", start.Add(59*time.Second), 0, true)
	step("cold", start.Add(60*time.Second), 2.5*one, false)
	step("still cold", start.Add(90*time.Second), 0, false)
}

// TestHotForgetsTheFaint: what was served long ago makes room.
func TestHotForgetsTheFaint(t *testing.T) {
	h := newTestHot(100)
	for n := range 50 {
		cid := testCID(n)
		h.count(start, &cid)
	}
	now := start.Add(time.Hour)
	cid := testCID(99)
	h.count(now, &cid)
	if len(h.blocks) != 1 || math.Abs(h.rate(now, &cid)-math.Ln2/h.halfLife.Hours()) > 1e-9 {
		t.Errorf("%d blocks are kept, the last at %.3f", len(h.blocks), h.rate(now, &cid))
	}
}
