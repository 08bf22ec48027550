package index

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/noisefs/noisefs/runtime/port"
)

// Settings of the engine that are not options.
const (
	// pebbleFormat is the engine's file format: the oldest that checksums
	// table footers, writes sync offsets into the log (so that damage before
	// the last sync is not mistaken for a torn tail), and needs no
	// experimental feature. Raising it is a new format version of ours.
	pebbleFormat = pebble.FormatTableFormatV6

	// memtablesMax is how many memtables may wait to be written out before
	// commits wait for them. It is far more than are ever needed, so that a
	// commit is never stuck behind a flush that finds the disk full: before
	// that many are filled, the flush has failed and commits are refused.
	memtablesMax = 8

	// bloomBitsPerKey gives 1 % false positives. Most look-ups are of rows
	// that are not there: a history insert checks that a tuple is new.
	bloomBitsPerKey = 10
)

// engine is one open database: the rows of one generation.
type engine struct {
	db     *pebble.DB
	guard  *guard
	sealer *sealer
	mark   *mark
	dir    string
	// readOnly: it could not be written from the start, so that there is
	// nothing to lose when it is closed.
	readOnly bool
}

// openEngine opens the database in dir, or makes it when create is set.
func openEngine(dir string, create bool, space *space, o *Options) (e *engine, err error) {
	g := newGuard(o.fs, space, o.Logger)
	cache := pebble.NewCache(o.CacheBytes)
	defer cache.Unref() // the database holds its own reference
	// The engine panics on some damaged files where it should return an
	// error. A panic while opening can only come from what is on disk.
	defer func() {
		if p := recover(); p != nil {
			g.shut()
			e, err = nil, fmt.Errorf("%w: the engine cannot read its files", port.ErrIndexCorrupt)
			o.Logger.Error("Index engine panicked while opening", "stack", string(debug.Stack()))
		}
	}()
	db, err := pebble.Open(dir, pebbleOptions(g, cache, create, o))
	if err != nil {
		g.shut()
		return nil, openError(err)
	}
	g.opened()
	return &engine{db: db, guard: g, dir: dir, readOnly: g.failed() != nil}, nil
}

// close releases the files. The caller makes sure that nobody uses them.
func (e *engine) close() error {
	// First let writes that are held back fail, which db.Close waits for.
	e.guard.shut()
	err := e.mark.close()
	if closeErr := e.db.Close(); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("index: close: %w", engineError(closeErr)))
	}
	return err
}

// settle makes everything durable, notes how far it goes, and moves all rows
// out of the log, where the last ones written have no later record to vouch
// for them. When the disk is too full for that, they stay in the log, and
// flushed is false.
func (e *engine) settle() (flushed bool, err error) {
	if e.readOnly {
		return true, nil
	}
	if err := e.guard.failed(); err != nil {
		return false, err
	}
	flushed, err = e.flush()
	if err != nil {
		return false, err
	}
	number, err := sequence(e.db)
	if err != nil {
		return false, err
	}
	// Nothing of the above counts if it was swallowed.
	if err := e.guard.failed(); err != nil {
		return false, err
	}
	e.mark.advance(number)
	return flushed, e.mark.sync()
}

// flush writes the memtables to table files. The engine tries for ever, so
// it reports false once a try has failed.
func (e *engine) flush() (flushed bool, err error) {
	select {
	case <-e.guard.stuck: // long ago, perhaps
	default:
	}
	done, err := e.db.AsyncFlush()
	if err != nil {
		return false, engineError(err)
	}
	select {
	case <-done:
		return true, nil
	case <-e.guard.stuck:
		return false, nil
	}
}

// unlock readies the engine for the rows of generation g.
func (e *engine) unlock(keys *Keys, g generation, log *slog.Logger) error {
	if err := checkHeader(e.db, keys, g); err != nil {
		return err
	}
	var err error
	if e.sealer, err = newSealer(&keys.Values, g); err != nil {
		return err
	}
	if e.mark, err = openMark(e.guard.FS, e.dir, e.sealer.aead, g, log); err != nil {
		return err
	}
	return e.mark.prove(e.db)
}

