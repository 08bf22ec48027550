package drive

import (
	"crypto/sha256"
	"encoding/binary"
)

// snapshotNumbers is the first number of what is inside snapshots. Rows are
// numbered from 1 and never get there.
const snapshotNumbers = 1 << 63

// shown is the number that an entry is known by outside: its row's, or the one
// that it had inside a snapshot.
func (at located) shown() uint64 {
	if at.number != 0 {
		return at.number
	}
	return at.ino
}

// numberBelow is the number of what a snapshot has by that name in the
// directory of that number: 63 bits of SHA-256. So a million entries of a
// stored tree have numbers without a row each, and keep them when they get one.
// What is in a base never changes, and numbers of rows are never used again: a
// number stands for the same bytes for ever. A million entries share a number
// with a probability of 10^-7.
func numberBelow(directory uint64, name string) uint64 {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, directory), name...))
	return snapshotNumbers | binary.BigEndian.Uint64(sum[:])
}
