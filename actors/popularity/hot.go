package popularity

import (
	"math"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// rescaleAfter is how many half-lives pass before weights are scaled down, far
// from where they would overflow.
const rescaleAfter = 64

// faint is the weight of a block that is forgotten when weights are scaled
// down: less than a thousandth of a request is left of it.
const faint = 1e-3

// hot keeps the blocks that this node served most lately, with their rates:
// space-saving, under exponential decay. A request at time t weighs
// 2^((t-base)/half-life), so that what is kept need not be touched as time
// passes.
//
// Sources: Metwally, Agrawal, El Abbadi, "Efficient computation of frequent
// and top-k elements in data streams", 2005 (space-saving); Cormode,
// Shkapenyuk, Srivastava, Xu, "Forward decay", 2009.
type hot struct {
	blocksMax int
	halfLife  time.Duration
	base      time.Time
	blocks    []hotBlock // up to blocksMax, in no order
}

// hotBlock is a block that was served lately.
type hotBlock struct {
	cid    messages.CID
	weight float64 // at least that of its requests
	over   float64 // by how much at most weight is too high
	told   float64 // the rate that was told last, per hour; 0: none
}

// count adds a request, and returns the block's rate per hour, or less.
func (h *hot) count(now time.Time, cid *messages.CID) float64 {
	if now.Sub(h.base) > rescaleAfter*h.halfLife {
		h.rescale(now)
	}
	block := h.find(cid)
	switch {
	case block != nil:
	case len(h.blocks) < h.blocksMax:
		h.blocks = append(h.blocks, hotBlock{cid: *cid})
		block = &h.blocks[len(h.blocks)-1]
	default:
		// It takes the place, and the weight, of the least one: it may have
		// been here before.
		block = h.least()
		*block = hotBlock{cid: *cid, weight: block.weight, over: block.weight}
	}
	block.weight += math.Exp2(h.halfLives(now))
	return h.perHour(now, block)
}

// rate returns the rate per hour at which a block was served lately, or less.
func (h *hot) rate(now time.Time, cid *messages.CID) float64 {
	if block := h.find(cid); block != nil {
		return h.perHour(now, block)
	}
	return 0
}

func (h *hot) find(cid *messages.CID) *hotBlock {
	for i := range h.blocks {
		if h.blocks[i].cid == *cid {
			return &h.blocks[i]
		}
	}
	return nil
}

func (h *hot) least() *hotBlock {
	least := &h.blocks[0]
	for i := range h.blocks {
		if h.blocks[i].weight < least.weight {
			least = &h.blocks[i]
		}
	}
	return least
}

// halfLives is the time since the base.
func (h *hot) halfLives(now time.Time) float64 {
	return float64(now.Sub(h.base)) / float64(h.halfLife)
}

// perHour turns a weight into a rate: under a steady rate the decayed count
// is rate · half-life / ln 2.
func (h *hot) perHour(now time.Time, block *hotBlock) float64 {
	count := (block.weight - block.over) * math.Exp2(-h.halfLives(now))
	return count * math.Ln2 / h.halfLife.Hours()
}

// rescale moves the base to now.
func (h *hot) rescale(now time.Time) {
	factor := math.Exp2(-h.halfLives(now))
	kept := h.blocks[:0]
	for _, block := range h.blocks {
		block.weight *= factor
		block.over *= factor
		if block.weight >= faint || block.told > 0 {
			kept = append(kept, block)
		}
	}
	h.blocks, h.base = kept, now
}

// changed returns the blocks whose rate is twice or half of what was told, and
// takes them as told. Rates below the least one are told only of blocks that
// were above it. more tells that there may be something to tell later even if
// nothing is served.
func (h *hot) changed(now time.Time, least float64) (out messages.HotBlocks, more bool) {
	for i := range h.blocks {
		block := &h.blocks[i]
		rate := h.perHour(now, block)
		told := block.told
		switch {
		case rate >= least && (told == 0 || rate >= 2*told || rate <= told/2):
			block.told = rate
		case rate < least && told > 0 && rate <= told/2:
			block.told = 0
		default:
			more = more || told > 0
			continue
		}
		more = more || block.told > 0
		out.CIDs = append(out.CIDs, block.cid)
		out.ServedPerHour = append(out.ServedPerHour, rate)
	}
	return out, more
}
