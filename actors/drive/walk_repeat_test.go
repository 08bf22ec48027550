package drive

import (
	"fmt"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// TestWalkOfDirectoriesThatMultiply walks a link made to be endless: in each
// of its directories many names lead to one and the same directory below.
// Name by name it has more directories than can ever be walked.
func TestWalkOfDirectoriesThatMultiply(t *testing.T) {
	const depth, names = 60, 40
	cfg := DefaultConfig()
	w := newWalk(testParams, &cfg)
	node := func(n byte) *format.DirectoryLeaf {
		leaf := new(format.DirectoryLeaf)
		for i := range names {
			below := testRef(n+1, 1)
			leaf.Entries = append(leaf.Entries, messages.Entry{
				Name: fmt.Sprintf("%02d", i), Type: messages.TypeDirectory,
				Dir: &messages.Directory{Ref: &below},
			})
		}
		return leaf
	}
	w.push(walkItem{ref: testRef(0, 1), want: wantDirectory})
	visits := 0
	for ; len(w.stack) > 0; visits++ {
		if visits > depth {
			t.Fatalf("%d directories were walked, and there are %d", visits, depth+1)
		}
		item := w.pop()
		if n := item.ref.D[0]; n < depth {
			w.visit(item, node(n))
		}
	}
	if visits != depth+1 || len(w.broken) != 0 {
		t.Errorf("%d of %d directories were walked, %d problems", visits, depth+1, len(w.broken))
	}
}

// TestListingReadsTheChangedNamesOnce lists a directory page by page, as
// decisions of their own, and then changes it.
func TestListingReadsTheChangedNamesOnce(t *testing.T) {
	cfg := DefaultConfig()
	memory := newMemory(cfg.RowsMax, cfg.DecodedNodesMax)
	first := newView(testParams, &cfg, memory)
	if _, err := first.window(7, ""); !isMissing(err) {
		t.Fatalf("a window that nobody read: %v", err)
	}
	w := newWindow("", cfg.WindowMax)
	w.names = []dentry{{"a", 1}, {"b", 2}}
	w.finish()
	first.windows[7] = w
	first.publish()

	second := newView(testParams, &cfg, memory)
	got, err := second.window(7, "a")
	if err != nil || len(got.from("a")) != 1 {
		t.Fatalf("the next page reads all names again: %v", err)
	}
	if _, err := second.window(8, ""); !isMissing(err) {
		t.Errorf("a window of another directory: %v", err)
	}
	memory.committing(dentryRow(8, "a"), encodeDentry(1))
	if _, err := newView(testParams, &cfg, memory).window(7, ""); err != nil {
		t.Errorf("a change elsewhere: %v", err)
	}
	memory.committing(dentryRow(7, "c"), encodeDentry(3))
	if _, err := newView(testParams, &cfg, memory).window(7, ""); !isMissing(err) {
		t.Error("a window outlives a change of its directory")
	}
	first.publish()
	memory.forgetRows()
	if _, err := newView(testParams, &cfg, memory).window(7, ""); !isMissing(err) {
		t.Error("a window outlives the forgetting of rows")
	}
	for directory := range uint64(10 * windowsKept) {
		memory.windows.put(directory, w)
	}
	if n := len(memory.windows.items); n != windowsKept {
		t.Errorf("%d windows are kept, want %d", n, windowsKept)
	}
}
