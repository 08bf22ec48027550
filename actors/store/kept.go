package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// why tells for what reason a block is kept. A stored block without an entry
// in the table is mine: this node's own files need it, or it is garbage that
// a collection will find.
type why uint8

const (
	whyCached  why = 1 // fetched, and may be wanted again
	whyReplica why = 2 // held for the network, and for nothing else
	whyShared  why = 3 // held for the network, and mine as well
	// whyUnsure: a commit failed, so nobody knows whether there is a row. It
	// counts as mine, and whoever needs the block writes its row anew. Only
	// in memory.
	whyUnsure why = 4
)

// kept is an entry of the table.
type kept struct {
	// until is the end of the lease of a replica, in seconds since 1970, up
	// to the year 2106: an entry takes 40 bytes with its name.
	until uint32
	why   why
	// wanted: a cached block was read since its eviction was last considered.
	wanted bool
}

// secondsOf rounds a lease up to a whole second.
func secondsOf(t time.Time) uint32 {
	return uint32(min(max(0, t.Add(time.Second-time.Nanosecond).Unix()), noEnd))
}

// keptTable is why blocks are kept, in memory: what the rows of
// port.TableKept say. It decides and counts; it does no I/O.
type keptTable struct {
	entries  map[messages.CID]kept
	replicas int64 // entries of whyReplica
	cached   int64 // entries of whyCached

	// fifo has the cached blocks in the order they came, and may name blocks
	// that are cached no more.
	fifo []messages.CID

	// ended has replicas whose leases had ended at the last look, the
	// longest ended first. No lease of another ends before nextEnd.
	ended   []messages.CID
	nextEnd uint32
}

// noEnd is the time by which no lease ends.
const noEnd = 1<<32 - 1

func newKeptTable() keptTable { return keptTable{nextEnd: noEnd} }

// set enters a block; an entry of it is replaced.
func (t *keptTable) set(cid messages.CID, k kept) {
	old := t.entries[cid]
	t.count(old.why, -1)
	t.count(k.why, 1)
	if t.entries == nil {
		t.entries = make(map[messages.CID]kept)
	}
	t.entries[cid] = k
	switch k.why {
	case whyCached:
		if old.why != whyCached {
			t.queue(cid)
		}
	case whyReplica:
		t.nextEnd = min(t.nextEnd, k.until)
	}
}

// remove drops a block's entry.
func (t *keptTable) remove(cid messages.CID) {
	t.count(t.entries[cid].why, -1)
	delete(t.entries, cid)
}

func (t *keptTable) count(w why, n int64) {
	switch w {
	case whyCached:
		t.cached += n
	case whyReplica:
		t.replicas += n
	}
}

// serves tells whether a block is held for the network.
func (t *keptTable) serves(cid messages.CID) bool {
	w := t.entries[cid].why
	return w == whyReplica || w == whyShared
}

// held returns the entry of a block that is held until a time: if it is
// stored already and nothing says why, then as mine as well.
func (t *keptTable) held(cid messages.CID, until uint32, stored bool) kept {
	old := t.entries[cid]
	next := kept{why: whyReplica, until: max(old.until, until)}
	switch old.why {
	case whyShared:
		next.why = whyShared
	case whyReplica, whyCached:
	default:
		if stored {
			next.why = whyShared
		}
	}
	return next
}

// owned tells how the entry of a block changes that becomes mine: to next,
// or to no entry at all.
func (t *keptTable) owned(cid messages.CID) (next kept, remove, change bool) {
	switch old := t.entries[cid]; old.why {
	case whyReplica:
		return kept{why: whyShared, until: old.until}, false, true
	case whyCached, whyUnsure:
		return kept{}, true, true
	}
	return kept{}, false, false
}

// standing is what a stored block is to a collection.
type standing uint8

const (
	standingMine   standing = iota // garbage, when nothing needs it
	standingShared                 // mine no more when nothing needs it, but it stays
	standingOthers                 // not kept for this node's own files
)

// standing tells what a stored block is to a collection: a lease that has
// ended counts for nothing.
func (t *keptTable) standing(cid messages.CID, now uint32) standing {
	switch k := t.entries[cid]; {
	case k.why == whyCached, k.why == whyReplica && k.until > now:
		return standingOthers
	case k.why == whyShared && k.until > now:
		return standingShared
	}
	return standingMine
}

// read notes that a block was read.
func (t *keptTable) read(cid messages.CID) {
	if t.cached == 0 {
		return
	}
	if k := t.entries[cid]; k.why == whyCached && !k.wanted {
		k.wanted = true
		t.entries[cid] = k
	}
}

// queue puts a block at the end of fifo, and now and then drops from it what
// is cached no more.
func (t *keptTable) queue(cid messages.CID) {
	const slack = 64
	if int64(len(t.fifo)) > 2*t.cached+slack {
		seen := make(map[messages.CID]bool, t.cached)
		t.fifo = slices.DeleteFunc(t.fifo, func(other messages.CID) bool {
			gone := t.entries[other].why != whyCached || seen[other] || other == cid
			seen[other] = true
			return gone
		})
	}
	t.fifo = append(t.fifo, cid)
}

// evict chooses up to n cached blocks to go, in the order they came. One that
// was read since its last turn gets another. busy blocks stay.
func (t *keptTable) evict(n int64, busy func(messages.CID) bool) []messages.CID {
	var out []messages.CID
	spared := make(map[messages.CID]bool) // now: the name may stand there twice
	for range len(t.fifo) {
		if int64(len(out)) >= n {
			break
		}
		cid := t.fifo[0]
		t.fifo = t.fifo[1:]
		k := t.entries[cid]
		switch {
		case k.why != whyCached:
		case spared[cid]:
		case k.wanted || busy(cid):
			spared[cid] = true
			k.wanted = false
			t.entries[cid] = k
			t.fifo = append(t.fifo, cid)
		default:
			out = append(out, cid)
			t.remove(cid)
		}
	}
	return out
}

// expire chooses up to n replicas to go whose leases have ended, the longest
// ended first. busy blocks stay.
func (t *keptTable) expire(n int64, now uint32, busy func(messages.CID) bool) []messages.CID {
	var out []messages.CID
	later := uint32(noEnd)
	for int64(len(out)) < n {
		if len(t.ended) == 0 && t.nextEnd <= now {
			t.findEnded(now)
		}
		if len(t.ended) == 0 {
			break
		}
		cid := t.ended[0]
		t.ended = t.ended[1:]
		k := t.entries[cid]
		switch {
		case k.why != whyReplica || k.until > now: // renewed, or mine by now
		case busy(cid):
			later = min(later, k.until)
		default:
			out = append(out, cid)
			t.remove(cid)
		}
	}
	t.nextEnd = min(t.nextEnd, later)
	return out
}

// findEnded looks through the whole table. That is done once for all leases
// that have ended by then, and not again before the next one ends.
func (t *keptTable) findEnded(now uint32) {
	t.nextEnd = noEnd
	for cid, k := range t.entries { // sorted below
		switch {
		case k.why != whyReplica:
		case k.until <= now:
			t.ended = append(t.ended, cid)
		default:
			t.nextEnd = min(t.nextEnd, k.until)
		}
	}
	slices.SortFunc(t.ended, func(x, y messages.CID) int {
		return cmp.Or(cmp.Compare(t.entries[x].until, t.entries[y].until), x.Compare(y))
	})
}
