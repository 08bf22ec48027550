package fuse

import (
	"context"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/noisefs/noisefs/messages"
)

// directory is a directory.
type directory struct{ entry }

// Lookup finds a name.
func (d *directory) Lookup(
	ctx context.Context, name string, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	if _, errno := d.place(name); errno != 0 {
		return nil, errno
	}
	limited, cancel := d.mount.within(ctx)
	defer cancel()
	before := d.mount.changes.Load()
	target := d.target()
	target.Path += "/" + name
	info, err := d.mount.client.Stat(limited, target)
	if d.mount.changes.Load() != before {
		out.SetEntryTimeout(notRemembered)
		out.SetAttrTimeout(notRemembered)
	}
	if err != nil {
		return nil, errnoOf(err, aboutName)
	}
	return d.child(ctx, info, out), 0
}

// child is the node of an entry of the directory.
func (d *directory) child(ctx context.Context, info messages.Info, out *fuse.EntryOut) *fs.Inode {
	d.mount.fill(info, &out.Attr)
	inode := d.NewInode(ctx, newEntry(d.mount, info),
		fs.StableAttr{Mode: typeBits(info), Ino: info.Inode})
	if f, ok := inode.Operations().(*file); ok { // it may be one that was there
		f.overlay(&out.Attr)
	}
	return inode
}

// OpendirHandle begins a listing.
func (d *directory) OpendirHandle(
	context.Context, uint32,
) (fs.FileHandle, uint32, syscall.Errno) {
	return &directoryHandle{directory: d, marks: []mark{{}}}, 0, 0
}

// The first two entries of a listing, which the drive does not have.
var dots = [...]string{".", ".."}

// directoryHandle is a listing under way. It goes on by name, so that what is
// removed or added meanwhile makes no other name come twice or not at all.
// go-fuse calls it for one request at a time.
type directoryHandle struct {
	directory *directory
	page      []messages.Info // not given out yet
	changes   uint64          // of the mount, when the page was asked for
	ended     bool            // there is no further page
	offset    uint64          // entries given out, the dots included
	last      messages.Info   // of the entry given out last
	marks     []mark          // where pages began, for seekdir
}

// mark says that the entries from an offset on, not counting the dots, follow
// a name.
type mark struct {
	offset uint64
	after  string
}

// Readdirent returns the next entry, nil at the end.
func (h *directoryHandle) Readdirent(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	if h.offset < uint64(len(dots)) {
		name := dots[h.offset]
		h.offset++
		return &fuse.DirEntry{
			Name: name, Mode: syscall.S_IFDIR, Ino: h.directory.info.Inode, Off: h.offset,
		}, 0
	}
	if len(h.page) == 0 && !h.ended {
		if errno := h.nextPage(ctx); errno != 0 {
			return nil, errno
		}
	}
	if len(h.page) == 0 {
		return nil, 0
	}
	h.last = h.page[0]
	h.page = h.page[1:]
	h.offset++
	return &fuse.DirEntry{
		Name: h.last.Name, Mode: typeBits(h.last), Ino: h.last.Inode, Off: h.offset,
	}, 0
}

// nextPage asks for the entries that follow the last one.
func (h *directoryHandle) nextPage(ctx context.Context) syscall.Errno {
	limited, cancel := h.directory.mount.within(ctx)
	defer cancel()
	h.changes = h.directory.mount.changes.Load()
	page, more, err := h.directory.mount.client.List(
		limited, h.directory.target(), h.last.Name, messages.ListMax)
	switch errno := errnoOf(err, aboutName); errno {
	case 0:
	case syscall.ENOENT, syscall.ENOTDIR: // removed meanwhile: it has no entries
		h.ended = true
		return 0
	default:
		return errno
	}
	at := h.offset - uint64(len(dots))
	if h.marks[len(h.marks)-1].offset < at {
		h.marks = append(h.marks, mark{at, h.last.Name})
	}
	h.page, h.ended = page, !more
	return 0
}

// Lookup finds the entry that was listed last without asking the node again,
// unless names have changed since.
func (h *directoryHandle) Lookup(
	ctx context.Context, name string, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	if name != h.last.Name || h.changes != h.directory.mount.changes.Load() {
		return h.directory.Lookup(ctx, name, out)
	}
	return h.directory.child(ctx, h.last, out), 0
}

// Seekdir goes to an offset that was given out: to the page that it was in, and
// from there by counting. Names of that very page that came or went meanwhile are
// counted too.
func (h *directoryHandle) Seekdir(ctx context.Context, offset uint64) syscall.Errno {
	h.page, h.ended, h.last = nil, false, messages.Info{}
	h.offset = offset
	if offset <= uint64(len(dots)) {
		return 0
	}
	place := offset - uint64(len(dots))
	from := h.marks[0]
	for _, m := range h.marks {
		if m.offset <= place {
			from = m
		}
	}
	h.offset = from.offset + uint64(len(dots))
	h.last.Name = from.after
	for h.offset < offset {
		found, errno := h.Readdirent(ctx)
		if errno != 0 || found == nil {
			return errno
		}
	}
	return 0
}

// Fsyncdir has nothing to do: the drive's changes are durable when they return.
func (h *directoryHandle) Fsyncdir(context.Context, uint32) syscall.Errno { return 0 }
