package reader

import (
	"container/list"
	"maps"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// handle is content that is open for reading.
type handle struct {
	id      messages.HandleID
	owner   shell.Ref // who opened it
	content messages.Content
	ahead   readAhead
	chunks  map[uint64]*chunk // opened or being opened
	holder  *list.Element     // its place among those that have chunks, or nil
}

// chunk is one chunk of a handle's file, opened or on its way.
type chunk struct {
	handle  *handle
	index   uint64
	urgent  bool
	opening *opening // what it waits for, if known
	waiting []*read
	dropped bool // no longer in handle.chunks

	ready  bool
	err    *messages.Error // why it cannot be opened
	data   []byte          // nil when ready: a hole
	length int             // bytes of the file in it
	served int             // bytes handed over so far
}

// read is a ReadRange that is being answered.
type read struct {
	caller      shell.Caller
	handle      *handle
	offset, end uint64
	chunks      []*chunk
	missing     int // chunks that are not ready
}

// shelf holds the opened chunks of all handles, within a bound.
type shelf struct {
	max     int // chunks
	held    int
	holders *list.List // of *handle that have chunks, most recently read first
}

func newShelf(maxChunks int) *shelf { return &shelf{max: maxChunks, holders: list.New()} }

// add makes a chunk of a handle.
func (s *shelf) add(h *handle, index uint64, length int) *chunk {
	c := &chunk{handle: h, index: index, length: length}
	h.chunks[index] = c
	s.held++
	if h.holder == nil {
		h.holder = s.holders.PushFront(h)
	}
	return c
}

// drop forgets a chunk. Reads that have it keep it.
func (s *shelf) drop(c *chunk) {
	if c.dropped {
		return
	}
	c.dropped = true
	h := c.handle
	delete(h.chunks, c.index)
	s.held--
	if len(h.chunks) == 0 {
		s.holders.Remove(h.holder)
		h.holder = nil
	}
}

// touch makes a handle the most recently read.
func (s *shelf) touch(h *handle) {
	if h.holder != nil {
		s.holders.MoveToFront(h.holder)
	}
}

// room makes room for one more chunk to be read ahead for a handle: if there
// is none, the handle that was not read for the longest time gives up what
// nobody waits for. It tells whether there is room.
func (s *shelf) room(h *handle) bool {
	for s.held >= s.max {
		oldest := s.holders.Back()
		if oldest == nil || oldest.Value.(*handle) == h {
			return false
		}
		before := s.held
		s.trim(oldest.Value.(*handle), func(*chunk) bool { return true })
		if s.held == before {
			return false // all that it has is waited for
		}
	}
	return true
}

// trim drops the chunks of a handle that nobody waits for and useless says
// are so.
func (s *shelf) trim(h *handle, useless func(*chunk) bool) {
	for _, c := range h.chunks { // the order makes no difference
		if len(c.waiting) == 0 && useless(c) {
			s.drop(c)
		}
	}
}

// tidy drops what a handle's next reads will hardly ask for, and then, while
// the shelf is over its bound, what they will ask for last.
func (s *shelf) tidy(h *handle) {
	s.trim(h, func(c *chunk) bool {
		return (c.ready && c.served >= c.length) || !h.ahead.wants(c.index)
	})
	if s.held <= s.max {
		return
	}
	indexes := slices.Sorted(maps.Keys(h.chunks))
	for _, i := range slices.Backward(indexes) {
		if c := h.chunks[i]; s.held > s.max && len(c.waiting) == 0 {
			s.drop(c)
		}
	}
}

// parts are the bytes of a read whose chunks are all ready. Holes in a row
// are one part.
func (r *read) parts(blockSize uint64) []messages.Part {
	parts := make([]messages.Part, 0, len(r.chunks))
	for _, c := range r.chunks {
		start := c.index * blockSize
		from := max(r.offset, start) - start
		to := min(r.end, start+uint64(c.length)) - start
		c.served += int(to - from)
		if c.data != nil {
			parts = append(parts, messages.Part{Data: c.data[from:to:to]})
			continue
		}
		if n := len(parts); n > 0 && parts[n-1].Data == nil {
			parts[n-1].Zeros += int(to - from)
			continue
		}
		parts = append(parts, messages.Part{Zeros: int(to - from)})
	}
	return parts
}
