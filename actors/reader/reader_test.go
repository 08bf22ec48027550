package reader_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/actors/reader"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// drawFile makes content of any sort, and the bytes it stands for.
func drawFile(t *rapid.T, l *library) ([]byte, messages.Content) {
	p := l.params
	switch rapid.IntRange(0, 3).Draw(t, "sort") {
	case 0:
		data := l.random(rapid.IntRange(0, p.InlineMax()).Draw(t, "inline"))
		return data, messages.Content{Size: uint64(len(data)), Inline: data}
	case 1:
		var files [][]byte
		for range rapid.IntRange(1, 5).Draw(t, "packed") {
			data := l.random(rapid.IntRange(1, p.PackMax()).Draw(t, "size"))
			if rapid.Bool().Draw(t, "compressible") {
				clear(data)
			}
			files = append(files, data)
		}
		return files[len(files)-1], l.packed(files...)[len(files)-1]
	}
	data := l.random(rapid.IntRange(1, 60*p.BlockSize).Draw(t, "size"))
	holes := rapid.SampledFrom([]int{0, 2, 5, 1}).Draw(t, "holes") // of 5
	draws := l.rand
	hole := func(int) bool { return draws.IntN(5) < holes }
	if holes == 1 {
		hole = func(i int) bool { return i/8%2 == 1 } // runs, whole nodes of them
	}
	return data, l.chunked(data, rapid.IntRange(2, p.Fanout()).Draw(t, "children"), hole)
}

// TestReadsWhatWasStored reads random ranges of random files, several at a
// time, and compares with the bytes.
func TestReadsWhatWasStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := testConfig()
		cfg.ReadAheadMax = rapid.SampledFrom([]int{0, 2, 16}).Draw(t, "readAhead")
		cfg.ReadAheadBytesMax = rapid.SampledFrom([]int64{0, 4 << 10, 1 << 20}).Draw(t, "kept")
		cfg.UnsealedBlocksMax = rapid.SampledFrom([]int{0, 1, 4}).Draw(t, "unsealed")
		r := newRoom(t, cfg, 1024, rapid.Uint64().Draw(t, "seed"))
		files := make([][]byte, rapid.IntRange(1, 3).Draw(t, "files"))
		handles := make([]messages.HandleID, len(files))
		for i := range files {
			var content messages.Content
			files[i], content = drawFile(t, r.library)
			handles[i] = r.open(content)
		}
		next := make([]uint64, len(files))
		for range rapid.IntRange(1, 12).Draw(t, "rounds") {
			var checks []func()
			for range rapid.IntRange(1, 4).Draw(t, "together") {
				i := rapid.IntRange(0, len(files)-1).Draw(t, "file")
				offset := next[i] // half of the reads go on where the last ended
				if rapid.Bool().Draw(t, "seek") {
					offset = rapid.Uint64Range(0, uint64(len(files[i]))+100).Draw(t, "offset")
				}
				length := rapid.IntRange(1, 12*1024).Draw(t, "length")
				next[i] = offset + uint64(length)
				pending := r.client.Start(reader.Role, readRange(handles[i], offset, length))
				checks = append(checks, func() {
					reply := pending.Wait()
					if failed, ok := reply.(messages.Failed); ok {
						t.Fatalf("read %d+%d: %v", offset, length, failed.Err)
					}
					if got := joined(reply); !bytes.Equal(got, slice(files[i], offset, length)) {
						t.Fatalf("read %d+%d of %d bytes: wrong bytes", offset, length, len(files[i]))
					}
				})
			}
			for _, check := range checks {
				check()
			}
		}
		for _, handle := range handles {
			r.close(handle)
		}
	})
}

func TestReadsTheLargestRange(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 1)
	data := r.random(messages.ReadRangeMax + 5000)
	handle := r.open(r.chunked(data, 8, noHoles))
	got := r.read(handle, 3, messages.ReadRangeMax)
	if !bytes.Equal(got, slice(data, 3, messages.ReadRangeMax)) {
		t.Fatal("wrong bytes")
	}
}

