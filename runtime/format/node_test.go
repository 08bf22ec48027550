package format

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// drawNode draws a valid node of any sort. It may be too large for a small
// block.
func drawNode(t *rapid.T, p Params) Node {
	name := rapid.SampledFrom([]string{"", "a name", strings.Repeat("n", NameMax)})
	switch rapid.IntRange(0, 4).Draw(t, "sort") {
	case 0:
		return &FileRoot{
			Name: name.Draw(t, "name"), Attributes: drawAttributes(t),
			Content: drawContent(t, p, inRoot(p)),
		}
	case 1:
		return &DirectoryRoot{
			Name: name.Draw(t, "name"), Attributes: drawAttributes(t),
			Directory: *drawDirectory(t, p, InlineDepthMax),
		}
	case 2:
		return &DirectoryLeaf{Entries: drawEntries(t, p, 1)}
	case 3:
		node := new(DirectoryInner)
		level := rapid.Uint8Range(1, DirectoryLevelMax-1).Draw(t, "level")
		for i, name := range drawNames(t, 1) {
			node.Children = append(node.Children,
				DirectoryChild{First: name, Ref: testRef(uint64(i), level, p.BlockSize)})
		}
		return node
	}
	node := new(ContentNode)
	level := rapid.Uint8Range(0, p.LevelMax()-1).Draw(t, "level")
	for i := range rapid.IntRange(1, p.Fanout()).Draw(t, "children") {
		node.Children = append(node.Children, testRef(uint64(i), level, p.BlockSize))
		if rapid.Bool().Draw(t, "hole") {
			node.Children[i] = messages.BlockRef{}
		}
	}
	node.Children[len(node.Children)-1] = testRef(99, level, 1)
	return node
}

