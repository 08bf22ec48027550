// Package fuse shows the drive of a node as a file system of Linux.
//
// It maps requests of the kernel to calls of [node.Client] and errors to errno
// ([errnoOf]), and has no rules of its own: what a name is and what may be
// changed is decided by the drive. It is no actor; each request is a goroutine of
// go-fuse, and waits for the node.
//
// # What is shown
//
// All that the drive has; the kernel checks permissions by mode (default_permissions). An
// inode number is that of the drive ([messages.Info]), and so the same after a
// rename, a remount or a restart. What has no owner in the drive belongs to the one who
// mounted.
//
// # What is written
//
// A file that is open for writing has a draft (runtime/draft), which all its open
// handles read and write, and which is committed by each close(2) and fsync(2). The
// last one that is closed ends it.
//
// # How long a request may take
//
// [Options.ReadTimeout]; after that it is EIO. What stores has storeMax. An interrupted system call goes
// on until then: a kernel that interrupts a read cannot tell a signal that kills
// from one that the program ignores, and for the second an error would be wrong.
//
// # What the kernel remembers
//
// The page cache of a file stays good over close, open and rename, until its time of
// change is another one: all that changes the bytes of a number goes through this
// kernel, or another mount, which is told. Names and attributes are remembered for
// [rememberMax], and forgotten when the node says that they changed, before the
// command that changed them returns. An answer that was on its way meanwhile is
// not to be remembered (the mount counts changes to know); the instant between our
// check and the kernel's bookkeeping is what rememberMax is for.
//
// # Memory
//
// An inode that the kernel knows costs about 600 bytes, a directory that is being
// read one page of names, an open file what the reader keeps for a handle.
package fuse
