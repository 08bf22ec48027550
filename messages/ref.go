package messages

import (
	"fmt"
	"io"
	"log/slog"
)

// TagSize is the length of the authentication tag of a block in bytes.
const TagSize = 16

// BlockRef is all that is needed to read one block: the tuple of stored
// blocks whose XOR is the sealed chunk W, the key that sealed it (drawn for
// this one write), its tag, and what the tag vouches for beside the bytes.
//
// A ref is a capability, so it prints as [Redacted].
type BlockRef struct {
	D, A, B CID           // D = W XOR A XOR B; all different
	Key     Secret        // AES-256-GCM key of W, used once
	Tag     [TagSize]byte // AES-256-GCM tag of W
	Level   uint8         // 0: a chunk; n > 0: a node whose children have level n-1
	Length  uint32        // valid bytes of the plaintext, 0..block size
}

var (
	_ fmt.Formatter  = BlockRef{}
	_ slog.LogValuer = BlockRef{}
)

// Format implements [fmt.Formatter].
func (BlockRef) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements [slog.LogValuer].
func (BlockRef) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements [encoding.TextMarshaler].
func (BlockRef) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// IsZero reports whether the ref names nothing (a hole).
func (r BlockRef) IsZero() bool { return r.D.IsZero() && r.A.IsZero() && r.B.IsZero() }

// Tuple returns the three blocks in the order D, A, B.
func (r BlockRef) Tuple() [3]CID { return [3]CID{r.D, r.A, r.B} }

// BlockKind tells what the plaintext of a block is. It is bound into the
// tag, so that a chunk never opens as a node.
type BlockKind uint8

// The kinds of block.
const (
	KindChunk BlockKind = 1 // file content, or a pack's bytes
	KindNode  BlockKind = 2 // a zstd-compressed node
)

// String names the kind.
func (k BlockKind) String() string {
	switch k {
	case KindChunk:
		return "chunk"
	case KindNode:
		return "node"
	}
	return fmt.Sprintf("BlockKind(%d)", uint8(k))
}

// Block is a stored block: its bytes and their name. Data is shared and
// never written to.
type Block struct {
	CID  CID
	Data []byte
}
