package blockstore

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/noisefs/noisefs/messages"
)

// location is where a copy of a block is.
type location struct {
	segment uint32
	slot    uint32
}

// entry is what is known of a stored block: 48 bytes, without padding.
type entry struct {
	cid  messages.CID
	at   location
	crc  uint32 // CRC-32C of the data
	born uint32 // the position at which it was put; 0: before this opening
}

const (
	leafMax  = 128 // entries of a leaf
	leafStep = 16  // entries by which the room of a leaf grows
)

// table is the set of stored blocks in CID order: sorted leaves of at most
// leafMax entries, and a sorted list of the leaves. It costs about 55 bytes
// a block. Finding one is a binary search of the list and of one leaf,
// whatever CIDs an adversary chooses; there is no rehashing pause. Not safe
// for concurrent use.
type table struct {
	leaves [][]entry // none is empty
	count  int
}

// leafOf returns the index of the leaf in which cid is or belongs.
func (t *table) leafOf(cid *messages.CID) int {
	low, high := 0, len(t.leaves) // the first leaf that begins after cid is in low..high
	for low < high {
		middle := (low + high) / 2
		if before(cid, &t.leaves[middle][0].cid) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return max(low-1, 0)
}

// inLeaf returns the place of the first entry not below cid, and whether it
// is that of cid.
func inLeaf(leaf []entry, cid *messages.CID) (int, bool) {
	low, high := 0, len(leaf)
	for low < high {
		middle := (low + high) / 2
		if before(&leaf[middle].cid, cid) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(leaf) && leaf[low].cid == *cid
}

// before reports whether a is below b. The first eight bytes nearly always
// decide, and comparing them as a number is what makes searching fast.
func before(a, b *messages.CID) bool {
	x, y := binary.BigEndian.Uint64(a[:]), binary.BigEndian.Uint64(b[:])
	if x != y {
		return x < y
	}
	return bytes.Compare(a[8:], b[8:]) < 0
}

// get returns the entry of cid, to be read or changed (not its CID) before
// the next set or remove; nil if there is none.
func (t *table) get(cid messages.CID) *entry {
	if len(t.leaves) == 0 {
		return nil
	}
	leaf := t.leaves[t.leafOf(&cid)]
	if i, ok := inLeaf(leaf, &cid); ok {
		return &leaf[i]
	}
	return nil
}

// set stores e, in place of the entry of that CID if there is one, which it
// returns.
func (t *table) set(e entry) (old entry, replaced bool) {
	if len(t.leaves) == 0 {
		t.leaves = [][]entry{append(make([]entry, 0, leafStep), e)}
		t.count = 1
		return entry{}, false
	}
	n := t.leafOf(&e.cid)
	leaf := t.leaves[n]
	i, ok := inLeaf(leaf, &e.cid)
	if ok {
		old, leaf[i] = leaf[i], e
		return old, true
	}
	if len(leaf) == leafMax {
		half := leafMax / 2
		right := append(make([]entry, 0, half+leafStep), leaf[half:]...)
		left := append(make([]entry, 0, half+leafStep), leaf[:half]...)
		t.leaves[n] = left
		t.leaves = slices.Insert(t.leaves, n+1, right)
		leaf = left
		if i > half {
			n, leaf, i = n+1, right, i-half
		}
	}
	if len(leaf) == cap(leaf) {
		leaf = append(make([]entry, 0, cap(leaf)+leafStep), leaf...)
	}
	t.leaves[n] = slices.Insert(leaf, i, e)
	t.count++
	return entry{}, false
}

// remove forgets cid, which need not be there.
func (t *table) remove(cid messages.CID) {
	if len(t.leaves) == 0 {
		return
	}
	n := t.leafOf(&cid)
	i, ok := inLeaf(t.leaves[n], &cid)
	if !ok {
		return
	}
	t.count--
	leaf := slices.Delete(t.leaves[n], i, i+1)
	switch {
	case len(leaf) == 0:
		t.leaves = slices.Delete(t.leaves, n, n+1)
	case len(leaf)*4 < cap(leaf) && cap(leaf) > leafStep:
		t.leaves[n] = append(make([]entry, 0, 2*len(leaf)), leaf...)
	default:
		t.leaves[n] = leaf
	}
}

// after returns up to limit CIDs greater than cid, in order, and whether
// more follow.
func (t *table) after(cid messages.CID, limit int) (cids []messages.CID, more bool) {
	if len(t.leaves) == 0 {
		return nil, false
	}
	n := t.leafOf(&cid)
	i, ok := inLeaf(t.leaves[n], &cid)
	if ok {
		i++
	}
	for ; n < len(t.leaves); n, i = n+1, 0 {
		for ; i < len(t.leaves[n]); i++ {
			if len(cids) >= limit {
				return cids, true
			}
			cids = append(cids, t.leaves[n][i].cid)
		}
	}
	return cids, false
}
