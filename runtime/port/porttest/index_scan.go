package porttest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/noisefs/noisefs/runtime/port"
)

func indexScanPages(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	const count = 100
	var want []string
	for i := range count {
		key, value := fmt.Sprintf("name-%d", i), fmt.Sprint(i)
		commit(t, e,
			put(row(port.TableDentries, "mine", key), value),
			put(row(port.TableDentries, "other", key), "no"),
			put(row(port.TableDentries, "", key), "no"),
			put(row(port.TableInodes, "mine", key), "no"))
		want = append(want, fmt.Sprintf("%q=%q", key, value))
	}
	order := fmt.Sprint(scanAll(t, e, port.TableDentries, "mine", count))
	for _, limit := range []int{1, 3, count - 1, count, count + 1, 1 << 30} {
		rows := scanAll(t, e, port.TableDentries, "mine", limit)
		if fmt.Sprint(rows) != order {
			t.Errorf("limit %d: another order", limit)
		}
		got := contents(rows)
		wantSorted := sorted(want)
		if fmt.Sprint(got) != fmt.Sprint(wantSorted) {
			t.Errorf("limit %d: got %v, want %v", limit, got, wantSorted)
		}
	}
	if rows := scanAll(t, e, port.TableDentries, "nobody", 10); len(rows) != 0 {
		t.Errorf("empty group: got %v", rows)
	}
	// A cursor is of its group alone.
	_, next, err := e.Scan(port.TableDentries, []byte("mine"), nil, 5)
	if err != nil || next == nil {
		t.Fatalf("scan: next %x, %v", next, err)
	}
	if _, _, err := e.Scan(port.TableDentries, []byte("other"), next, 5); err == nil {
		t.Error("a cursor of another group was accepted")
	}
}

// Rows that are neither written nor deleted during a scan of several pages
// are seen exactly once, whatever happens around them.
func indexScanUnderChange(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	const count = 60
	stays := make(map[string]int)
	for i := range count {
		key := fmt.Sprintf("stays-%d", i)
		stays[key] = 0
		commit(t, e, put(row(port.TableReuse, "g", key), "v"),
			put(row(port.TableReuse, "g", fmt.Sprintf("goes-%d", i)), "v"))
	}
	var cursor []byte
	for page := 0; ; page++ {
		rows, next, err := e.Scan(port.TableReuse, []byte("g"), cursor, 4)
		if err != nil {
			t.Fatalf("scan: %v", err)
		}
		for _, r := range rows {
			if _, ok := stays[string(r.Key)]; ok {
				stays[string(r.Key)]++
			} else {
				// Among those removed is the one the cursor points to.
				commit(t, e, remove(row(port.TableReuse, "g", string(r.Key))))
			}
		}
		if page < count {
			commit(t, e, put(row(port.TableReuse, "g", fmt.Sprintf("new-%d", page)), "v"))
		}
		if cursor = next; next == nil {
			break
		}
	}
	for key, seen := range stays {
		if seen != 1 {
			t.Errorf("%s: seen %d times, want once", key, seen)
		}
	}
}

// Neither side keeps what the other may write to.
func indexOwnership(t *testing.T, h IndexHarness) {
	e := newEngine(t, h)
	k, value := row(port.TableInodes, "g", "k"), []byte("value")
	commit(t, e, port.Change{Op: port.OpPut, Row: k, Value: value})
	for _, p := range [][]byte{value, k.Key, k.Group} {
		clear(p)
	}
	k = row(port.TableInodes, "g", "k")
	wantRow(t, e, k, []byte("value"))
	values, err := e.Get([]port.RowKey{k})
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := e.Scan(k.Table, k.Group, nil, 1)
	if err != nil || len(rows) != 1 {
		t.Fatalf("scan: %v, %v", rows, err)
	}
	clear(values[0])
	clear(rows[0].Key)
	if !bytes.Equal(rows[0].Value, []byte("value")) {
		t.Error("two answers share memory")
	}
	clear(rows[0].Value)
	wantRow(t, e, k, []byte("value"))
	if got := contents(scanAll(t, e, k.Table, "g", 1)); fmt.Sprint(got) != `["k"="value"]` {
		t.Errorf("scan: got %v", got)
	}
}
