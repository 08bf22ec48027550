package index

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/noisefs/noisefs/runtime/port"
)

// Errors of this package, beside those of package port.
var (
	// ErrLocked: another process has the index open.
	ErrLocked = errors.New("index: locked")
	// ErrWrongKey comes with port.ErrIndexCorrupt when the header does not
	// open: the keys are not this index's, or the header is damaged.
	ErrWrongKey = errors.New("the header does not open with these keys")
)

var _ port.IndexEngine = (*Index)(nil)

// Index is an open index. See the package's documentation.
type Index struct {
	dir   string
	keys  Keys
	opts  Options
	space *space

	// writers is held shared by commits and exclusively by Purge, which
	// lets reads go on. It is taken before gate.
	writers sync.RWMutex
	// gate is held shared by whoever uses the engine, exclusively by who
	// replaces or closes it.
	gate   sync.RWMutex
	engine *engine // nil when closed

	// commit is the critical section of a transaction: conditions are
	// checked and changes applied in it. No sync happens inside.
	commit sync.Mutex
}

// Create makes a new, empty index in dir, whose parent exists. dir itself may
// exist, but holds no index (that is an error wrapping [fs.ErrExist]). It is durable on return.
func Create(dir string, keys Keys, options Options) (*Index, error) {
	x, err := newIndex(dir, keys, options)
	if err != nil {
		return nil, err
	}
	files := x.opts.fs
	if _, err := files.Stat(files.PathJoin(dir, pointerName)); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("index: create: %w", errors.Join(fs.ErrExist, err))
	}
	err = files.MkdirAll(dir, 0o700)
	if err == nil {
		err = syncDir(files, files.PathDir(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("index: create: %w", engineError(err))
	}
	g := newGeneration()
	if err := sweep(x.opts.fs, dir, g); err != nil {
		return nil, err
	}
	e, err := x.createEngine(g)
	if err != nil {
		return nil, err
	}
	if err := writePointer(x.opts.fs, dir, g); err != nil {
		return nil, errors.Join(fmt.Errorf("index: create: %w", engineError(err)), e.close())
	}
	x.space.fill()
	x.engine = e
	return x, nil
}

// Open opens the index in dir. Errors wrap [fs.ErrNotExist] when there is
// none, port.ErrIndexNewer, port.ErrIndexCorrupt (with [ErrWrongKey] when it
// is the keys that do not fit), or [ErrLocked].
//
// On a disk that is full or mounted read-only an index opens for reading:
// every commit returns port.ErrIndexFull or port.ErrDiskReadOnly.
func Open(dir string, keys Keys, options Options) (*Index, error) {
	x, err := newIndex(dir, keys, options)
	if err != nil {
		return nil, err
	}
	g, err := readPointer(x.opts.fs, dir)
	if err != nil {
		return nil, err
	}
	if err := hasLog(x.opts.fs, x.path(g)); err != nil {
		return nil, err
	}
	x.space.fill()
	e, err := openEngine(x.path(g), false, x.space, &x.opts)
	if err != nil {
		return nil, err
	}
	// Only now that the lock is ours does the pointer stand still.
	again, err := readPointer(x.opts.fs, dir)
	if err == nil && again != g {
		err = ErrLocked
	}
	if err == nil {
		err = e.unlock(&x.keys, g, x.opts.Logger)
	}
	if err == nil && e.guard.failed() == nil {
		err = sweep(x.opts.fs, dir, g)
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	x.space.fill()
	x.engine = e
	return x, nil
}

func newIndex(dir string, keys Keys, options Options) (*Index, error) {
	options.EnsureDefaults()
	if err := options.Validate(); err != nil {
		return nil, err
	}
	if err := keys.validate(); err != nil {
		return nil, err
	}
	return &Index{dir: dir, keys: keys, opts: options, space: newSpace(dir, &options)}, nil
}

// createEngine makes an empty database with a header.
func (x *Index) createEngine(g generation) (*engine, error) {
	e, err := openEngine(x.path(g), true, x.space, &x.opts)
	if err != nil {
		return nil, err
	}
	err = writeHeader(e.db, &x.keys, g)
	if err == nil {
		err = e.guard.failed()
	}
	if err == nil {
		err = e.unlock(&x.keys, g, x.opts.Logger)
	}
	if err != nil {
		return nil, abandon(e, err)
	}
	return e, nil
}

// hasLog refuses a database whose log is gone. The engine always has one,
// and would take its absence for "nothing since the last flush".
func hasLog(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("%w: the current generation is missing", port.ErrIndexCorrupt)
	}
	for _, name := range names {
		if strings.HasSuffix(name, ".log") {
			return nil
		}
	}
	return fmt.Errorf("%w: the log is missing", port.ErrIndexCorrupt)
}

// path is where the files of a generation are.
func (x *Index) path(g generation) string { return x.opts.fs.PathJoin(x.dir, g.dirName()) }

// acquire returns the engine for reading; release it with gate.RUnlock.
func (x *Index) acquire() (*engine, error) {
	x.gate.RLock()
	if x.engine == nil {
		x.gate.RUnlock()
		return nil, port.ErrIndexClosed
	}
	return x.engine, nil
}

// SizeBytes is what the index takes on disk, the ballast included.
func (x *Index) SizeBytes() int64 {
	e, err := x.acquire()
	if err != nil {
		return 0
	}
	defer x.gate.RUnlock()
	return int64(e.db.Metrics().DiskSpaceUsage()) + x.space.size()
}

// Close makes everything durable and releases the files. A second Close
// returns port.ErrIndexClosed.
func (x *Index) Close() error {
	x.gate.Lock()
	defer x.gate.Unlock()
	e := x.engine
	if e == nil {
		return port.ErrIndexClosed
	}
	x.engine = nil
	_, err := e.settle()
	return errors.Join(err, e.close())
}
