package randomizer

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// smallConfig has bounds that a short test reaches.
func smallConfig() Config {
	c := DefaultConfig()
	c.ActiveMax, c.SparesMax, c.UsesMax = 80, 8, 6
	c.CandidatesMax, c.StreamsMax = 64, 3
	return c
}

// testDraw returns a seeded stand-in for Entropy.Uint64N.
func testDraw(seed uint64) func(uint64) uint64 {
	return rand.New(rand.NewPCG(seed, 2)).Uint64N
}

// fakeCID returns a CID that is different for each n.
func fakeCID(n uint64) (cid messages.CID) {
	binary.BigEndian.PutUint64(cid[:], n*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(cid[8:], n)
	return cid
}

// coreMachine drives a core at random and checks the rules of the house on
// everything it plans.
type coreMachine struct {
	core  *core
	next  uint64
	rows  map[string][]byte // the index
	table map[string]port.Table

	stored map[messages.CID]bool // blocks that were told to be durable
	usedA  map[messages.CID]bool // ever planned for slot A
	usedB  map[messages.CID]int  // ever planned for slot B
	pairs  map[[2]messages.CID]bool
	owner  map[messages.CID]messages.StreamID // whose D a block is
	recent map[messages.StreamID][]messages.CID

	booked  map[messages.StreamID][]*tuple // reserved, not committed
	pending []*booking
	writing []*commitment
}

func newCoreMachine(seed uint64) *coreMachine {
	return &coreMachine{
		core: newCore(smallConfig(), testDraw(seed)), rows: make(map[string][]byte),
		table: make(map[string]port.Table), stored: make(map[messages.CID]bool),
		usedA: make(map[messages.CID]bool), usedB: make(map[messages.CID]int),
		pairs:  make(map[[2]messages.CID]bool),
		owner:  make(map[messages.CID]messages.StreamID),
		recent: make(map[messages.StreamID][]messages.CID),
		booked: make(map[messages.StreamID][]*tuple),
	}
}

func (m *coreMachine) fresh() messages.CID {
	m.next++
	return fakeCID(m.next)
}

// apply commits changes to the map that stands for the index.
func (m *coreMachine) apply(t *rapid.T, changes []port.Change) {
	if err := (port.Txn{Changes: changes}).Check(); err != nil {
		t.Fatalf("a transaction that no index takes: %v", err)
	}
	for _, c := range changes {
		key := rowName(c.Row)
		if _, there := m.rows[key]; c.Op == port.OpInsert && there {
			t.Fatalf("a row of table %d is inserted twice", c.Row.Table)
		}
	}
	for _, c := range changes {
		key := rowName(c.Row)
		m.table[key] = c.Row.Table
		if c.Op == port.OpDelete {
			delete(m.rows, key)
		} else {
			m.rows[key] = c.Value
		}
	}
}

func rowName(r port.RowKey) string { return string(rune(r.Table)) + string(r.Key) }

func (m *coreMachine) plan(t *rapid.T) {
	id := messages.StreamID(rapid.IntRange(1, 5).Draw(t, "stream"))
	count := rapid.IntRange(1, 100).Draw(t, "count")
	if m.core.streams[id] == nil {
		delete(m.recent, id) // forgotten: its spacing begins anew
	}
	tuples, generate := m.core.plan(id, count)
	for _, b := range generate {
		if !b.cid.IsZero() {
			t.Fatal("a block that is to be generated has a name")
		}
		b.cid, b.data = m.fresh(), []byte{1}
	}
	m.core.named(tuples)
	for _, tuple := range tuples {
		m.check(t, id, tuple)
	}
	m.pending = append(m.pending, m.core.book(tuples))
}

func pairOf(t *tuple) [2]messages.CID {
	if t.a.cid.Compare(t.b.cid) > 0 {
		return [2]messages.CID{t.b.cid, t.a.cid}
	}
	return [2]messages.CID{t.a.cid, t.b.cid}
}

// check holds the rules against one tuple.
func (m *coreMachine) check(t *rapid.T, id messages.StreamID, tuple *tuple) {
	a, b, pair := tuple.a.cid, tuple.b.cid, pairOf(tuple)
	switch {
	case m.usedA[a] || m.usedB[a] > 0:
		t.Fatal("slot A has a block that was used before")
	case m.owner[a] == id && m.owner[a] != 0:
		t.Fatal("slot A has a block of its own stream")
	case a == b:
		t.Fatal("A is B")
	case m.pairs[pair]:
		t.Fatal("a pair was used before")
	case tuple.a.data == nil && !m.stored[a]:
		t.Fatal("slot A has a block that is neither stored nor generated")
	case tuple.b.data == nil && !m.stored[b]:
		t.Fatal("slot B has a block that is neither stored nor sent along")
	}
	m.usedA[a], m.pairs[pair] = true, true
	m.usedB[b]++
	if m.usedB[b] > m.core.cfg.UsesMax {
		t.Fatalf("a block serves %d tuples", m.usedB[b])
	}
	last := m.recent[id]
	for _, earlier := range last[max(0, len(last)-m.core.cfg.SpacingTuples+1):] {
		if earlier == b {
			t.Fatal("a stream met the same B too soon")
		}
	}
	m.recent[id] = append(last, b)
}

// settle ends the oldest booking, well or badly.
func (m *coreMachine) settle(t *rapid.T) {
	if len(m.pending) == 0 {
		return
	}
	k := m.pending[0]
	m.pending = m.pending[1:]
	if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
		m.core.unbook(k)
		for _, tuple := range k.tuples {
			m.core.void(tuple)
			// Nobody got it: after a restart its blocks may serve.
			delete(m.usedA, tuple.a.cid)
			delete(m.pairs, pairOf(tuple))
			m.usedB[tuple.b.cid]--
		}
		return
	}
	m.apply(t, k.changes)
	m.core.booked(k)
	for _, tuple := range k.tuples {
		if !tuple.stream.ended {
			m.booked[tuple.stream.id] = append(m.booked[tuple.stream.id], tuple)
		}
	}
}

