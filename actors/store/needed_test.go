package store

import (
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

func testCID(n uint64) messages.CID {
	var cid messages.CID
	binary.BigEndian.PutUint64(cid[:], n*0x9E3779B97F4A7C15) // spread over the buckets
	return cid
}

func TestNeededSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		got, want := &neededSet{}, map[uint64]bool{}
		// Few buckets and many repeats, so that they are tidied often.
		spread := rapid.SampledFrom([]uint64{1, 1 << 40, 1 << 52, 1 << 60}).Draw(t, "spread")
		cid := func(n uint64) (c messages.CID) {
			binary.BigEndian.PutUint64(c[:], n*spread)
			return c
		}
		for range rapid.IntRange(1, 2000).Draw(t, "steps") {
			n := rapid.Uint64Range(0, 500).Draw(t, "n")
			if rapid.IntRange(0, 9).Draw(t, "add") > 0 {
				got.add(cid(n))
				want[n*spread] = true
			} else if got.has(cid(n)) != want[n*spread] {
				t.Fatalf("has(%d): want %v", n, want[n*spread])
			}
		}
		entries := 0
		for i := range got.buckets {
			entries += len(got.buckets[i].entries)
		}
		if most := 2*len(want) + neededBucketMin*501; entries > most {
			t.Fatalf("%d entries for %d blocks", entries, len(want))
		}
	})
}

// TestNeededSetKeepsTwins: of two blocks whose CIDs begin alike, adding one
// keeps both.
func TestNeededSetKeepsTwins(t *testing.T) {
	s := &neededSet{}
	a, b := testCID(5), testCID(5)
	b[31] = 1
	s.add(a)
	if !s.has(b) {
		t.Fatal("a twin would be deleted")
	}
}

func BenchmarkNeededSet(b *testing.B) {
	s := &neededSet{}
	n := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		s.add(testCID(n % (1 << 20)))
		n++
	}
}
