package drive

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// TestWindowIsASortedRun reads rows in random pages, while commits change
// names, and compares with a map.
func TestWindowIsASortedRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		truth := map[string]uint64{}
		for i := range rapid.IntRange(0, 40).Draw(t, "names") {
			truth[fmt.Sprintf("%02d", rapid.IntRange(0, 60).Draw(t, "name"))] = uint64(i)
		}
		after := fmt.Sprintf("%02d", rapid.IntRange(0, 30).Draw(t, "after"))
		if rapid.Bool().Draw(t, "from the start") {
			after = ""
		}
		w := newWindow(after, rapid.IntRange(1, 12).Draw(t, "limit"))
		change := func() {
			name := fmt.Sprintf("%02d", rapid.IntRange(0, 60).Draw(t, "changed"))
			if rapid.Bool().Draw(t, "gone") {
				delete(truth, name)
				w.set(name, nil)
				return
			}
			ino := rapid.Uint64Range(0, 3).Draw(t, "to")
			truth[name] = ino
			w.set(name, encodeDentry(ino))
		}
		// The pages show each row as it was when its page was read.
		unread := rapid.Permutation(slices.Sorted(maps.Keys(truth))).Draw(t, "order")
		for len(unread) > 0 {
			n := rapid.IntRange(1, len(unread)).Draw(t, "page")
			var rows []messages.Row
			for _, name := range unread[:n] {
				if ino, ok := truth[name]; ok {
					rows = append(rows, messages.Row{Key: []byte(name), Value: encodeDentry(ino)})
				}
			}
			unread = unread[n:]
			for range rapid.IntRange(0, 2).Draw(t, "changes") {
				change()
			}
			if err := w.addPage(rows); err != nil {
				t.Fatal(err)
			}
		}
		w.finish()
		for range rapid.IntRange(0, 4).Draw(t, "later changes") {
			change()
		}
		checkWindow(t, w, after, truth)
	})
}

func checkWindow(t *rapid.T, w *window, after string, truth map[string]uint64) {
	t.Helper()
	if !w.covers(after) {
		t.Fatal("a window does not cover what it was made for")
	}
	var want []dentry
	for _, name := range slices.Sorted(maps.Keys(truth)) {
		if name > after && (w.whole || name <= w.last) {
			want = append(want, dentry{name, truth[name]})
		}
	}
	if got := w.from(after); !slices.Equal(got, want) {
		t.Fatalf("after %q: got %v, want %v (last %q, whole %v)", after, got, want, w.last, w.whole)
	}
	for i, d := range want {
		if w.covers(d.name) && !slices.Equal(w.from(d.name), want[i+1:]) {
			t.Fatalf("from %q is wrong", d.name)
		}
	}
}
