package fuse

import (
	"context"
	"errors"
	"io"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/noisefs/noisefs/runtime/node"
)

// file is a regular file.
type file struct{ entry }

// Open opens the file in the node, for reading only. ESTALE when the name leads to another one
// by now: the kernel looks it up again then.
func (f *file) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	ctx, cancel := f.mount.within(ctx)
	defer cancel()
	opened, err := f.mount.client.Open(ctx, f.target())
	if err != nil {
		return nil, 0, staleIfMissing(errnoOf(err, aboutName))
	}
	if opened.Info().Inode != f.info.Inode {
		_ = opened.Close() // nothing was written
		return nil, 0, syscall.ESTALE
	}
	return &fileHandle{f.mount, opened}, fuse.FOPEN_KEEP_CACHE, 0
}

// staleIfMissing says of a name that the kernel knows that it is outdated.
func staleIfMissing(errno syscall.Errno) syscall.Errno {
	if errno == syscall.ENOENT {
		return syscall.ESTALE
	}
	return errno
}

// fileHandle is a file open for reading: a handle of the reader, which reads
// ahead of it where it is read from beginning to end.
type fileHandle struct {
	mount *Mount
	file  node.File
}

// Read reads at an offset; less than asked only at the end.
func (h *fileHandle) Read(
	ctx context.Context, dest []byte, offset int64,
) (fuse.ReadResult, syscall.Errno) {
	ctx, cancel := h.mount.within(ctx)
	defer cancel()
	n, err := h.file.ReadAt(ctx, dest, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errnoOf(err, aboutContent)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// Release closes the handle.
func (h *fileHandle) Release(context.Context) syscall.Errno {
	return errnoOf(h.file.Close(), aboutContent)
}

// Flush has nothing to do: nothing is written.
func (h *fileHandle) Flush(context.Context) syscall.Errno { return 0 }

// Fsync has nothing to do either.
func (h *fileHandle) Fsync(context.Context, uint32) syscall.Errno { return 0 }
