package fuse

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/messages"
)

// permissions are the bits of st_mode that are kept.
const permissions = 0o7777

// ownChanges are the paths that requests of this mount are changing. While the
// kernel waits for such a request it has the directory locked, and a notice about
// that directory would wait for the lock: both for ever. The kernel sees to what
// it remembers by itself then. Of two mounts that change names, each would wait
// for the other's lock in the same way, hence only one of them
// may (Options.ReadOnly).
//
// Someone else's change of the very same path at the same time is seen when
// rememberMax is over.
type ownChanges struct {
	mu    sync.Mutex
	paths map[string]int
}

func (o *ownChanges) add(n int, paths []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.paths == nil {
		o.paths = make(map[string]int)
	}
	for _, path := range paths {
		if o.paths[path] += n; o.paths[path] == 0 {
			delete(o.paths, path)
		}
	}
}

func (o *ownChanges) has(path string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.paths[path] > 0
}

// change has the node change what is at paths.
func (m *Mount) change(
	ctx context.Context, do func(ctx context.Context) error, paths ...string,
) syscall.Errno {
	if m.options.ReadOnly {
		return syscall.EROFS // and made writable by the kernel alone
	}
	m.own.add(1, paths)
	defer m.own.add(-1, paths)
	ctx, cancel := m.within(ctx)
	defer cancel()
	return errnoOf(do(ctx), aboutName)
}

// storeMax is how long a request may take to store what was written: others may
// be storing much at the same time.
const storeMax = 5 * time.Minute

// changeContent has the node change what is in a file. Like all requests it goes
// on when its system call is interrupted.
func (m *Mount) changeContent(
	ctx context.Context, f *file, do func(ctx context.Context) error,
) syscall.Errno {
	paths := []string{f.target().Path}
	m.own.add(1, paths)
	defer m.own.add(-1, paths)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeMax)
	defer cancel()
	err := do(ctx)
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return errnoOf(err, aboutContent)
}

// now is when a file is changed.
func now() time.Time { return time.Now().UTC() }

// nameMax bounds names, and pathMax paths of the drive, in bytes.
const (
	nameMax = 255
	pathMax = 4096
)

// place is the path of a name that is to be in the directory. ENAMETOOLONG where
// the drive takes no such name.
func (d *directory) place(name string) (string, syscall.Errno) {
	path := d.path(name)
	if len(name) > nameMax || len(path) > pathMax {
		return "", syscall.ENAMETOOLONG
	}
	return path, 0
}

// path is that of a name in the directory.
func (d *directory) path(name string) string {
	if d.IsRoot() {
		return "/" + name
	}
	return d.target().Path + "/" + name
}

// Mkdir makes a directory.
func (d *directory) Mkdir(
	ctx context.Context, name string, mode uint32, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	return d.make(ctx, name, messages.MakeEntry{
		Type: messages.TypeDirectory, Mode: mode & permissions,
	}, out)
}

// Symlink makes a symlink.
func (d *directory) Symlink(
	ctx context.Context, target, name string, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	return d.make(ctx, name, messages.MakeEntry{
		Type: messages.TypeSymlink, Mode: 0o777, Target: target,
	}, out)
}

func (d *directory) make(
	ctx context.Context, name string, m messages.MakeEntry, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	path, errno := d.place(name)
	if errno != 0 {
		return nil, errno
	}
	m.Path = path
	if caller, ok := fuse.FromContext(ctx); ok {
		m.Owner = &messages.Owner{UID: caller.Uid, GID: caller.Gid}
	}
	errno = d.mount.change(ctx, func(ctx context.Context) error {
		return d.mount.client.MakeEntry(ctx, m)
	}, m.Path)
	if errno != 0 {
		return nil, errno
	}
	return d.Lookup(ctx, name, out)
}

// Create makes a file and opens it.
func (d *directory) Create(
	ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut,
) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	inode, errno := d.make(ctx, name, messages.MakeEntry{
		Type: messages.TypeFile, Mode: mode & permissions,
	}, out)
	if errno == syscall.EEXIST && flags&syscall.O_EXCL == 0 { // by another client, just now
		inode, errno = d.Lookup(ctx, name, out)
	}
	if errno != 0 {
		return nil, nil, 0, errno
	}
	f, ok := inode.Operations().(*file)
	if !ok {
		return nil, nil, 0, syscall.EEXIST
	}
	h, openFlags, errno := f.open(ctx, flags, messages.Target{Path: d.path(name)})
	return inode, h, openFlags, errno
}