func drawNames(t *rapid.T, least int) []string {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z.\xff]{1,6}x`), least, 8,
		rapid.ID[string]).Draw(t, "names")
	slices.Sort(names)
	return names
}

func drawEntries(t *rapid.T, p Params, least int) []messages.Entry {
	var entries []messages.Entry
	for _, name := range drawNames(t, least) {
		entries = append(entries, drawEntry(t, p, name, InlineDepthMax))
	}
	return entries
}

func TestNodeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]Params{small, {BlockSize: 4096}, Production()}).Draw(t, "p")
		want := drawNode(t, p)
		payload, err := EncodeNode(p, want)
		if err != nil {
			// Several entries of the largest sort are too much for a small block.
			if _, ok := want.(*DirectoryLeaf); ok && p != Production() {
				t.Skip("too large")
			}
			if _, ok := want.(*DirectoryInner); ok && p == small {
				t.Skip("too large")
			}
			t.Fatalf("EncodeNode: %v", err)
		}
		if len(payload) > p.BlockSize {
			t.Fatalf("a payload of %d bytes", len(payload))
		}
		got, err := DecodeNode(p, want.Level(), payload)
		if err != nil {
			t.Fatalf("DecodeNode: %v", err)
		}
		clear(payload) // the node must keep no part of it
		if !reflect.DeepEqual(got, want) {
			t.Fatal("another node came back")
		}
		for _, level := range []uint8{0, want.Level() - 1, want.Level() + 1} {
			if _, err := DecodeNode(p, level, payload); err == nil {
				t.Fatalf("a node of level %d opens as one of level %d", want.Level(), level)
			}
		}
	})
}

// TestEntriesAtTheirLimitsFitIntoTheSmallestBlock: builders rely on it.
func TestEntriesAtTheirLimitsFit(t *testing.T) {
	for size := BlockSizeMin; size <= BlockSizeMax; size *= 2 {
		p := Params{BlockSize: size}
		name := string(bytes.ReplaceAll(bytes.ReplaceAll(
			testBytes(1, NameMax), []byte{0}, []byte{1}), []byte("/"), []byte("x")))
		attributes := messages.Attributes{Mode: ModeMax}
		var children, direct []messages.BlockRef
		for i := range p.Fanout() {
			children = append(children, testRef(uint64(i), 2, 1))
		}
		direct = children[:p.EntryChildrenMax()]
		span := p.Span(2) * uint64(p.BlockSize)
		nodes := map[string]Node{
			"Root": &FileRoot{Name: name, Attributes: attributes, Content: messages.Content{
				Size: uint64(p.Fanout()) * span, Level: 2, Children: children,
			}},
			"RootInline": &FileRoot{Name: name, Attributes: attributes, Content: messages.Content{
				Size: uint64(p.InlineMax()), Inline: testBytes(2, p.InlineMax()),
			}},
			"Content": &ContentNode{Children: children},
			"Children": &DirectoryLeaf{Entries: []messages.Entry{{
				Name: name, Type: messages.TypeFile, Attributes: attributes,
				Content: messages.Content{
					Size: uint64(p.EntryChildrenMax()) * span, Level: 2, Children: direct,
				},
			}}},
			"Inline": &DirectoryLeaf{Entries: []messages.Entry{{
				Name: name, Type: messages.TypeFile, Attributes: attributes,
				Content: messages.Content{
					Size: uint64(p.EntryInlineMax()), Inline: testBytes(2, p.EntryInlineMax()),
				},
			}}},
			"Packed": &DirectoryLeaf{Entries: []messages.Entry{{
				Name: name, Type: messages.TypeFile, Attributes: attributes,
				Content: messages.Content{Size: uint64(p.PackMax()), Pack: &messages.PackRef{
					Chunks: []messages.BlockRef{testRef(1, 0, size), testRef(2, 0, size)},
					Offset: uint32(size - 1), Length: uint32(p.PackMax()), Key: testSecret(3),
				}},
			}}},
			"Symlink": &DirectoryLeaf{Entries: []messages.Entry{{
				Name: name, Type: messages.TypeSymlink, Attributes: attributes,
				Target: strings.ReplaceAll(string(testBytes(4, p.TargetMax())), "\x00", "x"),
			}}},
			"Inner": &DirectoryInner{Children: []DirectoryChild{
				{First: name, Ref: testRef(1, 1, 1)}, {First: "\xff" + name[1:], Ref: testRef(2, 1, 1)},
			}},
		}
		for sort, node := range nodes {
			payload, err := EncodeNode(p, node)
			if err != nil {
				t.Errorf("%s at block size %d: %v", sort, size, err)
				continue
			}
			got, err := DecodeNode(p, node.Level(), payload)
			if err != nil || !reflect.DeepEqual(got, node) {
				t.Errorf("%s at block size %d: another node came back: %v", sort, size, err)
			}
		}
	}
}

func TestContentAndEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]Params{small, Production()}).Draw(t, "p")
		content := drawContent(t, p, inRoot(p))
		b, err := EncodeContent(p, content)
		if err != nil {
			t.Fatalf("EncodeContent: %v", err)
		}
		got, err := DecodeContent(p, b)
		if err != nil {
			t.Fatalf("DecodeContent: %v", err)
		}
		clear(b)
		if !reflect.DeepEqual(got, content) {
			t.Fatal("another content came back")
		}
		entry := drawEntry(t, p, "name", InlineDepthMax)
		if b, err = EncodeEntry(p, entry); err != nil {
			t.Fatalf("EncodeEntry: %v", err)
		}
		gotEntry, err := DecodeEntry(p, b)
		if err != nil {
			t.Fatalf("DecodeEntry: %v", err)
		}
		clear(b)
		if !reflect.DeepEqual(gotEntry, entry) {
			t.Fatal("another entry came back")
		}
	})
}

// TestNeighboursShareChunkRefs: DESIGN asks that packed files cost little.
func TestNeighboursShareChunkRefs(t *testing.T) {
	leaf, p := new(DirectoryLeaf), Production()
	for i := range 30 {
		leaf.Entries = append(leaf.Entries, messages.Entry{
			Name: string(rune('A' + i)), Type: messages.TypeFile,
			Content: messages.Content{Size: 4096, Pack: &messages.PackRef{
				Chunks: []messages.BlockRef{testRef(1, 0, p.BlockSize)},
				Offset: uint32(i) * 4096, Length: 4096, Key: testSecret(uint64(i)),
			}},
		})
	}
	payload, err := EncodeNode(p, leaf)
	if err != nil {
		t.Fatal(err)
	}
	if perEntry := (len(payload) - RefSize) / 30; perEntry > 90 {
		t.Errorf("a packed file costs %d bytes of its directory", perEntry)
	}
}
