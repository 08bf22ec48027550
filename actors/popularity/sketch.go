package popularity

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// sampleMax bounds the cells from which a sketch tells what is usual, and
// quartiles is how far apart the quartiles of a normal distribution are, in
// standard deviations.
const (
	sampleMax = 256
	quartiles = 1.349
)

// sketch is a count-min sketch: each row has one cell for a block, which it
// shares with others. Cells stop at the ends of their type.
//
// Sources: Cormode and Muthukrishnan, "An improved data stream summary",
// 2005 (count-min); Deng and Rafiei, "New estimation algorithms for streaming
// data", 2007 (taking off what the other blocks leave in a cell).
type sketch struct {
	epoch  uint64 // salts the places of blocks
	depth  int
	sample uint    // which cells are looked at for usual and spread; a secret
	cells  []int16 // depth rows of equal width; nil while all are 0

	// usual and spread are the median of the cells and their deviation from
	// it, as of the last query: what noise makes, and blocks that few ask for.
	usual, spread float64
	surveyed      bool
}

// place returns the index of a block's cell in a row of a sketch. It is part
// of the format. The salt lets no two blocks share cells for ever; it is no
// secret: whoever knows a block's CID may look it up.
func place(epoch uint64, cid *messages.CID, row, width int) int {
	// A CID is a SHA-256 digest, so each of its words is as good as a hash.
	word := binary.LittleEndian.Uint64(cid[8*(row%4):])
	hash := mix(word ^ mix(epoch*wire.DemandDepthMax+uint64(row)))
	column, _ := bits.Mul64(hash, uint64(width))
	return row*width + int(column)
}

// mix is the finalizer of SplitMix64: every bit of the input changes half of
// the output. Source: Steele, Lea, Flood, OOPSLA 2014.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// reset empties the sketch for another epoch and keeps its memory.
func (s *sketch) reset(epoch uint64) {
	clear(s.cells)
	s.epoch, s.surveyed = epoch, false
}

// fill makes sure that there are cells.
func (s *sketch) fill(width int) {
	if s.cells == nil {
		s.cells = make([]int16, s.depth*width)
	}
	s.surveyed = false
}

// count adds one request for a block.
func (s *sketch) count(cid *messages.CID, width int) {
	s.fill(width)
	for row := range s.depth {
		at := place(s.epoch, cid, row, width)
		if s.cells[at] < math.MaxInt16 {
			s.cells[at]++
		}
	}
}

// add adds the cells of a summary of the same epoch and shape.
func (s *sketch) add(cells []byte) {
	s.fill(len(cells) / s.depth)
	own := s.cells[:len(cells)]
	for i, c := range cells {
		v := int32(own[i]) + int32(c) - wire.DemandZero
		if v != int32(int16(v)) {
			v = min(max(v, math.MinInt16), math.MaxInt16)
		}
		own[i] = int16(v)
	}
}

// excess estimates the requests for a block: by how much its cells exceed
// what is usual. It is too high where most of its cells are shared with
// popular blocks; the lower median of the rows makes that rare. spread is what
// an excess may be by chance.
func (s *sketch) excess(cid *messages.CID) (requests, spread float64) {
	if s.cells == nil {
		return 0, 0
	}
	if !s.surveyed {
		s.survey()
	}
	var room [wire.DemandDepthMax]int16
	own := room[:s.depth]
	for row := range own {
		own[row] = s.cells[place(s.epoch, cid, row, len(s.cells)/s.depth)]
	}
	slices.Sort(own)
	return float64(own[(len(own)-1)/2]) - s.usual, s.spread
}

// survey finds what is usual from an even sample of the cells. Quantiles do
// not mind the few cells of popular blocks, which a mean and a deviation do.
// An author who knew the sample could spend all that it may say there.
func (s *sketch) survey() {
	var room [sampleMax]int16
	stride := max(1, 2*len(s.cells)/sampleMax)
	n := 0
	for at := int(s.sample % uint(stride)); at < len(s.cells) && n < sampleMax; at += stride {
		room[n] = s.cells[at]
		n++
	}
	sample := room[:n]
	slices.Sort(sample)
	s.usual = float64(sample[n/2])
	s.spread = (float64(sample[3*n/4]) - float64(sample[n/4])) / quartiles
	s.surveyed = true
}
