package format

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

func TestNameIsSHA256(t *testing.T) {
	data := testBytes(1, 5000)
	if Name(data) != messages.CID(sha256.Sum256(data)) {
		t.Error("a block's name is not its SHA-256")
	}
}

func TestBlockRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Params{BlockSize: 1 << rapid.IntRange(10, 17).Draw(t, "size")}
		kind, level := messages.KindChunk, uint8(0)
		if rapid.Bool().Draw(t, "node") {
			kind, level = messages.KindNode, rapid.Uint8Range(1, 9).Draw(t, "level")
		}
		store := newBlockStore(t, p)
		store.seed = rapid.Uint64().Draw(t, "seed")
		want := testBytes(1, rapid.IntRange(1, p.BlockSize).Draw(t, "length"))
		ref := store.put(kind, level, want)
		if !bytes.Equal(store.get(kind, ref), want) {
			t.Fatal("other bytes came back")
		}
	})
}

func TestSealWorksInPlace(t *testing.T) {
	buf := append(small.NewBuffer()[:0], testBytes(1, small.BlockSize)...)
	w, _, err := Seal(small, messages.KindChunk, 0, 1, testSecret(1), buf)
	if err != nil {
		t.Fatal(err)
	}
	if &w[0] != &buf[0] || len(w) != small.BlockSize || cap(w) != small.BlockSize {
		t.Error("the sealed block is not the caller's buffer")
	}
}

func TestOpenUsesTheBufferAndLeavesBlocksAlone(t *testing.T) {
	store := newBlockStore(t, small)
	ref := store.put(messages.KindChunk, 0, testBytes(1, 700))
	buf := small.NewBuffer()[:0]
	got, err := Open(small, messages.KindChunk, ref,
		store.blocks[ref.D], store.blocks[ref.A], store.blocks[ref.B], buf)
	if err != nil {
		t.Fatal(err)
	}
	if &got[0] != &buf[:1][0] {
		t.Error("the result is not in the caller's buffer")
	}
	for _, cid := range ref.Tuple() {
		if Name(store.blocks[cid]) != cid {
			t.Error("Open wrote to a block")
		}
	}
}

// TestOpenAllocates guards the hot path: the cipher and nothing of a block's
// size.
func TestOpenAllocates(t *testing.T) {
	p := Production()
	store := newBlockStore(t, p)
	ref := store.put(messages.KindChunk, 0, testBytes(1, p.BlockSize))
	buf := p.NewBuffer()
	const runs = 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		if _, err := Open(p, messages.KindChunk, ref,
			store.blocks[ref.D], store.blocks[ref.A], store.blocks[ref.B], buf); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > 8<<10 {
		t.Errorf("Open allocates %d bytes", n)
	}
}

func TestOpenRefusesWhatIsNotWhatWasSealed(t *testing.T) {
	type read struct { // what Open is called with
		kind    messages.BlockKind
		ref     messages.BlockRef
		d, a, b []byte
	}
	tests := []struct {
		name   string
		damage func(r *read)
		want   error
	}{
		{"FirstByteOfD", func(r *read) { r.d[0] ^= 1 }, ErrTag},
		{"PaddingOfA", func(r *read) { r.a[1023] ^= 1 }, ErrTag},
		{"ByteOfB", func(r *read) { r.b[500] ^= 1 }, ErrTag},
		{"OtherBlock", func(r *read) { r.b = r.d }, ErrTag},
		{"Key", func(r *read) { r.ref.Key[31] ^= 1 }, ErrTag},
		{"Tag", func(r *read) { r.ref.Tag[0] ^= 1 }, ErrTag},
		{"Level", func(r *read) { r.ref.Level++ }, ErrTag},
		{"ShorterLength", func(r *read) { r.ref.Length-- }, ErrTag},
		{"NodeAsChunk", func(r *read) { r.kind, r.ref.Level = messages.KindChunk, 0 }, ErrTag},
		{"ChunkOfLevelTwo", func(r *read) { r.kind = messages.KindChunk }, ErrBadRef},
		{"UnknownKind", func(r *read) { r.kind = 9 }, ErrBadRef},
		{"HugeLength", func(r *read) { r.ref.Length = 1 << 31 }, ErrBadRef},
		{"ShortD", func(r *read) { r.d = r.d[1:] }, ErrBlockSize},
		{"ShortA", func(r *read) { r.a = r.a[1:] }, ErrBlockSize},
		{"LongB", func(r *read) { r.b = append(r.b, 0) }, ErrBlockSize},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			store := newBlockStore(t, small)
			ref := store.put(messages.KindNode, 2, testBytes(1, 700))
			r := read{
				messages.KindNode, ref,
				store.blocks[ref.D], store.blocks[ref.A], store.blocks[ref.B],
			}
			tt.damage(&r)
			got, err := Open(small, r.kind, r.ref, r.d, r.a, r.b, nil)
			if !errors.Is(err, tt.want) || got != nil {
				t.Errorf("got %d bytes, error %v; want none and %v", len(got), err, tt.want)
			}
		})
	}
}

