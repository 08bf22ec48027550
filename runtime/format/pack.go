package format

import (
	"encoding/binary"
	"fmt"

	"github.com/noisefs/noisefs/messages"
)

// Packed is a small file ready for a pack chunk. Who places it makes a
// messages.PackRef of it: the chunks, the offset, and from here Length =
// len(Sealed), Tag, Packed and the key.
type Packed struct {
	Sealed []byte // never longer than the file
	Tag    [messages.TagSize]byte
	Packed bool // Sealed was compressed first
}

// SealPacked seals a small file of 1..PackMax bytes under a fresh key of its
// own: zstd where that saves bytes, then AES-256-GCM with a zero nonce. The
// additional data is the version, 3, whether it is compressed, and the size.
// plaintext is left as it is. ErrTooLarge, ErrMalformed (empty), ErrBadRef
// (no key).
func SealPacked(p Params, key messages.Secret, plaintext []byte) (Packed, error) {
	if len(plaintext) == 0 {
		return Packed{}, fmt.Errorf("%w: an empty file in a pack", ErrMalformed)
	}
	if len(plaintext) > p.PackMax() {
		return Packed{}, fmt.Errorf("%w: more than %d bytes in a pack", ErrTooLarge, p.PackMax())
	}
	if key.IsZero() {
		return Packed{}, fmt.Errorf("%w: no key", ErrBadRef)
	}
	gcm, err := newGCM(&key)
	if err != nil {
		return Packed{}, err
	}
	buf := deflate(make([]byte, 0, len(plaintext)+tagRoom), plaintext)
	packed := len(buf) < len(plaintext)
	if !packed {
		buf = append(buf[:0], plaintext...)
	}
	var nonce [gcmNonceSize]byte
	data := packedData(packed, uint64(len(plaintext)))
	sealed := gcm.Seal(buf[:0], nonce[:], buf, data[:])
	out := Packed{Sealed: sealed[:len(buf):len(buf)], Packed: packed}
	copy(out.Tag[:], sealed[len(buf):])
	return out, nil
}

// SlicePacked returns the sealed bytes that ref names, given the opened
// chunks in the order of ref.Chunks. The result is a part of the chunk, or a
// copy when the file lies in two. ErrMalformed when the place is not there.
func SlicePacked(ref messages.PackRef, chunks ...[]byte) ([]byte, error) {
	if len(chunks) != len(ref.Chunks) || len(chunks) < 1 || len(chunks) > 2 {
		return nil, fmt.Errorf("%w: %d pack chunks for a file in %d",
			ErrMalformed, len(chunks), len(ref.Chunks))
	}
	first, end := uint64(ref.Offset), uint64(ref.Offset)+uint64(ref.Length)
	size := uint64(len(chunks[0]))
	if len(chunks) == 1 && end <= size {
		return chunks[0][first:end:end], nil
	}
	if len(chunks) == 1 || first > size || end < size || end-size > uint64(len(chunks[1])) {
		return nil, fmt.Errorf("%w: a place outside of its pack chunks", ErrMalformed)
	}
	sealed := make([]byte, 0, ref.Length)
	sealed = append(sealed, chunks[0][first:]...)
	return append(sealed, chunks[1][:end-size]...), nil
}

// OpenPacked returns the file of size bytes whose sealed bytes are given; it
// leaves them as they are. The result is new memory, exactly what was
// sealed. ErrTag when the bytes are not what ref vouches for; ErrMalformed,
// ErrTooLarge.
func OpenPacked(p Params, ref messages.PackRef, size uint64, sealed []byte) ([]byte, error) {
	if size < 1 || size > uint64(p.PackMax()) {
		return nil, fmt.Errorf("%w: not in 1..%d bytes in a pack", ErrTooLarge, p.PackMax())
	}
	if uint64(len(sealed)) != uint64(ref.Length) || uint64(len(sealed)) > size {
		return nil, fmt.Errorf("%w: sealed bytes in a pack do not go with the size", ErrMalformed)
	}
	gcm, err := newGCM(&ref.Key)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 0, len(sealed)+tagRoom)
	buf = append(append(buf, sealed...), ref.Tag[:]...)
	var nonce [gcmNonceSize]byte
	data := packedData(ref.Packed, size)
	plaintext, err := gcm.Open(buf[:0], nonce[:], buf, data[:])
	if err != nil {
		return nil, fmt.Errorf("open a packed file: %w", ErrTag)
	}
	if ref.Packed {
		if plaintext, err = inflate(plaintext, int(size)); err != nil {
			return nil, err
		}
	}
	if uint64(len(plaintext)) != size {
		return nil, fmt.Errorf("%w: a packed file of another size", ErrMalformed)
	}
	return plaintext, nil
}

// packedData is what the tag of a packed file vouches for beside the bytes:
// version, 3, whether it is compressed, and the size big-endian.
func packedData(packed bool, size uint64) [7]byte {
	data := [7]byte{Version, byte(kindPacked)}
	if packed {
		data[2] = 1
	}
	binary.BigEndian.PutUint32(data[3:], uint32(size))
	return data
}
