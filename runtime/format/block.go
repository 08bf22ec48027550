package format

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/noisefs/noisefs/messages"
)

// tagRoom is the room that in-place sealing needs behind a buffer, in bytes.
const tagRoom = messages.TagSize

// kindPacked stands where a block's kind does in the additional data of a
// packed file. It is no kind of block.
const kindPacked = messages.BlockKind(3)

// mixStep is how many bytes are XORed at a time: small enough that the
// second XOR finds the first one's result in the fastest cache.
const mixStep = 8 << 10

// Name returns the CID of a block: the SHA-256 of its bytes.
func Name(data []byte) messages.CID { return sha256.Sum256(data) }

// Seal encrypts a block in place: AES-256-GCM under key, which must be fresh
// from entropy and never be used again, hence the zero nonce. The additional
// data is version, kind, level and length.
//
// plaintext is BlockSize bytes: length valid ones, the rest random padding
// from the caller. If it has room for a tag behind it ([Params.NewBuffer]),
// w is the same memory; if not, w is a copy. plaintext's content is gone
// either way. ErrBlockSize, or ErrBadRef when kind, level and length do not
// go together.
func Seal(
	p Params, kind messages.BlockKind, level uint8, length int, key messages.Secret,
	plaintext []byte,
) (w []byte, tag [messages.TagSize]byte, err error) {
	if len(plaintext) != p.BlockSize {
		return nil, tag, fmt.Errorf("%w: seal %d bytes, want %d",
			ErrBlockSize, len(plaintext), p.BlockSize)
	}
	if err := checkKind(p, kind, level, length); err != nil {
		return nil, tag, err
	}
	if key.IsZero() {
		return nil, tag, fmt.Errorf("%w: no key", ErrBadRef)
	}
	gcm, err := newGCM(&key)
	if err != nil {
		return nil, tag, err
	}
	var nonce [gcmNonceSize]byte
	data := additionalData(kind, level, uint32(length))
	sealed := gcm.Seal(plaintext[:0], nonce[:], plaintext, data[:])
	copy(tag[:], sealed[p.BlockSize:])
	return sealed[:p.BlockSize:p.BlockSize], tag, nil
}

// Mix sets dst to w XOR a XOR b. All four have one length; dst may be w. It
// reports ErrBlockSize when lengths differ.
func Mix(dst, w, a, b []byte) error {
	n := len(dst)
	if len(w) != n || len(a) != n || len(b) != n {
		return fmt.Errorf("%w: mix blocks of unequal size", ErrBlockSize)
	}
	for at := 0; at < n; at += mixStep {
		end := min(at+mixStep, n)
		subtle.XORBytes(dst[at:end], w[at:end], a[at:end])
		subtle.XORBytes(dst[at:end], dst[at:end], b[at:end])
	}
	return nil
}

// Unmix sets dst to d XOR a XOR b, which is W again; dst may be d.
func Unmix(dst, d, a, b []byte) error { return Mix(dst, d, a, b) }

// Open decodes a block: d, a and b are the blocks that ref names, in that
// order, and are not written to. It returns ref.Length bytes that are
// exactly what was sealed, or an error, never anything else.
//
// The result lies in dst if that has room for BlockSize bytes and a tag
// ([Params.NewBuffer]) and must not overlap d, a or b; otherwise in new
// memory. Errors: ErrTag, ErrBlockSize, ErrBadRef. Content of dst is
// undefined after an error.
func Open(
	p Params, kind messages.BlockKind, ref messages.BlockRef, d, a, b, dst []byte,
) ([]byte, error) {
	if len(d) != p.BlockSize {
		return nil, fmt.Errorf("%w: open %d bytes, want %d", ErrBlockSize, len(d), p.BlockSize)
	}
	if err := checkKind(p, kind, ref.Level, int(ref.Length)); err != nil {
		return nil, err
	}
	gcm, err := newGCM(&ref.Key)
	if err != nil {
		return nil, err
	}
	if cap(dst) < p.BlockSize+tagRoom {
		dst = p.NewBuffer()
	}
	dst = dst[:p.BlockSize]
	if err := Unmix(dst, d, a, b); err != nil {
		return nil, err
	}
	var nonce [gcmNonceSize]byte
	data := additionalData(kind, ref.Level, ref.Length)
	sealed := append(dst, ref.Tag[:]...)
	plaintext, err := gcm.Open(sealed[:0], nonce[:], sealed, data[:])
	if err != nil {
		return nil, fmt.Errorf("open a %s: %w", kind, ErrTag)
	}
	return plaintext[:ref.Length], nil
}

// gcmNonceSize is the standard nonce length of GCM in bytes.
const gcmNonceSize = 12

func newGCM(key *messages.Secret) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("format: aes: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("format: gcm: %w", err)
	}
	return gcm, nil
}

// additionalData is what a tag vouches for beside the bytes: version, kind,
// level, and the length big-endian.
func additionalData(kind messages.BlockKind, level uint8, length uint32) [7]byte {
	data := [7]byte{Version, byte(kind), level}
	binary.BigEndian.PutUint32(data[3:], length)
	return data
}

// checkKind reports ErrBadRef unless the three go together: chunks have
// level 0, nodes a higher one, and nothing is longer than a block.
func checkKind(p Params, kind messages.BlockKind, level uint8, length int) error {
	switch {
	case kind != messages.KindChunk && kind != messages.KindNode:
		return fmt.Errorf("%w: unknown kind %d", ErrBadRef, uint8(kind))
	case (kind == messages.KindChunk) != (level == 0):
		return fmt.Errorf("%w: a %s of level %d", ErrBadRef, kind, level)
	case length < 1 || length > p.BlockSize:
		return fmt.Errorf("%w: the length is not in 1..%d", ErrBadRef, p.BlockSize)
	}
	return nil
}
