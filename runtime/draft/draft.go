package draft

import (
	"container/list"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

const (
	// chunksMax is how many chunks differ from the content before it is
	// committed without being asked for, about 250 bytes each.
	chunksMax = 8192
	// removedMax is the same where nothing can be committed; one more is
	// CodeOverload.
	removedMax = 65536
)

// Draft is a file that is being changed.
type Draft struct {
	p      format.Params
	store  Store
	budget *Budget

	mu      sync.Mutex
	size    uint64
	modTime time.Time
	changed time.Time
	dirty   bool // something is not committed
	removed bool // there is nothing to commit to any more
	failed  error

	base    messages.Content
	baseEnd uint64 // what is left of base in bytes; behind it all is zeros
	reader  Reader // of base; nil until something is read

	chunks   map[uint64]*chunk // that differ from base
	inMemory *list.List        // of them, those that are in no block; written last in front
	last     *chunk            // that was written last, in a block or not
	unsynced bool              // something sealed may not be durable
	opened   openedChunk
}

// openedChunk is the sealed chunk that was read last.
type openedChunk struct {
	ref  messages.BlockRef
	data []byte
}

// New returns the draft of a file that has content, of which it owns nothing yet.
func New(
	p format.Params, store Store, budget *Budget, content messages.Content, modTime time.Time,
) *Draft {
	return &Draft{
		p: p, store: store, budget: budget, size: content.Size, modTime: modTime,
		base: content, baseEnd: content.Size, chunks: make(map[uint64]*chunk),
		inMemory: list.New(),
	}
}

// Size returns how many bytes the file has.
func (d *Draft) Size() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.size
}

// Times returns the time of modification, which may have been set, and when
// content was changed last; zero if it was not.
func (d *Draft) Times() (modified, changed time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.modTime, d.changed
}

// SetModTime sets the time of modification, to be committed with the next content.
func (d *Draft) SetModTime(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.modTime = t
}

// ReadAt reads as io.ReaderAt does.
func (d *Draft) ReadAt(ctx context.Context, p []byte, offset int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil {
		return 0, d.failed
	}
	if offset < 0 {
		return 0, messages.Errorf(messages.CodeInvalid, "negative offset")
	}
	at := uint64(offset)
	if at >= d.size {
		return 0, io.EOF
	}
	short := uint64(len(p)) > d.size-at
	if short {
		p = p[:d.size-at]
	}
	total := 0
	for total < len(p) {
		n, err := d.readSome(ctx, p[total:], at+uint64(total))
		total += n
		if err != nil {
			return total, err
		}
	}
	if short {
		return total, io.EOF
	}
	return total, nil
}

// readSome reads up to the end of a chunk, or of a run of chunks of the base.
func (d *Draft) readSome(ctx context.Context, p []byte, at uint64) (int, error) {
	block := uint64(d.p.BlockSize)
	i, within := at/block, at%block
	n := min(uint64(len(p)), block-within)
	if c := d.chunks[i]; c != nil {
		return int(n), d.readChunk(ctx, c, p[:n], within)
	}
	for n < uint64(len(p)) && d.chunks[(at+n)/block] == nil {
		n = min(uint64(len(p)), n+block)
	}
	return int(n), d.readBase(ctx, p[:n], at)
}

// readBase reads what the file had, zeros behind what is left of it.
func (d *Draft) readBase(ctx context.Context, p []byte, at uint64) error {
	had := uint64(0)
	if at < d.baseEnd {
		had = min(uint64(len(p)), d.baseEnd-at)
	}
	clear(p[had:])
	if had == 0 {
		return nil
	}
	if d.reader == nil {
		reader, err := d.store.OpenContent(ctx, d.base)
		if err != nil {
			return err
		}
		d.reader = reader
	}
	n, err := d.reader.ReadAt(ctx, p[:had], int64(at))
	if uint64(n) == had {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return messages.Errorf(messages.CodeCorrupt, "a file is shorter than it should be")
	}
	return err
}

