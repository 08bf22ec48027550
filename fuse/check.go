package fuse

import "github.com/hanwen/go-fuse/v2/fs"

// What each kind of node answers. go-fuse takes what is not answered for a
// success in some cases and for an error in others. The kernel refuses with EROFS
// whatever would change something, before it asks.
var (
	_ fs.NodeLookuper       = (*directory)(nil)
	_ fs.NodeOpendirHandler = (*directory)(nil)
	_ fs.NodeGetattrer      = (*directory)(nil)
	_ fs.NodeStatfser       = (*directory)(nil)
	_ fs.NodeGetxattrer     = (*directory)(nil)
	_ fs.NodeListxattrer    = (*directory)(nil)

	_ fs.NodeCreater       = (*directory)(nil)
	_ fs.NodeMknoder       = (*directory)(nil)
	_ fs.NodeLinker        = (*directory)(nil)
	_ fs.NodeMkdirer       = (*directory)(nil)
	_ fs.NodeSymlinker     = (*directory)(nil)
	_ fs.NodeUnlinker      = (*directory)(nil)
	_ fs.NodeRmdirer       = (*directory)(nil)
	_ fs.NodeRenamer       = (*directory)(nil)
	_ fs.NodeSetattrer     = (*entry)(nil)
	_ fs.NodeSetxattrer    = (*entry)(nil)
	_ fs.NodeRemovexattrer = (*entry)(nil)

	_ fs.FileReaddirenter = (*directoryHandle)(nil)
	_ fs.FileLookuper     = (*directoryHandle)(nil)
	_ fs.FileSeekdirer    = (*directoryHandle)(nil)
	_ fs.FileFsyncdirer   = (*directoryHandle)(nil)

	_ fs.NodeOpener      = (*file)(nil)
	_ fs.NodeGetattrer   = (*file)(nil)
	_ fs.NodeSetattrer   = (*file)(nil)
	_ fs.NodeGetxattrer  = (*file)(nil)
	_ fs.NodeListxattrer = (*file)(nil)
	_ fs.NodeStatfser    = (*file)(nil)

	_ fs.FileReader    = (*fileHandle)(nil)
	_ fs.FileWriter    = (*fileHandle)(nil)
	_ fs.FileAllocater = (*fileHandle)(nil)
	_ fs.FileReleaser  = (*fileHandle)(nil)
	_ fs.FileFlusher   = (*fileHandle)(nil)
	_ fs.FileFsyncer   = (*fileHandle)(nil)

	_ fs.NodeReadlinker  = (*symlink)(nil)
	_ fs.NodeGetattrer   = (*symlink)(nil)
	_ fs.NodeGetxattrer  = (*symlink)(nil)
	_ fs.NodeListxattrer = (*symlink)(nil)
	_ fs.NodeStatfser    = (*symlink)(nil)
)
