package scenario

import (
	"fmt"
	"reflect"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// sampleEvery is how many deliveries pass between two looks at the
// mailboxes.
const sampleEvery = 32

// pair is an unordered pair of blocks.
type pair struct{ low, high messages.CID }

func makePair(a, b messages.CID) pair {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return pair{a, b}
}

// asked identifies a command under way.
type asked struct {
	from shell.Ref
	corr messages.Corr
}

// Watch sees every message and remembers, over all crashes, what must never
// happen again.
type Watch struct {
	house *House

	// The history of tuples.
	usedA   map[messages.CID]bool
	usesB   map[messages.CID]int
	pairs   map[pair]bool
	madeB   map[messages.CID]bool // generated for slot B
	streams map[streamLife]*streamWatch
	madeIn  map[messages.CID]messages.StreamID // D → the stream it was made in
	tuples  [][3]messages.CID                  // committed

	// durable is the blocks that the store has said to be durable, and that
	// no collection was given leave to delete since.
	durable map[messages.CID]bool
	noise   noise

	// Commands that were delivered and have no reply yet.
	puts     map[asked][]messages.CID
	reserves map[asked]reservation
	open     map[reflect.Type]int
	openOf   map[asked]reflect.Type

	seen     uint64
	depthMax map[string]int64     // by role
	openMax  map[reflect.Type]int // by command
}

// streamLife is a stream in one life of the randomizer: which blocks a stream
// had lately is forgotten with a restart, a deliberate limit.
type streamLife struct {
	stream messages.StreamID
	life   uint64
}

// reservation is tuples that were asked for: those from first on.
type reservation struct {
	*streamWatch
	stream messages.StreamID
	first  int
}

// streamWatch is what a stream's tuples must not repeat.
type streamWatch struct {
	next  int
	lastB map[messages.CID]int
}

func newWatch(h *House) *Watch {
	w := &Watch{
		house: h, usedA: make(map[messages.CID]bool), usesB: make(map[messages.CID]int),
		pairs: make(map[pair]bool), madeB: make(map[messages.CID]bool),
		streams: make(map[streamLife]*streamWatch),
		madeIn:  make(map[messages.CID]messages.StreamID),
		durable: make(map[messages.CID]bool), depthMax: make(map[string]int64),
		openMax: make(map[reflect.Type]int),
	}
	w.nodeDied()
	return w
}

// nodeDied forgets what was under way.
func (w *Watch) nodeDied() {
	w.puts = make(map[asked][]messages.CID)
	w.reserves = make(map[asked]reservation)
	w.open = make(map[reflect.Type]int)
	w.openOf = make(map[asked]reflect.Type)
}

func (w *Watch) broken(format string, args ...any) {
	_ = w.house.broken(format, args...)
}

// observe is called for every delivery, before it is handled.
func (w *Watch) observe(d shell.Delivery) {
	w.count(d)
	switch m := d.Msg.(type) {
	case messages.PutBlocks:
		w.put(asked{d.From, m.Corr}, m)
	case messages.BlocksStored:
		w.stored(asked{d.To, m.Corr})
	case messages.ReserveTuples:
		w.askedFor(asked{d.From, m.Corr}, streamLife{m.Stream, d.Incarnation}, m.Count)
	case messages.TuplesReserved:
		w.tuplesReserved(asked{d.To, m.Corr}, m)
	case messages.CommitTuples:
		w.committed(m)
	case messages.BlocksRetired:
		for _, cid := range m.CIDs {
			delete(w.durable, cid)
		}
	}
}

// count keeps the books of mailboxes and of commands under way.
func (w *Watch) count(d shell.Delivery) {
	if d.To.Role() == ClientRole && d.Kind != shell.KindReply {
		return
	}
	switch d.Kind {
	case shell.KindCommand:
		command := reflect.TypeOf(d.Msg)
		w.open[command]++
		w.openOf[asked{d.From, d.Corr()}] = command
		w.openMax[command] = max(w.openMax[command], w.open[command])
	case shell.KindReply:
		key := asked{d.To, d.Corr()}
		if command, ok := w.openOf[key]; ok {
			w.open[command]--
			delete(w.openOf, key)
		}
	}
	if w.seen++; w.seen%sampleEvery == 0 {
		for _, s := range w.house.Node.Stats() {
			w.depthMax[s.Role] = max(w.depthMax[s.Role], s.Depth)
		}
	}
}

// DepthMax returns the fullest that the mailboxes of a role were seen.
func (w *Watch) DepthMax(role string) int64 { return w.depthMax[role] }

// OpenMax returns the most commands of a type that were being worked on at
// one time.
func (w *Watch) OpenMax(command messages.Command) int {
	return w.openMax[reflect.TypeOf(command)]
}

func (w *Watch) put(key asked, m messages.PutBlocks) {
	cids := make([]messages.CID, len(m.Blocks))
	for i, b := range m.Blocks {
		cids[i] = b.CID
	}
	w.puts[key] = cids
	if err := w.noise.check(m.Blocks); err != nil {
		w.broken("a stored block is not noise: %w", err)
	}
}

func (w *Watch) stored(key asked) {
	for _, cid := range w.puts[key] {
		w.durable[cid] = true
	}
	delete(w.puts, key)
}

// askedFor numbers the tuples of a stream in the order in which they were
// asked for, which is the order in which they are chosen. Replies may come in
// another.
func (w *Watch) askedFor(key asked, life streamLife, count int) {
	s := w.streams[life]
	if s == nil {
		s = &streamWatch{lastB: make(map[messages.CID]int)}
		w.streams[life] = s
	}
	w.reserves[key] = reservation{s, life.stream, s.next}
	s.next += count
}

// tuplesReserved checks a reservation against all that were ever made.
func (w *Watch) tuplesReserved(key asked, m messages.TuplesReserved) {
	r, ok := w.reserves[key]
	if !ok {
		w.broken("tuples that nobody asked for")
		return
	}
	delete(w.reserves, key)
	for i, t := range m.Tuples {
		if err := w.reserve(r, r.first+i, t); err != nil {
			w.broken("a bad reservation: %w", err)
		}
	}
}

// reserve checks the tuple with a number, and remembers it.
func (w *Watch) reserve(r reservation, number int, t messages.ReservedTuple) error {
	a, b := t.A.CID, t.B.CID
	config := w.house.config.Randomizer
	last, repeated := r.lastB[b]
	apart := max(number-last, last-number)
	switch {
	case a == b:
		return fmt.Errorf("block %s is A and B", a.Short())
	case w.usedA[a]:
		return fmt.Errorf("block %s is in slot A for the second time", a.Short())
	case w.usesB[a] > 0 || w.madeB[a]:
		return fmt.Errorf("block %s is in slot A and was in slot B", a.Short())
	case w.pairs[makePair(a, b)]:
		return fmt.Errorf("the pair %s, %s for the second time", a.Short(), b.Short())
	case w.usesB[b] >= config.UsesMax:
		return fmt.Errorf("block %s is in slot B more than %d times", b.Short(), config.UsesMax)
	case repeated && apart < config.SpacingTuples:
		return fmt.Errorf("block %s is in slot B again after %d tuples", b.Short(), apart)
	case w.madeIn[a] == r.stream && t.A.Data == nil:
		return fmt.Errorf("block %s of the same stream is in slot A", a.Short())
	case t.A.Data == nil && !w.durable[a], t.B.Data == nil && !w.durable[b]:
		return fmt.Errorf("%s, %s: a block of the pool is not durable, or was let go",
			a.Short(), b.Short())
	}
	w.usedA[a] = true
	w.usesB[b]++
	w.madeB[b] = w.madeB[b] || t.B.Data != nil
	w.pairs[makePair(a, b)] = true
	r.lastB[b] = number
	return nil
}

// committed checks that what is told to be durable is.
func (w *Watch) committed(m messages.CommitTuples) {
	for _, t := range m.Tuples {
		switch _, again := w.madeIn[t[0]]; {
		case again:
			w.broken("block %s is made twice", t[0].Short())
		case !w.pairs[makePair(t[1], t[2])]:
			w.broken("a tuple is committed that was not reserved")
		}
		for _, cid := range t {
			if !w.durable[cid] {
				w.broken("a tuple is committed BEFORE its block %s is durable", cid.Short())
			}
		}
		w.madeIn[t[0]] = m.Stream
		w.tuples = append(w.tuples, t)
	}
}

// checkDurable is called after a boot: what was durable is there.
func (w *Watch) checkDurable() {
	engine := w.house.Machine.Blocks()
	lost := 0
	for cid := range w.durable {
		if !engine.Has([]messages.CID{cid})[0] {
			lost++
		}
	}
	if lost > 0 {
		w.broken("%d blocks that were durable are gone", lost)
	}
}
