package port

import (
	"errors"
	"io"
)

// Errors of a [Disk]. Adapters wrap them with the operation and the cause.
var (
	ErrDiskFull     = errors.New("disk: no space left")
	ErrDiskReadOnly = errors.New("disk: read-only")
	ErrDiskIO       = errors.New("disk: input/output error")
	ErrNotExist     = errors.New("disk: no such file")
	ErrExist        = errors.New("disk: file exists")
)

// Disk is one flat directory of append-only files. It is what the block
// engine stands on: in production a real directory, in the simulation a disk
// that fills up, errs, tears writes and loses what was not synced.
//
// Calls block. All methods may be called from several goroutines. Names are
// [a-z0-9.-]{1,64}; see [ValidDiskName].
//
// Durability: bytes are durable once a Sync of their file that began after
// the Append returned without error. The existence, absence or new name of a
// file is durable once SyncDir returned. After a power cut, an unsynced
// suffix of a file may be missing, shorter, or garbage; synced bytes stand.
// After Sync has failed, the state of unsynced bytes is unknown: callers
// treat the file as ended and never retry the Sync.
type Disk interface {
	// Create makes an empty file. ErrExist if the name is taken.
	Create(name string) (DiskFile, error)
	// Open opens a file for reading and appending. ErrNotExist.
	Open(name string) (DiskFile, error)
	// Rename replaces newName if it exists, atomically.
	Rename(oldName, newName string) error
	// Remove unlinks a file; open handles stay readable. ErrNotExist.
	Remove(name string) error
	// List returns all names, sorted.
	List() ([]string, error)
	// SyncDir makes creations, renames and removals durable.
	SyncDir() error
	// Free returns the bytes that can still be written.
	Free() (int64, error)
}

// DiskFile is an open file of a [Disk].
//
// One goroutine at a time appends; reads may run beside it.
type DiskFile interface {
	io.ReaderAt // io.EOF past the end, as os.File

	// Append writes the buffers at the end of the file, in order, and
	// returns the offset of the first byte. On error a part may have been
	// written; the caller Truncates or abandons the file. It does not keep
	// the buffers.
	Append(buffers ...[]byte) (int64, error)
	// Sync makes all appended bytes durable.
	Sync() error
	// Size returns the length in bytes, counting unsynced bytes.
	Size() (int64, error)
	// Truncate cuts the file to size bytes.
	Truncate(size int64) error
	// Close releases the handle. It does not sync.
	Close() error
}

// diskNameMax is the length of the longest name on a [Disk].
const diskNameMax = 64

// ValidDiskName reports whether a file of a [Disk] may be called name:
// [a-z0-9.-]{1,64}, but not "." or "..".
func ValidDiskName(name string) bool {
	if len(name) == 0 || len(name) > diskNameMax || name == "." || name == ".." {
		return false
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' {
			return false
		}
	}
	return true
}
