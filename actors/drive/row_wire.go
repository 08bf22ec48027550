package drive

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// Rows are protobuf messages written and read by hand, in one form only:
// fields in ascending order, defaults left out, nothing unknown. So a row
// that decodes encodes to the same bytes, and OpMatch may compare them.

func appendUint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

func appendBytes[T string | []byte](b []byte, num protowire.Number, v T) []byte {
	if len(v) == 0 {
		return b
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.BytesType), uint64(len(v)))
	return append(b, v...)
}

// rowReader walks the fields of a row. The first error sticks, ends the walk
// and makes every getter return a zero value.
type rowReader struct {
	buf      []byte
	repeated protowire.Number // the one field that may come more than once
	num      protowire.Number // of the field that next found
	typ      protowire.Type
	err      error
}

func (r *rowReader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", errRow, what)
	}
}

// next moves to the next field; false at the end and on error.
func (r *rowReader) next() bool {
	if r.err != nil || len(r.buf) == 0 {
		return false
	}
	before := r.num
	num, typ := protowire.DecodeTag(r.varint())
	if r.err != nil {
		return false
	}
	if num < 1 || num < before || num == before && num != r.repeated {
		r.fail("fields out of order or given twice")
		return false
	}
	r.num, r.typ = num, typ
	return true
}

// varint reads a varint in its shortest form.
func (r *rowReader) varint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := protowire.ConsumeVarint(r.buf)
	if n < 0 || n != protowire.SizeVarint(v) {
		r.fail("a bad number")
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

// uint returns the value of a varint field, which is in 1..limit.
func (r *rowReader) uint(limit uint64) uint64 {
	if r.err == nil && r.typ != protowire.VarintType {
		r.fail("a field of the wrong type")
	}
	v := r.varint()
	if r.err == nil && (v == 0 || v > limit) {
		r.fail("a number out of its limits")
	}
	if r.err != nil {
		return 0
	}
	return v
}

// bytes returns the value of a bytes field of 1..limit bytes, a part of the
// row.
func (r *rowReader) bytes(limit int) []byte {
	if r.err == nil && r.typ != protowire.BytesType {
		r.fail("a field of the wrong type")
	}
	n := r.varint()
	if r.err == nil && (n == 0 || n > uint64(limit) || n > uint64(len(r.buf))) {
		r.fail("a field of the wrong length")
	}
	if r.err != nil {
		return nil
	}
	v := r.buf[:n:n]
	r.buf = r.buf[n:]
	return v
}

// ref returns the value of a field that holds a block ref.
func (r *rowReader) ref(p format.Params) *messages.BlockRef {
	b := r.bytes(format.RefSize)
	if r.err != nil {
		return nil
	}
	ref, err := format.DecodeRef(p, b)
	if err != nil {
		r.err = fmt.Errorf("%w: %w", errRow, err)
		return nil
	}
	return &ref
}

// content returns the value of a field that holds a Content.
func (r *rowReader) content(p format.Params) messages.Content {
	b := r.bytes(p.NodeMax())
	if r.err != nil {
		return messages.Content{}
	}
	c, err := format.DecodeContent(p, b)
	if err == nil && c.Size == 0 {
		r.fail("empty content written out")
	}
	if err != nil {
		r.err = fmt.Errorf("%w: %w", errRow, err)
	}
	return c
}
