package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/runtime/port"
)

// diskError maps an error of the operating system to that of [port.Disk],
// and names the operation. It never tells the path. nil and io.EOF pass.
func diskError(operation string, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	cause := err
	var inPath *fs.PathError
	var inLink *os.LinkError
	if errors.As(err, &inPath) {
		cause = inPath.Err
	} else if errors.As(err, &inLink) {
		cause = inLink.Err
	}
	var kind error
	switch {
	case isErrno(err, unix.ENOSPC, unix.EDQUOT, unix.EFBIG):
		kind = port.ErrDiskFull
	case isErrno(err, unix.EROFS, unix.EACCES, unix.EPERM):
		kind = port.ErrDiskReadOnly
	case isErrno(err, unix.EIO, unix.ENXIO, unix.ENODEV):
		kind = port.ErrDiskIO
	case isErrno(err, unix.ENOENT):
		kind = port.ErrNotExist
	case isErrno(err, unix.EEXIST):
		kind = port.ErrExist
	default:
		return fmt.Errorf("disk: %s: %w", operation, cause)
	}
	return fmt.Errorf("%w: %s: %w", kind, operation, cause)
}

func isErrno(err error, numbers ...syscall.Errno) bool {
	for _, number := range numbers {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}

// retry repeats a system call that a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// unlink removes a file, and not a directory as os.Remove may.
func unlink(path string) error {
	return retry(func() error { return unix.Unlink(path) })
}

// syncPath makes the entries of a directory durable.
func syncPath(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// write appends one batch of buffers at size, and moves size on by what was
// written. A short write goes on where it stopped: the system then tells the
// reason. The caller holds mu.
func (f *diskFile) write(raw syscall.RawConn, batch [][]byte) error {
	total := 0
	for _, b := range batch {
		total += len(b)
	}
	for written := 0; written < total; {
		var n int
		var failed error
		err := raw.Control(func(fd uintptr) {
			failed = retry(func() (err error) {
				n, err = unix.Pwritev(int(fd), batch, f.size)
				return err
			})
		})
		if err = errors.Join(failed, err); err != nil {
			return err
		}
		if n <= 0 {
			return io.ErrShortWrite
		}
		written += n
		f.size += int64(n)
		batch = after(batch, n)
	}
	return nil
}

// after returns what remains of buffers when n bytes are taken. The argument
// keeps its contents.
func after(buffers [][]byte, n int) [][]byte {
	for len(buffers) > 0 && n >= len(buffers[0]) {
		n -= len(buffers[0])
		buffers = buffers[1:]
	}
	if n == 0 {
		return buffers
	}
	rest := append([][]byte(nil), buffers...)
	rest[0] = rest[0][n:]
	return rest
}
