package format

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// The hot path of put is Seal, Mix and Name per chunk; that of get is Open.
// Compare BenchmarkOpen with BenchmarkName: a bare reader hashes one block
// where we open one.

func BenchmarkName(b *testing.B) {
	block := testBytes(1, BlockSizeMax)
	b.SetBytes(BlockSizeMax)
	for b.Loop() {
		Name(block)
	}
}

func BenchmarkSeal(b *testing.B) {
	p := Production()
	buf, key := p.NewBuffer(), testSecret(1)
	b.SetBytes(BlockSizeMax)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Seal(p, messages.KindChunk, 0, p.BlockSize, key, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMix(b *testing.B) {
	w, x, y := testBytes(1, BlockSizeMax), testBytes(2, BlockSizeMax), testBytes(3, BlockSizeMax)
	b.SetBytes(BlockSizeMax)
	for b.Loop() {
		if err := Mix(w, w, x, y); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	p := Production()
	store := newBlockStore(b, p)
	ref := store.put(messages.KindChunk, 0, testBytes(1, p.BlockSize))
	buf := p.NewBuffer()
	d, x, y := store.blocks[ref.D], store.blocks[ref.A], store.blocks[ref.B]
	b.SetBytes(BlockSizeMax)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Open(p, messages.KindChunk, ref, d, x, y, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSealPacked(b *testing.B) {
	random := testBytes(1, 4096)
	text := make([]byte, 0, 4096)
	for i := 0; len(text) < 4000; i++ {
		line := sha256.Sum256([]byte{byte(i)})
		text = fmt.Appendf(text, "line %d holds the value %x\n", i, line[:4])
	}
	for name, file := range map[string][]byte{"Random": random, "Text": text} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := SealPacked(Production(), testSecret(1), file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpenPacked(b *testing.B) {
	p, file := Production(), make([]byte, 4096)
	key := testSecret(1)
	packed, err := SealPacked(p, key, file)
	if err != nil {
		b.Fatal(err)
	}
	ref := messages.PackRef{
		Length: uint32(len(packed.Sealed)), Key: key, Tag: packed.Tag, Packed: packed.Packed,
	}
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := OpenPacked(p, ref, uint64(len(file)), packed.Sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkLeaf(b *testing.B) *DirectoryLeaf {
	leaf, p := new(DirectoryLeaf), Production()
	for i := range 1000 {
		pack := &messages.PackRef{
			Chunks: []messages.BlockRef{testRef(uint64(i/30), 0, p.BlockSize)},
			Offset: uint32(i%30) * 4096, Length: 4096, Key: testSecret(uint64(i)),
		}
		leaf.Entries = append(leaf.Entries, messages.Entry{
			Name: fmt.Sprintf("file-%06d.go", i), Type: messages.TypeFile,
			Content: messages.Content{Size: 4096, Pack: pack},
		})
	}
	b.ReportAllocs()
	return leaf
}

func BenchmarkEncodeLeaf(b *testing.B) {
	leaf := benchmarkLeaf(b)
	for b.Loop() {
		if _, err := EncodeNode(Production(), leaf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeLeaf(b *testing.B) {
	payload, err := EncodeNode(Production(), benchmarkLeaf(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(payload)), "payload-bytes")
	for b.Loop() {
		if _, err := DecodeNode(Production(), 1, payload); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkContentBuilder builds the tree of 8,170 chunks: ns/op divided by
// that is what a chunk costs beside its own sealing.
func BenchmarkContentBuilder(b *testing.B) {
	p := Production()
	refs := make([]messages.BlockRef, 10*p.Fanout())
	for i := range refs {
		refs[i] = testRef(uint64(i), 0, p.BlockSize)
	}
	b.ReportAllocs()
	for b.Loop() {
		builder := NewContentBuilder(p, p.EntryChildrenMax())
		for i, ref := range refs {
			pending, err := builder.Chunk(uint64(i), ref)
			if err != nil {
				b.Fatal(err)
			}
			for _, node := range pending {
				if _, err := builder.Sealed(node.ID, testRef(node.ID, node.Level, 1)); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
