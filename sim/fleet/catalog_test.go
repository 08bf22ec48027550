package fleet

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/noisefs/noisefs/sim/plan"
)

// Plaintext is found wherever a part of it stands at its place, and nowhere
// else.
func TestPlaintextIsFound(t *testing.T) {
	p := plan.Default()
	c := newCatalog(&p, rand.New(rand.NewPCG(1, 2)))
	for range 20 {
		c.add(0)
	}
	chunk := make([]byte, 1024)
	fill(13, 5, chunk)
	noise := make([]byte, 1024)
	draw := rand.NewChaCha8([32]byte{1})
	_, _ = draw.Read(noise) // never fails

	if number, at, found := c.plaintext(chunk); !found || number != 13 || at != 5 {
		t.Errorf("of file 13, block 5, found %v: file %d, block %d", found, number, at)
	}
	part := bytes.Clone(noise)
	copy(part[512:528], chunk[512:])
	if number, at, found := c.plaintext(part); !found || number != 13 || at != 5 {
		t.Errorf("of two words of file 13, block 5, found %v: file %d, block %d", found, number, at)
	}
	if _, _, found := c.plaintext(noise); found {
		t.Error("found plaintext in noise")
	}
	for i, b := range noise {
		chunk[i] ^= b
	}
	if _, _, found := c.plaintext(chunk); found {
		t.Error("found plaintext under a one-time pad")
	}
}
