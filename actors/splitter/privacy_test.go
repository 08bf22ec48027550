package splitter_test

import (
	"encoding/binary"
	"math"
	"math/bits"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim"
)

// asciiBlocks is how many blocks 64 MiB are: the tests store as many small
// ones.
const asciiBlocks = 512

// structured says what is not random about data, which is random with a
// probability of a false alarm of at most 2^-60: the bits in total and of
// each plane are balanced (Hoeffding's inequality), and so are the bytes
// (each count, by Bernstein's inequality, J. Wiley 1946).
func structured(data []byte) string {
	const exponent = 66 // 2^-60 over 9 + 256 tests, each two-sided
	var planes [8]int
	var counts [256]int
	ones := 0
	for _, b := range data {
		counts[b]++
	}
	for at := 0; at < len(data); at += 8 {
		word := binary.LittleEndian.Uint64(data[at:])
		ones += bits.OnesCount64(word)
		for bit := range planes {
			planes[bit] += bits.OnesCount64(word & (0x0101010101010101 << bit))
		}
	}
	off := func(got, n int) bool {
		limit := math.Sqrt(float64(n) * (exponent + 4) * math.Ln2 / 2)
		return math.Abs(float64(got)-float64(n)/2) > limit
	}
	if off(ones, 8*len(data)) {
		return "bits"
	}
	for _, plane := range planes {
		if off(plane, len(data)) {
			return "a bit plane"
		}
	}
	mean := float64(len(data)) / 256
	x := (exponent + 10) * math.Ln2
	limit := x/3 + math.Sqrt(x*x/9+2*mean*x)
	for _, n := range counts {
		if math.Abs(float64(n)-mean) > limit {
			return "a byte value"
		}
	}
	return ""
}

// ascii reports whether all bytes are below 0x80.
func ascii(data []byte) bool {
	for ; len(data) >= 8; data = data[8:] {
		if binary.LittleEndian.Uint64(data)&0x8080808080808080 != 0 {
			return false
		}
	}
	return true
}

func xor(dst, a, b []byte) {
	for i := range dst {
		dst[i] = a[i] ^ b[i]
	}
}

// TestStoredBlocksShowNothing stores ASCII text in an empty node, twice, and
// looks for what a keen eye would find in the blocks alone.
func TestStoredBlocksShowNothing(t *testing.T) {
	h := newHouse(t, newSettings(21))
	defer h.stop()
	data := text(asciiBlocks * h.params.BlockSize)
	first := h.refs(h.store(data).Children)
	second := h.refs(h.store(data).Children)
	seen := make(map[messages.CID]bool)
	for _, ref := range append(first, second...) {
		if seen[ref.D] {
			t.Fatal("the same text stored twice shares a block D")
		}
		seen[ref.D] = true
	}
	var blocks [][]byte
	for _, cid := range h.stored() {
		blocks = append(blocks, h.block(cid))
	}
	sum := make([]byte, h.params.BlockSize)
	for i, a := range blocks {
		if what := structured(a); what != "" {
			t.Fatalf("a stored block is not random: %s", what)
		}
		for _, b := range blocks[:min(i, 250)] {
			xor(sum, a, b)
			if what := structured(sum); what != "" {
				t.Fatalf("the XOR of two stored blocks is not random: %s", what)
			}
		}
	}
	// The first tuples with all that stand beside them: XOR of any three.
	near := blocks[:min(len(blocks), 300)]
	for i, ref := range first[:20] {
		for _, cid := range ref.Tuple() {
			near[i*3%len(near)] = h.block(cid)
		}
	}
	three := make([]byte, h.params.BlockSize)
	for i := range near {
		for k := range i {
			xor(sum, near[i], near[k])
			for m := range k {
				head := binary.LittleEndian.Uint64(sum) ^ binary.LittleEndian.Uint64(near[m])
				if head&0x8080808080808080 != 0 {
					continue
				}
				xor(three, sum, near[m])
				if ascii(three) {
					t.Fatal("the XOR of three stored blocks is text")
				}
			}
		}
	}
}

