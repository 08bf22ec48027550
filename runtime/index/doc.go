// Package index keeps the local database of a node: names, inodes, refs,
// the history of tuples and settings. It implements [port.IndexEngine] on
// Pebble, a log-structured merge tree, and seals every row before the
// engine sees it.
//
// # At rest
//
// An index is a directory:
//
//	CURRENT      format version, and the current generation
//	gen-<hex>/   the engine's files of that generation, and the mark
//	ballast      random bytes that are given up when the disk is full
//
// A row stands under 33 bytes: the table's number, a keyed hash of (table,
// group), a keyed hash of (table, group, key), 16 bytes each, BLAKE2b-128.
// So rows of a group lie side by side, in an order that tells nothing, and
// nobody without the key for names can look for a name.
//
// Its value is nonce, ciphertext and tag of XAES-256-GCM, with a random
// nonce per row. Inside are group, key and value, padded with zeros to
// steps of 64 bytes and more; the additional data is format, generation and
// the stored key, table included. A row moved to another place, taken from
// another table or from an older generation does not open:
// port.ErrIndexCorrupt. A history row has an empty value, so only that it is
// there can be told, and only the engine's checksum vouches for it.
//
// What remains visible: how many rows each table has, how many belong
// together in a group, roughly how long each is, and, until the engine has
// merged them, which were written together and in what order.
//
// # Transactions
//
// Hashing and sealing run in parallel, outside of any lock. Checking the
// conditions and applying the changes is one critical section, a few
// microseconds per row, without a sync in it. Durable commits then wait for
// the engine's log, which is synced once for all that wait.
//
// A commit that is not durable is in the order of the log and may be lost
// by a power cut, and also when the process is killed: the engine hands its
// log to the kernel 32 KiB at a time, or at the next sync. What is lost is
// always a suffix.
//
// # Failure
//
// A full disk refuses transactions that add rows, early, with
// port.ErrIndexFull, and lets those pass that only remove some, out of a
// reserve; see space.go. When the log cannot be written all the same, or a
// sync fails, the index stops writing for good and goes on reading; see
// guard.go. Whoever got an error from such a commit does not know whether
// it will be there when the index is opened again. Nothing that was acknowledged is lost by it.
//
// An index also opens on a disk that is full or mounted read-only, for
// reading.
//
// # What damage is found
//
// Every block of a table file, every record of the log and of the manifest
// carries a checksum, every row a tag. A damaged or missing file of tables
// or the manifest fails at Open, at Verify or when the row is read. A log
// that ends early is how it looks after a power cut, so it needs more:
// every record after a sync notes how far the log was synced, which proves
// all syncs but the last; the mark (see mark.go) notes the last, without a
// sync of its own, so it is exact unless the power was cut. Close moves
// all rows out of the log. What stays undetected is damage to the last
// synced records by the same power cut that also lost the mark, and the
// whole directory replaced by an older copy.
package index
