package porttest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/runtime/port"
)

// modelKey is a row's name as a map key.
type modelKey struct {
	table      port.Table
	group, key string
}

func modelKeyOf(k port.RowKey) modelKey {
	return modelKey{k.Table, string(k.Group), string(k.Key)}
}

// indexMachine drives an engine and a map side by side.
type indexMachine struct {
	t      *testing.T
	h      IndexHarness
	engine port.IndexEngine
	rows   map[modelKey]string
	// lost are the states that a power cut may fall back to: the one at the
	// last durable point, then one after each transaction since.
	lost []map[modelKey]string
}

// indexModel compares random histories with a map.
func indexModel(t *testing.T, h IndexHarness) {
	if h.Slow {
		t.Skip("too slow here")
	}
	rapid.Check(t, func(rt *rapid.T) {
		m := &indexMachine{t: t, h: h, engine: h.New(t), rows: map[modelKey]string{}}
		m.settle()
		defer func() {
			if err := m.engine.Close(); err != nil {
				rt.Errorf("close: %v", err)
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"commit": m.commit, "get": m.get, "scan": m.scan, "reopen": m.reopen,
			"purge": m.purge, "powerCut": m.powerCut, "": m.verify,
		})
	})
}

// settle notes that all rows are durable.
func (m *indexMachine) settle() { m.lost = []map[modelKey]string{maps.Clone(m.rows)} }

func drawRow(rt *rapid.T) port.RowKey {
	return row(
		rapid.SampledFrom([]port.Table{
			port.TableInodes, port.TableDentries, port.TableSlotA,
		}).Draw(rt, "table"),
		rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "group"),
		rapid.SampledFrom([]string{"", "a", "b", "c", "d", "ab"}).Draw(rt, "key"))
}

func (m *indexMachine) drawChange(rt *rapid.T) port.Change {
	c := port.Change{Row: drawRow(rt)}
	c.Op = rapid.SampledFrom([]port.Op{
		port.OpPut, port.OpInsert, port.OpDelete, port.OpMatch,
	}).Draw(rt, "op")
	value := rapid.SampledFrom([]string{"", "x", "y"}).Draw(rt, "value")
	if port.HistoryTable(c.Row.Table) {
		value = ""
	}
	c.Value = []byte(value)
	if c.Op == port.OpMatch {
		// Mostly a condition that holds, or transactions seldom pass.
		now, ok := m.rows[modelKeyOf(c.Row)]
		switch rapid.IntRange(0, 3).Draw(rt, "match") {
		case 0:
		case 1:
			c.Value = nil
		default:
			if c.Value = nil; ok {
				c.Value = []byte(now)
			}
		}
	}
	return c
}

func (m *indexMachine) commit(rt *rapid.T) {
	txn := port.Txn{Durable: rapid.Bool().Draw(rt, "durable")}
	for range rapid.IntRange(0, 5).Draw(rt, "changes") {
		txn.Changes = append(txn.Changes, m.drawChange(rt))
	}
	next, want := m.expect(txn)
	err := m.engine.Commit(txn)
	if !want[0] == (err == nil) || (err != nil && !m.allowed(err, want)) {
		rt.Fatalf("commit %v: got %v, want ok/exists/changed/bad %v", txn.Changes, err, want)
	}
	if err != nil {
		return
	}
	m.rows = next
	m.lost = append(m.lost, maps.Clone(next))
	if txn.Durable {
		m.settle()
	}
}

// expect applies a transaction to the model. want tells which outcomes are
// right: none wrong, ErrRowExists, ErrRowChanged, ErrBadTxn.
func (m *indexMachine) expect(txn port.Txn) (next map[modelKey]string, want [4]bool) {
	next = maps.Clone(m.rows)
	want[3] = txn.Check() != nil
	for _, c := range txn.Changes {
		now, ok := m.rows[modelKeyOf(c.Row)]
		switch c.Op {
		case port.OpInsert:
			want[1] = want[1] || ok
			next[modelKeyOf(c.Row)] = string(c.Value)
		case port.OpPut:
			next[modelKeyOf(c.Row)] = string(c.Value)
		case port.OpDelete:
			delete(next, modelKeyOf(c.Row))
		case port.OpMatch:
			if ok != (c.Value != nil) || now != string(c.Value) {
				want[2] = true
			}
		}
	}
	if want[3] {
		want[1], want[2] = false, false
	}
	want[0] = !want[1] && !want[2] && !want[3]
	return next, want
}

