package porttest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// IndexPortHarness makes the ports that the suite of [IndexPort] tests.
type IndexPortHarness struct {
	// New makes an empty engine and returns a function that makes ports on
	// it, each of an incarnation of its own.
	New   func(tb testing.TB) func(answer func(any)) port.Index
	Await Await
}

// IndexPort proves the contract of [port.Index].
func IndexPort(t *testing.T, h IndexPortHarness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, IndexPortHarness)
	}{
		{"CallsTakeEffectInOrder", indexPortOrder},
		{"Scans", indexPortScans},
		{"IncarnationsBesideEachOther", indexPortBeside},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, h) })
	}
}

// indexPortOrder makes calls without waiting for answers, and expects what
// each would have found had it waited.
func indexPortOrder(t *testing.T, h IndexPortHarness) {
	box := &inbox{await: h.Await}
	p := h.New(t)(box.deliver)
	key := row(port.TableSettings, "", "counter")
	const rounds = 100
	var corr messages.Corr
	next := func() messages.Corr { corr++; return corr }
	want := make(map[messages.Corr]string)
	for i := range rounds {
		value := fmt.Sprint(i)
		p.Commit(next(), port.Txn{Durable: i%3 == 0, Changes: []port.Change{put(key, value)}})
		want[corr] = "committed"
		p.Get(next(), []port.RowKey{key})
		want[corr] = value
		p.Commit(next(), port.Txn{Durable: i%2 == 0, Changes: []port.Change{insert(key, "taken")}})
		want[corr] = "exists"
		p.Commit(next(), port.Txn{Durable: i%5 == 0, Changes: []port.Change{
			{Op: port.OpDelete, Row: key},
		}})
		want[corr] = "committed"
		p.Get(next(), []port.RowKey{key})
		want[corr] = "absent"
	}
	for corr, answer := range box.all(t, len(want)) {
		if got := describeIndexAnswer(answer); got != want[corr] {
			t.Fatalf("call %d: got %q, want %q", corr, got, want[corr])
		}
	}
}

func describeIndexAnswer(answer any) string {
	switch m := answer.(type) {
	case messages.IndexCommitted:
		switch {
		case errors.Is(m.Err, port.ErrRowExists):
			return "exists"
		case m.Err != nil:
			return m.Err.Error()
		}
		return "committed"
	case messages.IndexGot:
		switch {
		case m.Err != nil:
			return m.Err.Error()
		case m.Values[0] == nil:
			return "absent"
		}
		return string(m.Values[0])
	}
	return fmt.Sprintf("%T", answer)
}

func indexPortScans(t *testing.T, h IndexPortHarness) {
	box := &inbox{await: h.Await}
	p := h.New(t)(box.deliver)
	const rows = 10
	var txn port.Txn
	for i := range rows {
		txn.Changes = append(txn.Changes, put(row(port.TableDentries, "dir", fmt.Sprint(i)), "v"))
	}
	p.Commit(1, txn)
	answerAs[messages.IndexCommitted](t, box, 1)
	seen := make(map[string]bool)
	var cursor []byte
	for corr := messages.Corr(2); ; corr++ {
		p.Scan(corr, port.TableDentries, []byte("dir"), cursor, 3)
		page := answerAs[messages.IndexScanned](t, box, corr)
		if page.Err != nil {
			t.Fatal(page.Err)
		}
		for _, r := range page.Rows {
			seen[string(r.Key)] = true
		}
		if cursor = page.Next; cursor == nil {
			break
		}
	}
	if len(seen) != rows {
		t.Errorf("scanned %d rows, want %d", len(seen), rows)
	}
}

// indexPortBeside lets two incarnations insert the same rows: each row has
// one winner.
func indexPortBeside(t *testing.T, h IndexPortHarness) {
	newPort := h.New(t)
	const rows = 60
	boxes := []*inbox{{await: h.Await}, {await: h.Await}}
	for _, box := range boxes {
		p := newPort(box.deliver)
		for i := range rows {
			key := row(port.TableSlotA, "", fmt.Sprint(i))
			p.Commit(messages.Corr(i), port.Txn{Durable: true, Changes: []port.Change{insert(key, "")}})
		}
	}
	wins := make(map[messages.Corr]int)
	for _, box := range boxes {
		for corr, answer := range box.all(t, rows) {
			switch got := describeIndexAnswer(answer); got {
			case "committed":
				wins[corr]++
			case "exists":
			default:
				t.Errorf("row %d: %s", corr, got)
			}
		}
	}
	for i := range messages.Corr(rows) {
		if wins[i] != 1 {
			t.Errorf("row %d has %d winners", i, wins[i])
		}
	}
}
