package drives

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// ServeLoopback shows a folder through FUSE, as go-fuse's own example does,
// until ctx ends: what every mount in Go costs, and no more. Files are opened
// without passthrough, which would go around the process.
func ServeLoopback(ctx context.Context, below, over string) error {
	root, err := newLoopback(below)
	if err != nil {
		return err
	}
	second := time.Second
	server, err := fs.Mount(over, root, &fs.Options{
		AttrTimeout: &second, EntryTimeout: &second,
		MountOptions: fuse.MountOptions{
			FsName: below, Name: "loopback", DirectMount: true, MaxWrite: mib,
		},
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSystem, err)
	}
	<-ctx.Done()
	return server.Unmount()
}

// newLoopback makes the root, with the folder's device, as go-fuse's own does.
func newLoopback(dir string) (fs.InodeEmbedder, error) {
	made, err := fs.NewLoopbackRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSystem, err)
	}
	root := &loopback{made.(*fs.LoopbackNode)}
	root.RootData.RootNode = root
	return root, nil
}

// loopback is go-fuse's, whose files do not pass through.
type loopback struct{ *fs.LoopbackNode }

var (
	_ fs.NodeWrapChilder = (*loopback)(nil)
	_ fs.NodeOpener      = (*loopback)(nil)
	_ fs.NodeCreater     = (*loopback)(nil)
)

// WrapChild implements [fs.NodeWrapChilder].
func (n *loopback) WrapChild(_ context.Context, child fs.InodeEmbedder) fs.InodeEmbedder {
	return &loopback{child.(*fs.LoopbackNode)}
}

// Open implements [fs.NodeOpener].
func (n *loopback) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	file, mode, errno := n.LoopbackNode.Open(ctx, flags)
	return withoutPassthrough(file), mode, errno
}

// Create implements [fs.NodeCreater].
func (n *loopback) Create(
	ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut,
) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	inode, file, fuseFlags, errno := n.LoopbackNode.Create(ctx, name, flags, mode, out)
	return inode, withoutPassthrough(file), fuseFlags, errno
}

// onTheWay is a loopback file that reads and writes itself.
type onTheWay struct{ *fs.LoopbackFile }

// PassthroughFd implements [fs.FilePassthroughFder].
func (onTheWay) PassthroughFd() (int, bool) { return 0, false }

func withoutPassthrough(file fs.FileHandle) fs.FileHandle {
	if loop, ok := file.(*fs.LoopbackFile); ok {
		return onTheWay{loop}
	}
	return file
}
