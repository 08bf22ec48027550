package memindex

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
)

func TestIndex(t *testing.T) {
	porttest.Index(t, porttest.IndexHarness{
		New: func(testing.TB) port.IndexEngine {
			return New(Options{Rand: rand.New(rand.NewPCG(1, 2))})
		},
		Reopen: func(tb testing.TB, engine port.IndexEngine) port.IndexEngine {
			if err := engine.Close(); err != nil {
				tb.Fatalf("close: %v", err)
			}
			return engine.(*Index).Restart()
		},
		PowerCut: func(_ testing.TB, engine port.IndexEngine, seed uint64) port.IndexEngine {
			x := engine.(*Index)
			x.options.Rand = rand.New(rand.NewPCG(seed, 1))
			x.PowerCut()
			return x.Restart()
		},
	})
}

func change(op port.Op, key, value string) port.Change {
	k := port.RowKey{Table: port.TableInodes, Key: []byte(key)}
	return port.Change{Op: op, Row: k, Value: []byte(value)}
}

func commit(x *Index, durable bool, changes ...port.Change) error {
	return x.Commit(port.Txn{Changes: changes, Durable: durable})
}

// rows counts what is there.
func rows(t *testing.T, x *Index) int64 {
	t.Helper()
	n, err := x.Verify(t.Context())
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	return n
}

// A power cut loses any suffix that is not durable, and nothing else.
func TestPowerCutLosesASuffix(t *testing.T) {
	seen := map[int64]bool{}
	for seed := range uint64(200) {
		x := New(Options{Rand: rand.New(rand.NewPCG(seed, 0))})
		for i := range 8 {
			if err := commit(x, i == 3, change(port.OpInsert, fmt.Sprint(i), "v")); err != nil {
				t.Fatal(err)
			}
		}
		x.PowerCut()
		if err := commit(x, true); !errors.Is(err, port.ErrIndexClosed) || !x.Dead() {
			t.Fatalf("commit after the cut: %v", err)
		}
		seen[rows(t, x.Restart())] = true
	}
	for n := int64(0); n <= 9; n++ {
		if want := n >= 4 && n <= 8; seen[n] != want {
			t.Errorf("%d rows survived: %v, want %v", n, seen[n], want)
		}
	}
}

func TestPendingIsBounded(t *testing.T) {
	x := New(Options{PendingMax: 3})
	for i := range 10 {
		if err := commit(x, false, change(port.OpInsert, fmt.Sprint(i), "v")); err != nil {
			t.Fatal(err)
		}
	}
	if got := rows(t, x.Restart()); got != 7 {
		t.Errorf("got %d rows, want 7: the oldest become durable by themselves", got)
	}
}

func TestCutPowerAt(t *testing.T) {
	survived := map[int64]bool{}
	for seed := range uint64(20) {
		x := New(Options{Rand: rand.New(rand.NewPCG(seed, 0))})
		x.CutPowerAt(2)
		for i := range 4 {
			err := commit(x, true, change(port.OpInsert, fmt.Sprint(i), "v"))
			if want := i >= 2; errors.Is(err, port.ErrIndexClosed) != want {
				t.Errorf("commit %d: %v", i, err)
			}
		}
		survived[rows(t, x.Restart())] = true
	}
	if len(survived) != 2 || !survived[2] || !survived[3] {
		t.Errorf("survived: %v, want 2 and 3 rows", survived)
	}
}

func TestFaults(t *testing.T) {
	broken := fmt.Errorf("test: %w", port.ErrDiskIO)
	for _, applied := range []bool{false, true} {
		x := New(Options{})
		x.Inject(Fault{After: 1, Err: broken, Applied: applied})
		for i, want := range []error{nil, broken, broken} {
			err := commit(x, false, change(port.OpInsert, fmt.Sprint(i), "v"))
			if !errors.Is(err, want) {
				t.Errorf("commit %d: got %v, want %v", i, err, want)
			}
		}
		want := int64(1)
		if applied {
			want = 2
		}
		if got := rows(t, x); got != want { // reads go on
			t.Errorf("applied %v: %d rows, want %d", applied, got, want)
		}
		if err := x.Purge(); !errors.Is(err, broken) {
			t.Errorf("purge: %v", err)
		}
		if err := x.Close(); !errors.Is(err, broken) {
			t.Errorf("close: %v", err)
		}
		if err := commit(x.Restart(), true, change(port.OpPut, "x", "v")); err != nil {
			t.Errorf("after a restart: %v", err)
		}
	}
}

