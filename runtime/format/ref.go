package format

import (
	"encoding/binary"
	"fmt"

	"github.com/noisefs/noisefs/messages"
)

// RefSize is the length of an encoded block ref in bytes: D, A and B of 32
// bytes each, the key of 32, the tag of 16, the level of 1, and the length
// of 4, big-endian.
const RefSize = 3*messages.CIDSize + messages.SecretSize + messages.TagSize + 1 + 4

// AppendRef appends the RefSize bytes of a ref, unchecked.
func AppendRef(b []byte, ref messages.BlockRef) []byte {
	b = append(b, ref.D[:]...)
	b = append(b, ref.A[:]...)
	b = append(b, ref.B[:]...)
	b = append(b, ref.Key[:]...)
	b = append(b, ref.Tag[:]...)
	b = append(b, ref.Level)
	return binary.BigEndian.AppendUint32(b, ref.Length)
}

// DecodeRef reads RefSize bytes and checks the ref as [CheckRef] does.
func DecodeRef(p Params, b []byte) (messages.BlockRef, error) {
	var ref messages.BlockRef
	if len(b) != RefSize {
		return ref, fmt.Errorf("%w: %d bytes, want %d", ErrBadRef, len(b), RefSize)
	}
	b = b[copy(ref.D[:], b):]
	b = b[copy(ref.A[:], b):]
	b = b[copy(ref.B[:], b):]
	b = b[copy(ref.Key[:], b):]
	b = b[copy(ref.Tag[:], b):]
	ref.Level = b[0]
	ref.Length = binary.BigEndian.Uint32(b[1:])
	return ref, CheckRef(p, ref)
}

// CheckRef reports ErrBadRef when a ref can name no block: members that are
// missing or equal (XOR would cancel them), no key, or a length outside
// 1..BlockSize.
func CheckRef(p Params, ref messages.BlockRef) error {
	switch {
	case ref.D.IsZero() || ref.A.IsZero() || ref.B.IsZero():
		return fmt.Errorf("%w: a member is missing", ErrBadRef)
	case ref.D == ref.A || ref.D == ref.B || ref.A == ref.B:
		return fmt.Errorf("%w: two members are equal", ErrBadRef)
	case ref.Key.IsZero():
		return fmt.Errorf("%w: no key", ErrBadRef)
	case ref.Length < 1 || int64(ref.Length) > int64(p.BlockSize):
		return fmt.Errorf("%w: the length is not in 1..%d", ErrBadRef, p.BlockSize)
	}
	return nil
}

// checkLevel is CheckRef, and the level must be the given one.
func checkLevel(p Params, ref messages.BlockRef, level uint8) error {
	if ref.Level != level {
		return fmt.Errorf("%w: level %d where %d is due", ErrBadRef, ref.Level, level)
	}
	return CheckRef(p, ref)
}
