package format

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The protobuf wire format, written and read by hand, because a generated
// decoder would accept what we refuse: unknown fields, fields out of order
// or given twice, explicit defaults, and padded varints.

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
	return appendMessage(b, num, v)
}

// appendMessage appends a bytes field even when v is empty: for the members
// of a oneof, where presence alone says something.
func appendMessage[T string | []byte](b []byte, num protowire.Number, v T) []byte {
	b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.BytesType), uint64(len(v)))
	return append(b, v...)
}

// wireReader walks the fields of one message. The first error sticks, ends
// the walk, and makes every getter return a zero value.
type wireReader struct {
	buf      []byte
	repeated protowire.Number // the one field that may come more than once
	num      protowire.Number // of the field that next found
	typ      protowire.Type
	err      error
}

func newWireReader(buf []byte, repeated protowire.Number) *wireReader {
	return &wireReader{buf: buf, repeated: repeated}
}

// next moves to the next field; false at the end and on error.
func (r *wireReader) next() bool {
	if r.err != nil || len(r.buf) == 0 {
		return false
	}
	before := r.num
	tag := r.varint()
	num, typ := protowire.DecodeTag(tag)
	if r.err != nil {
		return false
	}
	if num < 1 || num < before || (num == before && num != r.repeated) {
		r.fail("fields out of order or given twice")
		return false
	}
	r.num, r.typ = num, typ
	return true
}

// uint returns the value of a varint field, which is in 1..limit.
func (r *wireReader) uint(limit uint64) uint64 {
	if r.typ != protowire.VarintType {
		r.fail("a field of the wrong type")
		return 0
	}
	v := r.varint()
	if r.err == nil && v == 0 {
		r.fail("a default written out")
	}
	if r.err == nil && v > limit {
		r.err = fmt.Errorf("%w: a number above its limit", ErrTooLarge)
	}
	if r.err != nil {
		return 0
	}
	return v
}

// bytes returns the value of a bytes field of 1..limit bytes. It is a part
// of the input, not a copy.
func (r *wireReader) bytes(limit int) []byte {
	v := r.message()
	if r.err == nil && len(v) == 0 {
		r.fail("a default written out")
	}
	if r.err == nil && len(v) > limit {
		r.err = fmt.Errorf("%w: a field of more than %d bytes", ErrTooLarge, limit)
	}
	if r.err != nil {
		return nil
	}
	return v
}

// message returns the value of a bytes field that may be empty.
func (r *wireReader) message() []byte {
	if r.err == nil && r.typ != protowire.BytesType {
		r.fail("a field of the wrong type")
	}
	n := r.varint()
	if r.err == nil && n > uint64(len(r.buf)) {
		r.fail("cut off")
	}
	if r.err != nil {
		return nil
	}
	v := r.buf[:n:n]
	r.buf = r.buf[n:]
	return v
}

// fixed copies the value of a bytes field that has exactly len(dst) bytes.
func (r *wireReader) fixed(dst []byte) {
	v := r.bytes(len(dst))
	if r.err == nil && len(v) != len(dst) {
		r.fail("a field of the wrong length")
	}
	copy(dst, v)
}

func (r *wireReader) unknown() { r.fail("an unknown field") }

func (r *wireReader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, what)
	}
}

// varint reads a varint in its shortest form.
func (r *wireReader) varint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := protowire.ConsumeVarint(r.buf)
	if n < 0 {
		r.fail("cut off")
		return 0
	}
	if n != protowire.SizeVarint(v) {
		r.fail("a padded varint")
		return 0
	}
	r.buf = r.buf[n:]
	return v
}
