package porttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// IndexHarness makes the engines that the suite of [Index] tests. What it
// returns, the suite closes.
type IndexHarness struct {
	// New makes an empty engine.
	New func(tb testing.TB) port.IndexEngine
	// Reopen closes an engine and opens its data again.
	Reopen func(tb testing.TB, engine port.IndexEngine) port.IndexEngine
	// PowerCut cuts the power under an engine, by a seed that decides what
	// unsynced data survives, and opens what is left. Nil skips what needs it.
	PowerCut func(tb testing.TB, engine port.IndexEngine, seed uint64) port.IndexEngine
	// Slow skips the model, which opens an engine a few thousand times.
	Slow bool
}

// Index proves the contract of [port.IndexEngine].
func Index(t *testing.T, h IndexHarness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, IndexHarness)
	}{
		{"Operations", indexOperations},
		{"NothingWrittenOnFailure", indexAtomic},
		{"MatchBesideWrite", indexMatchBesideWrite},
		{"BadRequests", indexBadRequests},
		{"Bounds", indexBounds},
		{"History", indexHistory},
		{"ScanPages", indexScanPages},
		{"ScanUnderChange", indexScanUnderChange},
		{"Ownership", indexOwnership},
		{"ReopenAndPurge", indexReopenAndPurge},
		{"VerifyCanceled", indexVerifyCanceled},
		{"Closed", indexClosed},
		{"ConcurrentInserts", indexConcurrentInserts},
		{"ConcurrentCounters", indexConcurrentCounters},
		{"PowerCut", indexPowerCut},
		{"Model", indexModel},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, h) })
	}
}

// Rows used by the tests.

func row(table port.Table, group, key string) port.RowKey {
	return port.RowKey{Table: table, Group: []byte(group), Key: []byte(key)}
}

func put(k port.RowKey, value string) port.Change {
	return port.Change{Op: port.OpPut, Row: k, Value: []byte(value)}
}

func insert(k port.RowKey, value string) port.Change {
	return port.Change{Op: port.OpInsert, Row: k, Value: []byte(value)}
}

func remove(k port.RowKey) port.Change { return port.Change{Op: port.OpDelete, Row: k} }

func match(k port.RowKey, value string) port.Change {
	return port.Change{Op: port.OpMatch, Row: k, Value: []byte(value)}
}

func absent(k port.RowKey) port.Change { return port.Change{Op: port.OpMatch, Row: k} }

func commit(tb testing.TB, e port.IndexEngine, changes ...port.Change) {
	tb.Helper()
	if err := e.Commit(port.Txn{Changes: changes}); err != nil {
		tb.Fatalf("commit: %v", err)
	}
}

func wantCommit(tb testing.TB, e port.IndexEngine, want error, changes ...port.Change) {
	tb.Helper()
	if err := e.Commit(port.Txn{Changes: changes}); !errors.Is(err, want) {
		tb.Errorf("commit: got %v, want %v", err, want)
	}
}

// wantRow checks one row; nil means that there is none.
func wantRow(tb testing.TB, e port.IndexEngine, k port.RowKey, want []byte) {
	tb.Helper()
	values, err := e.Get([]port.RowKey{k})
	if err != nil {
		tb.Fatalf("get: %v", err)
	}
	if len(values) != 1 || !bytes.Equal(values[0], want) || (values[0] == nil) != (want == nil) {
		tb.Errorf("get: got %q, want %q", values, want)
	}
}

func closeEngine(tb testing.TB, e port.IndexEngine) {
	tb.Helper()
	if err := e.Close(); err != nil {
		tb.Errorf("close: %v", err)
	}
}

func newEngine(t *testing.T, h IndexHarness) port.IndexEngine {
	t.Helper()
	e := h.New(t)
	t.Cleanup(func() { closeEngine(t, e) })
	return e
}

