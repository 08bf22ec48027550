package store

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

func free(messages.CID) bool { return false }

func TestKeptTransitions(t *testing.T) {
	cid := testCID(1)
	replica, shared := kept{why: whyReplica, until: 9}, kept{why: whyShared, until: 9}
	for _, test := range []struct {
		name   string
		before kept // the zero kept: no entry
		stored bool
		until  uint32
		want   kept // after it is held until then
		owned  why  // after it is put as well; 0: no entry
	}{
		{"New", kept{}, false, 9, replica, whyShared},
		{"Mine", kept{}, true, 9, shared, whyShared},
		{"Cached", kept{why: whyCached, wanted: true}, true, 9, replica, whyShared},
		{"CachedAndGone", kept{why: whyCached}, false, 9, replica, whyShared},
		{"Longer", kept{why: whyReplica, until: 5}, true, 9, replica, whyShared},
		{"Shorter", kept{why: whyReplica, until: 5}, true, 3, kept{why: whyReplica, until: 5}, whyShared},
		{"MineAndGone", kept{why: whyShared, until: 5}, false, 9, shared, whyShared},
		{"Shared", kept{why: whyShared, until: 5}, true, 9, shared, whyShared},
		{"Unsure", kept{why: whyUnsure}, true, 9, shared, whyShared},
	} {
		t.Run(test.name, func(t *testing.T) {
			table := newKeptTable()
			if test.before.why != 0 {
				table.set(cid, test.before)
			}
			held := table.held(cid, test.until, test.stored)
			if held != test.want {
				t.Fatalf("held: got %+v, want %+v", held, test.want)
			}
			table.set(cid, held)
			if next, _, change := table.owned(cid); change {
				table.set(cid, next)
			}
			if got := table.entries[cid]; got.why != test.owned || got.until != held.until {
				t.Errorf("put: got %+v, want reason %d", got, test.owned)
			}
		})
	}
}

func TestPutBlocksAreNotCachedAnyMore(t *testing.T) {
	for _, w := range []why{whyCached, whyUnsure} {
		table := newKeptTable()
		table.set(testCID(1), kept{why: w})
		if _, remove, change := table.owned(testCID(1)); !remove || !change {
			t.Errorf("reason %d: the row stays (%v, %v)", w, remove, change)
		}
	}
}

func TestLeasesAreRoundedUp(t *testing.T) {
	for at, want := range map[time.Time]uint32{
		time.Unix(100, 0): 100, time.Unix(100, 1): 101, time.Unix(-5, 0): 0,
		time.Unix(1<<40, 0): 1<<32 - 1,
	} {
		if got := secondsOf(at); got != want {
			t.Errorf("%v: got %d, want %d", at, got, want)
		}
	}
}

// TestKeptTable compares the table with a model that is searched through at
// every step.
func TestKeptTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table, model := newKeptTable(), map[messages.CID]kept{}
		now := uint32(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			cid := testCID(rapid.Uint64Range(1, 12).Draw(t, "block"))
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0, 1:
				k := kept{why: why(rapid.IntRange(1, 4).Draw(t, "why"))}
				if k.why == whyReplica || k.why == whyShared {
					k.until = now + rapid.Uint32Range(0, 20).Draw(t, "lease")
				}
				table.set(cid, k)
				model[cid] = k
			case 2:
				table.remove(cid)
				delete(model, cid)
			case 3:
				table.read(cid)
				if k := model[cid]; k.why == whyCached {
					k.wanted = true
					model[cid] = k
				}
			case 4:
				checkEvict(t, &table, model)
			case 5:
				now += rapid.Uint32Range(0, 10).Draw(t, "pass")
				checkExpire(t, &table, model, now)
			}
			checkCounts(t, &table, model)
		}
	})
}

func checkCounts(t *rapid.T, table *keptTable, model map[messages.CID]kept) {
	var replicas, cached int64
	for cid, k := range model {
		if table.entries[cid] != k {
			t.Fatalf("%s: got %+v, want %+v", cid.Short(), table.entries[cid], k)
		}
		switch k.why {
		case whyReplica:
			replicas++
		case whyCached:
			cached++
		}
	}
	if len(table.entries) != len(model) || table.replicas != replicas || table.cached != cached {
		t.Fatalf("got %d entries, %d replicas, %d cached; want %d, %d, %d", len(table.entries),
			table.replicas, table.cached, len(model), replicas, cached)
	}
	if len(table.fifo) > 2*12+66 {
		t.Fatalf("%d blocks queue up", len(table.fifo))
	}
}

func checkEvict(t *rapid.T, table *keptTable, model map[messages.CID]kept) {
	n := rapid.Int64Range(0, 4).Draw(t, "evict")
	evicted := table.evict(n, free)
	unwanted := int64(0)
	for _, k := range model {
		if k.why == whyCached && !k.wanted {
			unwanted++
		}
	}
	for _, cid := range evicted {
		if k := model[cid]; k.why != whyCached || k.wanted {
			t.Fatalf("%+v was evicted", k)
		}
		delete(model, cid)
	}
	if got, want := int64(len(evicted)), min(n, unwanted); got != want {
		t.Fatalf("%d blocks were evicted, want %d", got, want)
	}
	for cid, k := range table.entries { // turns that were given
		if was, ok := model[cid]; ok && was.why == whyCached {
			model[cid] = k
		}
	}
}

func checkExpire(t *rapid.T, table *keptTable, model map[messages.CID]kept, now uint32) {
	n := rapid.Int64Range(0, 4).Draw(t, "expire")
	var ended []messages.CID
	for cid, k := range model {
		if k.why == whyReplica && k.until <= now {
			ended = append(ended, cid)
		}
	}
	expired := table.expire(n, now, free)
	if got, want := int64(len(expired)), min(n, int64(len(ended))); got != want {
		t.Fatalf("%d of %d ended leases were chosen, want %d", got, len(ended), want)
	}
	for _, cid := range expired {
		if k := model[cid]; k.why != whyReplica || k.until > now {
			t.Fatalf("%+v was chosen at %d", k, now)
		}
		delete(model, cid)
	}
}

func TestKeptRows(t *testing.T) {
	for _, want := range []kept{
		{why: whyCached}, {why: whyReplica, until: 1 << 31}, {why: whyShared, until: 7},
	} {
		change := putKept(testCID(5), want)
		cid, got, err := decodeKept(messages.Row{Key: change.Row.Key, Value: change.Value})
		if err != nil || cid != testCID(5) || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	key := testCID(5)
	for name, row := range map[string]messages.Row{
		"ShortKey":  {Key: key[:31], Value: []byte{1, 0, 0, 0, 0}},
		"LongValue": {Key: key[:], Value: []byte{1, 0, 0, 0, 0, 0}},
		"NoReason":  {Key: key[:], Value: []byte{0, 0, 0, 0, 0}},
		"Unsure":    {Key: key[:], Value: []byte{4, 0, 0, 0, 0}},
	} {
		if _, _, err := decodeKept(row); err == nil {
			t.Errorf("%s: a malformed row was decoded", name)
		}
	}
}
