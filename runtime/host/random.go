package host

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/bits"
	decisions "math/rand/v2"

	"github.com/noisefs/noisefs/runtime/port"
)

// bulkBytesMin is the length from which Fill makes bytes with AES: below it,
// asking the system is cheaper than setting up a key.
const bulkBytesMin = 512

var (
	_ port.Rand    = (*decisions.Rand)(nil)
	_ port.Entropy = Entropy{}
)

// NewRand makes a stream for decisions that are no secret, seeded from the
// system. It is for one goroutine.
func NewRand() port.Rand {
	var seed [16]byte
	_, _ = rand.Read(seed[:]) // never fails: a system without entropy ends the process
	return decisions.New(decisions.NewPCG(
		binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:])))
}

// Entropy is crypto/rand. It has no state: any number of goroutines may use
// it, and what it gave out cannot be computed from anything that is left.
type Entropy struct{}

// Fill implements [port.Entropy]. Long buffers are the key stream of
// AES-256-CTR under a key drawn from crypto/rand for this one call and then
// forgotten, so no key stream is ever used twice and no counter can wrap
// (2^32 blocks are 64 GiB).
func (Entropy) Fill(p []byte) {
	if len(p) < bulkBytesMin {
		_, _ = rand.Read(p) // never fails
		return
	}
	var key [32]byte
	_, _ = rand.Read(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(fmt.Errorf("host: aes: %w", err)) // 32 bytes are a valid key
	}
	var zero [aes.BlockSize]byte
	clear(p)
	cipher.NewCTR(block, zero[:]).XORKeyStream(p, p)
	clear(key[:])
}

// Uint64N implements [port.Entropy], by Lemire's multiplication with
// rejection, which is exactly uniform.
// Source: https://arxiv.org/abs/1805.10941
func (Entropy) Uint64N(n uint64) uint64 {
	if n == 0 {
		panic("host: Uint64N of 0")
	}
	threshold := -n % n // 2^64 mod n
	for {
		var raw [8]byte
		_, _ = rand.Read(raw[:])
		high, low := bits.Mul64(binary.LittleEndian.Uint64(raw[:]), n)
		if low >= threshold {
			return high
		}
	}
}
