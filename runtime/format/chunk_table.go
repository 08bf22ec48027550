package format

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
)

// Neighbours in a directory lie in the same pack chunks. So a document (a
// node, or a Content or Entry by itself) begins with a table of the
// different pack chunks it uses, and its pack refs name them by number.
// Numbers are given in the order of first use, which makes the table
// canonical and a chunk that nobody uses impossible.

// documentChunks is the field number of the table in every document.
const documentChunks protowire.Number = 1

// packChunkBytesMax bounds the numbers of one pack ref: two varints.
const packChunkBytesMax = 2 * 5

// encoder writes one document. Its methods append the message of what they
// are named for to b.
type encoder struct {
	table   []messages.BlockRef
	numbers map[messages.BlockRef]int // place in table
}

// chunk returns the number of a pack chunk, a new one if need be.
func (e *encoder) chunk(ref messages.BlockRef) int {
	if n, ok := e.numbers[ref]; ok {
		return n
	}
	if e.numbers == nil {
		e.numbers = make(map[messages.BlockRef]int)
	}
	n := len(e.table)
	e.numbers[ref] = n
	e.table = append(e.table, ref)
	return n
}

// forget takes back all chunks but the first n.
func (e *encoder) forget(n int) {
	for _, ref := range e.table[n:] {
		delete(e.numbers, ref)
	}
	e.table = e.table[:n]
}

// document returns the document: the table, then body.
func (e *encoder) document(body []byte) []byte {
	if len(e.table) == 0 {
		return body
	}
	table := make([]byte, 0, len(e.table)*RefSize)
	for _, ref := range e.table {
		table = AppendRef(table, ref)
	}
	return append(appendBytes(make([]byte, 0, len(table)+len(body)+8), documentChunks, table),
		body...)
}

// size returns the size in bytes that a document with this body has, or a
// bound of it.
func (e *encoder) size(body int) int {
	if len(e.table) == 0 {
		return body
	}
	return body + len(e.table)*RefSize + 4
}

// decoder reads one document. Its methods read the message of what they are
// named for.
type decoder struct {
	p           Params
	table       []messages.BlockRef
	used        int // chunks of the table that were named so far
	entriesLeft int
}

func newDecoder(p Params) *decoder { return &decoder{p: p, entriesLeft: p.EntriesMax()} }

// readTable reads the table of a document. DecodeRef checks each; none may
// be there twice.
func (d *decoder) readTable(buf []byte) error {
	if len(buf)%RefSize != 0 {
		return fmt.Errorf("%w: a torn table of pack chunks", ErrMalformed)
	}
	d.table = make([]messages.BlockRef, 0, len(buf)/RefSize)
	seen := make(map[messages.BlockRef]struct{}, len(buf)/RefSize)
	for ; len(buf) > 0; buf = buf[RefSize:] {
		ref, err := DecodeRef(d.p, buf[:RefSize])
		if err != nil {
			return err
		}
		seen[ref] = struct{}{}
		d.table = append(d.table, ref)
	}
	if len(seen) != len(d.table) {
		return fmt.Errorf("%w: a pack chunk twice in the table", ErrMalformed)
	}
	return nil
}

// chunks resolves the chunk numbers of a pack ref.
func (d *decoder) chunks(buf []byte) ([]messages.BlockRef, error) {
	var refs []messages.BlockRef
	for r := newWireReader(buf, 0); len(r.buf) > 0; {
		n := r.varint()
		switch {
		case r.err != nil:
			return nil, r.err
		case n > uint64(d.used) || n >= uint64(len(d.table)):
			return nil, fmt.Errorf("%w: a pack chunk out of turn", ErrMalformed)
		case n == uint64(d.used):
			d.used++
		}
		if len(refs) == 2 {
			return nil, fmt.Errorf("%w: a file in more than two pack chunks", ErrMalformed)
		}
		refs = append(refs, d.table[n])
	}
	return refs, nil
}

// finish reports ErrMalformed when a chunk of the table was never named.
func (d *decoder) finish() error {
	if d.used != len(d.table) {
		return fmt.Errorf("%w: an unused pack chunk in the table", ErrMalformed)
	}
	return nil
}
