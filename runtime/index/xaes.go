package index

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"

	"github.com/noisefs/noisefs/messages"
)

// Sizes of XAES-256-GCM.
const (
	nonceSize  = 24
	tagSize    = 16
	prefixSize = 12 // the part of the nonce that goes into the derived key
)

// errOpen is all that a failed opening tells.
var errOpen = errors.New("index: authentication failed")

// xaes seals with XAES-256-GCM: AES-256-GCM under a key derived from half of
// a 192-bit nonce, so that nonces may be drawn at random for ever.
// Source: https://c2sp.org/XAES-256-GCM
//
// It is safe for use from many goroutines.
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte // CMAC's first subkey, the same for all messages
}

// newXAES expands key. The key is not kept in the clear.
func newXAES(key *messages.Secret) (*xaes, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	x := &xaes{block: block}
	block.Encrypt(x.k1[:], x.k1[:])
	msb := x.k1[0] >> 7
	for i := range aes.BlockSize - 1 {
		x.k1[i] = x.k1[i]<<1 | x.k1[i+1]>>7
	}
	// Constant time: 0b10000111 if the bit shifted out was set, else 0.
	x.k1[aes.BlockSize-1] = x.k1[aes.BlockSize-1]<<1 ^ msb*0b10000111
	return x, nil
}

// newNonce returns a random nonce for one message.
func newNonce() []byte {
	nonce := make([]byte, nonceSize)
	_, _ = rand.Read(nonce) // never fails
	return nonce
}

// derive returns the AES-256-GCM instance of a nonce's first half.
func (x *xaes) derive(prefix []byte) (cipher.AEAD, error) {
	var derived [2 * aes.BlockSize]byte
	for i := range 2 {
		half := derived[i*aes.BlockSize : (i+1)*aes.BlockSize]
		copy(half, []byte{0, byte(i + 1), 'X', 0})
		copy(half[4:], prefix)
		for j := range half {
			half[j] ^= x.k1[j]
		}
		x.block.Encrypt(half, half)
	}
	block, err := aes.NewCipher(derived[:])
	clear(derived[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal appends nonce, ciphertext and tag to dst, which overlaps nothing. The
// nonce has [nonceSize] bytes and is never used twice under one key.
func (x *xaes) seal(dst, nonce, plaintext, data []byte) ([]byte, error) {
	gcm, err := x.derive(nonce[:prefixSize])
	if err != nil {
		return nil, err
	}
	dst = append(dst, nonce...)
	return gcm.Seal(dst, nonce[prefixSize:], plaintext, data), nil
}

// open appends the plaintext of what seal made to dst.
func (x *xaes) open(dst, sealed, data []byte) ([]byte, error) {
	if len(sealed) < nonceSize+tagSize {
		return nil, errOpen
	}
	gcm, err := x.derive(sealed[:prefixSize])
	if err != nil {
		return nil, err
	}
	plaintext, err := gcm.Open(dst, sealed[prefixSize:nonceSize], sealed[nonceSize:], data)
	if err != nil {
		return nil, errOpen
	}
	return plaintext, nil
}
