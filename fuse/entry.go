package fuse

import (
	"context"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

const (
	// blockSize is what statfs counts in, and statBlock what st_blocks does.
	blockSize = 4096
	statBlock = 512
	// transferBytes is the size of read that we ask programs for.
	transferBytes = 128 << 10
	// notRemembered is the shortest time that go-fuse passes on: it takes 0 for
	// a time that was not set.
	notRemembered = time.Nanosecond
)

// entry is what directories, files and symlinks have in common.
type entry struct {
	fs.Inode
	mount *Mount
	info  messages.Info // when it was first looked up, without the name
}

func (e *entry) self() *entry { return e }

// newEntry makes the node of an entry. go-fuse has one for each number, and
// drops this one when it has it already.
func newEntry(m *Mount, info messages.Info) fs.InodeEmbedder {
	info.Name = ""
	switch info.Type {
	case messages.TypeDirectory:
		return &directory{entry{mount: m, info: info}}
	case messages.TypeSymlink:
		return &symlink{entry{mount: m, info: info}}
	}
	return &file{entry: entry{mount: m, info: info}}
}

// typeBits is the type of an entry as part of st_mode.
func typeBits(info messages.Info) uint32 {
	switch {
	case info.Type == messages.TypeDirectory:
		return syscall.S_IFDIR
	case info.Type == messages.TypeSymlink:
		return syscall.S_IFLNK
	case info.Special != 0:
		return info.Special & syscall.S_IFMT
	}
	return syscall.S_IFREG
}

// target is what the node knows the entry by. After a rename that the kernel has
// not noticed yet it may be something else: whoever follows it compares numbers.
func (e *entry) target() messages.Target {
	return messages.Target{Path: "/" + e.Path(e.Root())}
}

// fill writes the attributes of an entry.
func (m *Mount) fill(info messages.Info, out *fuse.Attr) {
	out.Ino = info.Inode
	out.Mode = typeBits(info) | info.Mode
	out.Rdev = info.Device
	setSize(out, info.Size)
	if info.Type == messages.TypeSymlink {
		setSize(out, uint64(len(info.Target)))
	}
	out.Blksize = transferBytes
	out.Nlink = max(1, info.Links) // 1 for directories: their subdirectories are not counted
	out.Owner = m.owner
	if info.Owner != nil {
		out.Owner = fuse.Owner{Uid: info.Owner.UID, Gid: info.Owner.GID}
	}
	read, changed := info.ModTime, info.ModTime
	if !info.AccessTime.IsZero() {
		read = info.AccessTime
	}
	if !info.ChangeTime.IsZero() {
		changed = info.ChangeTime
	}
	out.SetTimes(&read, &info.ModTime, &changed)
}

// setSize writes a size, and what it takes without holes.
func setSize(out *fuse.Attr, size uint64) {
	out.Size = size
	out.Blocks = (size + statBlock - 1) / statBlock
}

// Getattr asks anew, since names, attributes and times change. What has lost
// its name is as it was, without a link.
func (e *entry) Getattr(
	ctx context.Context, _ fs.FileHandle, out *fuse.AttrOut,
) syscall.Errno {
	limited, cancel := e.mount.within(ctx)
	defer cancel()
	before := e.mount.changes.Load()
	info, err := e.mount.client.Stat(limited, e.target())
	errno := errnoOf(err, aboutName)
	switch {
	case errno == syscall.ENOENT, errno == 0 && info.Inode != e.info.Inode:
		e.mount.fill(e.info, &out.Attr)
		out.Nlink = 0
		return 0
	case errno != 0:
		return errno
	}
	if e.mount.changes.Load() != before {
		out.SetTimeout(notRemembered)
	}
	e.mount.fill(info, &out.Attr)
	return 0
}

// Statfs tells of the space that blocks take and may take.
func (e *entry) Statfs(ctx context.Context, out *fuse.StatfsOut) syscall.Errno {
	ctx, cancel := e.mount.within(ctx)
	defer cancel()
	status, err := e.mount.client.Counters(ctx)
	if err != nil {
		return errnoOf(err, aboutContent)
	}
	fillStatfs(status, out)
	return 0
}

// fillStatfs counts what is stored: a byte of a new file takes between one and
// three of it. Inodes are not limited, which 0 of them says.
func fillStatfs(status node.RepoStatus, out *fuse.StatfsOut) {
	used, free := status.BlockBytes, status.FreeBytes
	if status.QuotaBytes > 0 {
		free = min(free, max(0, status.QuotaBytes-used))
	}
	out.Bsize, out.Frsize, out.NameLen = blockSize, blockSize, 255
	out.Blocks = uint64(used+free) / blockSize
	out.Bfree = uint64(free) / blockSize
	out.Bavail = out.Bfree
}
