package host

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/runtime/port"
)

func TestDiskErrorMapsErrno(t *testing.T) {
	for errno, want := range map[error]error{
		unix.ENOSPC: port.ErrDiskFull, unix.EDQUOT: port.ErrDiskFull,
		unix.EROFS: port.ErrDiskReadOnly, unix.EACCES: port.ErrDiskReadOnly,
		unix.EIO: port.ErrDiskIO, unix.ENOENT: port.ErrNotExist, unix.EEXIST: port.ErrExist,
	} {
		for _, err := range []error{
			errno,
			&fs.PathError{Op: "write", Path: "/secret/place", Err: errno},
			&os.LinkError{Op: "rename", Old: "/secret/place", New: "/secret/place", Err: errno},
		} {
			got := diskError("test", err)
			if !errors.Is(got, want) || !errors.Is(got, errno) {
				t.Errorf("diskError(%v) = %v, want %v", err, got, want)
			}
			if strings.Contains(got.Error(), "secret") {
				t.Errorf("diskError tells the path: %v", got)
			}
		}
	}
	if got := diskError("test", nil); got != nil {
		t.Errorf("diskError(nil) = %v", got)
	}
	if got := diskError("test", io.EOF); got != io.EOF {
		t.Errorf("diskError(io.EOF) = %v", got)
	}
}

func TestAfterTakesBytes(t *testing.T) {
	buffers := [][]byte{[]byte("ab"), nil, []byte("cde"), []byte("f")}
	for n, want := range []string{"abcdef", "bcdef", "cdef", "def", "ef", "f", ""} {
		got := string(bytes.Join(after(buffers, n), nil))
		if got != want {
			t.Errorf("after %d bytes: got %q, want %q", n, got, want)
		}
	}
	if got := string(bytes.Join(buffers, nil)); got != "abcdef" {
		t.Errorf("the argument was changed to %q", got)
	}
}
