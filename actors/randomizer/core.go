package randomizer

import (
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// core decides. It does no I/O: what it wants written it answers as changes
// of the index, and it is told afterwards whether they were made.
type core struct {
	cfg  Config
	draw func(n uint64) uint64

	candidates *candidateSet
	reuse      *reusePool
	streams    map[messages.StreamID]*stream
	turn       uint64 // counts plans, to know which stream is idle longest
	reserved   int    // tuples of all streams that are planned and not committed

	// committing is the commitments whose rows are being written.
	committing    []*commitment
	sparesPending int // their spares

	// scanning: a scan of the candidates runs. gone is what left the pool
	// since it began, and may still come up in it.
	scanning bool
	gone     map[messages.CID]bool

	collection collection

	generated, reused uint64 // slots filled since the repository was made
}

// newCore returns a core that knows no blocks yet. draw returns a secret
// uniform number below n.
func newCore(cfg Config, draw func(n uint64) uint64) *core {
	return &core{
		cfg: cfg, draw: draw,
		candidates: newCandidateSet(cfg.CandidatesMax, draw),
		reuse:      newReusePool(cfg, draw),
		streams:    make(map[messages.StreamID]*stream),
		gone:       make(map[messages.CID]bool),
	}
}

// plan chooses the blocks of count tuples. Blocks without a name in them are
// to be generated: generate lists them.
func (c *core) plan(id messages.StreamID, count int) (tuples []*tuple, generate []*block) {
	s := c.stream(id)
	c.turn++
	s.planned = c.turn
	tuples = make([]*tuple, count)
	for i := range tuples {
		t := &tuple{stream: s}
		if picked, ok := c.pickA(s); ok {
			t.a = &block{cid: picked.cid, origin: picked.origin}
		} else {
			t.a, t.freshA = &block{}, true
			generate = append(generate, t.a)
		}
		t.b = c.reuse.choose(s, t.a)
		if t.b == nil {
			t.b, t.freshB = c.reuse.generated(), true
			generate = append(generate, &t.b.block)
		}
		if !t.b.committed {
			t.b.holders++
		}
		t.seq = s.meet(t.b)
		c.collection.remember(t)
		tuples[i] = t
	}
	c.reserved += count
	return tuples, generate
}

// stream returns what is remembered of a stream, and forgets the one that
// was idle longest when there are too many.
func (c *core) stream(id messages.StreamID) *stream {
	if s := c.streams[id]; s != nil {
		return s
	}
	if len(c.streams) >= c.cfg.StreamsMax {
		var idle *stream
		for _, s := range c.streams { // the smallest turn is unique: order does not matter
			if idle == nil || s.planned < idle.planned {
				idle = s
			}
		}
		c.endStream(idle.id)
	}
	s := newStream(id, c.cfg.SpacingTuples)
	c.streams[id] = s
	c.candidates.openStream(id)
	return s
}

// pickA draws a candidate with the probability of the profile.
func (c *core) pickA(s *stream) (candidate, bool) {
	const permille = 1000
	share := c.cfg.reusePermille()
	if share == 0 || c.draw(permille) >= share {
		return candidate{}, false
	}
	picked, ok := c.candidates.take(s.id)
	if ok && c.scanning {
		c.gone[picked.cid] = true
	}
	return picked, ok
}

// named tells that the generated blocks of the tuples have their names.
func (c *core) named(tuples []*tuple) {
	for _, t := range tuples {
		if t.b.inPool && !t.b.committed {
			c.reuse.named(t.b)
		}
		c.collection.remember(t)
	}
}

// booking is a reservation between its transaction and the answer.
type booking struct {
	tuples  []*tuple
	changes []port.Change

	// What is to be done again when the transaction fails.
	written           []*reusable
	usedUp            []messages.CID
	generated, reused uint64
}

// book returns what makes the tuples durable: the history of A and of the
// pair, on condition that neither is there, and the rows that follow from it.
func (c *core) book(tuples []*tuple) *booking {
	k := &booking{tuples: tuples, usedUp: c.reuse.usedUp}
	k.changes = make([]port.Change, 0, 4*len(tuples)+len(k.usedUp)+1)
	seen := make(map[*reusable]bool)
	for _, t := range tuples {
		k.changes = append(k.changes, insertSlotA(t.a.cid), insertPair(t.a.cid, t.b.cid))
		if t.freshA {
			k.generated++
		} else {
			k.changes = append(k.changes, deleteCandidate(t.a.cid))
		}
		if t.freshB {
			k.generated++
		}
		if seen[t.b] {
			continue
		}
		seen[t.b] = true
		if !t.b.historied {
			k.changes = append(k.changes, putSlotA(t.b.cid))
		}
		if t.b.committed && t.b.inPool && t.b.written < t.b.leased {
			t.b.written = t.b.leased
			k.written = append(k.written, t.b)
			k.changes = append(k.changes, putReusable(t.b))
		}
	}
	for _, cid := range k.usedUp {
		k.changes = append(k.changes, deleteReusable(cid))
	}
	c.reuse.usedUp = nil
	k.reused = 2*uint64(len(tuples)) - k.generated
	c.generated += k.generated
	c.reused += k.reused
	k.changes = append(k.changes, putCounters(c.generated, c.reused))
	return k
}

// booked tells that the changes of a booking were made.
func (c *core) booked(k *booking) {
	for _, t := range k.tuples {
		t.b.historied = true
		if t.stream.ended {
			c.void(t)
			continue
		}
		t.stream.reserved[t.a.cid] = t
	}
}

// unbook tells that the changes of a booking were not made, or that nobody
// knows. Its tuples are still planned: book or void them.
func (c *core) unbook(k *booking) {
	for _, r := range k.written {
		r.written = 0
	}
	c.reuse.usedUp = append(c.reuse.usedUp, k.usedUp...)
	c.generated -= k.generated
	c.reused -= k.reused
}

// replaceA gives a tuple a block A that is to be generated, since the index
// knows the one that was chosen.
func (c *core) replaceA(t *tuple) *block {
	c.forget(t.a.cid)
	t.a, t.freshA = &block{}, true
	return t.a
}

// void gives up a tuple. What it took from the pool is spent.
func (c *core) void(t *tuple) {
	c.reserved--
	c.letGo(t)
}

// letGo tells that a tuple does not need the bytes of a generated B any more.
func (c *core) letGo(t *tuple) {
	if t.b.committed {
		return
	}
	t.b.holders--
	if t.b.holders == 0 {
		// Nobody stored it, or nobody said so: it must not be chosen again.
		c.reuse.drop(t.b)
	}
}

// endStream voids what a stream reserved and did not commit.
func (c *core) endStream(id messages.StreamID) {
	s := c.streams[id]
	if s == nil {
		return
	}
	s.ended = true
	delete(c.streams, id)
	for _, a := range sortedKeys(s.reserved) {
		c.void(s.reserved[a])
	}
	s.reserved = nil
	c.candidates.closeStream(id)
}

// commitment is a CommitTuples between its transaction and the answer.
type commitment struct {
	stream  messages.StreamID
	tuples  [][3]messages.CID
	changes []port.Change

	known   []*tuple    // those that this incarnation reserved
	spares  []*reusable // A's that enter the reuse pool
	written []*reusable // generated B's
}

// commit returns what makes the blocks of durable tuples eligible. An
// EndStream that overtakes the transaction does not void them.
func (c *core) commit(id messages.StreamID, tuples [][3]messages.CID) *commitment {
	k := &commitment{stream: id, tuples: tuples}
	k.changes = make([]port.Change, 0, 2*len(tuples))
	c.committing = append(c.committing, k)
	for _, cids := range tuples {
		// A retirement that overtakes the answer must not take D away.
		c.collection.note(cids[0])
		k.changes = append(k.changes, putCandidate(candidate{cid: cids[0], stream: id}))
		t := c.takeReserved(id, cids[1])
		if t == nil {
			continue
		}
		k.known = append(k.known, t)
		if c.reuse.hasRoom(c.sparesPending) {
			c.sparesPending++
			spare := &reusable{
				block:     block{cid: t.a.cid, origin: t.a.origin},
				historied: true, bornStream: id, bornSeq: t.seq,
			}
			k.spares = append(k.spares, spare)
			k.changes = append(k.changes, putReusable(spare))
		}
		if !t.b.committed && t.b.inPool && t.b.written == 0 {
			t.b.written = t.b.leased
			k.written = append(k.written, t.b)
			k.changes = append(k.changes, putReusable(t.b))
		}
	}
	return k
}

func (c *core) takeReserved(id messages.StreamID, a messages.CID) *tuple {
	s := c.streams[id]
	if s == nil {
		return nil
	}
	t := s.reserved[a]
	delete(s.reserved, a)
	return t
}

// committed tells that the changes of a commitment were made.
func (c *core) committed(k *commitment) {
	c.endCommitment(k)
	for _, cids := range k.tuples {
		c.candidates.add(candidate{cid: cids[0], stream: k.stream})
	}
	for _, spare := range k.spares {
		c.reuse.addSpare(spare)
	}
	c.reserved -= len(k.known)
	for _, t := range k.known {
		t.b.committed, t.b.data = true, nil
	}
	for _, r := range k.written {
		if !r.inPool { // used up, or lost, while its row was on its way
			c.reuse.usedUp = append(c.reuse.usedUp, r.cid)
		}
	}
}

// commitFailed tells that the changes of a commitment were not made: its
// tuples are void.
func (c *core) commitFailed(k *commitment) {
	c.endCommitment(k)
	for _, r := range k.written {
		r.written = 0
	}
	for _, t := range k.known {
		c.void(t)
	}
}

func (c *core) endCommitment(k *commitment) {
	c.sparesPending -= len(k.spares)
	i := slices.Index(c.committing, k)
	c.committing = slices.Delete(c.committing, i, i+1)
}

// lost drops blocks that cannot be read, and returns the rows to delete.
func (c *core) lost(cids []messages.CID) []port.Change {
	changes := make([]port.Change, 0, 2*len(cids))
	for _, cid := range cids {
		c.forget(cid)
		changes = append(changes, deleteCandidate(cid), deleteReusable(cid))
	}
	return changes
}

// forget drops a block from memory, and from a scan that runs.
func (c *core) forget(cid messages.CID) {
	c.candidates.remove(cid)
	if c.scanning {
		c.gone[cid] = true
	}
	if r := c.reuse.byCID[cid]; r != nil {
		c.reuse.drop(r)
	}
}

// beginScan tells that a scan of all candidates begins.
func (c *core) beginScan() {
	c.scanning = true
	c.candidates.beginScan()
}

// scanned takes a candidate row.
func (c *core) scanned(row candidate) {
	if !c.gone[row.cid] {
		c.candidates.add(row)
	}
}

// endScan tells that the scan is over, complete or not.
func (c *core) endScan() {
	c.scanning = false
	clear(c.gone)
}

// sortedKeys returns the CIDs of a map in their order, so that what follows
// from them does not depend on the map's.
func sortedKeys[V any](m map[messages.CID]V) []messages.CID {
	keys := make([]messages.CID, 0, len(m))
	for cid := range m {
		keys = append(keys, cid)
	}
	slices.SortFunc(keys, messages.CID.Compare)
	return keys
}