// scanAll reads a group in pages.
func scanAll(
	tb testing.TB, e port.IndexEngine, table port.Table, group string, limit int,
) []messages.Row {
	tb.Helper()
	var all []messages.Row
	for cursor, pages := []byte(nil), 0; ; pages++ {
		rows, next, err := e.Scan(table, []byte(group), cursor, limit)
		if err != nil {
			tb.Fatalf("scan: %v", err)
		}
		if len(rows) > limit {
			tb.Fatalf("scan: %d rows, limit %d", len(rows), limit)
		}
		all = append(all, rows...)
		if next == nil {
			return all
		}
		if len(rows) == 0 || pages > 1<<20 {
			tb.Fatal("scan: makes no progress")
		}
		cursor = next
	}
}

// contents turns rows into a sorted text that compares and prints well.
func contents(rows []messages.Row) []string {
	lines := make([]string, len(rows))
	for i, r := range rows {
		lines[i] = fmt.Sprintf("%q=%q", r.Key, r.Value)
	}
	sort.Strings(lines)
	return lines
}

func indexOperations(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	k := row(port.TableInodes, "", "7")
	wantRow(t, e, k, nil)
	commit(t, e, remove(k)) // a missing row is no error
	commit(t, e, put(k, "one"))
	wantRow(t, e, k, []byte("one"))
	commit(t, e, put(k, "two"))
	wantRow(t, e, k, []byte("two"))
	wantCommit(t, e, port.ErrRowExists, insert(k, "three"))
	wantCommit(t, e, port.ErrRowChanged, match(k, "one"))
	wantCommit(t, e, port.ErrRowChanged, match(k, ""))
	wantCommit(t, e, port.ErrRowChanged, absent(k))
	wantCommit(t, e, nil, match(k, "two"))
	wantRow(t, e, k, []byte("two"))
	commit(t, e, remove(k))
	wantRow(t, e, k, nil)
	wantCommit(t, e, port.ErrRowChanged, match(k, "two"))
	wantCommit(t, e, port.ErrRowChanged, match(k, "")) // absent is not empty
	wantCommit(t, e, nil, absent(k))
	commit(t, e, insert(k, ""))
	wantRow(t, e, k, []byte{}) // an empty row is not absent
	wantCommit(t, e, nil, match(k, ""))
	wantCommit(t, e, port.ErrRowChanged, absent(k))
	// One key in two tables and two groups is four rows.
	others := []port.RowKey{
		row(port.TableInodes, "g", "7"), row(port.TableDentries, "", "7"),
		row(port.TableDentries, "g", "7"), row(port.TableInodes, "g7", ""),
	}
	for i, other := range others {
		commit(t, e, insert(other, fmt.Sprint(i)))
	}
	for i, other := range others {
		wantRow(t, e, other, []byte(fmt.Sprint(i)))
	}
	// Nothing to do is no error, durable or not.
	for _, durable := range []bool{false, true} {
		if err := e.Commit(port.Txn{Durable: durable}); err != nil {
			t.Errorf("empty commit, durable %v: %v", durable, err)
		}
	}
}

func indexAtomic(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	there, other := row(port.TableInodes, "", "there"), row(port.TableInodes, "", "other")
	commit(t, e, put(there, "v"))
	failing := []struct {
		change port.Change
		want   error
	}{
		{insert(there, "w"), port.ErrRowExists},
		{match(there, "w"), port.ErrRowChanged},
		{absent(there), port.ErrRowChanged},
	}
	for _, tt := range failing {
		for _, changes := range [][]port.Change{
			{put(other, "x"), tt.change}, {tt.change, put(other, "x")},
		} {
			for _, durable := range []bool{false, true} {
				err := e.Commit(port.Txn{Changes: changes, Durable: durable})
				if !errors.Is(err, tt.want) {
					t.Errorf("commit: got %v, want %v", err, tt.want)
				}
			}
		}
	}
	wantRow(t, e, other, nil)
	wantRow(t, e, there, []byte("v"))
}