func (m *indexMachine) allowed(err error, want [4]bool) bool {
	return errors.Is(err, port.ErrRowExists) && want[1] ||
		errors.Is(err, port.ErrRowChanged) && want[2] || errors.Is(err, port.ErrBadTxn) && want[3]
}

func (m *indexMachine) get(rt *rapid.T) {
	var keys []port.RowKey
	for range rapid.IntRange(0, 4).Draw(rt, "keys") {
		keys = append(keys, drawRow(rt))
	}
	values, err := m.engine.Get(keys)
	if err != nil || len(values) != len(keys) {
		rt.Fatalf("get: %d values of %d, %v", len(values), len(keys), err)
	}
	for i, k := range keys {
		want, ok := m.rows[modelKeyOf(k)]
		if (values[i] != nil) != ok || !bytes.Equal(values[i], []byte(want)) {
			rt.Fatalf("get %v: got %q, want %q (there: %v)", modelKeyOf(k), values[i], want, ok)
		}
	}
}

func (m *indexMachine) scan(rt *rapid.T) {
	k := drawRow(rt)
	if port.HistoryTable(k.Table) {
		return
	}
	var want []string
	for name, value := range m.rows {
		if name.table == k.Table && name.group == string(k.Group) {
			want = append(want, fmt.Sprintf("%q=%q", name.key, value))
		}
	}
	limit := rapid.IntRange(1, 4).Draw(rt, "limit")
	got := contents(scanAll(m.t, m.engine, k.Table, string(k.Group), limit))
	if fmt.Sprint(got) != fmt.Sprint(sorted(want)) {
		rt.Fatalf("scan: got %v, want %v", got, sorted(want))
	}
}

func (m *indexMachine) reopen(*rapid.T) {
	m.engine = m.h.Reopen(m.t, m.engine)
	m.settle()
}

func (m *indexMachine) purge(rt *rapid.T) {
	if err := m.engine.Purge(); err != nil {
		rt.Fatalf("purge: %v", err)
	}
	m.settle()
}

func (m *indexMachine) powerCut(rt *rapid.T) {
	if m.h.PowerCut == nil {
		return
	}
	m.engine = m.h.PowerCut(m.t, m.engine, rapid.Uint64().Draw(rt, "seed"))
	now := m.read(rt)
	for _, state := range m.lost {
		if maps.Equal(now, state) {
			m.rows = state
			m.settle()
			return
		}
	}
	rt.Fatalf("after a power cut: got %v, want one of %v", now, m.lost)
}

// read asks for every row that the test can name.
func (m *indexMachine) read(rt *rapid.T) map[modelKey]string {
	now := map[modelKey]string{}
	for _, table := range []port.Table{port.TableInodes, port.TableDentries, port.TableSlotA} {
		for _, group := range []string{"", "a", "b"} {
			for _, key := range []string{"", "a", "b", "c", "d", "ab"} {
				k := row(table, group, key)
				values, err := m.engine.Get([]port.RowKey{k})
				if err != nil {
					rt.Fatalf("get: %v", err)
				}
				if values[0] != nil {
					now[modelKeyOf(k)] = string(values[0])
				}
			}
		}
	}
	return now
}

func (m *indexMachine) verify(rt *rapid.T) {
	rows, err := m.engine.Verify(rt.Context())
	if err != nil || rows != int64(len(m.rows)) {
		rt.Fatalf("verify: got %d rows, %v, want %d", rows, err, len(m.rows))
	}
}