func TestHolesCostNothing(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 1)
	size := uint64(format.FileSizeMax)
	content := messages.Content{Size: size, Level: r.params.LevelMax()}
	child := r.params.Span(content.Level)
	content.Children = make([]messages.BlockRef, (r.params.ChunkCount(size)+child-1)/child)
	handle := r.open(content)
	reply := r.client.Must(reader.Role, readRange(handle, size-1<<20, 1<<20)).(messages.RangeRead)
	if len(reply.Parts) != 1 || reply.Parts[0].Data != nil || reply.Parts[0].Zeros != 1<<20 {
		t.Fatalf("got %d parts, want one hole", len(reply.Parts))
	}
	if len(r.asks) > 0 {
		t.Fatalf("the cache was asked %d times", len(r.asks))
	}
}

// TestDamageIsNamed damages and then removes each stored block in turn: every
// read gives the right bytes or an error that names the block.
func TestDamageIsNamed(t *testing.T) {
	l := newLibrary(t, 1024, 3)
	data := l.random(20 * 1024)
	chunked := l.chunked(data, 2, noHoles)
	small := [][]byte{l.random(500), l.random(400), l.random(300)}
	packed := l.packed(small...)
	for cid, whole := range l.blocks {
		for _, missing := range []bool{false, true} {
			r := newRoom(t, testConfig(), 1024, 3)
			for other, data := range l.blocks {
				r.blocks[other] = data
			}
			want := messages.CodeCorrupt
			if missing {
				delete(r.blocks, cid)
				want = messages.CodeNotFound
			} else {
				r.blocks[cid] = damage(whole, len(l.blocks)*77)
			}
			failed := r.checkFile(t, chunked, data, want, cid)
			for i := range small {
				failed += r.checkFile(t, packed[i], small[i], want, cid)
			}
			if failed == 0 {
				t.Fatalf("no read needs block %s", cid.Short())
			}
			r.settle()
			if !missing && (len(r.forgotten) == 0 || r.forgotten[0] != cid) {
				t.Fatalf("the cache was not told to forget block %s", cid.Short())
			}
		}
	}
}

// TestDamageIsRepaired: a block that is damaged here and whole elsewhere costs
// no more than a second ask of the cache.
func TestDamageIsRepaired(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 6)
	data := r.random(6 * 1024)
	content := r.chunked(data, 2, noHoles)
	r.others = map[messages.CID][]byte{}
	for cid, whole := range r.blocks {
		r.others[cid] = whole
	}
	for cid := range r.others {
		r.blocks[cid] = damage(r.others[cid], 4000)
	}
	if got := r.read(r.open(content), 0, len(data)); !bytes.Equal(got, data) {
		t.Fatal("wrong bytes")
	}
	repairs := 0
	for _, ask := range r.asks {
		if ask.Repair {
			repairs++
		}
	}
	if repairs == 0 || len(r.forgotten) < len(r.others) {
		t.Errorf("%d repairs, %d of %d damaged blocks forgotten",
			repairs, len(r.forgotten), len(r.others))
	}
}

// checkFile reads a file chunk by chunk, and counts the reads that failed as
// they should.
func (r *room) checkFile(
	t *testing.T, content messages.Content, data []byte, want messages.Code, bad messages.CID,
) int {
	t.Helper()
	handle, failed := r.open(content), 0
	for offset := 0; offset < len(data); offset += 700 {
		got, err := r.tryRead(handle, uint64(offset), 700)
		switch {
		case err == nil && !bytes.Equal(got, slice(data, uint64(offset), 700)):
			t.Fatalf("wrong bytes at %d", offset)
		case err == nil:
		case err.Code != want || !strings.Contains(err.Error(), bad.String()):
			t.Fatalf("read at %d: %v, want %q naming block %v", offset, err, want, bad)
		default:
			failed++
		}
	}
	return failed
}

// TestOneBadBlockFailsOneRead: reads whose blocks are asked for together do
// not share the fate of the one that cannot be had.
func TestOneBadBlockFailsOneRead(t *testing.T) {
	r := newRoom(t, testConfig(), wide, 4)
	data := r.random(8 * wide)
	content := r.chunked(data, 8, noHoles)
	delete(r.blocks, content.Children[5].A)
	handle := r.open(content)
	r.hold = true // let all eight gather behind the first
	var pending []func() messages.Reply
	for i := range 8 {
		p := r.client.Start(reader.Role, readRange(handle, uint64(i)*wide, wide))
		pending = append(pending, p.Wait)
	}
	r.release()
	for i, wait := range pending {
		_, bad := wait().(messages.Failed)
		if bad != (i == 5) {
			t.Errorf("chunk %d: failed is %v", i, bad)
		}
	}
}

