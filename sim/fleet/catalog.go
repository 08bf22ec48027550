package fleet

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/sim/plan"
)

// file is one that users know of. Its bytes follow from its number.
type file struct {
	number int
	owner  int // the number of a node
	chunks int
	link   messages.Link
	ready  bool // acknowledged to its owner
	told   bool // its link has reached the others
	gone   bool // deleted by its owner
	// content is where the blocks are, for checkers and for the owner.
	content messages.Content
	broken  bool           // a block of it had rotted everywhere before it was known
	blocks  []messages.CID // that it needs: D, A and B of each of its tuples
	reads   uint64         // of its blocks, in the measured span
	readers map[int]bool
}

// read counts a read of a block by the user of a node.
func (f *file) read(number int) {
	if f.readers == nil {
		f.readers = make(map[int]bool)
	}
	f.reads++
	f.readers[number] = true
}

// catalog is all files, and the bytes they have.
type catalog struct {
	files     []*file
	ready     []*file // acknowledged and not gone, in order of acknowledgement
	known     []*file // of these, those whose links users have, in order of getting them
	blockSize int
	lengths   plan.Lengths
	draw      *rand.Rand
	scratch   []byte
}

func newCatalog(p *plan.Plan, draw *rand.Rand) *catalog {
	return &catalog{
		blockSize: p.Node.BlockBytes, lengths: p.Content.BlocksPerFile, draw: draw,
		scratch: make([]byte, p.Node.BlockBytes),
	}
}

// add makes a file that is yet to be stored.
func (c *catalog) add(owner int) *file {
	length := c.lengths.Median * math.Exp(c.lengths.Sigma*c.draw.NormFloat64())
	f := &file{
		number: len(c.files), owner: owner,
		chunks: min(max(1, int(math.Round(length))), c.lengths.Max),
	}
	c.files = append(c.files, f)
	return f
}

// acknowledged takes in that a file is stored.
func (c *catalog) acknowledged(f *file, link messages.Link) {
	f.link, f.ready = link, true
	c.ready = append(c.ready, f)
}

// told makes a file known to all users, unless it is gone already.
func (c *catalog) told(f *file) {
	if !f.gone && !f.told {
		f.told = true
		c.known = append(c.known, f)
	}
}

// tellAll makes all files known that are stored.
func (c *catalog) tellAll() {
	for _, f := range c.ready {
		c.told(f)
	}
}

// removed takes a file away from users.
func (c *catalog) removed(f *file) {
	f.gone = true
	c.ready, c.known = without(c.ready, f), without(c.known, f)
}

// without returns files without one of them. What files was is left as it is.
func without(files []*file, f *file) []*file {
	if i := slices.Index(files, f); i >= 0 {
		return append(files[:i:i], files[i+1:]...)
	}
	return files
}

// The constants of SplitMix64, of which each output follows from its state
// by steps that can be undone. Source: Steele, Lea, Flood, "Fast splittable
// pseudorandom number generators", OOPSLA 2014. The inverses are modulo 2^64.
const (
	splitMixGamma    = 0x9e3779b97f4a7c15
	splitMixFirst    = 0xbf58476d1ce4e5b9
	splitMixSecond   = 0x94d049bb133111eb
	unSplitMixFirst  = 0x96de1b173f119089
	unSplitMixSecond = 0x319642b2d24d8ec3
)

// fill writes the bytes of a chunk. They differ from chunk to chunk and from
// file to file, so that a block that is read in another's place is noticed,
// and look random, so that only their encryption hides them.
func fill(number, chunk int, data []byte) {
	state := uint64(number)<<32 | uint64(chunk)
	for len(data) >= 8 {
		state += splitMixGamma
		x := state
		x = (x ^ x>>30) * splitMixFirst
		x = (x ^ x>>27) * splitMixSecond
		binary.LittleEndian.PutUint64(data, x^x>>31)
		data = data[8:]
	}
}

// plaintext looks for the bytes of a chunk of any file, at their place: it
// undoes fill word by word, and wants two words in a row to agree.
func (c *catalog) plaintext(data []byte) (number, chunk int, found bool) {
	const agreeing = 2
	var gamma, last uint64
	row := 0
	for ; len(data) >= 8; data = data[8:] {
		gamma += splitMixGamma
		x := binary.LittleEndian.Uint64(data)
		x = (x ^ x>>31 ^ x>>62) * unSplitMixSecond
		x = (x ^ x>>27 ^ x>>54) * unSplitMixFirst
		state := (x ^ x>>30 ^ x>>60) - gamma
		if state>>32 >= uint64(len(c.files)) || uint32(state) >= uint32(c.lengths.Max) {
			row = 0
			continue
		}
		if state != last {
			row = 0
		}
		row, last = row+1, state
		if row == agreeing {
			return int(state >> 32), int(uint32(state)), true
		}
	}
	return 0, 0, false
}

// right reports whether parts are the bytes of a chunk.
func (c *catalog) right(number, chunk int, parts []messages.Part) bool {
	want := c.scratch
	fill(number, chunk, want)
	for _, part := range parts {
		if part.Data == nil || len(part.Data) > len(want) ||
			!bytes.Equal(part.Data, want[:len(part.Data)]) {
			return false
		}
		want = want[len(part.Data):]
	}
	return len(want) == 0
}

// zipf draws numbers 0..n-1, of which i has a weight of 1/(i+1)^s, for a
// range that grows. Source: rejection-inversion sampling, W. Hörmann and G.
// Derflinger, "Rejection-inversion to generate variates from monotone
// discrete distributions", 1996.
type zipf struct {
	exponent      float64
	n             int
	h1, hN, shift float64
}

func newZipf(exponent float64) *zipf { return &zipf{exponent: exponent} }

// h is the integral of x^-s.
func (z *zipf) h(x float64) float64 {
	if z.exponent == 1 {
		return math.Log(x)
	}
	return (math.Pow(x, 1-z.exponent) - 1) / (1 - z.exponent)
}

func (z *zipf) hInverse(x float64) float64 {
	if z.exponent == 1 {
		return math.Exp(x)
	}
	return math.Pow(1+x*(1-z.exponent), 1/(1-z.exponent))
}

// draw returns a number below n, which is 1 or more.
func (z *zipf) draw(from interface{ Float64() float64 }, n int) int {
	if z.exponent == 0 {
		return min(int(from.Float64()*float64(n)), n-1)
	}
	if n != z.n {
		z.n = n
		z.h1, z.hN = z.h(1.5)-1, z.h(float64(n)+0.5)
		z.shift = 2 - z.hInverse(z.h(2.5)-math.Pow(2, -z.exponent))
	}
	for {
		u := z.hN + from.Float64()*(z.h1-z.hN)
		x := z.hInverse(u)
		k := min(max(math.Floor(x+0.5), 1), float64(n))
		if k-x <= z.shift || u >= z.h(k+0.5)-math.Pow(k, -z.exponent) {
			return int(k) - 1
		}
	}
}

// exponential draws the time to the next of events that come at a mean rate
// per second.
func exponential(from interface{ Float64() float64 }, rate float64) time.Duration {
	return time.Duration(-math.Log(1-from.Float64()) / rate * float64(time.Second))
}