func (m *coreMachine) commit(t *rapid.T) {
	id := messages.StreamID(rapid.IntRange(1, 5).Draw(t, "stream"))
	n := min(len(m.booked[id]), rapid.IntRange(1, 60).Draw(t, "count"))
	if n == 0 {
		return
	}
	var cids [][3]messages.CID
	for _, tuple := range m.booked[id][:n] {
		d := m.fresh()
		m.owner[d] = id
		cids = append(cids, [3]messages.CID{d, tuple.a.cid, tuple.b.cid})
		for _, cid := range cids[len(cids)-1] {
			m.stored[cid] = true
		}
	}
	m.booked[id] = m.booked[id][n:]
	m.writing = append(m.writing, m.core.commit(id, cids))
}

func (m *coreMachine) settleCommit(t *rapid.T) {
	if len(m.writing) == 0 {
		return
	}
	k := m.writing[0]
	m.writing = m.writing[1:]
	if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
		m.core.commitFailed(k)
		return
	}
	m.apply(t, k.changes)
	m.core.committed(k)
}

func (m *coreMachine) end(t *rapid.T) {
	id := messages.StreamID(rapid.IntRange(1, 5).Draw(t, "stream"))
	m.core.endStream(id)
	delete(m.booked, id)
	delete(m.recent, id)
}

// retire deletes what it may; a block that was deleted is stored no more.
func (m *coreMachine) retire(t *rapid.T) {
	reserved := m.core.beginCollection(nil)
	kept := make(map[messages.CID]bool)
	for _, cid := range reserved {
		kept[cid] = true
	}
	for _, k := range m.pending {
		for _, tuple := range k.tuples {
			kept[tuple.a.cid], kept[tuple.b.cid] = true, true
		}
	}
	var ask []messages.CID
	for _, cid := range sortedKeys(m.stored) {
		if !kept[cid] && rapid.IntRange(0, 20).Draw(t, "garbage") == 0 {
			ask = append(ask, cid)
		}
	}
	free, changes, refused := m.core.retire(ask)
	if refused != nil {
		t.Fatalf("retire: %v", refused)
	}
	m.apply(t, changes)
	for _, cid := range free {
		delete(m.stored, cid)
	}
	m.core.endCollection()
}

