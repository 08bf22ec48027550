package bench

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/runtime/port"
)

// countingDisk counts the syncs of a disk's files.
type countingDisk struct {
	port.Disk
	syncs *atomic.Int64
}

func (d countingDisk) Create(name string) (port.DiskFile, error) {
	file, err := d.Disk.Create(name)
	return d.wrap(file), err
}

func (d countingDisk) Open(name string) (port.DiskFile, error) {
	file, err := d.Disk.Open(name)
	return d.wrap(file), err
}

func (d countingDisk) wrap(file port.DiskFile) port.DiskFile {
	if file == nil {
		return nil
	}
	return countingFile{file, d.syncs}
}

type countingFile struct {
	port.DiskFile
	syncs *atomic.Int64
}

func (f countingFile) Sync() error {
	f.syncs.Add(1)
	return f.DiskFile.Sync()
}

// forget makes the kernel drop what it caches of all files below dir.
func forget(dir string) error {
	return filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(
			unix.Fdatasync(int(file.Fd())),
			unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED),
			file.Close(),
		)
	})
}
