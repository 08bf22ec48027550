package cache

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// testCID makes the CID of a number.
func testCID(n uint64) messages.CID {
	var cid messages.CID
	binary.BigEndian.PutUint64(cid[:], n)
	return cid
}

// model is algorithm 1 of the paper, with slices for queues.
type model struct {
	room               int
	small, main, ghost []uint64 // oldest first
	uses               map[uint64]int
}

func (m *model) has(n uint64) bool {
	return slices.Contains(m.small, n) || slices.Contains(m.main, n)
}

func (m *model) get(n uint64) bool {
	if !m.has(n) {
		return false
	}
	m.uses[n] = min(m.uses[n]+1, 3)
	return true
}

func (m *model) smallMax() int { return max(1, m.room/10) }

func (m *model) put(n uint64) {
	if m.room == 0 || m.has(n) {
		return
	}
	for len(m.small)+len(m.main) >= m.room {
		if len(m.small) >= m.smallMax() {
			m.evictSmall()
		} else {
			m.evictMain()
		}
	}
	m.uses[n] = 0
	if i := slices.Index(m.ghost, n); i >= 0 {
		m.ghost[i] = ghostHole
		m.main = append(m.main, n)
		return
	}
	m.small = append(m.small, n)
}

// ghostHole stands where a name was taken out of the ghost queue: the place
// is used up all the same.
const ghostHole = ^uint64(0)

func (m *model) evictSmall() {
	for len(m.small) > 0 {
		n := m.small[0]
		m.small = m.small[1:]
		if m.uses[n] > 1 {
			m.uses[n] = 0
			m.main = append(m.main, n)
			if len(m.main) > m.room-m.smallMax() {
				m.evictMain()
			}
			continue
		}
		m.ghost = append(m.ghost, n)
		if len(m.ghost) > m.room-m.smallMax() {
			m.ghost = m.ghost[1:]
		}
		return
	}
}

func (m *model) evictMain() {
	for len(m.main) > 0 {
		n := m.main[0]
		m.main = m.main[1:]
		if m.uses[n] == 0 {
			return
		}
		m.uses[n]--
		m.main = append(m.main, n)
	}
}

func (m *model) remove(n uint64) {
	if i := slices.Index(m.ghost, n); i >= 0 {
		m.ghost[i] = ghostHole
	}
	is := func(x uint64) bool { return x == n }
	m.small = slices.DeleteFunc(m.small, is)
	m.main = slices.DeleteFunc(m.main, is)
}

// queued lists a queue of the cache, oldest first.
func (c *s3fifo) queued(q queue) []uint64 {
	var all []uint64
	for i := q.oldest; i != none; i = c.slots[i].newer {
		all = append(all, binary.BigEndian.Uint64(c.slots[i].block.CID[:8]))
	}
	return all
}

func TestS3FIFOIsAlgorithm1(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := rapid.IntRange(0, 40).Draw(t, "room")
		names := rapid.Uint64Range(1, 120).Draw(t, "names")
		steps := rapid.IntRange(1, 400).Draw(t, "steps")
		got, want := newS3FIFO(room), &model{room: room, uses: map[uint64]int{}}
		for range steps {
			n := rapid.Uint64Range(0, names).Draw(t, "n")
			if rapid.IntRange(0, 19).Draw(t, "remove") == 0 {
				got.remove(testCID(n))
				want.remove(n)
			} else {
				_, hit := got.get(testCID(n))
				if hit != want.get(n) {
					t.Fatalf("get(%d): hit is %v", n, hit)
				}
				got.put(messages.Block{CID: testCID(n)})
				want.put(n)
			}
			if small := got.queued(got.small); !slices.Equal(small, want.small) {
				t.Fatalf("small queue: got %v, want %v", small, want.small)
			}
			if main := got.queued(got.main); !slices.Equal(main, want.main) {
				t.Fatalf("main queue: got %v, want %v", main, want.main)
			}
			if got.len() > room || len(got.index) != got.len() {
				t.Fatalf("%d blocks, %d indexed, room for %d", got.len(), len(got.index), room)
			}
			if n := len(got.ghosts.at); n > max(0, room-got.smallMax) {
				t.Fatalf("%d ghosts in room for %d", n, room-got.smallMax)
			}
		}
	})
}

// TestS3FIFOKeepsSharedBlocksThroughAScan is why this policy was chosen: a
// pass over a file much larger than the cache does not push out the
// randomizers that its chunks share.
func TestS3FIFOKeepsSharedBlocksThroughAScan(t *testing.T) {
	const room, shared, scan = 100, 60, 10_000
	c := newS3FIFO(room)
	read := func(n uint64) bool {
		_, hit := c.get(testCID(n))
		c.put(messages.Block{CID: testCID(n)})
		return hit
	}
	hits, asks := 0, 0
	for i := range uint64(scan) {
		read(1_000_000 + i) // once, never again
		if i >= scan/2 {
			asks++
			if read(i % shared) {
				hits++
			}
			continue
		}
		read(i % shared)
	}
	if hits < asks*95/100 {
		t.Fatalf("%d of %d reads of shared blocks hit", hits, asks)
	}
}

func TestS3FIFOReusesSlots(t *testing.T) {
	c := newS3FIFO(10)
	for n := range uint64(1000) {
		c.put(messages.Block{CID: testCID(n)})
		if n%3 == 0 {
			c.remove(testCID(n))
		}
	}
	if len(c.slots) > 11 {
		t.Fatalf("%d slots for 10 blocks", len(c.slots))
	}
	for _, s := range c.slots[1:] {
		if s.block.Data != nil {
			t.Fatal("a spare slot holds on to bytes")
		}
	}
}

func BenchmarkS3FIFO(b *testing.B) {
	const room = 4096
	c := newS3FIFO(room)
	blocks := make([]messages.Block, 4*room)
	for i := range blocks {
		blocks[i].CID = testCID(uint64(i) * 0x9E3779B97F4A7C15)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		block := blocks[i*i%len(blocks)] // uneven: squares repeat
		if _, ok := c.get(block.CID); !ok {
			c.put(block)
		}
		i++
	}
}
