package draft

import (
	"bytes"
	"container/list"
	"context"

	"github.com/noisefs/noisefs/messages"
)

// chunk is one that differs from the base: bytes, or a block, or a block and the
// bytes that it was made of.
type chunk struct {
	index    uint64
	data     []byte // nil: see sealed; behind its end all is zeros
	sealed   *sealed
	inMemory *list.Element // among those that are in no block; nil: it is in one
}

// sealed is the block that a chunk became.
type sealed struct {
	sealing Sealing // until the ref is known
	done    bool
	ref     messages.BlockRef // zero: a hole
}

// writable returns a chunk whose bytes can be written, of which a part is about
// to be: what is not written over is read first.
func (d *Draft) writable(ctx context.Context, i, within, length uint64) (*chunk, error) {
	c := d.chunks[i]
	if c == nil {
		c = &chunk{index: i, sealed: new(sealed)}
	}
	had := d.p.ChunkLength(d.size, i)
	if within > 0 || length < uint64(had) {
		if err := d.load(ctx, c); err != nil {
			return nil, err
		}
	}
	d.chunks[i] = c
	d.change(c)
	d.inMemory.MoveToFront(c.inMemory)
	d.last = c
	return c, nil
}

// change notes that the bytes of a chunk are about to differ from its block.
func (d *Draft) change(c *chunk) {
	if c.sealed != nil {
		c.sealed = nil
		c.inMemory = d.inMemory.PushFront(c)
	}
}

// settle notes the block that a chunk became.
func (d *Draft) settle(c *chunk, s *sealed) {
	c.sealed = s
	d.inMemory.Remove(c.inMemory)
	c.inMemory = nil
}

// load brings the bytes of a chunk into memory. The chunk may be one that does
// not differ from the base yet.
func (d *Draft) load(ctx context.Context, c *chunk) error {
	if c.data != nil {
		return nil
	}
	length := d.p.ChunkLength(d.size, c.index)
	data := make([]byte, 0, d.room(length))[:length]
	var err error
	if d.chunks[c.index] == nil {
		err = d.readBase(ctx, data, c.index*uint64(d.p.BlockSize))
	} else {
		err = d.readChunk(ctx, c, data, 0)
	}
	if err != nil {
		return err
	}
	c.data = data
	d.budget.add(cap(data))
	return nil
}

// roomMin is the least memory of a chunk in bytes: many files are small.
const roomMin = 4 << 10

// room is how much memory a chunk gets that has so many bytes: it doubles, up to
// what can be sealed in place.
func (d *Draft) room(length int) int {
	for room := roomMin; room < d.p.BlockSize; room *= 2 {
		if length <= room {
			return room
		}
	}
	return cap(d.p.NewBuffer())
}

// write puts bytes into a chunk.
func (d *Draft) write(c *chunk, p []byte, within int) {
	end := within + len(p)
	if end > cap(c.data) {
		grown := make([]byte, len(c.data), d.room(end))
		copy(grown, c.data)
		d.budget.add(cap(grown) - cap(c.data))
		c.data = grown
	}
	if had := len(c.data); had < end {
		c.data = c.data[:end]
		clear(c.data[had:])
	}
	copy(c.data[within:], p)
}

// readChunk reads from a chunk that differs from the base.
func (d *Draft) readChunk(ctx context.Context, c *chunk, p []byte, within uint64) error {
	data := c.data
	if data == nil {
		var err error
		if data, err = d.open(ctx, c.sealed); err != nil {
			return err
		}
	}
	n := 0
	if within < uint64(len(data)) {
		n = copy(p, data[within:])
	}
	clear(p[n:])
	return nil
}

// open returns the bytes of a block, which are shared; nil for a hole.
func (d *Draft) open(ctx context.Context, s *sealed) ([]byte, error) {
	ref, err := d.refOf(ctx, s)
	if err != nil || ref.IsZero() {
		return nil, err
	}
	if d.opened.ref == ref {
		return d.opened.data, nil
	}
	if err := d.sync(ctx); err != nil {
		return nil, err
	}
	data, err := d.store.Unseal(ctx, ref, messages.KindChunk)
	if err == nil {
		d.opened = openedChunk{ref, data}
	}
	return data, err
}

// refOf waits for the ref of a block. A block that is lost ends the draft.
func (d *Draft) refOf(ctx context.Context, s *sealed) (messages.BlockRef, error) {
	if s.done {
		return s.ref, nil
	}
	ref, err := s.sealing.Wait(ctx)
	if err != nil {
		return ref, d.lost(ctx, err)
	}
	s.ref, s.done, s.sealing = ref, true, nil
	return ref, nil
}

// lost ends the draft with an error, unless it only says that time is over.
func (d *Draft) lost(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		d.failed = err
	}
	return err
}

func (d *Draft) sync(ctx context.Context) error {
	if !d.unsynced {
		return nil
	}
	if err := d.store.Sync(ctx); err != nil {
		return d.lost(ctx, err)
	}
	d.unsynced = false
	return nil
}

// relieve seals a chunk that was written to its end, and others while too much
// is in memory.
func (d *Draft) relieve(ctx context.Context, c *chunk, full bool) error {
	if full && c.sealed == nil && d.size > uint64(d.p.PackMax()) {
		if err := d.seal(ctx, c, false); err != nil {
			return err
		}
	}
	for d.inMemory.Len() > 1 && d.budget.isPassed() {
		if err := d.seal(ctx, d.inMemory.Back().Value.(*chunk), false); err != nil {
			return err
		}
	}
	return nil
}

// seal makes a block of a chunk's bytes. Unless they are to be kept, they pass to
// the block.
func (d *Draft) seal(ctx context.Context, c *chunk, keep bool) error {
	length := d.p.ChunkLength(d.size, c.index)
	if isZero(c.data) {
		d.free(c)
		d.settle(c, &sealed{done: true})
		return nil
	}
	data := c.data
	if keep || cap(data) < d.p.BlockSize {
		data = append(d.p.NewBuffer()[:0], data...)
	}
	had := len(data)
	data = data[:length]
	if had < length {
		clear(data[had:])
	}
	sealing, err := d.store.Seal(ctx, messages.KindChunk, 0, data)
	if err != nil {
		return err
	}
	if !keep {
		d.free(c)
	}
	d.settle(c, &sealed{sealing: sealing})
	d.unsynced = true
	return nil
}

func isZero(p []byte) bool {
	// p[:len-1] == p[1:] says that all bytes equal the first.
	return len(p) == 0 || p[0] == 0 && bytes.Equal(p[:len(p)-1], p[1:])
}

// free lets go of a chunk's bytes.
func (d *Draft) free(c *chunk) {
	d.budget.add(-cap(c.data))
	c.data = nil
}

// drop forgets a chunk.
func (d *Draft) drop(c *chunk) {
	if c.inMemory != nil {
		d.inMemory.Remove(c.inMemory)
	}
	d.free(c)
	delete(d.chunks, c.index)
}
