package fuse

import (
	"context"
	"errors"
	"io"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/draft"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
)

// file is a regular file.
type file struct {
	entry

	mu      sync.Mutex
	handles int // that are open
	// draft has what is written to it: from the first handle that may write
	// until the last handle of any sort is closed, so that all read the same.
	draft *draft.Draft
	// row is where the drive keeps the file after its last name was removed
	// while it was open; 0: it has a name, or was not open.
	row uint64
}

// Open opens the file in the node. ESTALE when the name leads to another one by
// now: the kernel looks it up again then.
func (f *file) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return f.open(ctx, flags, f.target())
}

// open is Open for a file that has its place, or is about to get it.
func (f *file) open(
	ctx context.Context, flags uint32, at messages.Target,
) (fs.FileHandle, uint32, syscall.Errno) {
	writes := flags&syscall.O_ACCMODE != syscall.O_RDONLY
	if writes && f.mount.options.ReadOnly {
		return nil, 0, syscall.EROFS
	}
	ctx, cancel := f.mount.within(ctx)
	defer cancel()
	f.mu.Lock()
	defer f.mu.Unlock()
	h := &fileHandle{file: f}
	switch {
	case f.draft != nil:
	case writes, f.row != 0:
		if errno := f.begin(ctx, at.Path); errno != 0 {
			return nil, 0, errno
		}
	default:
		opened, err := f.mount.client.Open(ctx, at)
		if err != nil {
			return nil, 0, staleIfMissing(errnoOf(err, aboutName))
		}
		if opened.Info().Inode != f.info.Inode {
			_ = opened.Close() // nothing was written
			return nil, 0, syscall.ESTALE
		}
		h.reader = opened
	}
	f.handles++
	return h, fuse.FOPEN_KEEP_CACHE, 0
}

// begin makes the draft. The caller has the lock.
func (f *file) begin(ctx context.Context, path string) syscall.Errno {
	claim := messages.ClaimFile{Path: path, Inode: f.info.Inode, Row: f.row}
	d, err := f.mount.client.EditFile(ctx, claim, func() string { return f.target().Path })
	if err != nil {
		return staleIfMissing(errnoOf(err, aboutName))
	}
	f.draft = d
	return 0
}

// current returns the draft, nil while nobody writes.
func (f *file) current() *draft.Draft {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.draft
}

// staleIfMissing says of a name that the kernel knows that it is outdated.
func staleIfMissing(errno syscall.Errno) syscall.Errno {
	if errno == syscall.ENOENT {
		return syscall.ESTALE
	}
	return errno
}

// overlay writes what is not committed yet over the attributes.
func (f *file) overlay(out *fuse.Attr) {
	d := f.current()
	if d == nil {
		return
	}
	modified, changed := d.Times()
	setSize(out, d.Size())
	out.SetTimes(nil, &modified, nil)
	if changed.After(out.ChangeTime()) {
		out.SetTimes(nil, nil, &changed)
	}
}

// Getattr implements [fs.NodeGetattrer].
func (f *file) Getattr(
	ctx context.Context, h fs.FileHandle, out *fuse.AttrOut,
) syscall.Errno {
	errno := f.stat(ctx, h, out)
	if errno == 0 {
		f.overlay(&out.Attr)
	}
	return errno
}

// stat asks for the file by its path, or by its row when it has none.
func (f *file) stat(ctx context.Context, h fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	row := f.nameless()
	if row == 0 {
		return f.entry.Getattr(ctx, h, out)
	}
	limited, cancel := f.mount.within(ctx)
	defer cancel()
	info, err := f.mount.client.StatOpen(limited, row)
	if err != nil {
		return errnoOf(err, aboutName)
	}
	info.Inode = f.info.Inode
	f.mount.fill(info, &out.Attr)
	out.Nlink = 0
	return 0
}

// nameless returns the row of a file that has no name, else 0.
func (f *file) nameless() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.row
}

// unname removes a name of the file, or replaces it: do does when it is not open, and
// doOpen when it is.
func (f *file) unname(
	do func() error, doOpen func() (row uint64, err error),
) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.handles == 0 {
		return do()
	}
	row, err := doOpen()
	if err == nil && row != 0 {
		f.row = row
	}
	return err
}

// Setattr changes the size, and what all entries have.
func (f *file) Setattr(
	ctx context.Context, h fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut,
) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		if errno := f.truncate(ctx, size); errno != 0 {
			return errno
		}
	}
	if errno := f.setAttributes(ctx, in, f.nameless()); errno != 0 {
		return errno
	}
	d := f.current()
	if modified, ok := in.GetMTime(); ok && d != nil {
		d.SetModTime(modified)
	}
	return f.Getattr(ctx, h, out)
}

