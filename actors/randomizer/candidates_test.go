package randomizer

import (
	"testing"

	"github.com/noisefs/noisefs/messages"
)

func TestTakeIsUniform(t *testing.T) {
	// 32 candidates, half of them in an open stream that does not draw.
	const size, rounds = 32, 8000
	draw := testDraw(11)
	counts := make(map[messages.CID]int)
	for range rounds {
		s := newCandidateSet(16*size, draw)
		s.openStream(1)
		s.openStream(2)
		for i := range uint64(size) {
			s.add(candidate{cid: fakeCID(i), stream: messages.StreamID(i%2) * 2})
			s.add(candidate{cid: fakeCID(100 + i), stream: 1})
		}
		c, ok := s.take(1)
		if !ok || c.stream == 1 {
			t.Fatal("took nothing, or a block of the stream itself")
		}
		counts[c.cid]++
	}
	checkEven(t, counts, size, rounds)
}

func TestReservoirIsUniform(t *testing.T) {
	// 96 rows pass through room for 24.
	const rows, room, rounds = 96, 24, 4000
	draw := testDraw(12)
	counts := make(map[messages.CID]int)
	for range rounds {
		s := newCandidateSet(room*4/3, draw)
		for i := range uint64(rows) {
			s.add(candidate{cid: fakeCID(i)})
		}
		if s.size() != room || s.known() != rows {
			t.Fatalf("size %d, known %d, want %d, %d", s.size(), s.known(), room, rows)
		}
		for _, c := range s.closed.items {
			counts[c.cid]++
		}
	}
	checkEven(t, counts, rows, room*rounds)
}

// checkEven fails unless counts are even by chi-square: the threshold is that
// of the Laurent-Massart bound (Ann. Statist. 28, 2000, lemma 1) at e^-14.
func checkEven(t *testing.T, counts map[messages.CID]int, cells, total int) {
	t.Helper()
	expected := float64(total) / float64(cells)
	sum := 0.0
	for _, n := range counts {
		sum += (float64(n) - expected) * (float64(n) - expected) / expected
	}
	sum += float64(cells-len(counts)) * expected
	freedom := float64(cells - 1)
	const x = 14
	if limit := freedom + 2*sqrt(freedom*x) + 2*x; sum > limit {
		t.Errorf("chi-square %.1f over %d cells, want at most %.1f", sum, cells, limit)
	}
}

func TestHugeStreamDoesNotCrowdOutOthers(t *testing.T) {
	s := newCandidateSet(400, testDraw(13))
	for i := range uint64(250) {
		s.add(candidate{cid: fakeCID(i)})
	}
	s.openStream(7)
	for i := range uint64(10_000) {
		s.add(candidate{cid: fakeCID(1000 + i), stream: 7})
	}
	for range 250 {
		if _, ok := s.take(7); !ok {
			t.Fatal("a stream cannot draw what others left")
		}
	}
	if _, ok := s.take(7); ok {
		t.Fatal("a stream drew its own block")
	}
	if s.wantsRefill() {
		t.Error("wants a scan that finds nothing to draw")
	}
	s.closeStream(7)
	if got := s.known(); got != 10_000 {
		t.Errorf("knows %d candidates, want 10000", got)
	}
	for range 30 {
		if _, ok := s.take(8); !ok {
			t.Fatal("another stream cannot draw from the closed one")
		}
	}
	if !s.wantsRefill() {
		t.Error("does not want to scan what the closed stream left")
	}
}

func TestStreamThatCameBackDoesNotMeetItself(t *testing.T) {
	s := newCandidateSet(100, testDraw(14))
	for i := range uint64(20) {
		s.add(candidate{cid: fakeCID(i), stream: 5})
	}
	s.openStream(5)
	if _, ok := s.take(5); ok {
		t.Fatal("a stream drew its own block")
	}
	s.add(candidate{cid: fakeCID(99), stream: 6})
	for range 50 {
		if c, ok := s.take(5); ok {
			if c.stream != 6 {
				t.Fatal("a stream drew its own block")
			}
			return
		}
	}
	t.Error("never drew the one block of others")
}
