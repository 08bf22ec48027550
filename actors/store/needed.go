package store

import (
	"encoding/binary"
	"slices"

	"github.com/noisefs/noisefs/messages"
)

const (
	neededBits      = 12 // buckets are told apart by so many bits of a CID
	neededBucketMin = 64 // entries of a bucket before it is first tidied
)

// neededSet remembers which blocks are needed by the first 8 bytes of their
// CIDs. That costs 8 bytes a block, up to twice that while repeats are not
// tidied away: about 20 MB for a drive of 100 GB. Two CIDs that begin alike
// (CIDs are hashes: among 10^7 blocks, one chance in 10^5) keep one block
// too many, never one too few.
//
// The entries lie in buckets that are sorted one at a time, when they have
// doubled or are asked for, so that no single step takes long.
type neededSet struct {
	buckets [1 << neededBits]bucket
}

type bucket struct {
	entries []uint64
	tidied  int // this many at the front are sorted and without repeats
}

func prefixOf(cid messages.CID) uint64 { return binary.BigEndian.Uint64(cid[:8]) }

// add takes in a block.
func (s *neededSet) add(cid messages.CID) {
	prefix := prefixOf(cid)
	b := &s.buckets[prefix>>(64-neededBits)]
	b.entries = append(b.entries, prefix)
	if len(b.entries) >= max(neededBucketMin, 2*b.tidied) {
		b.tidy()
	}
}

// has tells whether a block was added, or one that begins alike.
func (s *neededSet) has(cid messages.CID) bool {
	prefix := prefixOf(cid)
	b := &s.buckets[prefix>>(64-neededBits)]
	b.tidy()
	_, ok := slices.BinarySearch(b.entries, prefix)
	return ok
}

func (b *bucket) tidy() {
	if b.tidied == len(b.entries) {
		return
	}
	slices.Sort(b.entries)
	b.entries = slices.Compact(b.entries)
	b.tidied = len(b.entries)
}