// Mknod makes an empty file, a pipe, a socket or a device.
func (d *directory) Mknod(
	ctx context.Context, name string, mode, device uint32, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	m := messages.MakeEntry{Type: messages.TypeFile, Mode: mode & permissions}
	if kind := mode & syscall.S_IFMT; kind != syscall.S_IFREG && kind != 0 {
		m.Special, m.Device = kind, device
	}
	return d.make(ctx, name, m, out)
}

// Link gives an entry one more name. The kernel asks for no directories.
func (d *directory) Link(
	ctx context.Context, target fs.InodeEmbedder, name string, out *fuse.EntryOut,
) (*fs.Inode, syscall.Errno) {
	of, ok := target.(interface{ self() *entry })
	if !ok {
		return nil, syscall.EPERM
	}
	to, errno := d.place(name)
	if errno != 0 {
		return nil, errno
	}
	e := of.self()
	m := messages.HardLink{Path: e.target().Path, Inode: e.info.Inode, To: to}
	errno = d.mount.change(ctx, func(ctx context.Context) error {
		return d.mount.client.HardLink(ctx, m)
	}, m.Path, m.To)
	if errno != 0 {
		return nil, errno
	}
	return d.Lookup(ctx, name, out)
}

// Unlink removes a file or symlink. That it is one, the kernel has checked.
func (d *directory) Unlink(ctx context.Context, name string) syscall.Errno {
	path := d.path(name)
	return d.mount.change(ctx, func(ctx context.Context) error {
		remove := func() error { return d.mount.client.Remove(ctx, path, false) }
		f := d.known(name)
		if f == nil {
			return remove()
		}
		return f.unname(remove, func() (uint64, error) {
			return d.mount.client.RemoveOpen(ctx, path)
		})
	}, path)
}

// known returns the file of a name, nil for what is none or the kernel does not know:
// then it is not open.
func (d *directory) known(name string) *file {
	child := d.GetChild(name)
	if child == nil {
		return nil
	}
	f, _ := child.Operations().(*file)
	return f
}

// Rmdir removes a directory, which must be empty.
func (d *directory) Rmdir(ctx context.Context, name string) syscall.Errno {
	return d.Unlink(ctx, name)
}

// Rename moves an entry, or exchanges two.
func (d *directory) Rename(
	ctx context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32,
) syscall.Errno {
	into, ok := parent.(*directory)
	if !ok || flags&^(unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE) != 0 {
		return syscall.EINVAL
	}
	from := d.path(name)
	to, errno := into.place(newName)
	if errno != 0 {
		return errno
	}
	if flags&unix.RENAME_EXCHANGE != 0 {
		return d.mount.change(ctx, func(ctx context.Context) error {
			return d.mount.client.Exchange(ctx, from, to)
		}, from, to)
	}
	return d.mount.change(ctx, func(ctx context.Context) error {
		replace := flags&unix.RENAME_NOREPLACE == 0
		rename := func() error { return d.mount.client.Rename(ctx, from, to, replace) }
		f := into.known(newName)
		if f == nil || !replace {
			return rename()
		}
		return f.unname(rename, func() (uint64, error) {
			return d.mount.client.RenameOverOpen(ctx, from, to)
		})
	}, from, to)
}

// Setattr implements [fs.NodeSetattrer].
func (e *entry) Setattr(
	ctx context.Context, h fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut,
) syscall.Errno {
	if errno := e.setAttributes(ctx, in, 0); errno != 0 {
		return errno
	}
	return e.Getattr(ctx, h, out)
}

// setAttributes changes what is no content. row is set for a file without a name.
func (e *entry) setAttributes(
	ctx context.Context, in *fuse.SetAttrIn, row uint64,
) syscall.Errno {
	m := messages.SetAttributes{
		Path: e.target().Path, Inode: e.info.Inode, Row: row,
		Before: messages.Owner{UID: e.mount.owner.Uid, GID: e.mount.owner.Gid},
	}
	if uid, ok := in.GetUID(); ok {
		m.UID = &uid
	}
	if gid, ok := in.GetGID(); ok {
		m.GID = &gid
	}
	if read, ok := in.GetATime(); ok {
		m.AccessTime = &read
	}
	if mode, ok := in.GetMode(); ok {
		mode &= permissions
		m.Mode = &mode
	}
	if modified, ok := in.GetMTime(); ok {
		m.ModTime = &modified
	}
	if m.Mode == nil && m.ModTime == nil && m.AccessTime == nil && m.UID == nil && m.GID == nil {
		return 0
	}
	return staleIfMissing(e.mount.change(ctx, func(ctx context.Context) error {
		return e.mount.client.SetAttributes(ctx, m)
	}, m.Path))
}
