package format

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/noisefs/noisefs/messages"
)

// small is the block size that most tests use: many nodes, little work.
var small = Params{BlockSize: BlockSizeMin}

// testBytes returns n bytes that do not compress and depend on seed alone.
func testBytes(seed uint64, n int) []byte {
	b := make([]byte, n)
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	_, _ = rand.NewChaCha8(key).Read(b)
	return b
}

func testSecret(seed uint64) (s messages.Secret) {
	copy(s[:], testBytes(seed, len(s)))
	return s
}

// testRef returns a valid ref that depends on seed alone.
func testRef(seed uint64, level uint8, length int) messages.BlockRef {
	b := testBytes(seed, 3*32+32+16)
	ref := messages.BlockRef{Level: level, Length: uint32(length)}
	b = b[copy(ref.D[:], b):]
	b = b[copy(ref.A[:], b):]
	b = b[copy(ref.B[:], b):]
	b = b[copy(ref.Key[:], b):]
	copy(ref.Tag[:], b)
	return ref
}

// blockStore is what a node does for a builder: it seals, mixes, stores and
// opens blocks, in memory.
type blockStore struct {
	tb     tester
	p      Params
	seed   uint64
	blocks map[messages.CID][]byte
}

// tester is what *testing.T, *testing.B and *rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newBlockStore(tb tester, p Params) *blockStore {
	return &blockStore{tb: tb, p: p, blocks: make(map[messages.CID][]byte)}
}

func (s *blockStore) put(kind messages.BlockKind, level uint8, content []byte) messages.BlockRef {
	s.tb.Helper()
	s.seed += 4
	plaintext := append(s.p.NewBuffer()[:0], testBytes(s.seed, s.p.BlockSize)...)
	copy(plaintext, content)
	ref := messages.BlockRef{
		Key: testSecret(s.seed + 1), Level: level, Length: uint32(len(content)),
	}
	w, tag, err := Seal(s.p, kind, level, len(content), ref.Key, plaintext)
	if err != nil {
		s.tb.Fatalf("Seal: %v", err)
	}
	a, b := testBytes(s.seed+2, s.p.BlockSize), testBytes(s.seed+3, s.p.BlockSize)
	d := make([]byte, s.p.BlockSize)
	if err := Mix(d, w, a, b); err != nil {
		s.tb.Fatalf("Mix: %v", err)
	}
	ref.Tag, ref.D, ref.A, ref.B = tag, Name(d), Name(a), Name(b)
	s.blocks[ref.D], s.blocks[ref.A], s.blocks[ref.B] = d, a, b
	return ref
}

func (s *blockStore) get(kind messages.BlockKind, ref messages.BlockRef) []byte {
	s.tb.Helper()
	got, err := Open(s.p, kind, ref, s.blocks[ref.D], s.blocks[ref.A], s.blocks[ref.B], nil)
	if err != nil {
		s.tb.Fatalf("Open: %v", err)
	}
	return got
}

// node reads the node that ref names.
func (s *blockStore) node(ref messages.BlockRef) Node {
	s.tb.Helper()
	node, err := DecodeNode(s.p, ref.Level, s.get(messages.KindNode, ref))
	if err != nil {
		s.tb.Fatalf("DecodeNode: %v", err)
	}
	return node
}

// builder is what both builders have.
type builder interface {
	Sealed(id uint64, ref messages.BlockRef) ([]PendingNode, error)
}

// seal seals pending nodes, and those that follow from it, each time the
// one that pick chooses.
func (s *blockStore) seal(b builder, pending []PendingNode, pick func(n int) int) {
	s.tb.Helper()
	for len(pending) > 0 {
		i := pick(len(pending))
		node := pending[i]
		pending = append(pending[:i:i], pending[i+1:]...)
		more, err := b.Sealed(node.ID, s.put(messages.KindNode, node.Level, node.Payload))
		if err != nil {
			s.tb.Fatalf("Sealed: %v", err)
		}
		pending = append(pending, more...)
	}
}

func first(int) int { return 0 }
