package format

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{
		"a", "...", ".a", "a.", " ", "\xff\xfe", "\n", `\`, strings.Repeat("n", NameMax),
	} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", ".", "..", "/", "a/", "/a", "a/b", "\x00", "a\x00", strings.Repeat("n", NameMax+1),
	} {
		err := CheckName(name)
		if !errors.Is(err, ErrBadName) {
			t.Errorf("%q: got %v, want %v", name, err, ErrBadName)
		} else if len(name) > 2 && strings.Contains(err.Error(), name) {
			t.Errorf("the error shows the name %q", name)
		}
	}
}

func TestEncodeEntryRefuses(t *testing.T) {
	file := func(c messages.Content) messages.Entry {
		return messages.Entry{Name: "a", Type: messages.TypeFile, Content: c}
	}
	full := testRef(1, 0, 1024)
	pack := func(change func(ref *messages.PackRef)) messages.Entry {
		ref := &messages.PackRef{
			Chunks: []messages.BlockRef{full}, Length: 10, Key: testSecret(1),
		}
		change(ref)
		return file(messages.Content{Size: 10, Pack: ref})
	}
	tests := []struct {
		name  string
		entry messages.Entry
		want  error
	}{
		{"NoName", messages.Entry{Type: messages.TypeFile}, ErrBadName},
		{"NoType", messages.Entry{Name: "a"}, ErrMalformed},
		{"UnknownType", messages.Entry{Name: "a", Type: 4}, ErrMalformed},
		{"TimeFarAway", messages.Entry{
			Name: "a", Type: messages.TypeFile,
			Attributes: messages.Attributes{ModTime: time.Unix(1<<41, 0)},
		}, ErrTooLarge},
		{"SymlinkWithContent", messages.Entry{
			Name: "a", Type: messages.TypeSymlink, Target: "t", Content: messages.Content{Level: 1},
		}, ErrMalformed},
		{"SymlinkLong", messages.Entry{
			Name: "a", Type: messages.TypeSymlink, Target: strings.Repeat("t", 513),
		}, ErrTooLarge},
		{"SymlinkNUL", messages.Entry{
			Name: "a", Type: messages.TypeSymlink, Target: "\x00",
		}, ErrMalformed},
		{"FileWithDirectory", messages.Entry{
			Name: "a", Type: messages.TypeFile, Dir: new(messages.Directory),
		}, ErrMalformed},
		{"Huge", file(messages.Content{Size: FileSizeMax + 1}), ErrTooLarge},
		{"SizeWithoutBytes", file(messages.Content{Size: 1}), ErrMalformed},
		{"BytesWithoutSize", file(messages.Content{Inline: []byte("x")}), ErrMalformed},
		{"LevelAlone", file(messages.Content{Level: 1}), ErrMalformed},
		{"LevelOfInline", file(messages.Content{Size: 1, Level: 1, Inline: []byte("x")}), ErrMalformed},
		{"InlineShort", file(messages.Content{Size: 2, Inline: []byte("x")}), ErrMalformed},
		{"InlineLong", file(messages.Content{Size: 65, Inline: make([]byte, 65)}), ErrTooLarge},
		{"LevelHigh", file(messages.Content{
			Size: 1, Level: 99, Children: make([]messages.BlockRef, 1),
		}), ErrTooLarge},
		{"ManyChildren", file(messages.Content{
			Size: 3 * 1024, Children: []messages.BlockRef{full, full, full},
		}), ErrTooLarge},
		{"FewChildren", file(messages.Content{
			Size: 1025, Children: []messages.BlockRef{full},
		}), ErrMalformed},
		{"ChildOfOtherLevel", file(messages.Content{
			Size: 1024, Level: 1, Children: []messages.BlockRef{full},
		}), ErrBadRef},
		{"ShortChild", file(messages.Content{
			Size: 1024, Children: []messages.BlockRef{testRef(1, 0, 1023)},
		}), ErrBadRef},
		{"PackLarge", file(messages.Content{Size: 513, Pack: new(messages.PackRef)}), ErrTooLarge},
		{"PackNoChunk", pack(func(r *messages.PackRef) { r.Chunks = nil }), ErrMalformed},
		{"PackChunkTwice", pack(func(r *messages.PackRef) {
			r.Chunks, r.Offset = []messages.BlockRef{full, full}, 1020
		}), ErrMalformed},
		{"PackNoKey", pack(func(r *messages.PackRef) { r.Key = messages.Secret{} }), ErrBadRef},
		{"PackNode", pack(func(r *messages.PackRef) { r.Chunks[0].Level = 1 }), ErrBadRef},
		{"PackLength", pack(func(r *messages.PackRef) { r.Length = 9 }), ErrMalformed},
		{"PackPacked", pack(func(r *messages.PackRef) { r.Packed = true }), ErrMalformed},
		{"PackPastEnd", pack(func(r *messages.PackRef) { r.Offset = 1015 }), ErrMalformed},
		{"PackFarAway", pack(func(r *messages.PackRef) { r.Offset = 1<<32 - 1 }), ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := EncodeEntry(small, tt.entry); !errors.Is(err, tt.want) {
				t.Errorf("EncodeEntry: got %v, want %v", err, tt.want)
			}
			if _, err := NewDirectoryBuilder(small).Add(tt.entry); !errors.Is(err, tt.want) {
				t.Errorf("Add: got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestCheckRange(t *testing.T) {
	leaf := &DirectoryLeaf{Entries: []messages.Entry{{Name: "b"}, {Name: "c"}}}
	node := &DirectoryInner{Children: []DirectoryChild{{First: "b"}, {First: "c"}}}
	for _, tt := range []struct {
		from, before string
		ok           bool
	}{
		{"", "", true},
		{"a", "d", true},
		{"b", "c\x00", true},
		{"b", "", true},
		{"ba", "", false},
		{"b", "c", false},
		{"", "a", false},
		{"c", "d", false},
	} {
		for _, err := range []error{
			leaf.CheckRange(tt.from, tt.before), node.CheckRange(tt.from, tt.before),
		} {
			if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrOrder) {
				t.Errorf("from %q before %q: %v", tt.from, tt.before, err)
			}
		}
	}
}

func TestChunkArithmetic(t *testing.T) {
	for _, tt := range []struct {
		size   uint64
		chunks uint64
		last   int // length of the last one
	}{
		{0, 0, 0},
		{1, 1, 1},
		{1023, 1, 1023},
		{1024, 1, 1024},
		{1025, 2, 1},
		{FileSizeMax, FileSizeMax / 1024, 1024},
		{1<<64 - 1, 1 << 54, 1023},
	} {
		if got := small.ChunkCount(tt.size); got != tt.chunks {
			t.Errorf("%d bytes: %d chunks, want %d", tt.size, got, tt.chunks)
		}
		if got := small.ChunkLength(tt.size, max(tt.chunks, 1)-1); got != tt.last {
			t.Errorf("%d bytes: a last chunk of %d, want %d", tt.size, got, tt.last)
		}
		if got := small.ChunkLength(tt.size, tt.chunks); got != 0 {
			t.Errorf("%d bytes: a chunk of %d past the end", tt.size, got)
		}
	}
	if child, rest := Locate(small, 2, 4*4*3+7); child != 3 || rest != 7 {
		t.Errorf("Locate: got %d, %d; want 3, 7", child, rest)
	}
}