func TestHostileRefs(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 5)
	data := r.random(3 * 1024)
	content := r.chunked(data, 8, noHoles)
	good := content.Children[0]
	other := good
	other.Key[0] ^= 1
	reply := r.client.Must(reader.Role, unseal(good, messages.KindChunk))
	if !bytes.Equal(reply.(messages.BlockUnsealed).Data, data[:1024]) {
		t.Fatal("wrong bytes")
	}
	// The same blocks under another key must not be served from memory.
	r.client.Failure(reader.Role, messages.CodeCorrupt, unseal(other, messages.KindChunk))
	r.client.Failure(reader.Role, messages.CodeInvalid, unseal(good, messages.KindNode))
	nothing := messages.BlockRef{}
	r.client.Failure(reader.Role, messages.CodeInvalid, unseal(nothing, messages.KindChunk))
	r.client.Failure(reader.Role, messages.CodeInvalid, unseal(good, 9))
	if len(r.forgotten) > 0 {
		t.Fatal("whole blocks were called damaged")
	}

	// A node in the place of a chunk, a chunk in the place of a node, and a
	// node of another kind.
	node := r.seal(messages.KindNode, 1, mustEncode(t, r.params, &format.DirectoryRoot{}))
	for name, bad := range map[string]messages.Content{
		"NodeAsChunk": {Size: 1024, Children: []messages.BlockRef{node}},
		"ChunkTooShort": {
			Size: 3000, Children: []messages.BlockRef{good, content.Children[1], good},
		},
		"DirectoryAsContent": {
			Size: 3 * 1024, Level: 1, Children: []messages.BlockRef{node},
		},
		"PackOfNothing": {Size: 100, Pack: &messages.PackRef{
			Chunks: []messages.BlockRef{good}, Offset: 1000, Length: 100, Key: good.Key,
		}},
		"PackOfOtherBytes": {Size: 100, Pack: &messages.PackRef{
			Chunks: []messages.BlockRef{good}, Offset: 0, Length: 100, Key: good.Key,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			reply := r.client.Ask(reader.Role, func(call messages.Call) messages.Command {
				return messages.OpenContent{Call: call, Content: bad}
			})
			if _, refused := reply.(messages.Failed); refused {
				return
			}
			handle := reply.(messages.ContentOpened).Handle
			got, err := r.tryRead(handle, bad.Size-1, 1)
			if err == nil || err.Code != messages.CodeCorrupt && err.Code != messages.CodeInvalid {
				t.Fatalf("got %d bytes and %v, want a refusal", len(got), err)
			}
		})
	}
}

func mustEncode(t *testing.T, p format.Params, node format.Node) []byte {
	t.Helper()
	payload, err := format.EncodeNode(p, node)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestContradictingContentIsRefused(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 6)
	content := r.chunked(r.random(10*1024), 8, noHoles)
	chunk := r.seal(messages.KindChunk, 0, r.random(1024))
	refs := func(n int) []messages.BlockRef {
		return append([]messages.BlockRef(nil), make([]messages.BlockRef, n)...)
	}
	pack := &messages.PackRef{Chunks: []messages.BlockRef{chunk}, Length: 10}
	for i, bad := range []messages.Content{
		{Size: 1},
		{Inline: []byte("x")},
		{Size: 2, Inline: []byte("x")},
		{Size: 2000, Inline: make([]byte, 2000)},
		{Size: 1, Inline: []byte("x"), Pack: pack},
		{Size: 1024, Children: refs(1), Pack: pack},
		{Size: 1, Pack: &messages.PackRef{}},
		{Size: 1, Pack: &messages.PackRef{Chunks: refs(3)}},
		{Size: 600, Pack: pack},
		{Size: 1025, Children: refs(1)},
		{Size: 1024, Children: refs(2)},
		{Size: 1024, Level: r.params.LevelMax() + 1, Children: refs(1)},
		{Size: 1 << 63, Level: r.params.LevelMax(), Children: refs(1)},
		{Size: content.Size, Level: 0, Children: content.Children},
		{Size: 1024, Level: 1, Children: []messages.BlockRef{chunk}},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			r.client.Failure(reader.Role, messages.CodeInvalid,
				func(call messages.Call) messages.Command {
					return messages.OpenContent{Call: call, Content: bad}
				})
		})
	}
}
