package placement

import (
	"math"
	"math/bits"
)

// Logarithms in integers: floating-point ones may differ in their last bit
// from one kind of processor to another, and then two nodes would disagree
// about who holds a block. CRUSH does the same for the same reason.
// Source: Ceph, src/crush/mapper.c, crush_ln.

const (
	logTableBits = 8
	logFraction  = 32 // bits after the point of a logarithm
)

// logTable has the binary logarithms of 1 + i/256, in units of 2^-32.
var logTable = newLogTable()

func newLogTable() *[1<<logTableBits + 1]uint64 {
	var table [1<<logTableBits + 1]uint64
	for i := range table {
		log := math.Log2(1 + float64(i)/(1<<logTableBits))
		// Rounded to fewer bits than a float64 has, so that all agree.
		table[i] = uint64(math.Round(log*(1<<24))) << (logFraction - 24)
	}
	return &table
}

// negativeLog returns the negative binary logarithm of hash/2^64, in units of
// 2^-32: an exponentially distributed number when hash is a hash. It is above
// 0 and below 2^39. Between the entries of the table it is interpolated: the
// error is below 2^-17.
func negativeLog(hash uint64) uint64 {
	hash |= 1 // 0 has no logarithm
	zeros := bits.LeadingZeros64(hash)
	mantissa := hash << zeros << 1 // without its leading 1
	i := mantissa >> (64 - logTableBits)
	rest := mantissa << logTableBits >> 32
	log := logTable[i] + (logTable[i+1]-logTable[i])*rest>>32
	return uint64(zeros+1)<<logFraction - log
}
