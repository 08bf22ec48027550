package index

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/noisefs/noisefs/runtime/port"
)

// retryPause is how long a failed write of a table file is held back before
// the engine hears of it. The engine tries again at once and for ever, and
// would otherwise use up a processor while the disk is full.
const retryPause = 200 * time.Millisecond

// guard is the file system under the engine. It exists because Pebble ends
// the process (or panics with its locks held) when a write or sync of its
// log or manifest fails, and never returns from opening when it cannot
// write tables, while we want an index that refuses to write and goes on
// reading.
//
// When a write to one of these files fails, and giving up the ballast does
// not help, the guard freezes the directory: from that moment nothing on
// disk changes any more. Writes, syncs and removals of the engine are
// swallowed and reported as done, and files that it makes are kept in
// memory, so that its locks stay in order and what it has is readable.
// Index.Commit looks at [guard.failed] after each commit and before each
// answer, so that nothing is acknowledged that was swallowed. Opening the
// index anew starts from what had reached the disk.
//
// So an index can also be opened and read on a disk that is full or
// mounted read-only: it is frozen from the start.
type guard struct {
	vfs.FS // the file system below; what is not overridden passes through

	space   *space
	log     *slog.Logger
	opening atomic.Bool // the engine is being opened

	lateMu  sync.Mutex
	late    []string    // logs to be removed once the engine is open
	stalled atomic.Bool // the engine holds a commit back until tables are written
	failure atomic.Pointer[error]
	memory  *vfs.MemFS    // files made since the directory is frozen
	stuck   chan struct{} // holds one signal when a table could not be written
	closing chan struct{} // closed when the engine is to be closed
	once    sync.Once
}

var (
	_ vfs.FS   = (*guard)(nil)
	_ vfs.File = (*guardedFile)(nil)
)

func newGuard(inner vfs.FS, space *space, log *slog.Logger) *guard {
	g := &guard{
		FS: inner, space: space, log: log, memory: vfs.NewMem(),
		stuck: make(chan struct{}, 1), closing: make(chan struct{}),
	}
	g.opening.Store(true)
	return g
}

// opened tells that the engine is open, and removes what it let go of
// meanwhile.
func (g *guard) opened() {
	g.lateMu.Lock()
	defer g.lateMu.Unlock()
	g.opening.Store(false)
	for _, name := range g.late {
		_ = g.Remove(name) // it is only litter, and the next opening finds it
	}
	g.late = nil
}

// critical tells files without which the engine cannot go on: its log, its
// manifest and the markers that name the current one. Table files are not:
// the engine keeps the rows in memory and tries again.
func critical(name string) bool {
	base := filepath.Base(name)
	return filepath.Ext(base) != ".sst" && filepath.Ext(base) != ".blob"
}

// failed returns the error that froze the directory, or nil.
func (g *guard) failed() error {
	if p := g.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// freeze makes the directory unchangeable. The first error stands.
func (g *guard) freeze(cause error) {
	var err error
	switch {
	case isFull(cause):
		err = port.ErrIndexFull
	case isReadOnly(cause):
		err = port.ErrDiskReadOnly
	default:
		err = port.ErrDiskIO
	}
	err = fmt.Errorf("index: an earlier write failed; reopen the repository: %w", err)
	if g.failure.CompareAndSwap(nil, &err) {
		g.log.Error("Index cannot be written any more", "reason", reason(cause))
	}
}

// shut lets writes that are held back fail at once.
func (g *guard) shut() { g.once.Do(func() { close(g.closing) }) }

// pause holds a failed write of a table file back.
func (g *guard) pause() {
	timer := time.NewTimer(retryPause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-g.closing:
	}
}

// must runs an operation the engine cannot do without: once more after the
// ballast was given up; else the directory freezes and it counts as done.
func (g *guard) must(operation func() error) error {
	if g.failed() != nil {
		return nil
	}
	err := operation()
	if isFull(err) && g.space.ranOut() {
		err = operation()
	}
	return g.settle(err)
}

// mustOnce is must without the second try: after a failed sync the kernel
// may count lost pages as clean, and a second one would report success.
func (g *guard) mustOnce(operation func() error) error {
	if g.failed() != nil {
		return nil
	}
	err := operation()
	if isFull(err) {
		g.space.ranOut()
	}
	return g.settle(err)
}

func (g *guard) settle(err error) error {
	// What is not there is an answer, not a failure: the engine asks.
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.freeze(err)
		return nil
	}
	return err
}

// may runs an operation whose failure the engine can bear: it tries again
// with another file, for ever. Where somebody waits for it to succeed (the
// engine is being opened, or holds a commit back until there is room in
// memory), the directory freezes, and the next file is made in memory.
func (g *guard) may(operation func() error) error {
	if err := g.failed(); err != nil {
		return err
	}
	err := operation()
	if err == nil {
		return nil
	}
	if isFull(err) {
		g.space.ranOut()
	}
	if g.opening.Load() || g.stalled.Load() {
		g.freeze(err)
		return err
	}
	select {
	case g.stuck <- struct{}{}:
	default:
	}
	g.pause()
	return err
}

