package format

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// list walks a directory and returns its entries; it checks what the inner
// nodes promise.
func (s *blockStore) list(dir messages.Directory) []messages.Entry {
	s.tb.Helper()
	if dir.Ref == nil {
		return dir.Entries
	}
	return s.listNode(*dir.Ref, "", "")
}

func (s *blockStore) listNode(ref messages.BlockRef, from, before string) []messages.Entry {
	s.tb.Helper()
	switch node := s.node(ref).(type) {
	case *DirectoryLeaf:
		if err := node.CheckRange(from, before); err != nil {
			s.tb.Fatalf("leaf: %v", err)
		}
		return node.Entries
	case *DirectoryInner:
		if err := node.CheckRange(from, before); err != nil {
			s.tb.Fatalf("inner node: %v", err)
		}
		var all []messages.Entry
		for i, child := range node.Children {
			from, end := node.Range(i, before)
			all = append(all, s.listNode(child.Ref, from, end)...)
		}
		return all
	default:
		s.tb.Fatalf("a node of another sort in a directory tree")
		return nil
	}
}

// find looks a name up and returns how many nodes that took.
func (s *blockStore) find(dir messages.Directory, name string) (messages.Entry, int, bool) {
	s.tb.Helper()
	for ref, nodes := *dir.Ref, 1; ; nodes++ {
		switch node := s.node(ref).(type) {
		case *DirectoryLeaf:
			entry, ok := node.Find(name)
			return entry, nodes, ok
		case *DirectoryInner:
			ref = node.Children[node.Child(name)].Ref
		}
	}
}

// build builds a directory of entries, sealing in the order pick chooses.
func (s *blockStore) build(entries []messages.Entry, pick func(n int) int) messages.Directory {
	s.tb.Helper()
	b := NewDirectoryBuilder(s.p)
	var pending []PendingNode
	for _, entry := range entries {
		more, err := b.Add(entry)
		if err != nil {
			s.tb.Fatalf("Add: %v", err)
		}
		if pending = append(pending, more...); len(pending) > 50 {
			s.seal(b, pending, pick)
			pending = nil
		}
		if limit := s.p.BlockSize + (BuilderPendingMax+200)*(RefSize+NameMax); b.BytesPending() > limit {
			s.tb.Fatalf("%d bytes pending", b.BytesPending())
		}
	}
	more, err := b.Finish()
	if err != nil {
		s.tb.Fatalf("Finish: %v", err)
	}
	s.seal(b, append(pending, more...), pick)
	dir, ok := b.Result()
	if !ok {
		s.tb.Fatalf("no result")
	}
	return dir
}

// drawEntry draws a valid entry of any type with that name.
func drawEntry(t *rapid.T, p Params, name string, depth int) messages.Entry {
	entry := messages.Entry{Name: name, Attributes: drawAttributes(t)}
	entry.Type = rapid.SampledFrom([]messages.FileType{
		messages.TypeFile, messages.TypeFile, messages.TypeDirectory, messages.TypeSymlink,
	}).Draw(t, "type")
	switch entry.Type {
	case messages.TypeFile:
		entry.Content = drawContent(t, p, inEntry(p))
	case messages.TypeSymlink:
		entry.Target = strings.Repeat("t", rapid.IntRange(1, p.TargetMax()).Draw(t, "target"))
	case messages.TypeDirectory:
		entry.Dir = drawDirectory(t, p, depth)
	}
	return entry
}

func drawDirectory(t *rapid.T, p Params, depth int) *messages.Directory {
	dir := new(messages.Directory)
	if rapid.Bool().Draw(t, "by ref") {
		ref := testRef(rapid.Uint64().Draw(t, "ref"), 1, 100)
		dir.Ref = &ref
		return dir
	}
	if depth > 0 && rapid.Bool().Draw(t, "inline") {
		name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
		entry := messages.Entry{Name: name, Type: messages.TypeDirectory}
		entry.Attributes = drawAttributes(t)
		entry.Dir = drawDirectory(t, p, depth-1)
		dir.Entries = []messages.Entry{entry}
	}
	return dir
}