func pebbleOptions(g *guard, cache *pebble.Cache, create bool, o *Options) *pebble.Options {
	logger := quietLogger{o.Logger}
	opts := &pebble.Options{
		FS:                          g,
		Cache:                       cache,
		Logger:                      logger,
		LoggerAndTracer:             nil,
		EventListener:               eventListener(g, o.Logger),
		FormatMajorVersion:          pebbleFormat,
		ErrorIfNotExists:            !create,
		ErrorIfExists:               create,
		MemTableSize:                uint64(o.MemtableBytes),
		MemTableStopWritesThreshold: memtablesMax,
		MaxOpenFiles:                o.OpenFilesMax,
		// One compaction at a time, or a put would compete with merges.
		CompactionConcurrencyRange: func() (int, int) { return 1, 1 },
		DisableTableStats:          true,
		// This keeps the engine from setting old logs aside for later use:
		// up to nine of them, as large as a memtable each, with rows of long
		// ago in them. The guard removes what it means to archive.
		Cleaner: pebble.ArchiveCleaner{},
	}
	opts.Experimental.FileCacheShards = 1
	for i := range opts.Levels {
		// Sealed rows do not compress, and compressing what an attacker may
		// have chosen beside what he may not know is a leak.
		opts.Levels[i].Compression = func() *sstable.CompressionProfile {
			return sstable.NoCompression
		}
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
	}
	return opts
}

// eventListener tells the guard of stalls and logs failures in the
// background. Other events quote stored keys.
func eventListener(g *guard, log *slog.Logger) *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			log.Error("Index engine failed in the background", "reason", reason(err))
		},
		WriteStallBegin: func(pebble.WriteStallBeginInfo) { g.stalled.Store(true) },
		WriteStallEnd:   func() { g.stalled.Store(false) },
		// By default the engine ends the process here. A read that meets
		// damage returns an error, which is enough.
		DataCorruption: func(pebble.DataCorruptionInfo) {
			log.Error("Index engine found a damaged file")
		},
	}
}

// quietLogger keeps the engine's own messages out of the log, since they
// quote stored keys and file paths; what matters comes as events.
type quietLogger struct{ log *slog.Logger }

var _ pebble.Logger = quietLogger{}

func (l quietLogger) Infof(string, ...any) {}

func (l quietLogger) Errorf(format string, _ ...any) {
	l.log.Error("Index engine reports an error", "format", format)
}

// Fatalf is called for lost invariants; it must not return. Failing writes
// never come here: the guard sees to that.
func (l quietLogger) Fatalf(format string, _ ...any) {
	panic("index: engine invariant lost: " + format)
}

// isCorrupt tells errors that mean damaged files: those marked as such, and
// all that are not the operating system's, since the engine has little else
// to complain about.
func isCorrupt(err error) bool {
	var errno syscall.Errno
	return pebble.IsCorruptionError(err) || errors.Is(err, port.ErrIndexCorrupt) ||
		!errors.As(err, &errno)
}

// engineError turns an error of the engine into one of package port. The
// text of the original is dropped: it may quote stored keys.
func engineError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pebble.ErrClosed):
		return port.ErrIndexClosed
	case errors.Is(err, port.ErrIndexFull), errors.Is(err, port.ErrDiskReadOnly),
		errors.Is(err, port.ErrDiskIO):
		return err // the guard's
	case isFull(err):
		return port.ErrIndexFull
	case isReadOnly(err):
		return port.ErrDiskReadOnly
	case isCorrupt(err):
		return fmt.Errorf("%w: damaged file", port.ErrIndexCorrupt)
	}
	return fmt.Errorf("%w: index", port.ErrDiskIO)
}

// openError is engineError for opening. The engine's errors are mostly
// about damage then, and not marked as such.
func openError(err error) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, syscall.EAGAIN), strings.Contains(err.Error(), "lock held"):
		return fmt.Errorf("%w: another process has it open", ErrLocked)
	case errors.As(err, &errno) && errno != syscall.ENOENT:
		return fmt.Errorf("index: open: %w", engineError(err))
	}
	return fmt.Errorf("%w: the engine cannot read its files", port.ErrIndexCorrupt)
}