// Create implements [vfs.FS].
func (g *guard) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.openForWrite(name, category, func() (vfs.File, error) {
		if strings.HasPrefix(filepath.Base(name), markerPrefix) {
			// The engine syncs the file that a marker names, not that file's
			// own name: it must be durable BEFORE the marker can be.
			if err := syncDir(g.FS, g.PathDir(name)); err != nil {
				return nil, err
			}
		}
		return g.FS.Create(name, category)
	})
}

// markerPrefix begins the names of the engine's markers: empty files whose
// names tell which manifest and which format are the current ones.
const markerPrefix = "marker."

// OpenReadWrite implements [vfs.FS].
func (g *guard) OpenReadWrite(
	name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption,
) (vfs.File, error) {
	return g.openForWrite(name, category, func() (vfs.File, error) {
		return g.FS.OpenReadWrite(name, category, opts...)
	})
}

// ReuseForWrite implements [vfs.FS]. It is not called: no log is set aside.
// If one were, it would be removed and not reused, which is allowed.
func (g *guard) ReuseForWrite(
	oldName, newName string, category vfs.DiskWriteCategory,
) (vfs.File, error) {
	file, err := g.Create(newName, category)
	if err != nil {
		return nil, err
	}
	return file, g.Remove(oldName)
}

func (g *guard) openForWrite(
	name string, category vfs.DiskWriteCategory, open func() (vfs.File, error),
) (vfs.File, error) {
	var inner vfs.File
	run := func() (err error) {
		inner, err = open()
		return err
	}
	if g.failed() == nil {
		file := &guardedFile{call: g.must, sync: g.mustOnce}
		if !critical(name) {
			file.call, file.sync = g.may, g.may
		}
		if err := file.call(run); err != nil {
			return nil, err
		}
		if file.File = inner; inner != nil {
			return file, nil
		}
	}
	return g.createInMemory(name, category)
}

// compactionCategory marks the files of merges. They are not made in memory
// unless a commit waits for one: nobody needs them.
const compactionCategory = "pebble-compaction"

func (g *guard) createInMemory(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if category == compactionCategory && !g.stalled.Load() {
		g.pause()
		return nil, g.failed()
	}
	if err := g.memory.MkdirAll(g.PathDir(name), 0o700); err != nil {
		return nil, err
	}
	return g.memory.Create(name, category)
}

// Open implements [vfs.FS].
func (g *guard) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if g.failed() != nil {
		if file, err := g.memory.Open(name, opts...); err == nil {
			return file, nil
		}
	}
	return g.FS.Open(name, opts...)
}

// Stat implements [vfs.FS].
func (g *guard) Stat(name string) (vfs.FileInfo, error) {
	if g.failed() != nil {
		if info, err := g.memory.Stat(name); err == nil {
			return info, nil
		}
	}
	return g.FS.Stat(name)
}

// OpenDir implements [vfs.FS]; the directory is synced through it.
func (g *guard) OpenDir(name string) (vfs.File, error) {
	dir, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &guardedFile{File: dir, call: g.must, sync: g.mustOnce}, nil
}

// Lock implements [vfs.FS]. What is mounted read-only needs no lock.
func (g *guard) Lock(name string) (io.Closer, error) {
	lock, err := g.FS.Lock(name)
	if errors.Is(err, syscall.EROFS) {
		g.freeze(err)
		return io.NopCloser(nil), nil
	}
	return lock, err
}

// archive is the directory into which the engine's cleaner moves what is no
// longer needed. There is none: what is moved there is removed.
const archive = "archive"

// MkdirAll implements [vfs.FS].
func (g *guard) MkdirAll(dir string, perm fs.FileMode) error {
	if g.failed() != nil || g.PathBase(dir) == archive {
		return nil
	}
	return g.FS.MkdirAll(dir, perm)
}

// Link implements [vfs.FS].
func (g *guard) Link(oldName, newName string) error {
	return g.must(func() error { return g.FS.Link(oldName, newName) })
}

// Rename implements [vfs.FS].
func (g *guard) Rename(oldName, newName string) error {
	if g.PathBase(g.PathDir(newName)) == archive {
		return g.retire(oldName)
	}
	return g.must(func() error { return g.FS.Rename(oldName, newName) })
}

// retire removes a file that the engine needs no more. While it is being
// opened, logs stay: it retires the last one before it makes the next, and a
// database without any would look like one that has lost it.
func (g *guard) retire(name string) error {
	g.lateMu.Lock()
	defer g.lateMu.Unlock()
	if g.opening.Load() && filepath.Ext(name) == ".log" {
		g.late = append(g.late, name)
		return nil
	}
	return g.Remove(name)
}

// Remove implements [vfs.FS]. A file that cannot be removed is only litter.
func (g *guard) Remove(name string) error {
	if g.failed() != nil {
		return nil
	}
	return g.FS.Remove(name)
}

// RemoveAll implements [vfs.FS].
func (g *guard) RemoveAll(name string) error {
	if g.failed() != nil {
		return nil
	}
	return g.FS.RemoveAll(name)
}

// Unwrap implements [vfs.FS].
func (g *guard) Unwrap() vfs.FS { return g.FS }