func drawAttributes(t *rapid.T) messages.Attributes {
	return messages.Attributes{
		Mode: rapid.Uint32Range(0, ModeMax).Draw(t, "mode"),
		ModTime: time.Unix(rapid.Int64Range(-ModTimeSecondsMax, ModTimeSecondsMax).Draw(t, "seconds"),
			rapid.Int64Range(0, int64(time.Second-1)).Draw(t, "nanos")).UTC(),
	}
}

// drawContent draws a valid Content for its place.
func drawContent(t *rapid.T, p Params, at place) messages.Content {
	seed := rapid.Uint64Range(1, 1<<40).Draw(t, "seed")
	switch rapid.SampledFrom([]string{"empty", "inline", "pack", "children"}).Draw(t, "place") {
	case "inline":
		n := rapid.IntRange(1, at.inlineMax).Draw(t, "size")
		return messages.Content{Size: uint64(n), Inline: testBytes(seed, n)}
	case "pack":
		return drawPacked(t, p, seed)
	case "children":
		c := messages.Content{Level: rapid.Uint8Range(0, 3).Draw(t, "level")}
		n := rapid.IntRange(1, at.childrenMax).Draw(t, "children")
		span := p.Span(c.Level) * uint64(p.BlockSize)
		c.Size = uint64(n-1)*span + rapid.Uint64Range(1, span).Draw(t, "tail")
		for i := range n {
			ref := messages.BlockRef{}
			if rapid.Bool().Draw(t, "data") {
				length := p.BlockSize
				if c.Level == 0 {
					length = p.ChunkLength(c.Size, uint64(i))
				}
				ref = testRef(seed+uint64(i), c.Level, length)
			}
			c.Children = append(c.Children, ref)
		}
		return c
	}
	return messages.Content{}
}

func drawPacked(t *rapid.T, p Params, seed uint64) messages.Content {
	size := rapid.IntRange(1, p.PackMax()).Draw(t, "size")
	pack := &messages.PackRef{Key: testSecret(seed), Length: uint32(size)}
	if size > 1 && rapid.Bool().Draw(t, "packed") {
		pack.Packed = true
		pack.Length = rapid.Uint32Range(1, uint32(size-1)).Draw(t, "length")
	}
	// Few different chunks, so that entries share them.
	chunk := rapid.Uint64Range(1, 4).Draw(t, "chunk")
	pack.Chunks = []messages.BlockRef{testRef(chunk, 0, p.BlockSize)}
	if pack.Length > 1 && rapid.Bool().Draw(t, "crossing") {
		pack.Chunks = append(pack.Chunks, testRef(chunk+1, 0, p.BlockSize))
		back := rapid.Uint32Range(1, pack.Length-1).Draw(t, "back")
		pack.Offset = uint32(p.BlockSize) - back
	} else {
		pack.Offset = rapid.Uint32Range(0, uint32(p.BlockSize)-pack.Length).Draw(t, "offset")
	}
	return messages.Content{Size: uint64(size), Pack: pack}
}

func TestDirectoryBuilderEqualsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := newBlockStore(t, small)
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,4}`), 0, 60,
			rapid.ID[string]).Draw(t, "names")
		slices.Sort(names)
		entries := make([]messages.Entry, 0, len(names))
		for _, name := range names {
			entries = append(entries, drawEntry(t, small, name, 2))
		}
		dir := store.build(entries, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") })
		if len(entries) > 0 && !reflect.DeepEqual(store.list(dir), entries) {
			t.Fatal("the directory lists something else than was added")
		}
	})
}

func TestDirectoryOfManyNames(t *testing.T) {
	store := newBlockStore(t, small)
	var entries []messages.Entry
	for i := range 20_000 {
		entries = append(entries, messages.Entry{
			Name: fmt.Sprintf("name %06d", i*2), Type: messages.TypeFile,
		})
	}
	dir := store.build(entries, first)
	if dir.Ref == nil {
		t.Fatal("20,000 names inline")
	}
	if !reflect.DeepEqual(store.list(dir), entries) {
		t.Fatal("the directory lists something else than was added")
	}
	for i := 0; i < 20_000; i += 997 {
		name := fmt.Sprintf("name %06d", i*2)
		entry, nodes, ok := store.find(dir, name)
		if !ok || entry.Name != name {
			t.Fatalf("name %d is not found", i)
		}
		if nodes > int(dir.Ref.Level) {
			t.Fatalf("a look-up took %d nodes, depth %d", nodes, dir.Ref.Level)
		}
		if _, _, ok := store.find(dir, fmt.Sprintf("name %06d", i*2+1)); ok {
			t.Fatal("a name that was never added is found")
		}
	}
}

func TestDirectoryBuilderRefuses(t *testing.T) {
	file := func(name string) messages.Entry {
		return messages.Entry{Name: name, Type: messages.TypeFile}
	}
	for name, tt := range map[string]struct {
		entries []messages.Entry
		want    error
	}{
		"Unsorted": {[]messages.Entry{file("b"), file("a")}, ErrOrder},
		"Twice":    {[]messages.Entry{file("a"), file("a")}, ErrOrder},
		"BadName":  {[]messages.Entry{file("..")}, ErrBadName},
		"NoName":   {[]messages.Entry{file("")}, ErrBadName},
		"Large": {[]messages.Entry{file("a"), {
			Name: "b", Type: messages.TypeDirectory, Dir: &messages.Directory{Entries: []messages.Entry{
				{Name: "x", Type: messages.TypeSymlink, Target: strings.Repeat("t", small.TargetMax())},
				{Name: "y", Type: messages.TypeSymlink, Target: strings.Repeat("t", small.TargetMax())},
			}},
		}}, ErrTooLarge},
	} {
		b := NewDirectoryBuilder(small)
		var err error
		for _, entry := range tt.entries {
			if err != nil {
				t.Fatalf("%s: %v too early", name, err)
			}
			_, err = b.Add(entry)
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
	b := NewDirectoryBuilder(small)
	if _, ok := b.Result(); ok {
		t.Error("a result before Finish")
	}
	if _, err := b.Finish(); err != nil {
		t.Fatal(err)
	}
	if dir, ok := b.Result(); !ok || dir.Ref != nil || len(dir.Entries) != 0 {
		t.Error("an empty directory is not empty")
	}
	if _, err := b.Finish(); !errors.Is(err, ErrOrder) {
		t.Errorf("Finish twice: got %v, want %v", err, ErrOrder)
	}
	if _, err := b.Add(file("z")); !errors.Is(err, ErrOrder) {
		t.Errorf("Add after Finish: got %v, want %v", err, ErrOrder)
	}
	if _, err := b.Sealed(1, testRef(1, 1, 1)); !errors.Is(err, ErrOrder) {
		t.Errorf("Sealed of nothing: got %v, want %v", err, ErrOrder)
	}
}

// TestNestedDirectoriesStayInlineUntilTheyMayNot builds a chain of
// directories from the inside, as a drive does.
func TestNestedDirectoriesStayInlineUntilTheyMayNot(t *testing.T) {
	store := newBlockStore(t, Production())
	dir := store.build([]messages.Entry{{Name: "file", Type: messages.TypeFile}}, first)
	refs := 0
	const chain = 3 * InlineDepthMax
	for range chain {
		below := dir
		dir = store.build([]messages.Entry{{Name: "d", Type: messages.TypeDirectory, Dir: &below}}, first)
		if dir.Ref != nil {
			refs++
		}
	}
	if refs < 2 || refs > 4 {
		t.Errorf("%d of %d directories have nodes of their own", refs, chain)
	}
	for range chain {
		dir = *store.list(dir)[0].Dir
	}
	if list := store.list(dir); len(list) != 1 || list[0].Name != "file" {
		t.Error("the innermost file is gone")
	}
}
