package randomizer

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/noisefs/noisefs/runtime/format"
)

// The statistical tests that a block of others must pass before it serves as
// a randomizer. They keep out what is obviously structured; no test can
// detect a malicious pseudorandom block, and sealing before mixing is the
// defence against those.
//
// A uniformly random block of n bytes (N = 8n bits, n from 1 KiB to 128 KiB)
// is refused with a probability of at most 2^-40 in total:
//
//   - Monobit: the number of ones is off N/2 by at least
//     t = sqrt(N * 44 ln 2 / 2). By Hoeffding's inequality (J. Am. Stat.
//     Assoc. 58, 1963, theorem 2) that happens with probability
//     2 exp(-2 t^2/N) = 2^-43.
//   - Bit planes: the same for each of the eight bits of a byte, over n
//     bytes, with t = sqrt(n * 47 ln 2 / 2): 8 * 2^-46 = 2^-43.
//   - Byte chi-square: sum of (count - n/256)^2/(n/256) over the byte values,
//     which is about 255, lies above chiSquareMax or below chiSquareMin: at
//     most 2^-44 each. The bound is Chernoff's, on independent Poisson counts
//     in place of the multinomial ones, which costs a factor of at most
//     sqrt(2 pi n) e^(1/12n) (Mitzenmacher and Upfal, Probability and
//     Computing, theorem 5.7 and its proof); above, counts are first cut off
//     where the exact binomial tail of all 256 together is 2^-46. The tests
//     of this package compute it for every block size.
//   - Repeated words: of the m = n/8 words of 8 bytes, two or more repeat an
//     earlier one. Equalities of words are pairwise independent, so the
//     probability is at most (m^2/2)^2/2 * 2^-128 <= 2^-75.
//   - Incompressibility: zstd saves at least compressionSaved = 6 bytes. Only
//     256^(n-6) * 256/255 blocks can have so short a code, whatever the
//     compressor: 2^-47.9 (the counting argument; Li and Vitanyi, An
//     Introduction to Kolmogorov Complexity, theorem 2.2.1).
//
// The sum is below 2^-41.3.
const (
	monobitBits      = 44
	bitPlaneBits     = 47
	chiSquareMin     = 105.0
	chiSquareMax     = 552.0
	repeatsMax       = 1
	compressionSaved = 6
)

// Why a block is refused.
const (
	refusedSize     = "it has the wrong size"
	refusedMonobit  = "its bits are not balanced"
	refusedPlane    = "bit %d of its bytes is not balanced"
	refusedBytes    = "its bytes are not evenly distributed"
	refusedRepeats  = "it repeats itself"
	refusedCompress = "it can be compressed"
	refusedKnown    = "it is there already"
)

// examiner tests blocks for looking random. It is safe for concurrent use.
type examiner struct {
	blockSize int
}

func newExaminer(blockSize int) *examiner { return &examiner{blockSize: blockSize} }

// examine says why a block does not look random, or nothing.
func (e *examiner) examine(data []byte) string {
	if len(data) != e.blockSize {
		return refusedSize
	}
	var counts [256]int
	for _, b := range data {
		counts[b]++
	}
	if why := checkBits(&counts, len(data)); why != "" {
		return why
	}
	if x := chiSquare(&counts, len(data)); x < chiSquareMin || x > chiSquareMax {
		return refusedBytes
	}
	if repeats(data) > repeatsMax {
		return refusedRepeats
	}
	if format.CompressedLen(data) <= len(data)-compressionSaved {
		return refusedCompress
	}
	return ""
}

// checkBits looks at all bits together, and at each bit plane.
func checkBits(counts *[256]int, n int) string {
	var planes [8]int
	ones := 0
	for value, count := range counts {
		ones += count * bits.OnesCount8(uint8(value))
		for bit := range planes {
			planes[bit] += count * (value >> bit & 1)
		}
	}
	if deviates(ones, 8*n, monobitBits) {
		return refusedMonobit
	}
	for bit, ones := range planes {
		if deviates(ones, n, bitPlaneBits) {
			return fmt.Sprintf(refusedPlane, bit)
		}
	}
	return ""
}

// deviates reports whether ones of n fair bits are off the half by as much as
// happens with probability 2^(1-exponent) at most.
func deviates(ones, n int, exponent float64) bool {
	limit := math.Sqrt(float64(n) * exponent * math.Ln2 / 2)
	return math.Abs(float64(ones)-float64(n)/2) >= limit
}

func chiSquare(counts *[256]int, n int) float64 {
	expected := float64(n) / 256
	sum := 0.0
	for _, count := range counts {
		d := float64(count) - expected
		sum += d * d / expected
	}
	return sum
}

// repeats counts the words of 8 bytes that occurred before.
func repeats(data []byte) int {
	seen := make(map[uint64]struct{}, len(data)/8)
	for at := 0; at+8 <= len(data); at += 8 {
		seen[binary.LittleEndian.Uint64(data[at:])] = struct{}{}
	}
	return len(data)/8 - len(seen)
}
