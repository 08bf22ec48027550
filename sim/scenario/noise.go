package scenario

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/noisefs/noisefs/messages"
)

const (
	// noiseKept is how many blocks new ones are mixed with.
	noiseKept = 6
	// noiseSigmas is how far a count of fair coins may be off: by chance once
	// in 10^15 counts.
	noiseSigmas = 8
)

// noise checks that blocks look random, also when they are mixed: all
// plaintext of a workload is ASCII, whose highest bits are 0 however much of
// it is mixed, so whatever is not sealed shows.
type noise struct {
	kept []messages.Block
	next int
}

// check looks at blocks by themselves and mixed with some of before.
func (n *noise) check(blocks []messages.Block) error {
	for i, b := range blocks {
		if err := looksRandom(b.Data); err != nil {
			return fmt.Errorf("%s: %w", b.CID.Short(), err)
		}
		if i > 0 { // one of each batch
			continue
		}
		for k, other := range n.kept {
			third := n.kept[(k+1)%len(n.kept)]
			if other.CID == b.CID {
				continue
			}
			mixed := make([]byte, len(b.Data))
			subtle.XORBytes(mixed, b.Data, other.Data)
			if err := looksRandom(mixed); err != nil {
				return fmt.Errorf("%s and %s: %w", b.CID.Short(), other.CID.Short(), err)
			}
			if third.CID == b.CID || third.CID == other.CID {
				continue
			}
			subtle.XORBytes(mixed, mixed, third.Data)
			if err := looksRandom(mixed); err != nil {
				return fmt.Errorf("three blocks: %w", err)
			}
		}
		if len(n.kept) < noiseKept {
			n.kept = append(n.kept, b)
		} else {
			n.kept[n.next] = b
			n.next = (n.next + 1) % noiseKept
		}
	}
	return nil
}

// looksRandom counts bits, all and in the highest plane, which are fair
// coins in noise: n flips are n/2 with a deviation of sqrt(n)/2.
func looksRandom(p []byte) error {
	ones, high := 0, 0
	for i := 0; i+8 <= len(p); i += 8 {
		word := binary.LittleEndian.Uint64(p[i:])
		ones += bits.OnesCount64(word)
		high += bits.OnesCount64(word & 0x8080808080808080)
	}
	if !fair(ones, 8*len(p)) {
		return fmt.Errorf("%d of %d bits are set", ones, 8*len(p))
	}
	if !fair(high, len(p)) {
		return fmt.Errorf("%d of %d highest bits are set", high, len(p))
	}
	return nil
}

func fair(ones, flips int) bool {
	return math.Abs(float64(2*ones-flips)) <= noiseSigmas*math.Sqrt(float64(flips))
}