// Conditions hold against the state BEFORE the transaction, wherever they
// stand in it.
func indexMatchBesideWrite(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	k := row(port.TableSettings, "s", "counter")
	commit(t, e, put(k, "2"), absent(k))
	wantRow(t, e, k, []byte("2"))
	commit(t, e, match(k, "2"), put(k, "3"))
	wantRow(t, e, k, []byte("3"))
	wantCommit(t, e, port.ErrRowChanged, put(k, "4"), match(k, "4"))
	commit(t, e, remove(k), match(k, "3"))
	wantRow(t, e, k, nil)
	commit(t, e, insert(k, "5"), absent(k))
	wantRow(t, e, k, []byte("5"))
}

func indexBadRequests(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	k := row(port.TableInodes, "g", "k")
	long := make([]byte, port.IndexValueBytesMax+1)
	for name, changes := range map[string][]port.Change{
		"NoTable":        {put(row(0, "", "k"), "v")},
		"LongGroup":      {put(row(1, string(long[:port.IndexGroupBytesMax+1]), "k"), "v")},
		"LongKey":        {put(row(1, "", string(long[:port.IndexKeyBytesMax+1])), "v")},
		"LongValue":      {{Op: port.OpPut, Row: k, Value: long}},
		"UnknownOp":      {{Op: 99, Row: k}},
		"NoOp":           {{Row: k}},
		"WrittenTwice":   {put(k, "v"), remove(k)},
		"MatchedTwice":   {match(k, "v"), absent(k)},
		"HistoryValue":   {insert(row(port.TableSlotA, "", "k"), "v")},
		"HistoryMatched": {match(row(port.TablePairs, "", "k"), "v")},
		"BadAfterGood":   {put(row(1, "", "x"), "v"), {Op: 99, Row: k}},
	} {
		t.Run(name, func(t *testing.T) { wantCommit(t, e, port.ErrBadTxn, changes...) })
	}
	wantRow(t, e, row(1, "", "x"), nil)
	if err := e.Commit(port.Txn{Changes: make([]port.Change, port.TxnChangesMax+1)}); !errors.Is(
		err, port.ErrBadTxn) {
		t.Errorf("too many changes: %v", err)
	}
	if _, err := e.Get([]port.RowKey{k, row(0, "", "k")}); !errors.Is(err, port.ErrBadTxn) {
		t.Errorf("get without a table: %v", err)
	}
	if _, err := e.Get(make([]port.RowKey, port.IndexGetRowsMax+1)); !errors.Is(
		err, port.ErrBadTxn) {
		t.Errorf("get of too many: %v", err)
	}
	for name, scan := range map[string]func() error{
		"NoTable":   func() error { _, _, err := e.Scan(0, nil, nil, 1); return err },
		"NoLimit":   func() error { _, _, err := e.Scan(1, nil, nil, 0); return err },
		"LongGroup": func() error { _, _, err := e.Scan(1, long[:65], nil, 1); return err },
		"BadCursor": func() error { _, _, err := e.Scan(1, nil, []byte("?"), 1); return err },
		"History":   func() error { _, _, err := e.Scan(port.TableSlotA, nil, nil, 1); return err },
	} {
		if err := scan(); !errors.Is(err, port.ErrBadTxn) {
			t.Errorf("scan %s: got %v, want %v", name, err, port.ErrBadTxn)
		}
	}
}

func indexBounds(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	k := port.RowKey{
		Table: 255, Group: bytes.Repeat([]byte{0xff}, port.IndexGroupBytesMax),
		Key: bytes.Repeat([]byte{0xfe}, port.IndexKeyBytesMax),
	}
	value := bytes.Repeat([]byte("0123456789abcdef"), port.IndexValueBytesMax/16)
	err := e.Commit(port.Txn{
		Changes: []port.Change{{Op: port.OpInsert, Row: k, Value: value}}, Durable: true,
	})
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	wantRow(t, e, k, value)
	rows, next, err := e.Scan(k.Table, k.Group, nil, 10)
	if err != nil || len(rows) != 1 || next != nil || !bytes.Equal(rows[0].Value, value) ||
		!bytes.Equal(rows[0].Key, k.Key) {
		t.Errorf("scan: %d rows, next %x, %v", len(rows), next, err)
	}
	if e.SizeBytes() <= 0 {
		t.Errorf("size: got %d bytes", e.SizeBytes())
	}
}