// WriteAt writes all of p, which stays the caller's, at a time.
func (d *Draft) WriteAt(ctx context.Context, p []byte, offset int64, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.admit(ctx, offset, int64(len(p))); err != nil {
		return err
	}
	block := uint64(d.p.BlockSize)
	for at := uint64(offset); len(p) > 0; {
		i, within := at/block, at%block
		n := min(uint64(len(p)), block-within)
		c, err := d.writable(ctx, i, within, n)
		if err != nil {
			return err
		}
		d.write(c, p[:n], int(within))
		p, at = p[n:], at+n
		d.size = max(d.size, at)
		d.touch(now)
		if err := d.relieve(ctx, c, at%block == 0); err != nil {
			return err
		}
	}
	return nil
}

// touch notes that content is being changed.
func (d *Draft) touch(now time.Time) { d.modTime, d.changed, d.dirty = now, now, true }

// admit refuses what cannot be done, and commits what is too much.
func (d *Draft) admit(ctx context.Context, offset, length int64) error {
	switch {
	case d.failed != nil:
		return d.failed
	case offset < 0 || length < 0 || offset > format.FileSizeMax-length:
		return messages.Errorf(messages.CodeInvalid, "a place beyond the largest file")
	case len(d.chunks) < chunksMax:
		return nil
	case !d.removed:
		return d.commit(ctx)
	case len(d.chunks) >= removedMax:
		return messages.Errorf(messages.CodeOverload, "a removed file has grown too large")
	}
	return nil
}

// Truncate gives the file another size: what is cut off is gone for good, what is
// added is zeros.
func (d *Draft) Truncate(ctx context.Context, size uint64, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.admit(ctx, 0, int64(min(size, 1<<63-1))); err != nil {
		return err
	}
	d.touch(now)
	if size < d.size {
		if err := d.cut(ctx, size); err != nil {
			return err
		}
	}
	d.size = size
	return nil
}

// cut drops what lies behind a size.
func (d *Draft) cut(ctx context.Context, size uint64) error {
	block := uint64(d.p.BlockSize)
	if c := d.chunks[size/block]; c != nil && size%block > 0 {
		if err := d.load(ctx, c); err != nil {
			return err
		}
		d.change(c)
		c.data = c.data[:min(uint64(len(c.data)), size%block)]
	}
	for i, c := range d.chunks {
		if i >= d.p.ChunkCount(size) {
			d.drop(c)
		}
	}
	d.baseEnd = min(d.baseEnd, size)
	return nil
}

// Zero makes a range zeros without changing the size. Whole chunks of it become
// holes, which take no space.
func (d *Draft) Zero(ctx context.Context, offset, length int64, now time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.admit(ctx, offset, length); err != nil {
		return err
	}
	at := min(uint64(offset), d.size)
	end := min(uint64(offset)+uint64(length), d.size)
	d.touch(now)
	if end == d.size { // to the end: a cut, and zeros behind it
		if err := d.cut(ctx, at); err != nil {
			return err
		}
		return nil
	}
	block := uint64(d.p.BlockSize)
	if (end-at)/block > chunksMax {
		return messages.Errorf(messages.CodeOverload,
			"more than %d chunks cannot be zeroed at one time", chunksMax)
	}
	for at < end {
		i, within := at/block, at%block
		n := min(end-at, block-within)
		c, err := d.writable(ctx, i, within, n)
		if err != nil {
			return err
		}
		d.write(c, make([]byte, n), int(within))
		if n == block {
			d.free(c)
			d.settle(c, &sealed{done: true}) // a hole
		}
		at += n
		if err := d.relieve(ctx, c, false); err != nil {
			return err
		}
	}
	return nil
}

// Close forgets what was not committed.
func (d *Draft) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.chunks {
		d.drop(c)
	}
	d.store.Release()
	return d.closeReader()
}

func (d *Draft) closeReader() error {
	if d.reader == nil {
		return nil
	}
	reader := d.reader
	d.reader = nil
	return reader.Close()
}
