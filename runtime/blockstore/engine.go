package blockstore

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

var _ port.BlockEngine = (*Engine)(nil)

// Engine is a block store on a disk that nobody else writes to. All methods
// are safe for concurrent use. It starts no goroutine.
//
// Locks, in the order in which they are taken: life, compacting, deleting,
// queue.mu (never held during I/O), mu (never held during I/O).
type Engine struct {
	disk    port.Disk
	opts    Options
	handles *handles

	// life is held shared by every operation and wholly by Close.
	life   sync.RWMutex
	closed bool // guarded by life

	compacting sync.Mutex // one compaction at a time
	deleting   sync.Mutex // guards dead; a deletion excludes the moving of blocks
	dead       tombstoneLog
	queue      commitQueue
	active     activeSegment // owned by the leader of the group commit, and by Open
	unproven   []record      // used by Open

	mu       sync.RWMutex // guards all below
	table    table
	copies   map[messages.CID][]location // further copies on disk of blocks in table
	segments map[uint32]*segment
	next     uint32 // number of the next segment
	position uint32
	logBytes int64 // of tombstone logs and the format file
	failed   error // why writing has ended
	damages  []damage
	unkept   int // damages beyond damagesMax
}

// damage is a finding: bytes that were durable do not prove themselves.
type damage struct {
	what   string
	file   string
	offset int64
	cid    messages.CID // zero if it is not known
	lost   bool         // the block is gone, so that putting it again heals
}

func (d damage) err() error {
	of := ""
	if !d.cid.IsZero() {
		of = " of block " + d.cid.String()
	}
	return fmt.Errorf("%w: %s%s, %s offset %d", port.ErrBlockCorrupt, d.what, of, d.file, d.offset)
}

// position saturates: from then on every new block counts as written since
// any mark, which errs on the side of keeping.
const positionMax = math.MaxUint32

// fail ends writing. It returns the error that Put and Delete report.
func (e *Engine) fail(cause error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed == nil {
		e.failed = fmt.Errorf("%w: %w", port.ErrEngineFailed, cause)
		e.opts.Log.Error("block store stops writing", "cause", cause)
	}
	return e.failed
}

// writable returns why nothing can be written, or nil.
func (e *Engine) writable() error {
	if e.closed {
		return port.ErrEngineClosed
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.failed
}

// Get implements [port.BlockEngine]. verify also checks that the record's
// header is whole, so that it covers every byte of the record.
func (e *Engine) Get(cid messages.CID, buf []byte, verify bool) ([]byte, error) {
	e.life.RLock()
	defer e.life.RUnlock()
	if e.closed {
		return nil, port.ErrEngineClosed
	}
	if cap(buf) < e.opts.BlockSize {
		buf = make([]byte, e.opts.BlockSize)
	}
	buf = buf[:e.opts.BlockSize]
	for {
		found, ok := e.find(cid)
		if !ok {
			return nil, fmt.Errorf("%w: %s", port.ErrBlockNotFound, cid)
		}
		err := e.readRecord(found, buf, verify)
		if err == nil {
			return buf, nil
		}
		// It may have been moved or deleted meanwhile, and its file removed.
		if now, ok := e.find(cid); ok && now.at == found.at {
			return nil, err
		}
	}
}

// find returns a copy of the entry of cid.
func (e *Engine) find(cid messages.CID) (entry, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if found := e.table.get(cid); found != nil {
		return *found, true
	}
	return entry{}, false
}

// readRecord reads the block of an entry into buf.
func (e *Engine) readRecord(want entry, buf []byte, verify bool) error {
	offset := e.packOffset(want.at.slot)
	corrupt := func(what string, at int64) error {
		return fmt.Errorf("%w: %s of block %s, %s offset %d", port.ErrBlockCorrupt,
			what, want.cid, fileName(want.at.segment, packSuffix), at)
	}
	failed := func(err error) error {
		return fmt.Errorf("blockstore: read %s offset %d: %w",
			fileName(want.at.segment, packSuffix), offset, err)
	}
	open, err := e.handles.acquire(want.at.segment)
	if errors.Is(err, port.ErrNotExist) {
		return corrupt("missing file", 0)
	}
	if err != nil {
		return failed(err)
	}
	defer e.handles.release(open)
	if verify {
		var raw [recordHeaderSize]byte
		err := readFull(open.file, raw[:], offset)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return failed(err)
		}
		h, bad := decodeRecordHeader(raw[:], want.at.segment, want.at.slot, e.opts.BlockSize)
		if err != nil || bad != nil || h.cid != want.cid || h.crc != want.crc {
			return corrupt("header", offset)
		}
	}
	err = readFull(open.file, buf, offset+recordHeaderSize)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return corrupt("end of file within data", offset+recordHeaderSize)
	}
	if err != nil {
		return failed(err)
	}
	if verify && checksum(buf) != want.crc {
		return corrupt("data", offset+recordHeaderSize)
	}
	return nil
}

