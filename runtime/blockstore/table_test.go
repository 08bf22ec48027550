package blockstore

import (
	"encoding/binary"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// shortCID draws a CID from a small or a large set, some with long common
// beginnings.
func shortCID(t *rapid.T) messages.CID {
	var cid messages.CID
	word := rapid.Uint64Range(0, 700).Draw(t, "cid")
	if rapid.Bool().Draw(t, "end") {
		binary.BigEndian.PutUint64(cid[24:], word)
	} else {
		binary.BigEndian.PutUint64(cid[:], word<<54)
	}
	return cid
}

// TestTableIsASortedMap compares a table with a map.
func TestTableIsASortedMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tab table
		want := make(map[messages.CID]entry)
		// Enough entries for leaves to split, before the drawn steps.
		for i := range rapid.IntRange(0, 1500).Draw(t, "start") {
			var cid messages.CID
			binary.BigEndian.PutUint64(cid[:], uint64(i*7919%1500)<<50)
			e := entry{cid: cid, crc: uint32(i)}
			tab.set(e)
			want[cid] = e
		}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				e := entry{cid: shortCID(t), crc: rapid.Uint32().Draw(t, "crc")}
				tab.set(e)
				want[e.cid] = e
			},
			"remove": func(t *rapid.T) {
				cid := shortCID(t)
				tab.remove(cid)
				delete(want, cid)
			},
			"removeMany": func(t *rapid.T) {
				cids, _ := tab.after(shortCID(t), rapid.IntRange(0, 400).Draw(t, "n"))
				for _, cid := range cids {
					tab.remove(cid)
					delete(want, cid)
				}
			},
			"get": func(t *rapid.T) {
				cid := shortCID(t)
				e, ok := want[cid]
				if got := tab.get(cid); (got != nil) != ok || ok && *got != e {
					t.Fatalf("get: got %v, want %v", got, e)
				}
			},
			"": func(t *rapid.T) { checkTable(t, &tab, want) },
		})
	})
}

func checkTable(t *rapid.T, tab *table, want map[messages.CID]entry) {
	if tab.count != len(want) {
		t.Fatalf("count: got %d, want %d", tab.count, len(want))
	}
	sorted := make([]messages.CID, 0, len(want))
	zero := false
	for cid := range want {
		if cid.IsZero() {
			zero = true // after does not return what it starts from
			continue
		}
		sorted = append(sorted, cid)
	}
	slices.SortFunc(sorted, messages.CID.Compare)
	got, more := tab.after(messages.CID{}, len(want)+1)
	if more || !slices.Equal(got, sorted) {
		t.Fatalf("after: got %d, more %v, want %d (zero %v)", len(got), more, len(sorted), zero)
	}
	for i, leaf := range tab.leaves {
		if len(leaf) == 0 || len(leaf) > leafMax {
			t.Fatalf("leaf %d has %d entries", i, len(leaf))
		}
	}
}

// TestTableMemory keeps the memory that a block costs within what doc.go
// says, by a margin.
func TestTableMemory(t *testing.T) {
	const blocks = 200000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var tab table
	state := uint64(1)
	for range blocks {
		var cid messages.CID
		for i := 0; i < len(cid); i += 8 {
			state = state*6364136223846793005 + 1442695040888963407
			binary.BigEndian.PutUint64(cid[i:], state^state>>29)
		}
		tab.set(entry{cid: cid})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / blocks
	t.Logf("%.1f bytes a block", each)
	if each > 66 {
		t.Errorf("a block costs %.1f bytes", each)
	}
	runtime.KeepAlive(&tab)
}
