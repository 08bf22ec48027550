package splitter_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/disk"
	"github.com/noisefs/noisefs/sim/memindex"
)

// settings are what a test may change of a house before it is built.
type settings struct {
	seed       uint64
	blockSize  int
	randomizer randomizer.Config
	splitter   splitter.Config
	store      store.Config
	newStore   func(*shell.Env) shell.Behaviour // in place of the store
}

func newSettings(seed uint64) settings {
	s := settings{
		seed: seed, blockSize: 1024,
		randomizer: randomizer.DefaultConfig(), splitter: splitter.DefaultConfig(),
		store: store.Config{
			RefreshBytes: 1 << 20, RecordOverheadBytes: 64, PutsMax: 64, PutBlocksMax: 64,
			LoadsMax: 1024, CompactDeadShare: 0.5, VerifyBatches: 1, VerifyBatchBlocks: 64,
			VerifyRefs: 1,
		},
	}
	s.splitter.WindowChunks = 32
	return s
}

// house is a node of randomizer, store, cache and splitter over a simulated
// disk and index, and a client of it.
type house struct {
	t      sim.Test
	params format.Params
	world  *sim.World
	node   *sim.Node
	client *sim.Client
	disk   *disk.Disk
	index  *memindex.Index
	engine *blockstore.Engine
}

func newHouse(t sim.Test, s settings) *house {
	t.Helper()
	h := &house{
		t: t, params: format.Params{BlockSize: s.blockSize},
		world: sim.NewWorld(sim.Options{
			Seed: s.seed, WorkPerInstantMax: 1 << 24,
		}),
		disk: disk.New(disk.Options{Seed: s.seed, Costs: disk.Costs{}}),
		index: memindex.New(memindex.Options{
			Rand:  rand.New(rand.NewPCG(s.seed, 1)),
			Costs: memindex.DefaultCosts(),
		}),
	}
	fake := func(*shell.Env) shell.Behaviour { return &sim.Fake{} }
	if s.newStore == nil {
		s.newStore = store.New(s.store, h.params)
	}
	h.node = h.world.AddNode(t, sim.NodeConfig{
		Name: "n1",
		Spec: tree.Spec{Children: []tree.ChildSpec{
			{
				Role: randomizer.Role, Doc: "randomizers", New: randomizer.New(s.randomizer, h.params),
				Intensity: 1000, Period: time.Hour,
			},
			{
				Role: store.Role, Doc: "blocks", New: s.newStore,
				Intensity: 1000, Period: time.Hour,
				Needs:      []string{randomizer.Role},
				NeedsLater: []string{cache.Role, splitter.Role, "drive", "reader"},
			},
			{Role: cache.Role, Doc: "cache", New: cache.New(cache.Config{
				MemoryBytes: 1 << 20, LoadsMax: 256, AsksMax: 256,
			}, h.params), Intensity: 1000, Period: time.Hour, Needs: []string{store.Role}},
			{
				Role: splitter.Role, Doc: "splitter", New: splitter.New(s.splitter, h.params),
				Intensity: 1000, Period: time.Hour,
				Needs: []string{randomizer.Role, cache.Role, store.Role},
			},
			{Role: "drive", Doc: "nobody", New: fake},
			{Role: "reader", Doc: "nobody", New: fake},
		}},
		Open: func(boot sim.Boot) (sim.Engines, error) {
			if boot.Number > 1 {
				h.disk, h.index = h.disk.Restart(), h.index.Restart()
			}
			engine, err := blockstore.Open(h.disk, blockstore.Options{
				BlockSize: s.blockSize, SegmentBytes: 1 << 20, Reserve: -1,
				Shuffle: func(n int, swap func(i, j int)) {
					for i := n - 1; i > 0; i-- {
						swap(i, int(boot.Entropy.Uint64N(uint64(i+1))))
					}
				},
			})
			h.engine = engine
			return sim.Engines{
				Blocks: engine, BlocksCost: h.disk, Index: h.index, IndexCost: h.index,
			}, err
		},
		PowerCut: func() { h.disk.PowerCut(); h.index.PowerCut() },
	})
	h.client = h.world.Client(t, h.node)
	return h
}

// stop ends the node in order, and the test with it if that fails.
func (h *house) stop() {
	h.t.Helper()
	if err := h.node.Stop(); err != nil {
		h.t.Fatalf("stop: %v", err)
	}
}

func (h *house) ask(build shell.Make) messages.Reply {
	h.t.Helper()
	return h.client.Must(splitter.Role, build)
}

// writer writes one stream, keeping a window of commands unanswered.
type writer struct {
	h      *house
	id     messages.StreamID
	window int
	size   uint64
	next   uint64
	sent   []*sim.Pending
	err    *messages.Error
}

func (h *house) open() *writer {
	h.t.Helper()
	opened := h.ask(func(c messages.Call) messages.Command {
		return messages.OpenStream{Call: c, ChildrenMax: h.params.Fanout()}
	}).(messages.StreamOpened)
	return &writer{h: h, id: opened.Stream, window: opened.Window}
}

// chunk writes one chunk; nil is a hole of a whole block.
func (w *writer) chunk(data []byte) {
	w.h.t.Helper()
	for len(w.sent) >= w.window {
		w.settle()
	}
	var buffer []byte
	if data != nil {
		buffer = w.h.params.NewBuffer()[:len(data)]
		copy(buffer, data)
		w.size += uint64(len(data))
	} else {
		w.size += uint64(w.h.params.BlockSize)
	}
	index := w.next
	w.next++
	w.sent = append(w.sent, w.h.client.Start(splitter.Role,
		func(c messages.Call) messages.Command {
			return messages.WriteChunk{Call: c, Stream: w.id, Index: index, Data: buffer}
		}))
}