func (m *coreMachine) bounds(t *rapid.T) {
	c := m.core
	if n := c.candidates.size(); n > c.cfg.CandidatesMax {
		t.Fatalf("%d candidates in memory", n)
	}
	if len(c.reuse.active) > c.cfg.ActiveMax || len(c.reuse.spares) > c.cfg.SparesMax {
		t.Fatalf("%d active, %d spares", len(c.reuse.active), len(c.reuse.spares))
	}
	if len(c.streams) > c.cfg.StreamsMax {
		t.Fatalf("%d streams", len(c.streams))
	}
	planned := 0
	for _, k := range c.committing {
		planned += len(k.known)
	}
	for _, k := range m.pending {
		planned += len(k.tuples)
	}
	for _, s := range c.streams {
		planned += len(s.reserved)
	}
	if c.reserved != planned {
		t.Fatalf("%d tuples are reserved, the core says %d", planned, c.reserved)
	}
	for cid, r := range c.reuse.byCID {
		if r.cid != cid || !r.inPool || r.uses >= c.cfg.UsesMax {
			t.Fatal("a block in the reuse pool that does not belong there")
		}
	}
}

func TestCoreKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newCoreMachine(rapid.Uint64().Draw(t, "seed"))
		t.Repeat(map[string]func(*rapid.T){
			"plan": m.plan, "settle": m.settle, "commit": m.commit,
			"settleCommit": m.settleCommit, "end": m.end, "retire": m.retire, "": m.bounds,
		})
	})
}

// TestCoreLoadsWhatItWrote restarts a core from its rows: what was used in a
// slot before is never used in slot A after, and use counts go on.
func TestCoreLoadsWhatItWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newCoreMachine(rapid.Uint64().Draw(t, "seed"))
		for range 3 {
			for range 12 {
				m.plan(t)
				m.settle(t)
				m.commit(t)
				m.settleCommit(t)
			}
			m.restart(t)
		}
	})
}

// restart loads a new core, as the actor does.
func (m *coreMachine) restart(t *rapid.T) {
	m.core = newCore(smallConfig(), testDraw(rapid.Uint64().Draw(t, "seed")))
	m.pending, m.writing = nil, nil
	clear(m.booked)
	clear(m.recent)
	m.core.beginScan()
	for _, key := range sortedStrings(m.rows) {
		row := messages.Row{Key: []byte(key[1:]), Value: m.rows[key]}
		switch m.table[key] {
		case port.TableCandidates:
			c, err := decodeCandidate(row)
			if err != nil {
				t.Fatal(err)
			}
			m.core.scanned(c)
		case port.TableReuse:
			r, err := decodeReusable(row)
			if err != nil {
				t.Fatal(err)
			}
			m.core.reuse.load(r)
		}
	}
	m.core.endScan()
}

func sortedStrings(m map[string][]byte) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func TestTupleOfOneOriginHasOneSlotOfIt(t *testing.T) {
	evil := messages.NodeID{66}
	c := newCore(smallConfig(), testDraw(3))
	for i := range uint64(40) {
		c.candidates.add(candidate{cid: fakeCID(1000 + i), origin: evil})
		c.reuse.load(&reusable{
			block:     block{cid: fakeCID(2000 + i), origin: evil},
			committed: true, historied: true,
		})
	}
	foreign := 0
	tuples, _ := c.plan(1, 40)
	for _, tuple := range tuples {
		if tuple.a.origin == evil && tuple.b.origin == evil {
			t.Fatal("both slots have blocks of one peer")
		}
		if tuple.a.origin == evil {
			foreign++
		}
	}
	if foreign < 20 {
		t.Errorf("%d of 40 tuples have a foreign A, want about 36", foreign)
	}
}

func TestProfilesShare(t *testing.T) {
	const n = 20_000
	for profile, want := range map[string]float64{
		ProfileBalanced: 0.9, ProfileThrifty: 0.98, ProfileStrict: 0,
	} {
		cfg := DefaultConfig()
		cfg.Profile = profile
		c := newCore(cfg, testDraw(5))
		for i := range uint64(n + 2000) {
			c.candidates.add(candidate{cid: fakeCID(i)})
		}
		reused := 0
		for range n / 200 {
			tuples, generate := c.plan(1, 200)
			for _, b := range generate {
				b.cid = fakeCID(c.turn<<32 + uint64(reused) + c.draw(1<<31))
			}
			for _, tuple := range tuples {
				if !tuple.freshA {
					reused++
				}
			}
		}
		// Five standard deviations of a binomial count.
		got := float64(reused) / n
		if got < want-0.0107 || got > want+0.0107 {
			t.Errorf("%s: %.4f of slots A were reused, want %.2f", profile, got, want)
		}
	}
}
