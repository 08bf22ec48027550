package messages

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Content says where the bytes of a file are. Exactly one of Inline, Pack
// and Children is in use; all are empty for an empty file.
type Content struct {
	Size uint64 // bytes

	// Inline is the file itself, for small ones.
	Inline []byte

	// Pack is set for a small file that shares chunks with others.
	Pack *PackRef

	// Children are the roots of the content tree, all of one level, in
	// order; a zero ref is a hole. Each covers BlockSize*fanout^Level bytes.
	Level    uint8
	Children []BlockRef
}

// PackRef names a small file inside pack chunks: its own key, and its place.
type PackRef struct {
	Chunks []BlockRef // one, or two when the file crosses a chunk boundary
	Offset uint32     // first sealed byte, counted from the start of Chunks[0]
	Length uint32     // sealed bytes, without the tag
	Key    Secret     // AES-256-GCM key of this file alone, used once
	Tag    [TagSize]byte
	Packed bool // the plaintext is zstd-compressed
}

// Format implements [fmt.Formatter]: content holds keys and plaintext.
func (Content) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements [slog.LogValuer].
func (Content) LogValue() slog.Value { return slog.StringValue(Redacted) }

// Format implements [fmt.Formatter].
func (PackRef) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements [slog.LogValuer].
func (PackRef) LogValue() slog.Value { return slog.StringValue(Redacted) }

// FileType is the type of a directory entry.
type FileType uint8

// The types of entry.
const (
	TypeFile      FileType = 1
	TypeDirectory FileType = 2
	TypeSymlink   FileType = 3
)

// String names the type as find(1) and JSON output do.
func (t FileType) String() string {
	switch t {
	case TypeFile:
		return "file"
	case TypeDirectory:
		return "directory"
	case TypeSymlink:
		return "symlink"
	}
	return fmt.Sprintf("FileType(%d)", uint8(t))
}

// Attributes are what is kept of a file beside its bytes.
type Attributes struct {
	Mode    uint32    // permission bits with setuid, setgid and sticky: 0..07777
	ModTime time.Time // UTC, nanoseconds
}

// Entry is a named member of a directory as the formats keep it.
type Entry struct {
	Name string
	Type FileType
	Attributes
	Target  string     // of a symlink
	Content Content    // of a file
	Dir     *Directory // of a directory
}

// Directory says where the entries of a directory are: inside the parent's
// node, or in a tree of nodes of its own. Exactly one of the two is used;
// both are empty for an empty directory.
type Directory struct {
	Entries []Entry   // inline, sorted bytewise by name
	Ref     *BlockRef // the root node (a directory node)
}

// Format implements [fmt.Formatter]: names are plaintext.
func (Entry) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements [slog.LogValuer].
func (Entry) LogValue() slog.Value { return slog.StringValue(Redacted) }

// LinkKind is what a link opens.
type LinkKind uint8

// The kinds of link. 3 (pointer) and 4 (parity) are reserved.
const (
	LinkFile      LinkKind = 1
	LinkDirectory LinkKind = 2
)

// Link is a capability: the root's block ref and what it opens. Its text
// form is made and read by runtime/format; everything else prints it as
// [Redacted].
type Link struct {
	Kind LinkKind
	Root BlockRef
}

// Format implements [fmt.Formatter].
func (Link) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements [slog.LogValuer].
func (Link) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements [encoding.TextMarshaler].
func (Link) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