func TestSealRefuses(t *testing.T) {
	tests := []struct {
		name   string
		kind   messages.BlockKind
		level  uint8
		length int
		key    messages.Secret
		bytes  int
		want   error
	}{
		{"ShortBuffer", messages.KindChunk, 0, 1, testSecret(1), 1023, ErrBlockSize},
		{"LongBuffer", messages.KindChunk, 0, 1, testSecret(1), 1025, ErrBlockSize},
		{"LengthZero", messages.KindChunk, 0, 0, testSecret(1), 1024, ErrBadRef},
		{"LengthNegative", messages.KindChunk, 0, -1, testSecret(1), 1024, ErrBadRef},
		{"LengthBeyondBlock", messages.KindChunk, 0, 1025, testSecret(1), 1024, ErrBadRef},
		{"ChunkOfLevelOne", messages.KindChunk, 1, 1, testSecret(1), 1024, ErrBadRef},
		{"NodeOfLevelZero", messages.KindNode, 0, 1, testSecret(1), 1024, ErrBadRef},
		{"UnknownKind", 3, 0, 1, testSecret(1), 1024, ErrBadRef},
		{"NoKey", messages.KindChunk, 0, 1, messages.Secret{}, 1024, ErrBadRef},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Seal(small, tt.kind, tt.level, tt.length, tt.key, make([]byte, tt.bytes))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestMixIsXORAndItsOwnInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 3*mixStep+1).Draw(t, "n")
		w, a, b := testBytes(1, n), testBytes(2, n), testBytes(3, n)
		d := make([]byte, n)
		if err := Mix(d, w, a, b); err != nil {
			t.Fatal(err)
		}
		for i := range d {
			if d[i] != w[i]^a[i]^b[i] {
				t.Fatalf("byte %d is not the XOR", i)
			}
		}
		if err := Unmix(d, d, a, b); err != nil || !bytes.Equal(d, w) {
			t.Fatalf("not undone: %v", err)
		}
	})
	if err := Mix(make([]byte, 2), make([]byte, 2), make([]byte, 2), make([]byte,
		1)); !errors.Is(err, ErrBlockSize) {
		t.Errorf("unequal lengths: got %v, want %v", err, ErrBlockSize)
	}
}

func TestParamsValidate(t *testing.T) {
	for n := BlockSizeMin; n <= BlockSizeMax; n *= 2 {
		p := Params{BlockSize: n}
		if err := p.Validate(); err != nil {
			t.Errorf("%d: %v", n, err)
		}
		if p.Fanout() < p.EntryChildrenMax() || p.EntryChildrenMax() < 2 {
			t.Errorf("%d: fanout %d, entry children %d", n, p.Fanout(), p.EntryChildrenMax())
		}
		if p.childCount(FileSizeMax, p.LevelMax()) > uint64(p.EntryChildrenMax()) {
			t.Errorf("%d: the largest file does not fit into an entry", n)
		}
	}
	for _, n := range []int{-1024, 0, 1, 512, 1000, 1025, 131071, 1 << 18} {
		if err := (Params{BlockSize: n}).Validate(); !errors.Is(err, ErrParams) {
			t.Errorf("%d: got %v, want %v", n, err, ErrParams)
		}
	}
	p := Production()
	got := []int{
		p.Fanout(), p.EntryChildrenMax(), p.InlineMax(), p.EntryInlineMax(), p.PackMax(),
		p.DirectoryInlineMax(), p.TargetMax(), p.NodeMax(), p.EntriesMax(), int(p.LevelMax()),
	}
	want := []int{817, 8, 102400, 256, 65536, 32768, 4095, 1 << 20, 16384, 5}
	for i := range want { // docs/format.md states these
		if got[i] != want[i] {
			t.Errorf("limit %d in production: got %d, want %d", i, got[i], want[i])
		}
	}
}
