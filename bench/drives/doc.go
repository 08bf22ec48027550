// Package drives measures a mounted drive beside other file systems on the
// same machine and disk: the host's own, go-fuse's loopback with passthrough
// off, which is what the way through FUSE alone costs, and gocryptfs, which
// encrypts as a drive does but has no pool and no network.
//
// Every system gets a folder of its own and does the same work (rows.go) in
// each round, one system after the other, so that what else the machine does
// meets all of them; of each row the median counts. Content is random bytes.
// What was written is synced before a clock stops, and what is read was
// forgotten by the kernel's cache of that file system before. The host's disk
// cache below it is left as it is.
package drives
