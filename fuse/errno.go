package fuse

import (
	"context"
	"errors"
	"syscall"

	"github.com/noisefs/noisefs/messages"
)

// asked is what a failed call of the node was about: a block that is not to be
// had is no missing name.
type asked bool

const (
	aboutName    asked = false
	aboutContent asked = true
)

// errnoOf maps an error of the node to what a system call returns: the one
// place that does.
func errnoOf(err error, what asked) syscall.Errno {
	var coded *messages.Error
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		return syscall.EINTR
	case !errors.As(err, &coded), errors.Is(err, context.DeadlineExceeded):
		return syscall.EIO
	}
	switch coded.Code {
	case messages.CodeNotFound:
		if what == aboutContent {
			return syscall.EIO
		}
		return syscall.ENOENT
	case messages.CodeExists:
		return syscall.EEXIST
	case messages.CodeInvalid:
		return syscall.EINVAL
	case messages.CodeNoSpace:
		return syscall.ENOSPC
	case messages.CodeQuota:
		return syscall.EDQUOT
	case messages.CodeOverload:
		return syscall.ENFILE
	case messages.CodeReadOnly:
		return syscall.EROFS
	case messages.CodeNotDirectory:
		return syscall.ENOTDIR
	case messages.CodeIsDirectory:
		return syscall.EISDIR
	case messages.CodeNotEmpty:
		return syscall.ENOTEMPTY
	}
	return syscall.EIO // internal, restarted, corrupt, disk, unavailable
}
