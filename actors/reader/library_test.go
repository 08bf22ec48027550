package reader_test

import (
	"math/rand/v2"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/sim"
)

// sharedBlocks is how many randomizers serve in slot B of a library.
const sharedBlocks = 8

// library makes stored blocks, and content that needs them.
type library struct {
	t      sim.Test
	params format.Params
	rand   *rand.Rand
	blocks map[messages.CID][]byte
	shared []messages.CID // in slot B, again and again
}

func newLibrary(t sim.Test, blockSize int, seed uint64) *library {
	l := &library{
		t: t, params: format.Params{BlockSize: blockSize},
		rand:   rand.New(rand.NewPCG(seed, 7)),
		blocks: make(map[messages.CID][]byte),
	}
	for range sharedBlocks {
		l.shared = append(l.shared, l.add(l.random(blockSize)))
	}
	return l
}

// must fails the test on an error.
func (l *library) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatalf("make a library: %v", err)
	}
}

func (l *library) random(n int) []byte {
	p := make([]byte, n)
	for i := 0; i < n; i += 8 {
		word := l.rand.Uint64()
		for j := i; j < min(n, i+8); j++ {
			p[j] = byte(word >> (8 * (j - i)))
		}
	}
	return p
}

// add stores a block.
func (l *library) add(data []byte) messages.CID {
	cid := format.Name(data)
	l.blocks[cid] = data
	return cid
}

// seal stores a tuple for a plaintext and returns its ref.
func (l *library) seal(kind messages.BlockKind, level uint8, plaintext []byte) messages.BlockRef {
	l.t.Helper()
	buffer := append(l.params.NewBuffer()[:0], plaintext...)
	buffer = append(buffer, l.random(l.params.BlockSize-len(plaintext))...)
	ref := messages.BlockRef{Level: level, Length: uint32(len(plaintext))}
	copy(ref.Key[:], l.random(len(ref.Key)))
	w, tag, err := format.Seal(l.params, kind, level, len(plaintext), ref.Key, buffer)
	l.must(err)
	ref.Tag = tag
	ref.A = l.add(l.random(l.params.BlockSize))
	ref.B = l.shared[l.rand.IntN(len(l.shared))]
	d := make([]byte, l.params.BlockSize)
	l.must(format.Mix(d, w, l.blocks[ref.A], l.blocks[ref.B]))
	ref.D = l.add(d)
	return ref
}

// chunked stores a file in chunks; hole tells which chunks are left out. Their
// bytes in data are set to zero.
func (l *library) chunked(data []byte, childrenMax int, hole func(i int) bool) messages.Content {
	l.t.Helper()
	b := format.NewContentBuilder(l.params, childrenMax)
	seal := func(pending []format.PendingNode, err error) {
		l.must(err)
		for len(pending) > 0 {
			node := pending[0]
			ref := l.seal(messages.KindNode, node.Level, node.Payload)
			more, err := b.Sealed(node.ID, ref)
			l.must(err)
			pending = append(pending[1:], more...)
		}
	}
	size := l.params.BlockSize
	for i := 0; i*size < len(data); i++ {
		chunk := data[i*size : min(len(data), (i+1)*size)]
		if hole(i) {
			clear(chunk)
			seal(b.Hole(uint64(i)))
			continue
		}
		seal(b.Chunk(uint64(i), l.seal(messages.KindChunk, 0, chunk)))
	}
	seal(b.Finish(uint64(len(data))))
	content, ok := b.Result()
	if !ok {
		l.t.Fatalf("the content tree is not complete")
	}
	return content
}

func noHoles(int) bool { return false }

// packed stores small files in pack chunks, as many as they need.
func (l *library) packed(files ...[]byte) []messages.Content {
	l.t.Helper()
	var stream []byte
	contents := make([]messages.Content, len(files))
	for i, data := range files {
		pack := &messages.PackRef{Offset: uint32(len(stream))}
		copy(pack.Key[:], l.random(len(pack.Key)))
		sealed, err := format.SealPacked(l.params, pack.Key, data)
		l.must(err)
		pack.Tag, pack.Packed, pack.Length = sealed.Tag, sealed.Packed, uint32(len(sealed.Sealed))
		stream = append(stream, sealed.Sealed...)
		contents[i] = messages.Content{Size: uint64(len(data)), Pack: pack}
	}
	var chunks []messages.BlockRef
	size := l.params.BlockSize
	for at := 0; at < len(stream); at += size {
		chunks = append(chunks,
			l.seal(messages.KindChunk, 0, stream[at:min(len(stream), at+size)]))
	}
	for _, c := range contents {
		first := int(c.Pack.Offset) / size
		last := (int(c.Pack.Offset+c.Pack.Length) - 1) / size
		c.Pack.Chunks = chunks[first : last+1]
		c.Pack.Offset -= uint32(first * size)
	}
	return contents
}
