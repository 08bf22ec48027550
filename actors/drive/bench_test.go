package drive

import (
	"fmt"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
)

// table is an index in a map, for decisions without an actor.
type table struct {
	rows map[rowID][]byte
	next uint64
}

// decide runs a decision to its end, and commits it.
func (x *table) decide(b *testing.B, cfg *Config, shared *memory, run func(v *view) error) {
	b.Helper()
	v := newView(format.Production(), cfg, shared)
	for {
		v.begin(time.Unix(1, 0), x.next, 1<<60)
		err := run(v)
		if err == nil {
			break
		}
		if !isMissing(err) {
			b.Fatal(err)
		}
		for _, id := range v.missing.rows {
			v.knowRead(id, x.rows[id])
		}
	}
	for _, c := range v.txn() {
		id := rowID{c.Row.Table, string(c.Row.Group), string(c.Row.Key)}
		switch c.Op {
		case port.OpPut, port.OpInsert:
			x.rows[id] = c.Value
		case port.OpDelete:
			delete(x.rows, id)
		case port.OpMatch:
			continue
		}
		v.know(id, c.Value)
	}
	x.next += v.allocated
	v.publish()
}

// BenchmarkDecisions measures what the actor itself spends on a name, four
// directories deep, with its rows in memory.
func BenchmarkDecisions(b *testing.B) {
	cfg := DefaultConfig()
	x := &table{rows: map[rowID][]byte{}, next: 2}
	shared := newMemory(cfg.RowsMax, cfg.DecodedNodesMax)
	x.decide(b, &cfg, shared, (*view).makeRoot)
	x.decide(b, &cfg, shared, func(v *view) error { return v.makeDirectory("/a/b/c/d", true) })
	ref := testRef(1, 1)
	file := inode{kind: messages.TypeFile, root: &ref, size: 5}
	x.decide(b, &cfg, shared, func(v *view) error { return v.place("/a/b/c/d/f0", file, true) })
	b.Run("Place", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			x.decide(b, &cfg, shared, func(v *view) error {
				return v.place(fmt.Sprintf("/a/b/c/d/f%d", i+1), file, true)
			})
		}
	})
	b.Run("Locate", func(b *testing.B) {
		for b.Loop() {
			x.decide(b, &cfg, shared, func(v *view) error {
				_, err := v.locate("/a/b/c/d/f0")
				return err
			})
		}
	})
	b.Run("Rename", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			from, to := "/a/b/c/d/f0", "/a/b/c/g0"
			if i%2 == 1 {
				from, to = to, from
			}
			x.decide(b, &cfg, shared, func(v *view) error { return v.rename(from, to, false) })
		}
	})
}