// TestTheLooksCatch shows that the tests above would see the old mistakes.
func TestTheLooksCatch(t *testing.T) {
	h := newHouse(t, newSettings(22))
	defer h.stop()
	size := h.params.BlockSize
	pad, w1, w2 := make([]byte, size), text(size), text(size + 7)[7:]
	sim.NewEntropy([32]byte{1}).Fill(pad)
	a, b, sum := make([]byte, size), make([]byte, size), make([]byte, size)
	xor(a, pad, w1)
	xor(b, pad, w2)
	xor(sum, a, b)
	if structured(a) != "" {
		t.Error("a padded block counts as structured")
	}
	if structured(sum) == "" {
		t.Error("a pad that was used twice is not noticed")
	}
	if structured(w1) == "" || !ascii(w1) {
		t.Error("text is not noticed")
	}
}

// TestNothingRepeatsUnderLoad writes 16 streams at once while the randomizer
// is restarted again and again, and crashes in between: no slot A, no pair
// repeats in all that was acknowledged.
func TestNothingRepeatsUnderLoad(t *testing.T) {
	s := newSettings(23)
	s.splitter.WindowChunks = 8
	h := newHouse(t, s)
	slotA := make(map[messages.CID]bool)
	pairs := make(map[[2]messages.CID]bool)
	finished, failed := 0, 0
	for round := range 10 {
		writers := h.openAtOnce(16)
		h.writeAtOnce(writers, 20)
		for _, w := range writers[:8] {
			w.drain()
		}
		// They are idle when the randomizer restarts, and so they go on.
		if err := h.world.RunUntilIdle(time.Minute); err != nil {
			t.Fatal(err)
		}
		h.world.PanicAt(randomizer.Role, 1+round*3)
		h.writeAtOnce(writers[8:], 20)
		for _, w := range writers[8:] {
			w.drain()
		}
		h.writeAtOnce(writers, 20)
		for _, w := range writers {
			done, ok := w.finish().(messages.StreamFinished)
			if !ok {
				failed++
				h.closeQuietly(w)
				continue
			}
			finished++
			for _, ref := range h.refs(done.Content.Children) {
				if slotA[ref.A] {
					t.Fatal("a block stands in slot A twice")
				}
				if pairs[[2]messages.CID{ref.A, ref.B}] || pairs[[2]messages.CID{ref.B, ref.A}] {
					t.Fatal("a pair repeats")
				}
				slotA[ref.A] = true
				pairs[[2]messages.CID{ref.A, ref.B}] = true
			}
			h.closeQuietly(w)
		}
		if round%3 == 2 {
			h.node.Crash()
			if err := h.node.Boot(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if finished < 70 || failed < 8 {
		t.Errorf("%d streams finished, %d failed: the test shows too little", finished, failed)
	}
	h.stop()
}

func (h *house) openAtOnce(streams int) []*writer {
	h.t.Helper()
	var writers []*writer
	for range streams {
		writers = append(writers, h.open())
	}
	return writers
}

// writeAtOnce writes so many chunks to each of the streams, in turn.
func (h *house) writeAtOnce(writers []*writer, chunks int) {
	h.t.Helper()
	for range chunks {
		for _, w := range writers {
			w.chunk(text(h.params.BlockSize))
		}
	}
}

func (h *house) closeQuietly(w *writer) {
	h.t.Helper()
	h.client.Ask(splitter.Role, func(c messages.Call) messages.Command {
		return messages.CloseStream{Call: c, Stream: w.id}
	})
}

// TestStrictTuplesAreAForest: under the strict profile no D ever stands in a
// slot of another tuple, and every A is new.
func TestStrictTuplesAreAForest(t *testing.T) {
	s := newSettings(24)
	s.randomizer.Profile = randomizer.ProfileStrict
	h := newHouse(t, s)
	defer h.stop()
	isD := make(map[messages.CID]bool)
	var all []messages.BlockRef
	for range 4 {
		refs := h.refs(h.store(text(100_000)).Children)
		for _, ref := range refs {
			isD[ref.D] = true
		}
		all = append(all, refs...)
	}
	slotA := make(map[messages.CID]bool)
	for _, ref := range all {
		if isD[ref.A] || isD[ref.B] {
			t.Fatal("a D serves in a slot")
		}
		if slotA[ref.A] {
			t.Fatal("a block stands in slot A twice")
		}
		slotA[ref.A] = true
	}
}

// TestEveryWriteHasItsOwnKeyAndPadding: no two blocks have a key in common,
// and what is behind a block's valid bytes is random, in chunks and in nodes.
func TestEveryWriteHasItsOwnKeyAndPadding(t *testing.T) {
	h := newHouse(t, newSettings(25))
	defer h.stop()
	var refs []messages.BlockRef
	for range 20 {
		refs = append(refs, h.refs(h.store(text(5*h.params.BlockSize+100)).Children)...)
	}
	keys := make(map[messages.Secret]bool)
	var padding []byte
	nodes := 0
	for _, ref := range refs {
		keys[ref.Key] = true
		kind := messages.KindChunk
		if ref.Level > 0 {
			kind = messages.KindNode
			nodes++
		}
		// The padding is still behind the bytes that Open returns.
		opened := h.openRef(kind, ref)
		padded := opened[len(opened):h.params.BlockSize]
		if ref.Level > 0 && structured(padded[:len(padded)/8*8]) != "" {
			t.Error("the padding of a node is not random")
		}
		padding = append(padding, padded...)
	}
	if len(keys) != len(refs) {
		t.Errorf("%d keys for %d blocks", len(keys), len(refs))
	}
	if nodes == 0 || structured(padding[:len(padding)/8*8]) != "" {
		t.Errorf("the padding of %d blocks is not random", len(refs))
	}
}

// spyStore keeps blocks in memory and the order in which they came.
type spyStore struct {
	blocks map[messages.CID][]byte
	puts   [][]messages.CID
}

func (s *spyStore) receive(ctx shell.Ctx, msg any) {
	caller := ctx.Caller()
	switch m := msg.(type) {
	case messages.PutBlocks:
		var order []messages.CID
		for _, b := range m.Blocks {
			s.blocks[b.CID] = b.Data
			order = append(order, b.CID)
		}
		s.puts = append(s.puts, order)
		ctx.Reply(caller, messages.BlocksStored{Answer: caller.Answer()})
	case messages.LoadBlocks:
		loaded := messages.BlocksLoaded{Answer: caller.Answer()}
		for _, cid := range m.CIDs {
			loaded.Blocks = append(loaded.Blocks, messages.Block{CID: cid, Data: s.blocks[cid]})
		}
		ctx.Reply(caller, loaded)
	}
}

// TestPutsAreShuffled: D stands first in a PutBlocks as often as any other
// block does.
func TestPutsAreShuffled(t *testing.T) {
	spy := &spyStore{blocks: make(map[messages.CID][]byte)}
	s := newSettings(26)
	s.randomizer.Profile = randomizer.ProfileStrict // each tuple has a new A
	s.newStore = (&sim.Fake{OnReceive: spy.receive}).New
	h := newHouse(t, s)
	defer h.stop()
	isD := make(map[messages.CID]bool)
	for range 300 {
		isD[h.store(text(900)).Children[0].D] = true
	}
	n, first, want := 0, 0.0, 0.0
	for _, put := range spy.puts {
		if len(put) < 2 {
			continue // D alone
		}
		n++
		want += 1 / float64(len(put))
		if isD[put[0]] {
			first++
		}
	}
	// Hoeffding: 2 exp(-2 d^2/n) = 2^-30.
	limit := math.Sqrt(float64(n) * 31 * math.Ln2 / 2)
	if n < 80 || math.Abs(first-want) > limit || limit > 0.6*float64(n) {
		t.Errorf("D came first in %.0f of %d puts, want about %.0f", first, n, want)
	}
}
