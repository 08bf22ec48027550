package splitter_test

import (
	"testing"

	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/messages"
)

// storage is what a file of 8,192 blocks costs.
type storage struct {
	stored   float64 // new blocks per block
	distinct float64 // distinct blocks fetched per block
	uses     int     // most uses of one block in slot B
}

// storeMeasured stores a file of so many chunks. The figures are per sealed
// block, nodes included: with small blocks there are more nodes than in
// production.
func (h *house) storeMeasured(chunks int) storage {
	h.t.Helper()
	before := len(h.stored())
	w := h.open()
	data := text(h.params.BlockSize)
	for range chunks {
		w.chunk(data)
	}
	content := w.mustFinish()
	w.close()
	refs := h.refs(content.Children)
	distinct := make(map[messages.CID]bool)
	uses := make(map[messages.CID]int)
	figures := storage{stored: float64(len(h.stored())-before) / float64(len(refs))}
	for _, ref := range refs {
		for _, cid := range ref.Tuple() {
			distinct[cid] = true
		}
		uses[ref.B]++
		figures.uses = max(figures.uses, uses[ref.B])
	}
	figures.distinct = float64(len(distinct)) / float64(len(refs))
	return figures
}

func TestStorageCost(t *testing.T) {
	tests := []struct {
		profile          string
		chunks           int // 8192 is a file of 1 GiB
		coldMax, warmMax float64
		distinctMax      float64
		coldMin, warmMin float64
	}{
		{
			profile: randomizer.ProfileBalanced, coldMax: 2.05, coldMin: 2, warmMax: 1.12, warmMin: 1.08,
			distinctMax: 2.1,
		},
		{
			profile: randomizer.ProfileThrifty, chunks: 2048, coldMin: 2, coldMax: 2.05,
			warmMin: 1.01, warmMax: 1.03, distinctMax: 2.1,
		},
		{
			profile: randomizer.ProfileStrict, chunks: 2048, coldMin: 2, coldMax: 2.05,
			warmMin: 2, warmMax: 2.05, distinctMax: 2.1,
		},
	}
	for _, test := range tests {
		t.Run(test.profile, func(t *testing.T) {
			s := newSettings(7)
			s.randomizer.Profile = test.profile
			h := newHouse(t, s)
			defer h.stop()
			cold, warm := h.storeMeasured(test.chunks), h.storeMeasured(test.chunks)
			t.Logf("cold %+v, warm %+v, %+v", cold, warm, h.randomizerStats())
			if cold.stored > test.coldMax || cold.stored < test.coldMin {
				t.Errorf("cold: stored %.4f per block, want %v..%v",
					cold.stored, test.coldMin, test.coldMax)
			}
			if warm.stored > test.warmMax || warm.stored < test.warmMin {
				t.Errorf("warm: stored %.4f per block, want %v..%v",
					warm.stored, test.warmMin, test.warmMax)
			}
			for _, figures := range []storage{cold, warm} {
				if figures.distinct > test.distinctMax {
					t.Errorf("%.4f distinct blocks per block, want at most %v",
						figures.distinct, test.distinctMax)
				}
				if figures.uses > s.randomizer.UsesMax {
					t.Errorf("a block served %d tuples in slot B, want at most %d",
						figures.uses, s.randomizer.UsesMax)
				}
			}
		})
	}
}

func TestStorageCostOfSmallColdFiles(t *testing.T) {
	// As many blocks as a tree of 10,000 files of 4 KiB has.
	h := newHouse(t, newSettings(8))
	defer h.stop()
	figures := h.storeMeasured(312)
	if figures.stored > 2.4 {
		t.Errorf("stored %.3f per block, want at most 2.4", figures.stored)
	}
	t.Logf("%+v", figures)
}
