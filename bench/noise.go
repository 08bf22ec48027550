package bench

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"io"
)

// newNoise returns an endless stream of random bytes, fast enough not to be
// measured: AES-256-CTR under a random key.
func newNoise() io.Reader {
	var key [32]byte
	var iv [aes.BlockSize]byte
	_, _ = rand.Read(key[:]) // never fails
	block, err := aes.NewCipher(key[:])
	if err != nil { // a key of 32 bytes is always right
		panic(err)
	}
	return cipher.StreamReader{S: cipher.NewCTR(block, iv[:]), R: zeros{}}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
