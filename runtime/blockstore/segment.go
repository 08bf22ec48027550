package blockstore

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/noisefs/noisefs/runtime/port"
)

// segment is what is kept in memory of a pack and its index file. It is
// guarded by Engine.mu.
type segment struct {
	number     uint32
	slots      uint32 // records in the pack; all are durable
	live       int    // slots that the table points to
	buried     bitset // slots with a tombstone
	packBytes  int64
	indexBytes int64

	// damaged: a record that was durable is gone. The segment is neither
	// appended to nor compacted, so that the evidence stays.
	damaged bool
	// stuck: compaction found a corrupt block in it, which is still there.
	stuck bool
	// ended: not to be appended to, though it may have room.
	ended bool
}

// bytes is what the segment takes on disk.
func (s *segment) bytes() int64 { return s.packBytes + s.indexBytes }

// dead is the number of slots that nothing points to.
func (s *segment) dead() int { return int(s.slots) - s.live }

// bitset is a set of slots.
type bitset []uint64

func (b *bitset) add(i uint32) {
	for int(i/64) >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

func (b bitset) has(i uint32) bool {
	return int(i/64) < len(b) && b[i/64]&(1<<(i%64)) != 0
}

func (b bitset) count() int {
	n := 0
	for _, word := range b {
		n += bits.OnesCount64(word)
	}
	return n
}

// each calls f for the members in order.
func (b bitset) each(f func(i uint32)) {
	for n, word := range b {
		for ; word != 0; word &= word - 1 {
			f(uint32(n*64 + bits.TrailingZeros64(word)))
		}
	}
}

// packOffset is where the record of a slot begins in its pack.
func (e *Engine) packOffset(slot uint32) int64 {
	return fileHeaderSize + int64(slot)*e.opts.recordBytes()
}

// readFull reads len(p) bytes, or reports io.ErrUnexpectedEOF.
func readFull(file port.DiskFile, p []byte, offset int64) error {
	n, err := file.ReadAt(p, offset)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readWhole opens a file, reads all of it and closes it.
func (e *Engine) readWhole(name string) ([]byte, error) {
	file, err := e.disk.Open(name)
	if err != nil {
		return nil, fmt.Errorf("blockstore: open %s: %w", name, err)
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return nil, fmt.Errorf("blockstore: size of %s: %w", name, err)
	}
	p := make([]byte, size)
	if err := readFull(file, p, 0); err != nil {
		return nil, fmt.Errorf("blockstore: read %s: %w", name, err)
	}
	return p, nil
}

// writeWhole puts a file of the given contents in place of name, durably.
func (e *Engine) writeWhole(name string, contents ...[]byte) error {
	temporary := name + newSuffix
	if err := e.disk.Remove(temporary); err != nil && !errors.Is(err, port.ErrNotExist) {
		return fmt.Errorf("blockstore: remove %s: %w", temporary, err)
	}
	file, err := e.disk.Create(temporary)
	if err != nil {
		return fmt.Errorf("blockstore: create %s: %w", temporary, err)
	}
	_, err = file.Append(contents...)
	if err == nil {
		err = file.Sync()
	}
	err = errors.Join(err, file.Close())
	if err == nil {
		err = e.disk.Rename(temporary, name)
	}
	if err == nil {
		err = e.disk.SyncDir()
	}
	if err != nil {
		_ = e.disk.Remove(temporary) // a leftover is removed when the store is opened
		return fmt.Errorf("blockstore: write %s: %w", name, err)
	}
	return nil
}

// readIndexFile returns the headers in a segment's index file, by slot; one
// that does not prove itself has kind 0. whole tells whether the file is
// exactly what the engine writes.
func (e *Engine) readIndexFile(number uint32) (headers []recordHeader, whole bool, err error) {
	name := fileName(number, indexSuffix)
	p, err := e.readWhole(name)
	if errors.Is(err, port.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	h, err := decodeFileHeader(p, indexMagic)
	whole = err == nil && h.number == number
	if err == nil {
		if err := h.check(name, e.opts.BlockSize); err != nil {
			return nil, false, err
		}
	}
	if len(p) < fileHeaderSize {
		return nil, false, nil
	}
	p = p[fileHeaderSize:]
	whole = whole && len(p)%recordHeaderSize == 0
	last := 0
	headers = make([]recordHeader, len(p)/recordHeaderSize)
	for slot := range headers {
		raw := p[slot*recordHeaderSize:][:recordHeaderSize]
		headers[slot], err = decodeRecordHeader(raw, number, uint32(slot), e.opts.BlockSize)
		if err != nil {
			whole = false
			continue
		}
		last = slot + 1
	}
	return headers[:last], whole, nil
}

// writeIndexFile replaces a segment's index file.
func (e *Engine) writeIndexFile(number uint32, headers []recordHeader) error {
	p := make([]byte, len(headers)*recordHeaderSize)
	for i := range headers {
		headers[i].encode(p[i*recordHeaderSize:])
	}
	return e.writeWhole(fileName(number, indexSuffix), e.header(indexMagic, number), p)
}

// header is the start of a file of this store.
func (e *Engine) header(magic string, number uint32) []byte {
	return fileHeader{
		magic: magic, version: Version, blockSize: uint32(e.opts.BlockSize), number: number,
	}.encode()
}
