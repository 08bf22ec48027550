package popularity

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// sketch is a count-min sketch: each row has one cell for a block, which it
// shares with others. Cells stop at the ends of their type.
//
// Sources: Cormode and Muthukrishnan, "An improved data stream summary",
// 2005 (count-min); Deng and Rafiei, "New estimation algorithms for streaming
// data", 2007 (taking off what the other blocks leave in a cell).
type sketch struct {
	epoch uint64 // salts the places of blocks
	depth int
	cells []int16 // depth rows of equal width; nil while all are 0

	// sum and squares are over all cells, as of the last query.
	sum, squares int64
	summed       bool
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
	s.epoch, s.sum, s.squares, s.summed = epoch, 0, 0, true
}

// fill makes sure that there are cells.
func (s *sketch) fill(width int) {
	if s.cells == nil {
		s.cells = make([]int16, s.depth*width)
	}
	s.summed = false
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

// excess estimates the requests for a block: how much its cells exceed what
// is usual in the others. It is too high where most of its cells are shared
// with popular blocks, and the lower median of the rows makes that rare.
// variance is that of the other cells: of the noise, and of what blocks leave
// in each other's cells.
func (s *sketch) excess(cid *messages.CID) (requests, variance float64) {
	if s.cells == nil {
		return 0, 0
	}
	s.summarize()
	var rows [wire.DemandDepthMax]int16
	own := rows[:s.depth]
	n, sum, squares := int64(len(s.cells)), s.sum, s.squares
	for row := range own {
		v := s.cells[place(s.epoch, cid, row, len(s.cells)/s.depth)]
		own[row] = v
		n, sum, squares = n-1, sum-int64(v), squares-int64(v)*int64(v)
	}
	slices.Sort(own)
	mean := float64(sum) / float64(n)
	return float64(own[(len(own)-1)/2]) - mean, max(0, float64(squares)/float64(n)-mean*mean)
}

// summarize brings sum and squares up to date.
func (s *sketch) summarize() {
	if s.summed {
		return
	}
	s.sum, s.squares, s.summed = 0, 0, true
	for _, c := range s.cells {
		v := int64(c)
		s.sum += v
		s.squares += v * v
	}
}
