package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// TempSuffix is what the temporary file's name adds to the target's.
const TempSuffix = ".tmp"

// Replace makes data the whole content of the file at path, with the given
// permission bits, whether or not the file was there. The folder must exist.
//
// It returns nil once the new content is durable. On error the target has
// its old content, with one exception: when the last step (the folder's
// fsync) fails, the new content is in place but a power cut may still bring
// back the old.
//
// data is not kept, and appears in no error.
func Replace(path string, data []byte, perm fs.FileMode) error {
	return replace(osFiles{}, path, data, perm)
}

// Discard removes what an interrupted [Replace] of path may have left. It
// is no error when there is nothing.
func Discard(path string) error {
	return discard(osFiles{}, path)
}

// files is the part of the operating system that Replace stands on. Tests
// put a failing one in its place.
type files interface {
	create(name string, perm fs.FileMode) (file, error)
	rename(oldName, newName string) error
	remove(name string) error
	syncDir(dir string) error
}

type file interface {
	Write(p []byte) (int, error)
	Sync() error
	Close() error
}

func replace(sys files, path string, data []byte, perm fs.FileMode) error {
	temp := path + TempSuffix
	if err := discard(sys, path); err != nil {
		return err
	}
	// The data is durable BEFORE the name points to it: a rename that
	// reached the disk alone would leave an empty file after a power cut.
	if err := writeSynced(sys, temp, data, perm); err != nil {
		return errors.Join(err, discard(sys, path))
	}
	if err := sys.rename(temp, path); err != nil {
		return errors.Join(fmt.Errorf("atomicfile: rename: %w", err), discard(sys, path))
	}
	if err := sys.syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("atomicfile: sync folder: %w", err)
	}
	return nil
}

func discard(sys files, path string) error {
	err := sys.remove(path + TempSuffix)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("atomicfile: remove leftover: %w", err)
	}
	return nil
}

func writeSynced(sys files, name string, data []byte, perm fs.FileMode) error {
	f, err := sys.create(name, perm)
	if err != nil {
		return fmt.Errorf("atomicfile: create: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("atomicfile: write: %w", err)
	}
	return nil
}

// osFiles is the real operating system.
type osFiles struct{}

var _ files = osFiles{}

func (osFiles) create(name string, perm fs.FileMode) (file, error) {
	// O_EXCL also refuses to follow a symbolic link put there by others.
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err // a nil *os.File in the interface would not be nil
	}
	if err := f.Chmod(perm); err != nil { // whatever the umask says
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (osFiles) rename(oldName, newName string) error { return os.Rename(oldName, newName) }

func (osFiles) remove(name string) error { return os.Remove(name) }

func (osFiles) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