func TestFull(t *testing.T) {
	x := New(Options{BytesMax: 1000})
	full := 0
	for i := range 100 {
		err := commit(x, false, change(port.OpInsert, fmt.Sprint(i), "value"))
		if err != nil && !errors.Is(err, port.ErrIndexFull) {
			t.Fatal(err)
		}
		if err != nil {
			full++
		}
	}
	if full == 0 || full > 95 || x.SizeBytes() > 1500 {
		t.Errorf("%d of 100 refused at %d bytes", full, x.SizeBytes())
	}
	if err := commit(x, false, change(port.OpPut, "new", "v")); !errors.Is(err, port.ErrIndexFull) {
		t.Errorf("put when full: %v", err)
	}
	for i := range 4 {
		err := commit(x, true, change(port.OpDelete, fmt.Sprint(i), ""), change(port.OpPut, "9", ""))
		if err != nil {
			t.Errorf("removing when full: %v", err)
		}
	}
	if err := commit(x, false, change(port.OpInsert, "new", "v")); err != nil {
		t.Errorf("after removing: %v", err)
	}
	x.SetBytesMax(1)
	if err := commit(x, false, change(port.OpInsert, "n", "")); !errors.Is(err, port.ErrIndexFull) {
		t.Errorf("smaller disk: %v", err)
	}
	x.Inject(Fault{Err: port.ErrIndexFull})
	x.SetBytesMax(0)
	if err := commit(x, false, change(port.OpInsert, "n", "")); !errors.Is(err, port.ErrIndexFull) {
		t.Errorf("injected: %v", err)
	}
	if err := commit(x, false, change(port.OpInsert, "n", "")); err != nil {
		t.Errorf("full does not last: %v", err)
	}
}

func TestCost(t *testing.T) {
	costs := Costs{Commit: 1, Change: 10, Sync: 100, Get: 1000, Scan: 10_000, ScanRow: 100_000}
	x := New(Options{Costs: costs})
	for range 2 {
		if err := commit(x, true, change(port.OpPut, "a", ""), change(port.OpPut, "b", "")); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := x.TakeCost(), time.Duration(2*(1+20)+100); got != want {
		t.Errorf("two durable commits: got %d, want %d (one shared sync)", got, want)
	}
	if _, err := x.Get([]port.RowKey{{Table: 1}, {Table: 2}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := x.Scan(port.TableInodes, nil, nil, 9); err != nil {
		t.Fatal(err)
	}
	if got, want := x.TakeCost(), time.Duration(2000+10_000+200_000); got != want {
		t.Errorf("reads: got %d, want %d", got, want)
	}
	if got := x.TakeCost(); got != 0 {
		t.Errorf("nothing since: got %d", got)
	}
}

func TestSnapshotIsIndependent(t *testing.T) {
	x := New(Options{})
	if err := commit(x, false, change(port.OpInsert, "a", "v")); err != nil {
		t.Fatal(err)
	}
	copied := x.Snapshot()
	if err := commit(x, false, change(port.OpDelete, "a", "")); err != nil {
		t.Fatal(err)
	}
	if err := commit(copied, false, change(port.OpInsert, "b", "v")); err != nil {
		t.Fatal(err)
	}
	if rows(t, x) != 0 || rows(t, copied) != 2 {
		t.Errorf("got %d and %d rows, want 0 and 2", rows(t, x), rows(t, copied))
	}
	if got := rows(t, copied.Restart()); got != 1 {
		t.Errorf("what the snapshot holds is durable: got %d rows, want 1", got)
	}
}

// Two indexes with one history give one answer, order included.
func TestDeterministic(t *testing.T) {
	run := func() string {
		x := New(Options{Rand: rand.New(rand.NewPCG(7, 7))})
		for i := range 50 {
			if err := commit(x, i == 20, change(port.OpPut, fmt.Sprint(i), "v")); err != nil {
				t.Fatal(err)
			}
		}
		found, _, err := x.Restart().Scan(port.TableInodes, nil, nil, 100)
		return fmt.Sprint(found, err)
	}
	if first, second := run(), run(); first != second {
		t.Errorf("got %s, then %s", first, second)
	}
}
