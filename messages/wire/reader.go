package wire

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Errors of the decoders.
var (
	ErrMalformed = errors.New("wire: malformed message")
	ErrTooLarge  = errors.New("wire: message exceeds a limit")
)

// appendUint appends a varint field, or nothing for 0.
func appendUint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

// appendBytes appends a bytes field, or nothing when v is empty.
func appendBytes[T string | []byte](b []byte, num protowire.Number, v T) []byte {
	if len(v) == 0 {
		return b
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.BytesType), uint64(len(v)))
	return append(b, v...)
}

// reader walks the fields of one message. The first error sticks, ends the
// walk, and makes every getter return a zero value. A field that nobody gets
// is skipped by the next call of next.
type reader struct {
	buf  []byte
	num  protowire.Number // of the field that next found
	typ  protowire.Type
	read bool // the field's value was taken
	err  error
}

func newReader(buf []byte) *reader { return &reader{buf: buf, read: true} }

// next moves to the next field; false at the end and on error.
func (r *reader) next() bool {
	if r.err == nil && !r.read {
		n := protowire.ConsumeFieldValue(r.num, r.typ, r.buf)
		r.advance(n)
	}
	if r.err != nil || len(r.buf) == 0 {
		return false
	}
	num, typ, n := protowire.ConsumeTag(r.buf)
	r.advance(n)
	r.num, r.typ, r.read = num, typ, false
	return r.err == nil
}

// advance drops n bytes; a negative n is protowire's error.
func (r *reader) advance(n int) {
	if n < 0 {
		r.fail("cut off or not protobuf")
		return
	}
	r.buf = r.buf[n:]
}

func (r *reader) take(typ protowire.Type) bool {
	if r.err == nil && r.typ != typ {
		r.fail("a field of the wrong type")
	}
	r.read = true
	return r.err == nil
}

// uint returns the value of a varint field, at most limit.
func (r *reader) uint(limit uint64) uint64 {
	if !r.take(protowire.VarintType) {
		return 0
	}
	v, n := protowire.ConsumeVarint(r.buf)
	r.advance(n)
	if r.err == nil && v > limit {
		r.err = fmt.Errorf("%w: a number above its limit", ErrTooLarge)
	}
	if r.err != nil {
		return 0
	}
	return v
}

// bytes returns the value of a bytes field of at most limit bytes. It is a
// part of the input, not a copy.
func (r *reader) bytes(limit int) []byte {
	if !r.take(protowire.BytesType) {
		return nil
	}
	v, n := protowire.ConsumeBytes(r.buf)
	r.advance(n)
	if r.err == nil && len(v) > limit {
		r.err = fmt.Errorf("%w: a field of more than %d bytes", ErrTooLarge, limit)
	}
	if r.err != nil {
		return nil
	}
	return v
}

// fixed copies the value of a bytes field that has exactly len(dst) bytes.
func (r *reader) fixed(dst []byte) {
	v := r.bytes(len(dst))
	if r.err == nil && len(v) != len(dst) {
		r.fail("a field of the wrong length")
	}
	copy(dst, v)
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, what)
	}
}