func indexHistory(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	for _, table := range []port.Table{port.TableSlotA, port.TablePairs} {
		k := row(table, "", "block")
		wantRow(t, e, k, nil)
		commit(t, e, insert(k, ""))
		wantRow(t, e, k, []byte{})
		wantCommit(t, e, port.ErrRowExists, insert(k, ""))
		wantCommit(t, e, port.ErrRowChanged, absent(k))
		wantCommit(t, e, nil, match(k, ""))
	}
	if rows, err := e.Verify(t.Context()); rows != 2 || err != nil {
		t.Errorf("verify: got %d rows, %v, want 2", rows, err)
	}
}

func indexReopenAndPurge(t *testing.T, h IndexHarness) {
	e := h.New(t)
	defer func() { closeEngine(t, e) }()
	for i := range 50 {
		commit(t, e, put(row(port.TableDentries, "d", fmt.Sprint(i)), "v"),
			insert(row(port.TableSlotA, "", fmt.Sprint(i)), ""))
	}
	for i := range 25 {
		commit(t, e, remove(row(port.TableDentries, "d", fmt.Sprint(2*i))))
	}
	want := contents(scanAll(t, e, port.TableDentries, "d", 10))
	if len(want) != 25 {
		t.Fatalf("got %d rows, want 25", len(want))
	}
	check := func(after string) {
		t.Helper()
		got := contents(scanAll(t, e, port.TableDentries, "d", 10))
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("after %s: got %v, want %v", after, got, want)
		}
		if rows, err := e.Verify(t.Context()); rows != 75 || err != nil {
			t.Errorf("after %s: verify: %d rows, %v, want 75", after, rows, err)
		}
		wantCommit(t, e, port.ErrRowExists, insert(row(port.TableSlotA, "", "3"), ""))
	}
	e = h.Reopen(t, e)
	check("reopen")
	if err := e.Purge(); err != nil {
		t.Fatalf("purge: %v", err)
	}
	check("purge")
	commit(t, e, put(row(port.TableInodes, "", "later"), "v"))
	e = h.Reopen(t, e)
	wantRow(t, e, row(port.TableInodes, "", "later"), []byte("v"))
	commit(t, e, remove(row(port.TableInodes, "", "later")))
	check("purge and reopen")
}

func indexVerifyCanceled(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	for i := range 10 {
		commit(t, e, put(row(port.TableInodes, "", fmt.Sprint(i)), "v"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v of a verification that was canceled", err)
	}
	if rows, err := e.Verify(t.Context()); rows != 10 || err != nil {
		t.Errorf("after that: got %d rows, %v, want 10", rows, err)
	}
}

func indexClosed(t *testing.T, h IndexHarness) {
	e := h.New(t)
	closeEngine(t, e)
	k := row(1, "", "k")
	_, getErr := e.Get([]port.RowKey{k})
	_, _, scanErr := e.Scan(1, nil, nil, 1)
	_, verifyErr := e.Verify(t.Context())
	for name, err := range map[string]error{
		"commit": e.Commit(port.Txn{Changes: []port.Change{put(k, "v")}}),
		"get":    getErr, "scan": scanErr, "verify": verifyErr,
		"purge": e.Purge(), "close": e.Close(),
	} {
		if !errors.Is(err, port.ErrIndexClosed) {
			t.Errorf("%s after close: got %v, want %v", name, err, port.ErrIndexClosed)
		}
	}
}
