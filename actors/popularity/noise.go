package popularity

import (
	"encoding/binary"
	"math"

	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
)

// Sizes of the sampler.
const (
	// noiseMax is the largest noise that is told apart from larger one. A
	// cell plus or minus it is beyond what can be sent, so that clipping at
	// it changes nothing.
	noiseMax = 255
	// noiseBatch is how many numbers are drawn at a time.
	noiseBatch = 512
)

// noise draws from the two-sided geometric distribution,
//
//	P(X = k) = (1-α)/(1+α) · α^|k|,   α = exp(-ε/sensitivity),
//
// which makes a count of integers ε-differentially private when one request
// changes it by the sensitivity at most. It works on a table of integers,
// since the gaps between floating-point numbers would give counts away.
//
// Sources: Ghosh, Roughgarden, Sundararajan, "Universally utility-maximizing
// privacy mechanisms", 2009; Mironov, "On significance of the least
// significant bits for differential privacy", 2012.
type noise struct {
	upTo [noiseMax]uint64 // P(|X| <= k) as a fraction of 2^63
}

// noiseBase is α.
func noiseBase(epsilon float64, sensitivity int) float64 {
	return math.Exp(-epsilon / float64(sensitivity))
}

// noiseSize is the expectation of |X|.
func noiseSize(base float64) float64 { return 2 * base / (1 - base*base) }

func newNoise(base float64) *noise {
	n := &noise{}
	for k := range n.upTo {
		n.upTo[k] = uint64((1 - 2*math.Pow(base, float64(k+1))/(1+base)) * (1 << 63))
	}
	return n
}

// sample turns a uniform number into one of the distribution: the highest
// bit is its sign, the rest its size.
func (n *noise) sample(uniform uint64) int {
	size := uniform &^ (1 << 63)
	k := 0
	for k < noiseMax && size >= n.upTo[k] { // few steps: small noise is likely
		k++
	}
	if uniform>>63 == 1 {
		return -k
	}
	return k
}

// summarize makes the cells of a summary of counts: clipped, noised, and
// clipped again. Only the first clipping sees the counts alone; what is done
// to them with their noise can give nothing more away. counts may be nil: a
// node that served nothing sends noise.
func (n *noise) summarize(counts []int16, cfg Config, entropy port.Entropy) []byte {
	cells := make([]byte, cfg.Depth*cfg.Width)
	random := make([]byte, 8*noiseBatch)
	total := 0
	for i := range cells {
		at := 8 * (i % noiseBatch)
		if at == 0 {
			entropy.Fill(random)
		}
		v := n.sample(binary.LittleEndian.Uint64(random[at:]))
		if counts != nil {
			v += min(int(counts[i]), cfg.CellMax)
		}
		v = min(max(v, -wire.DemandZero), cfg.CellMax+wire.DemandZero)
		cells[i] = byte(v + wire.DemandZero)
		total += max(v, -v)
	}
	if limit := cfg.sumMax(); total > limit {
		shrink(cells, limit, total)
	}
	return cells
}

// shrink scales cells whose sizes sum up to total down to limit.
func shrink(cells []byte, limit, total int) {
	for i, c := range cells {
		// Rounded towards 0, so that the sum stays below.
		cells[i] = byte((int(c)-wire.DemandZero)*limit/total + wire.DemandZero)
	}
}

// limits tells whether the cells of a summary keep the bounds that every
// member keeps.
type limits struct {
	size   [256]int32 // of a cell, as sent; above sumMax when it is too high
	sumMax int32
}

func newLimits(cfg Config) *limits {
	l := &limits{sumMax: int32(cfg.sumMax())}
	for c := range l.size {
		v := int32(c) - wire.DemandZero
		l.size[c] = max(v, -v)
		if int(v) > cfg.CellMax+wire.DemandZero {
			l.size[c] = l.sumMax + 1
		}
	}
	return l
}

// keptBy reports whether these cells are within the limits.
func (l *limits) keptBy(cells []byte) bool {
	total := int64(0)
	for _, c := range cells {
		total += int64(l.size[c])
	}
	return total <= int64(l.sumMax)
}
