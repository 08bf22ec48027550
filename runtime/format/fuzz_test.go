package format

import (
	"bytes"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Seeds of the fuzz targets: one valid input of each sort, from which the
// fuzzer goes on. What it found to be interesting is in testdata/fuzz.

// seedNodes returns a node of each sort, with what they may contain.
func seedNodes() []Node {
	p := small
	chunk, second := testRef(1, 0, p.BlockSize), testRef(2, 0, p.BlockSize)
	ref, key := testRef(3, 1, 100), testSecret(4)
	packed := func(offset uint32, refs ...messages.BlockRef) messages.Content {
		return messages.Content{Size: 100, Pack: &messages.PackRef{
			Chunks: refs, Offset: offset, Length: 20, Key: key, Packed: true,
		}}
	}
	striped := messages.Content{Size: 3500, Children: []messages.BlockRef{{}, chunk, {}, {}}}
	attributes := messages.Attributes{Mode: 0o644, ModTime: time.Unix(1_700_000_000, 5).UTC()}
	entries := []messages.Entry{
		{
			Name: "a", Type: messages.TypeFile, Attributes: attributes,
			Content: packed(1000, chunk),
		},
		{Name: "b", Type: messages.TypeSymlink, Target: "../target"},
		{Name: "c", Type: messages.TypeDirectory, Dir: &messages.Directory{
			Entries: []messages.Entry{
				{Name: "d", Type: messages.TypeFile, Content: packed(1010, chunk, second)},
			},
		}},
		{Name: "e", Type: messages.TypeDirectory, Dir: &messages.Directory{Ref: &ref}},
		{Name: "f", Type: messages.TypeFile, Content: messages.Content{Size: 2, Inline: []byte("hi")}},
	}
	return []Node{
		&FileRoot{Name: "name", Attributes: attributes, Content: striped},
		&FileRoot{Content: packed(1000, chunk)},
		&DirectoryRoot{Name: "name", Directory: messages.Directory{Entries: entries}},
		&DirectoryRoot{Directory: messages.Directory{Ref: &ref}},
		&DirectoryLeaf{Entries: entries},
		&DirectoryInner{Children: []DirectoryChild{{"a", testRef(5, 1, 9)}, {"b", testRef(6, 1, 9)}}},
		&ContentNode{Children: []messages.BlockRef{chunk, {}, second}},
	}
}

// FuzzDecodeNode looks for a payload that panics, takes more memory than it
// may, or decodes to what does not encode.
func FuzzDecodeNode(f *testing.F) {
	for _, node := range seedNodes() {
		payload, err := EncodeNode(small, node)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(node.Level(), payload)
	}
	f.Fuzz(func(t *testing.T, level uint8, payload []byte) {
		p := small
		node, err := DecodeNode(p, level, payload)
		if err != nil {
			return
		}
		if node.Level() != level {
			t.Fatalf("a node of level %d as one of level %d", node.Level(), level)
		}
		document, err := encodeDocument(p, node)
		if err != nil {
			t.Fatalf("what decoded does not encode: %v", err)
		}
		if len(document) > p.NodeMax() {
			t.Fatalf("a node of %d bytes", len(document))
		}
	})
}

// FuzzDecodeDirectory skips compression, which hides the message from the
// fuzzer, and holds every node, not only directories, to be canonical.
func FuzzDecodeDirectory(f *testing.F) {
	for _, node := range seedNodes() {
		document, err := encodeDocument(small, node)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(node.Level(), document)
	}
	for _, h := range hostileNodes() {
		f.Add(h.level, h.doc)
	}
	f.Fuzz(func(t *testing.T, level uint8, document []byte) {
		checkCanonical(t, small, level, document)
	})
}

// FuzzDecodeContent covers what stands in rows of the index by itself.
func FuzzDecodeContent(f *testing.F) {
	for _, node := range seedNodes() {
		root, ok := node.(*FileRoot)
		if !ok {
			continue
		}
		b, err := EncodeContent(small, root.Content)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := DecodeContent(small, b); err == nil {
			if again, err := EncodeContent(small, c); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("two encodings of one content: %v", err)
			}
			if len(c.Children) > small.Fanout() || len(c.Inline) > small.InlineMax() {
				t.Fatal("a content above its limits")
			}
		}
		if entry, err := DecodeEntry(small, b); err == nil {
			if again, err := EncodeEntry(small, entry); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("two encodings of one entry: %v", err)
			}
		}
	})
}

// FuzzParseLink looks for a panic, and for two texts of one link.
func FuzzParseLink(f *testing.F) {
	f.Add(mustFormatLink(f, testLink(1)))
	f.Add(mustFormatLink(f, messages.Link{Kind: messages.LinkFile, Root: testRef(2, 1, 1)}))
	f.Add(LinkPrefix + "11111")
	f.Fuzz(func(t *testing.T, text string) {
		if link, err := ParseLink(text); err == nil {
			again := mustFormatLink(t, link)
			if at := bytes.Index([]byte(text), []byte(again)); at < 0 {
				t.Fatal("two texts of one link")
			}
		}
		// The checksum keeps the fuzzer out: give it one that is right.
		if link, err := DecodeLink([]byte(text)); err == nil {
			if again, err := EncodeLink(link); err != nil || string(again) != text {
				t.Fatalf("two binary forms of one link: %v", err)
			}
		}
	})
}

// FuzzOpenPacked seals any bytes as if they were compressed, as a hostile
// writer can, and opens them.
func FuzzOpenPacked(f *testing.F) {
	f.Add(deflate(nil, bytes.Repeat([]byte("noise"), 50)), uint16(250))
	f.Add(deflate(nil, make([]byte, 512)), uint16(512))
	f.Add(deflate(nil, []byte("x")), uint16(20))
	f.Fuzz(func(t *testing.T, frame []byte, size uint16) {
		key := testSecret(1)
		packed := sealRaw(t, key, frame, uint64(size))
		got, err := OpenPacked(small, packRef(key, packed), uint64(size), packed.Sealed)
		if err == nil && len(got) != int(size) {
			t.Fatalf("%d bytes of %d", len(got), size)
		}
		if err != nil && got != nil {
			t.Fatal("bytes beside an error")
		}
	})
}
