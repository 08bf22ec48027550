package fuse

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// replicasAttribute tells how many other nodes hold, of what a file or tree
// needs, the block that the fewest hold. It is not listed, since finding out asks
// about every block, and programs that copy read all that is.
const replicasAttribute = "user.noisefs.replicas"

// The attributes that are kept. Those of security modules and of access lists would
// have to mean something.
func isKept(name string) bool {
	return name != replicasAttribute &&
		(strings.HasPrefix(name, "user.") || strings.HasPrefix(name, "trusted."))
}

// row is where the drive keeps an entry without a name; only a file that is open can be one.
func (e *entry) row() uint64 {
	if f, ok := e.Operations().(*file); ok {
		return f.nameless()
	}
	return 0
}

// xattrs asks for the attributes that are kept.
func (e *entry) xattrs(ctx context.Context) ([]messages.Xattr, syscall.Errno) {
	ctx, cancel := e.mount.within(ctx)
	defer cancel()
	xattrs, err := e.mount.client.Xattrs(ctx, messages.ReadXattrs{
		Path: e.target().Path, Inode: e.info.Inode, Row: e.row(),
	})
	return xattrs, staleIfMissing(errnoOf(err, aboutName))
}

// Getxattr returns an attribute. The kernel asks for some that are not kept at each
// write.
func (e *entry) Getxattr(ctx context.Context, name string, dest []byte) (uint32, syscall.Errno) {
	if name == replicasAttribute {
		return e.replicas(ctx, dest)
	}
	if !isKept(name) {
		return 0, syscall.ENODATA
	}
	xattrs, errno := e.xattrs(ctx)
	if errno != 0 {
		return 0, errno
	}
	for _, x := range xattrs {
		if x.Name == name {
			return give(dest, x.Value)
		}
	}
	return 0, syscall.ENODATA
}

// replicas counts the holders of what the entry needs.
func (e *entry) replicas(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	ctx, cancel := e.mount.within(ctx)
	defer cancel()
	fewest := -1
	err := e.mount.client.Replicas(ctx, e.target(), func(block node.BlockReplicas) error {
		if others := len(block.Others); fewest < 0 || others < fewest {
			fewest = others
		}
		return nil
	})
	switch {
	case err != nil:
		return 0, errnoOf(err, aboutContent)
	case fewest < 0: // an empty directory
		return 0, syscall.ENODATA
	}
	return give(dest, []byte(strconv.Itoa(fewest)))
}

// give returns a value into dest; an empty dest asks for its size.
func give(dest, value []byte) (uint32, syscall.Errno) {
	if len(dest) > 0 && len(dest) < len(value) {
		return 0, syscall.ERANGE
	}
	copy(dest, value)
	return uint32(len(value)), 0
}

// Listxattr lists the attributes that are kept.
func (e *entry) Listxattr(ctx context.Context, dest []byte) (uint32, syscall.Errno) {
	xattrs, errno := e.xattrs(ctx)
	if errno != 0 {
		return 0, errno
	}
	var names []byte
	for _, x := range xattrs {
		names = append(append(names, x.Name...), 0)
	}
	return give(dest, names)
}

// Setxattr keeps an attribute.
func (e *entry) Setxattr(
	ctx context.Context, name string, value []byte, flags uint32,
) syscall.Errno {
	return e.setXattr(ctx, messages.SetXattr{
		Xattr:  messages.Xattr{Name: name, Value: bytes.Clone(value)},
		Create: flags&unix.XATTR_CREATE != 0, Replace: flags&unix.XATTR_REPLACE != 0,
	})
}

// Removexattr removes one.
func (e *entry) Removexattr(ctx context.Context, name string) syscall.Errno {
	return e.setXattr(ctx, messages.SetXattr{Xattr: messages.Xattr{Name: name}, Remove: true})
}

func (e *entry) setXattr(ctx context.Context, m messages.SetXattr) syscall.Errno {
	if !isKept(m.Xattr.Name) {
		return syscall.EOPNOTSUPP
	}
	m.Path, m.Inode, m.Row = e.target().Path, e.info.Inode, e.row()
	errno := e.mount.change(ctx, func(ctx context.Context) error {
		return e.mount.client.SetXattr(ctx, m)
	}, m.Path)
	if errno == syscall.ENOENT {
		return syscall.ENODATA
	}
	return errno
}