// Has implements [port.BlockEngine].
func (e *Engine) Has(cids []messages.CID) []bool {
	e.life.RLock()
	defer e.life.RUnlock()
	has := make([]bool, len(cids))
	if e.closed {
		return has
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	for i, cid := range cids {
		has[i] = e.table.get(cid) != nil
	}
	return has
}

// List implements [port.BlockEngine].
func (e *Engine) List(after messages.CID, limit int) (cids []messages.CID, more bool) {
	e.life.RLock()
	defer e.life.RUnlock()
	if e.closed {
		return nil, false
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.table.after(after, limit)
}

// Position implements [port.BlockEngine].
func (e *Engine) Position() uint64 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return uint64(e.position)
}

// WrittenSince implements [port.BlockEngine].
func (e *Engine) WrittenSince(cid messages.CID, mark uint64) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	found := e.table.get(cid)
	return found != nil && uint64(found.born) >= mark
}

// advance moves the position on. The caller holds mu.
func (e *Engine) advance() {
	if e.position < positionMax {
		e.position++
	}
}

// Usage implements [port.BlockEngine]. FreeBytes does not count the reserve;
// it is 0 if the disk does not tell.
func (e *Engine) Usage() port.BlockUsage {
	e.life.RLock()
	defer e.life.RUnlock()
	if e.closed {
		return port.BlockUsage{}
	}
	free, err := e.disk.Free()
	if err != nil {
		free = 0
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	usage := port.BlockUsage{
		Blocks:    int64(e.table.count),
		LiveBytes: int64(e.table.count) * int64(e.opts.BlockSize),
		DiskBytes: e.logBytes,
		FreeBytes: max(free-e.opts.Reserve, 0),
	}
	for _, s := range e.segments {
		usage.DiskBytes += s.bytes()
	}
	return usage
}

// Check returns what was found to be damaged when the store was opened, each
// finding with its file and offset and, where it is known, the CID; nil if
// nothing was. A lost block that has been stored again since is not counted.
// Rot inside a block's data is found by Get with verify, not here.
func (e *Engine) Check() error {
	e.life.RLock()
	defer e.life.RUnlock()
	if e.closed {
		return port.ErrEngineClosed
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	var errs []error
	for _, d := range e.damages {
		healed := d.lost && !d.cid.IsZero() && e.table.get(d.cid) != nil
		if !healed {
			errs = append(errs, d.err())
		}
	}
	if e.unkept > 0 {
		errs = append(errs, fmt.Errorf("%w: and %d more", port.ErrBlockCorrupt, e.unkept))
	}
	return errors.Join(errs...)
}

// Close implements [port.BlockEngine]. Closing twice is no error.
func (e *Engine) Close() error {
	e.life.Lock()
	defer e.life.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	sync := e.failed == nil
	return errors.Join(e.active.close(sync), e.dead.close(sync), e.handles.close())
}
