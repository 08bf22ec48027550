package splitter

import (
	"cmp"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
)

// holesAhead is how far holes may run ahead of the oldest chunk that is not
// sealed, in chunks. With a window on top it stays within the builder's.
const holesAhead = format.BuilderWindow / 2

// role is what a block is to its stream.
type role uint8

const (
	roleChunk  role = iota + 1 // of the file's content
	roleNode                   // of the content tree
	roleSealed                 // of a SealBlock
)

// job is a block on its way.
type job struct {
	stream *stream
	number uint64 // within the stream, in the order of arrival
	role   role
	kind   messages.BlockKind
	level  uint8
	length int
	data   []byte       // the plaintext, then D, until it is sent to the store
	caller shell.Caller // of the WriteChunk or SealBlock
	index  uint64       // of a chunk
	node   uint64       // the builder's id of a node

	a, b    messages.Randomizer // with Data until it is sent to the store
	missing int                 // how many of their bytes are being read
	bytesA  []byte
	bytesB  []byte
	sealed  bool // the ref is known
	ref     messages.BlockRef
	inside  []messages.CID // blocks D that a node names
	awaited int            // how many of those are not durable with all below them
}

// newBlocks counts the blocks that the job stores.
func (j *job) newBlocks() int {
	n := 1
	if j.a.Data != nil {
		n++
	}
	if j.b.Data != nil {
		n++
	}
	return n
}

// hole is a WriteChunk without data that waits for its turn.
type hole struct {
	caller shell.Caller
	index  uint64
}

// barrier waits until all jobs below number are durable.
type barrier struct {
	caller shell.Caller
	number uint64
	finish bool // of a FinishStream, else of a SyncStream
}

// stream is one open stream.
type stream struct {
	id      messages.StreamID
	owner   shell.Ref // who opened it
	window  int
	builder *format.ContentBuilder
	failed  *messages.Error

	next       uint64 // index of the next chunk
	lastLength int    // bytes of the last chunk; 0 for a hole
	short      bool   // the last chunk was shorter than a block
	writes     int    // unanswered WriteChunks
	seals      int    // unanswered SealBlocks

	jobs         map[uint64]*job // not durable, by number
	nextNumber   uint64
	waiting      []*job // for a reservation
	reservations int    // under way
	reserving    int    // jobs that have, or wait for, a tuple, and are not durable

	order []*job // chunks in order; those in front are not sealed
	holes []hole

	finishing shell.Caller
	finished  bool // FinishStream came
	content   messages.Content
	barriers  []barrier

	held heldRefs
}

func newStream(
	id messages.StreamID, owner shell.Ref, window int, p format.Params, childrenMax int,
) *stream {
	return &stream{
		id: id, owner: owner, window: window, builder: format.NewContentBuilder(p, childrenMax),
		jobs: make(map[uint64]*job), held: newHeldRefs(),
	}
}

// add takes a new job to the end of those that wait for a tuple.
func (s *stream) add(j *job) {
	j.stream, j.number = s, s.nextNumber
	s.nextNumber++
	s.jobs[j.number] = j
	s.waiting = append(s.waiting, j)
	if j.role == roleChunk {
		s.order = append(s.order, j)
	}
}

// takeWaiting returns the jobs of the next reservation: all that wait, as
// far as the window allows.
func (s *stream) takeWaiting(sealsMax int) []*job {
	n := min(len(s.waiting), messages.ReserveMax, max(1, s.window+sealsMax-s.reserving))
	jobs := slices.Clone(s.waiting[:n])
	s.waiting = s.waiting[n:]
	s.reserving += n
	return jobs
}

// holeFits reports whether a hole may go to the builder now.
func (s *stream) holeFits(index uint64) bool {
	for len(s.order) > 0 && s.order[0].sealed {
		s.order = s.order[1:]
	}
	return len(s.order) == 0 || index < s.order[0].index+holesAhead
}

// durable takes out a job whose blocks are stored.
func (s *stream) durable(j *job) {
	delete(s.jobs, j.number)
	s.reserving--
	s.held.durable(j)
}

// passed takes out the barriers that no job holds up any more.
func (s *stream) passed() []barrier {
	if len(s.barriers) == 0 {
		return nil
	}
	oldest := s.nextNumber
	for number := range s.jobs {
		oldest = min(oldest, number)
	}
	n := 0
	for n < len(s.barriers) && s.barriers[n].number <= oldest {
		n++
	}
	passed := s.barriers[:n:n]
	s.barriers = s.barriers[n:]
	return passed
}

// underWay returns, in order of arrival, the jobs that are not durable, and
// the nodes above such.
func (s *stream) underWay() []*job {
	all := make([]*job, 0, len(s.jobs))
	for _, j := range s.jobs {
		all = append(all, j)
	}
	for _, j := range s.held.open {
		if s.jobs[j.number] == nil {
			all = append(all, j)
		}
	}
	slices.SortFunc(all, func(x, y *job) int { return cmp.Compare(x.number, y.number) })
	return all
}

// fail gives up a stream and returns everybody who waits in it.
func (s *stream) fail(err *messages.Error) []shell.Caller {
	s.failed = err
	var callers []shell.Caller
	for _, j := range s.underWay() {
		if s.jobs[j.number] != nil && !j.caller.IsZero() {
			callers = append(callers, j.caller)
		}
	}
	for _, h := range s.holes {
		callers = append(callers, h.caller)
	}
	if !s.finishing.IsZero() {
		callers = append(callers, s.finishing)
	}
	for _, b := range s.barriers {
		if !b.finish { // that one is finishing
			callers = append(callers, b.caller)
		}
	}
	*s = stream{id: s.id, owner: s.owner, window: s.window, failed: err}
	return callers
}

// windows shares the chunks in flight between streams.
type windows struct {
	cfg     Config
	open    int // streams
	granted int // chunks
}

// grant returns the window of one more stream: a quarter of what is free
// when every stream that may still open has its minimum.
func (w *windows) grant() int {
	free := w.cfg.InFlightChunksMax - w.granted - windowMin*(w.cfg.StreamsMax-w.open)
	window := min(w.cfg.WindowChunks, windowMin+free/4)
	w.open++
	w.granted += window
	return window
}

func (w *windows) release(window int) {
	w.open--
	w.granted -= window
}