// truncate changes the size. Of a file that nobody writes to, that is durable
// when it returns.
func (f *file) truncate(ctx context.Context, size uint64) syscall.Errno {
	if size > format.FileSizeMax {
		return syscall.EFBIG
	}
	return f.mount.changeContent(ctx, f, func(ctx context.Context) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		alone := f.draft == nil
		if alone {
			if errno := f.begin(ctx, f.target().Path); errno != 0 {
				return errno
			}
		}
		err := f.draft.Truncate(ctx, size, now())
		if alone && err == nil {
			err = f.draft.Commit(ctx)
		}
		if alone && f.handles == 0 {
			err = errors.Join(err, f.draft.Close())
			f.draft = nil
		}
		return err
	})
}

// fileHandle is an open file.
type fileHandle struct {
	file *file
	// reader is a handle of the node, which reads ahead of it where it is read
	// from beginning to end; nil for a file that was being written to.
	reader node.File
}

// Read reads at an offset; less than asked only at the end.
func (h *fileHandle) Read(
	ctx context.Context, dest []byte, offset int64,
) (fuse.ReadResult, syscall.Errno) {
	ctx, cancel := h.file.mount.within(ctx)
	defer cancel()
	var n int
	var err error
	if d := h.file.current(); d != nil {
		n, err = d.ReadAt(ctx, dest, offset)
	} else {
		n, err = h.reader.ReadAt(ctx, dest, offset)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errnoOf(err, aboutContent)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// Write writes at an offset.
func (h *fileHandle) Write(
	ctx context.Context, data []byte, offset int64,
) (uint32, syscall.Errno) {
	d := h.file.current()
	switch {
	case d == nil:
		return 0, syscall.EBADF
	case offset > format.FileSizeMax-int64(len(data)):
		return 0, syscall.EFBIG
	}
	errno := h.file.mount.changeContent(ctx, h.file, func(ctx context.Context) error {
		return d.WriteAt(ctx, data, offset, now())
	})
	if errno != 0 {
		return 0, errno
	}
	return uint32(len(data)), 0
}

// Flush is called by each close(2): what was written outlives the daemon then.
func (h *fileHandle) Flush(ctx context.Context) syscall.Errno { return h.commit(ctx) }

// Fsync makes what was written durable.
func (h *fileHandle) Fsync(ctx context.Context, _ uint32) syscall.Errno { return h.commit(ctx) }

func (h *fileHandle) commit(ctx context.Context) syscall.Errno {
	d := h.file.current()
	if d == nil {
		return 0
	}
	return h.file.mount.changeContent(ctx, h.file, d.Commit)
}

// Release closes the handle. Pages of a file that is mapped may have been written
// since the last close(2): nobody hears of an error of theirs but the log.
func (h *fileHandle) Release(ctx context.Context) syscall.Errno {
	f := h.file
	f.mu.Lock()
	defer f.mu.Unlock()
	if h.reader != nil {
		_ = h.reader.Close() // nothing was written through it
	}
	if f.handles--; f.handles > 0 {
		return 0
	}
	var errno syscall.Errno
	if d := f.draft; d != nil {
		f.draft = nil
		if f.row == 0 {
			errno = f.mount.changeContent(ctx, f, d.Commit)
		}
		if err := d.Close(); errno == 0 {
			errno = errnoOf(err, aboutContent)
		}
	}
	if f.row != 0 {
		f.mount.client.ReleaseFile(f.row)
	}
	if errno != 0 {
		f.mount.options.Log.Warn("What was written to a file could not be stored", "error", errno)
	}
	return errno
}

// Modes of fallocate(2) that are answered.
const (
	allocateKeepSize  = 0x01
	allocatePunchHole = 0x02
	allocateZeroRange = 0x10
)

// Allocate makes a range zeros, or the file as long as it. No space is set aside
// for what is written later.
func (h *fileHandle) Allocate(
	ctx context.Context, offset, length uint64, mode uint32,
) syscall.Errno {
	d := h.file.current()
	zeroes := mode&(allocatePunchHole|allocateZeroRange) != 0
	switch {
	case d == nil:
		return syscall.EBADF
	case mode&^(allocateKeepSize|allocatePunchHole|allocateZeroRange) != 0:
		return syscall.EOPNOTSUPP
	case offset > format.FileSizeMax || length > format.FileSizeMax-offset:
		return syscall.EFBIG
	}
	return h.file.mount.changeContent(ctx, h.file, func(ctx context.Context) error {
		if zeroes {
			if err := d.Zero(ctx, int64(offset), int64(length), now()); err != nil {
				return err
			}
		}
		if mode&allocateKeepSize == 0 && offset+length > d.Size() {
			return d.Truncate(ctx, offset+length, now())
		}
		return nil
	})
}
