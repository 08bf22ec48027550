package index

import "github.com/cockroachdb/pebble/v2/vfs"

// guardedFile is a file written under a guard, by the guard's rules.
type guardedFile struct {
	vfs.File
	call, sync func(operation func() error) error
}

// Write implements [vfs.File]. After a short write the rest is tried again.
func (f *guardedFile) Write(p []byte) (int, error) {
	written := 0
	err := f.call(func() error {
		n, err := f.File.Write(p[written:])
		written += n
		return err
	})
	if err != nil {
		return written, err
	}
	return len(p), nil
}

// WriteAt implements [vfs.File].
func (f *guardedFile) WriteAt(p []byte, offset int64) (int, error) {
	err := f.call(func() error {
		_, err := f.File.WriteAt(p, offset)
		return err
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Preallocate implements [vfs.File]. Nothing is allocated ahead: the engine
// would take a whole memtable's size for the log of an index of ten rows,
// and syncs were no faster for it (docs/decisions/002-index-engine.md).
func (f *guardedFile) Preallocate(int64, int64) error { return nil }

// Sync implements [vfs.File].
func (f *guardedFile) Sync() error { return f.sync(f.File.Sync) }

// SyncData implements [vfs.File].
func (f *guardedFile) SyncData() error { return f.sync(f.File.SyncData) }

// SyncTo implements [vfs.File].
func (f *guardedFile) SyncTo(length int64) (fullSync bool, err error) {
	err = f.sync(func() (err error) {
		fullSync, err = f.File.SyncTo(length)
		return err
	})
	return fullSync, err
}
