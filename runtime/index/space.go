package index

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/noisefs/noisefs/runtime/port"
)

const ballastName = "ballast"

// space watches the free space of the disk under an index.
//
// A database that cannot write its log cannot go on, so it must not come to
// that. Two things keep it from happening: transactions that add rows are
// refused while less than FreeBytesMin is free; and when others have filled
// the disk in between, the ballast file is removed to let the write under
// way finish. From then on only transactions that remove rows pass, and
// only as long as they fit into half of what the ballast gave; the other
// half lets the index be closed and opened again.
type space struct {
	fs         vfs.FS
	dir        string
	log        *slog.Logger
	ballastMax int64
	freeMin    int64

	mu        sync.Mutex
	full      bool  // a write failed for want of space; cleared when there is space
	ballast   bool  // the ballast file is there
	allowance int64 // bytes that may still be logged while full
}

func newSpace(dir string, o *Options) *space {
	return &space{
		fs: o.fs, dir: dir, log: o.Logger,
		ballastMax: o.BallastBytes, freeMin: o.FreeBytesMin,
	}
}

func (s *space) path() string { return s.fs.PathJoin(s.dir, ballastName) }

// fill writes the ballast if it is not there. Not having one is no error:
// the index works, and is only less able to help itself when full.
func (s *space) fill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fillLocked()
}

func (s *space) fillLocked() {
	if info, err := s.fs.Stat(s.path()); err == nil && info.Size() == s.ballastMax {
		s.ballast = true
		return
	}
	if err := s.writeBallast(); err != nil {
		s.log.Warn("Index has no reserve for a full disk", "reason", reason(err))
		_ = s.fs.Remove(s.path())
		return
	}
	s.ballast = true
}

// writeBallast fills the file with random bytes, which no file system can
// compress away.
func (s *space) writeBallast() error {
	file, err := s.fs.Create(s.path(), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	chunk := make([]byte, 1<<16)
	for written := int64(0); written < s.ballastMax && err == nil; {
		chunk = chunk[:min(int64(len(chunk)), s.ballastMax-written)]
		_, _ = rand.Read(chunk) // never fails
		_, err = file.Write(chunk)
		written += int64(len(chunk))
	}
	return errors.Join(err, file.Close())
}

// ranOut is called when a write found no space. It reports whether the
// ballast was given up for it, so that the write may be tried once more.
func (s *space) ranOut() (retry bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.full {
		s.full = true
		s.allowance = s.ballastMax / 2
		s.log.Error("Disk under the index is full")
	}
	if !s.ballast {
		return false
	}
	s.ballast = false
	return s.fs.Remove(s.path()) == nil
}

// admit reports ErrIndexFull for a transaction that the disk has no room
// for. size is what it takes in the log; frees tells that it removes rows
// and adds none.
func (s *space) admit(size int64, frees bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	free := int64(-1)
	if usage, err := s.fs.GetDiskUsage(s.dir); err == nil {
		free = int64(min(usage.AvailBytes, 1<<62))
	}
	if s.full && free > s.freeMin {
		s.full = false
		s.fillLocked()
		s.log.Info("Disk under the index has space again")
	}
	low := free >= 0 && free < s.freeMin
	switch {
	case !s.full && !low:
		return nil
	case !frees:
		return fmt.Errorf("%w: %d bytes are free", port.ErrIndexFull, max(free, 0))
	case s.full && size > s.allowance:
		return fmt.Errorf("%w: the reserve is used up", port.ErrIndexFull)
	case s.full:
		s.allowance -= size
	}
	return nil
}

// size is what the ballast takes on disk, in bytes.
func (s *space) size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ballast {
		return 0
	}
	return s.ballastMax
}

// isFull tells errors that mean "no space left".
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.Is(err, syscall.EFBIG)
}

// isReadOnly tells errors that mean that the disk may be read only.
func isReadOnly(err error) bool {
	return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES) ||
		errors.Is(err, syscall.EPERM)
}

// reason names an error's class for the log. The text of the engine's
// errors is not logged: it may quote stored keys.
func reason(err error) string {
	switch {
	case isFull(err) || errors.Is(err, port.ErrIndexFull):
		return "disk full"
	case isReadOnly(err) || errors.Is(err, port.ErrDiskReadOnly):
		return "read-only"
	case isCorrupt(err) && !errors.Is(err, port.ErrDiskIO):
		return "corrupt"
	}
	return "input/output error"
}
