package drive_test

import (
	"maps"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// TestNumbersStay gives entries of a stored tree rows, by changes next to them
// and by moving them, and restarts: what is known by a number keeps it, and no
// two have the same.
func TestNumbersStay(t *testing.T) {
	h := newHouse(t, newSettings(31))
	file := func(n int) *item { return &item{kind: messages.TypeFile, data: text(n), mode: 0o644} }
	inner := newDirectory(0o755)
	inner.entries["deep"], inner.entries["moved"] = file(10), file(20)
	root := newDirectory(0o755)
	root.entries["inner"], root.entries["file"] = inner, file(30)
	if err := actTree("/tree", root).do(h); err != nil {
		t.Fatal(err)
	}
	h.mustPut(text(40), "/alone")
	numbers := func(paths ...string) map[uint64]bool {
		found := make(map[uint64]bool)
		for _, path := range paths {
			found[h.must(stat(path)).(messages.Statted).Info.Inode] = true
		}
		if len(found) != len(paths) || found[0] {
			t.Errorf("%d paths have the numbers %v", len(paths), found)
		}
		return found
	}
	before := numbers("/", "/alone", "/tree", "/tree/file", "/tree/inner",
		"/tree/inner/deep", "/tree/inner/moved")
	h.must(rename("/tree/inner/moved", "/moved", false))
	h.must(rename("/tree", "/forest", false))
	h.mustPut(text(50), "/forest/inner/new")
	after := []string{
		"/", "/alone", "/forest", "/forest/file", "/forest/inner", "/forest/inner/deep", "/moved",
	}
	if got := numbers(after...); !maps.Equal(got, before) {
		t.Errorf("the numbers became %v, were %v", got, before)
	}
	numbers(append(after, "/forest/inner/new")...)
	for _, info := range h.names(messages.Target{Path: "/forest/inner"}, 10) {
		path := "/forest/inner/" + info.Name
		if got := h.must(stat(path)).(messages.Statted).Info.Inode; got != info.Inode {
			t.Errorf("%s is listed as %d and is %d", path, info.Inode, got)
		}
	}
	h.crash()
	if got := numbers(after...); !maps.Equal(got, before) {
		t.Errorf("after a restart the numbers are %v, were %v", got, before)
	}
	// What takes a name again is another file.
	h.must(remove("/forest/inner/deep", false))
	h.mustPut(text(10), "/forest/inner/deep")
	got := h.must(stat("/forest/inner/deep")).(messages.Statted).Info.Inode
	if before[got] {
		t.Error("a new file has the number of a removed one")
	}
	h.stop()
}