// settle waits for the oldest command and notes its error.
func (w *writer) settle() {
	w.h.t.Helper()
	if failed, ok := w.sent[0].Wait().(messages.Failed); ok && w.err == nil {
		w.err = failed.Err
	}
	w.sent = w.sent[1:]
}

func (w *writer) write(data []byte) {
	w.h.t.Helper()
	for chunk := range chunks(data, w.h.params.BlockSize) {
		w.chunk(chunk)
	}
}

func chunks(data []byte, size int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(data) > 0 {
			n := min(len(data), size)
			if !yield(data[:n]) {
				return
			}
			data = data[n:]
		}
	}
}

func (w *writer) drain() {
	w.h.t.Helper()
	for len(w.sent) > 0 {
		w.settle()
	}
}

func (w *writer) finish() messages.Reply {
	w.h.t.Helper()
	w.drain()
	return w.h.client.Ask(splitter.Role, func(c messages.Call) messages.Command {
		return messages.FinishStream{Call: c, Stream: w.id, Size: w.size}
	})
}

func (w *writer) mustFinish() messages.Content {
	w.h.t.Helper()
	reply, err := shell.Result(w.finish())
	if err != nil {
		w.h.t.Fatalf("finish: %v (after %v)", err, w.err)
	}
	return reply.(messages.StreamFinished).Content
}

func (w *writer) close() {
	w.h.t.Helper()
	w.h.ask(func(c messages.Call) messages.Command {
		return messages.CloseStream{Call: c, Stream: w.id}
	})
}

// store writes a whole file and closes its stream.
func (h *house) store(data []byte) messages.Content {
	h.t.Helper()
	w := h.open()
	w.write(data)
	content := w.mustFinish()
	w.close()
	return content
}

// block reads a stored block from under the node.
func (h *house) block(cid messages.CID) []byte {
	h.t.Helper()
	data, err := h.engine.Get(cid, nil, true)
	if err != nil {
		h.t.Fatalf("block %s: %v", cid.Short(), err)
	}
	return data
}

func (h *house) openRef(kind messages.BlockKind, ref messages.BlockRef) []byte {
	h.t.Helper()
	plaintext, err := format.Open(h.params, kind, ref,
		h.block(ref.D), h.block(ref.A), h.block(ref.B), nil)
	if err != nil {
		h.t.Fatalf("open %s %s: %v", kind, ref.D.Short(), err)
	}
	return plaintext
}

// refs returns all refs below a content in order, nodes and chunks.
func (h *house) refs(children []messages.BlockRef) []messages.BlockRef {
	h.t.Helper()
	var all []messages.BlockRef
	for _, ref := range children {
		if ref.IsZero() {
			continue
		}
		all = append(all, ref)
		if ref.Level == 0 {
			continue
		}
		node, err := format.DecodeNode(h.params, ref.Level, h.openRef(messages.KindNode, ref))
		if err != nil {
			h.t.Fatalf("node: %v", err)
		}
		all = append(all, h.refs(node.(*format.ContentNode).Children)...)
	}
	return all
}

// read returns the bytes of a content.
func (h *house) read(c messages.Content) []byte {
	h.t.Helper()
	out := make([]byte, 0, c.Size)
	for i := range h.params.ChunkCount(c.Size) {
		child, rest := format.Locate(h.params, c.Level, i)
		ref := c.Children[child]
		for ref.Level > 0 {
			node, err := format.DecodeNode(h.params, ref.Level, h.openRef(messages.KindNode, ref))
			if err != nil {
				h.t.Fatalf("node: %v", err)
			}
			child, rest = format.Locate(h.params, ref.Level-1, rest)
			ref = node.(*format.ContentNode).Child(child)
		}
		if ref.IsZero() {
			out = append(out, make([]byte, h.params.ChunkLength(c.Size, i))...)
			continue
		}
		out = append(out, h.openRef(messages.KindChunk, ref)...)
	}
	return out
}

func (h *house) stored() []messages.CID {
	h.t.Helper()
	var all []messages.CID
	after := messages.CID{}
	for {
		cids, more := h.engine.List(after, 4096)
		all = append(all, cids...)
		if !more {
			return all
		}
		after = cids[len(cids)-1]
	}
}

func (h *house) randomizerStats() messages.RandomizerStatted {
	h.t.Helper()
	return h.client.Must(randomizer.Role, func(c messages.Call) messages.Command {
		return messages.StatRandomizer{Call: c}
	}).(messages.RandomizerStatted)
}

// text returns n bytes of ASCII that repeats a lot.
func text(n int) []byte {
	return bytes.Repeat([]byte("It was a dark and stormy night. "), n/32+1)[:n]
}

func TestStoreAndReadBack(t *testing.T) {
	for _, size := range []int{0, 1, 1023, 1024, 1025, 3000, 50_000, 300_000} {
		h := newHouse(t, newSettings(uint64(size)))
		data := text(size)
		content := h.store(data)
		if got := h.read(content); !bytes.Equal(got, data) {
			t.Errorf("size %d: read back %d bytes that differ", size, len(got))
		}
		h.stop()
	}
}
