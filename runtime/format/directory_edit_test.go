package format

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// edit changes a directory tree as a drive does, one edit, and counts the
// nodes that it writes.
func (s *blockStore) edit(root messages.BlockRef, edit DirectoryEdit) (messages.BlockRef, int) {
	s.tb.Helper()
	written := 0
	put := func(node Node) messages.BlockRef {
		payload, err := EncodeNode(s.p, node)
		if err != nil {
			s.tb.Fatalf("EncodeNode: %v", err)
		}
		written++
		return s.put(messages.KindNode, node.Level(), payload)
	}
	var change func(ref messages.BlockRef) []DirectoryChild
	change = func(ref messages.BlockRef) (children []DirectoryChild) {
		switch node := s.node(ref).(type) {
		case *DirectoryLeaf:
			leaves, err := node.Edit(s.p, []DirectoryEdit{edit})
			if err != nil {
				s.tb.Fatalf("Edit: %v", err)
			}
			for _, leaf := range leaves {
				children = append(children, DirectoryChild{leaf.First(), put(leaf)})
			}
		case *DirectoryInner:
			i := node.Child(edit.Name)
			nodes, err := node.Replace(s.p, i, change(node.Children[i].Ref))
			if err != nil {
				s.tb.Fatalf("Replace: %v", err)
			}
			for _, inner := range nodes {
				children = append(children, DirectoryChild{inner.First(), put(inner)})
			}
		}
		return children
	}
	children := change(root)
	for len(children) > 1 {
		node := &DirectoryInner{Children: children}
		children = []DirectoryChild{{node.First(), put(node)}}
	}
	if len(children) == 0 {
		return messages.BlockRef{}, written
	}
	return children[0].Ref, written
}

func TestEditedDirectoryEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := newBlockStore(t, small)
		model := make(map[string]messages.Entry)
		for i := range rapid.IntRange(40, 120).Draw(t, "names") {
			name := fmt.Sprintf("n%04d", i*10)
			model[name] = messages.Entry{Name: name, Type: messages.TypeSymlink, Target: "t"}
		}
		sorted := func() []messages.Entry {
			var entries []messages.Entry
			for _, name := range slices.Sorted(maps.Keys(model)) {
				entries = append(entries, model[name])
			}
			return entries
		}
		dir := store.build(sorted(), first)
		if dir.Ref == nil {
			t.Fatal("the directory is inline")
		}
		root := *dir.Ref
		for range rapid.IntRange(1, 25).Draw(t, "edits") {
			name := fmt.Sprintf("n%04d", rapid.IntRange(0, 1250).Draw(t, "name"))
			edit := DirectoryEdit{Name: name}
			if rapid.Bool().Draw(t, "put") {
				entry := drawEntry(t, small, name, 1)
				edit.Entry = &entry
				model[name] = entry
			} else {
				delete(model, name)
			}
			depth := int(root.Level)
			var written int
			root, written = store.edit(root, edit)
			if root.IsZero() {
				break
			}
			if written > 3*depth+1 {
				t.Fatalf("one edit wrote %d nodes at depth %d", written, depth)
			}
		}
		var got []messages.Entry
		if !root.IsZero() {
			got = store.list(messages.Directory{Ref: &root})
		}
		if !reflect.DeepEqual(got, sorted()) {
			t.Fatal("the directory lists something else than was put")
		}
		for name := range model {
			if _, _, ok := store.find(messages.Directory{Ref: &root}, name); !ok {
				t.Fatal("a listed name is not found")
			}
		}
	})
}

func TestEditSplitsEvenly(t *testing.T) {
	var entries []messages.Entry
	for i := range 200 {
		entries = append(entries, messages.Entry{
			Name: fmt.Sprintf("name-%03d", i), Type: messages.TypeFile,
		})
	}
	leaf := &DirectoryLeaf{Entries: entries[:1]}
	var edits []DirectoryEdit
	for i := range entries {
		edits = append(edits, DirectoryEdit{entries[i].Name, &entries[i]})
	}
	leaves, err := leaf.Edit(small, edits)
	if err != nil || len(leaves) < 3 {
		t.Fatalf("%d leaves, %v", len(leaves), err)
	}
	var all []messages.Entry
	for _, leaf := range leaves {
		if n := len(leaf.Entries); n < 200/len(leaves)/2 {
			t.Errorf("%d of %d entries in one of %d leaves", n, 200, len(leaves))
		}
		all = append(all, leaf.Entries...)
	}
	if !reflect.DeepEqual(all, entries) {
		t.Error("other entries came out")
	}
	if len(leaf.Entries) != 1 {
		t.Error("Edit changed its leaf")
	}
}

func TestEditRefuses(t *testing.T) {
	a := messages.Entry{Name: "a", Type: messages.TypeFile}
	bad := messages.Entry{Name: "..", Type: messages.TypeFile}
	leaf := &DirectoryLeaf{Entries: []messages.Entry{a}}
	tests := []struct {
		name  string
		edits []DirectoryEdit
		want  error
	}{
		{"Twice", []DirectoryEdit{{"a", nil}, {"a", nil}}, ErrOrder},
		{"OutOfOrder", []DirectoryEdit{{"b", nil}, {"a", nil}}, ErrOrder},
		{"OtherName", []DirectoryEdit{{"b", &a}}, ErrOrder},
		{"BadName", []DirectoryEdit{{"..", &bad}}, ErrBadName},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := leaf.Edit(small, tt.edits); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
	inner := &DirectoryInner{Children: []DirectoryChild{{"a", testRef(1, 1, 1)}, {"b", testRef(2, 1,
		1)}}}
	for name, children := range map[string][]DirectoryChild{
		"Unsorted":   {{"c", testRef(3, 1, 1)}},
		"OtherLevel": {{"a", testRef(3, 2, 1)}},
	} {
		if _, err := inner.Replace(small, 0, children); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
