package reader

const (
	// windowMin is the window that sequential reading starts with, in chunks.
	windowMin = 2
	// nearChunks is how far a read may be from where the last one ended and
	// still go on with it: a mount's reads of one stream arrive out of order.
	nearChunks = 8
)

// readAhead decides which chunks of a handle to open before they are asked
// for. A read that goes on exactly where the last one ended begins a run, and
// so does one at the start of the file; later ones need only come near, since
// concurrent reads overtake each other. In a small file every read is near to
// every other, and each chunk read in vain costs the network three blocks: so
// the beginning is strict. A run has a window, which starts at windowMin and doubles each time that half of it was
// read, up to max. A read elsewhere ends the run and closes the window, so a
// seek wastes at most what is in the window then: no more than max, and no
// more than twice what the run has read.
type readAhead struct {
	max    int    // chunks; 0: never
	window int    // chunks; 0: no run
	first  uint64 // of the last read
	next   uint64 // the chunk after the furthest of the run
	limit  uint64 // chunks below have been asked for, or were read
}

// observe takes in a read of the chunks first..last and returns which chunks
// to open early: from..to, without to. They may lie past the end.
func (r *readAhead) observe(first, last uint64) (from, to uint64) {
	near := first <= r.next && last >= r.next
	if r.window > 0 {
		near = first <= r.next+nearChunks && last+1+nearChunks >= r.next
	}
	r.first = first
	if !near || r.max == 0 {
		r.window, r.next, r.limit = 0, last+1, last+1
		return 0, 0
	}
	r.next = max(r.next, last+1)
	r.limit = max(r.limit, r.next)
	if r.window > 0 && r.limit-r.next > uint64(r.window)/2 {
		return 0, 0 // more than half of the window is still ahead
	}
	r.window = min(max(windowMin, 2*r.window), r.max)
	from, to = r.limit, r.next+uint64(r.window)
	if to <= from {
		return 0, 0
	}
	r.limit = to
	return from, to
}

// wants tells whether a chunk that was opened is worth keeping.
func (r *readAhead) wants(chunk uint64) bool {
	if r.window == 0 {
		return chunk >= r.first && chunk < r.next
	}
	return chunk+nearChunks >= r.next && chunk < r.limit
}
