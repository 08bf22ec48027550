package drive

import (
	"fmt"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

func testRef(n byte, level uint8) messages.BlockRef {
	return messages.BlockRef{
		D: messages.CID{n, 1}, A: messages.CID{n, 2}, B: messages.CID{n, 3},
		Key: messages.Secret{n, 1}, Level: level, Length: 100,
	}
}

func TestWalkStackIsBounded(t *testing.T) {
	cfg := DefaultConfig()
	cfg.WalkStackMax = 3
	w := newWalk(testParams, &cfg)
	inner := &format.DirectoryInner{}
	for i := range byte(5) {
		inner.Children = append(inner.Children,
			format.DirectoryChild{First: fmt.Sprint(i), Ref: testRef(i+1, 1)})
	}
	w.push(walkItem{ref: testRef(99, 2)})
	w.visit(w.pop(), inner)
	if len(w.stack) != 3 || len(w.broken) != 2 {
		t.Errorf("%d on the stack, %d broken, want 3 and 2", len(w.stack), len(w.broken))
	}
	for i := range 10 * messages.ProblemsMax {
		ref := testRef(byte(i), 1)
		ref.Tag[0] = byte(i>>8) + 1
		w.descend(walkItem{ref: ref})
	}
	if len(w.broken) > messages.ProblemsMax {
		t.Errorf("%d problems are kept, at most %d", len(w.broken), messages.ProblemsMax)
	}
}

func TestWalkRefusesNodesOfAnotherKind(t *testing.T) {
	cfg := DefaultConfig()
	directory := &format.DirectoryLeaf{Entries: []messages.Entry{{Name: "a", Type: messages.TypeFile}}}
	content := &format.ContentNode{Children: []messages.BlockRef{testRef(2, 0)}}
	tests := []struct {
		name string
		want want
		node format.Node
		bad  bool
	}{
		{"DirectoryAsContent", wantContent, directory, true},
		{"RootAsContent", wantContent, &format.DirectoryRoot{}, true},
		{"ContentAsDirectory", wantDirectory, content, true},
		{"FileAsDirectory", wantDirectory, &format.FileRoot{}, true},
		{"Directory", wantDirectory, directory, false},
		{"Content", wantContent, content, false},
		{"AnyDirectory", wantAny, directory, false},
		{"AnyContent", wantAny, content, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWalk(testParams, &cfg)
			w.visit(walkItem{ref: testRef(1, 1), want: test.want}, test.node)
			if got := len(w.broken) > 0; got != test.bad {
				t.Errorf("broken: %v, want %v", got, test.bad)
			}
		})
	}
}

func TestWalkNamesAPackChunkOnce(t *testing.T) {
	cfg := DefaultConfig()
	w := newWalk(testParams, &cfg)
	for i := range 10 * walkPacksMax {
		chunk := testRef(byte(i/100), 0)
		w.content(messages.Content{Size: 1, Pack: &messages.PackRef{
			Chunks: []messages.BlockRef{chunk},
		}})
	}
	if len(w.refs) != 7 {
		t.Errorf("%d refs for 7 pack chunks", len(w.refs))
	}
	for i := range 3 * walkPacksMax {
		ref := testRef(byte(i), 0)
		ref.Tag[0] = byte(i >> 8)
		w.packChunk(ref)
	}
	if n := len(w.packs.has); n > walkPacksMax || len(w.packs.ring) != n {
		t.Errorf("%d pack chunks are remembered, at most %d", n, walkPacksMax)
	}
}

func TestWalkDoesNotWalkARootTwice(t *testing.T) {
	cfg := DefaultConfig()
	cfg.WalkSeenMax = 2
	w := newWalk(testParams, &cfg)
	for range 2 {
		for i := range byte(3) {
			w.push(walkItem{ref: testRef(i+1, 1)})
		}
	}
	if len(w.stack) != 4 { // the third is not remembered
		t.Errorf("%d roots on the stack, want 4", len(w.stack))
	}
	hidden := walkItem{ref: testRef(1, 1), hide: 5}
	w.push(hidden)
	if len(w.stack) != 5 {
		t.Error("a root whose entries are filtered was taken for one that was walked")
	}
}

// TestWalkGoesDownOneName walks an inline directory inside a tree of nodes:
// the nodes on the way are needed, and nothing else in them.
func TestWalkGoesDownOneName(t *testing.T) {
	cfg := DefaultConfig()
	w := newWalk(testParams, &cfg)
	inner := &format.DirectoryInner{Children: []format.DirectoryChild{
		{First: "a", Ref: testRef(1, 1)}, {First: "m", Ref: testRef(2, 1)},
	}}
	file := func(name string, n byte) messages.Entry {
		return messages.Entry{Name: name, Type: messages.TypeFile, Content: messages.Content{
			Size: 1, Children: []messages.BlockRef{testRef(n, 0)},
		}}
	}
	leaf := &format.DirectoryLeaf{Entries: []messages.Entry{
		file("n", 11),
		{Name: "o", Type: messages.TypeDirectory, Dir: &messages.Directory{
			Entries: []messages.Entry{file("p", 12), file("q", 13)},
		}},
	}}
	w.push(walkItem{
		ref: testRef(3, 2), want: wantDirectory, below: []string{"o"}, hide: 9, counted: true,
	})
	if f := w.visit(w.pop(), inner); f != nil || len(w.stack) != 1 {
		t.Fatalf("%d nodes follow, want 1", len(w.stack))
	}
	f := w.visit(w.pop(), leaf)
	if f == nil || f.item.hide != 9 || len(f.entries) != 2 {
		t.Fatal("the entries of the directory are not looked up")
	}
	w.visitEntries(f.item, f.entries[1:])
	got := w.batch()
	if len(got.Refs) != 3 || got.Refs[1].Ref != testRef(2, 1) || got.Refs[2].Ref != testRef(13, 0) {
		t.Errorf("%d refs, want two nodes and a chunk", len(got.Refs))
	}
	if got.Files != 1 || got.UserBytes != 1 || len(got.Broken) != 0 {
		t.Errorf("%d files, broken %v", got.Files, got.Broken)
	}
	w.push(walkItem{ref: testRef(2, 1), want: wantDirectory, below: []string{"n"}})
	w.visit(w.pop(), leaf)
	w.push(walkItem{ref: testRef(2, 1), want: wantDirectory, below: []string{"x"}})
	w.visit(w.pop(), leaf)
	if got := w.batch(); len(got.Broken) != 2 {
		t.Errorf("%d problems with directories that are not there, want 2", len(got.Broken))
	}
}
