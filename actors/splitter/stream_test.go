package splitter_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/memindex"
)

// TestFilesComeBack writes files with holes, several at a time, and reads
// them from under the node.
func TestFilesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSettings(rapid.Uint64().Draw(t, "seed"))
		s.splitter.WindowChunks = rapid.IntRange(4, 64).Draw(t, "window")
		s.splitter.PutBatchBlocks = rapid.IntRange(1, 40).Draw(t, "putBatch")
		s.splitter.PutsMax = rapid.IntRange(1, 8).Draw(t, "puts")
		s.splitter.ReadsMax = rapid.IntRange(1, 4).Draw(t, "reads")
		s.splitter.KeptBlocksMax = rapid.IntRange(0, 100).Draw(t, "kept")
		h := newHouse(t, s)
		defer h.stop()
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			files := make([][]byte, rapid.IntRange(1, 4).Draw(t, "files"))
			writers := make([]*writer, len(files))
			for i := range files {
				writers[i] = h.open()
			}
			for i := range files {
				for range rapid.IntRange(0, 6).Draw(t, "runs") {
					files[i] = append(files[i], writers[i].run(t)...)
				}
				if n := rapid.IntRange(0, 1023).Draw(t, "tail"); n > 0 {
					files[i] = append(files[i], text(n)...)
					writers[i].chunk(text(n))
				}
			}
			for i, data := range files {
				content := writers[i].mustFinish()
				if got := h.read(content); !bytes.Equal(got, data) {
					t.Fatalf("file %d: read back %d bytes that are not the %d written",
						i, len(got), len(data))
				}
				writers[i].close()
			}
		}
	})
}

// run writes a run of data or of holes.
func (w *writer) run(t *rapid.T) []byte {
	size := w.h.params.BlockSize
	if rapid.Bool().Draw(t, "hole") {
		n := rapid.IntRange(1, 40).Draw(t, "holes")
		for range n {
			w.chunk(nil)
		}
		return make([]byte, n*size)
	}
	data := text(rapid.IntRange(1, 30).Draw(t, "chunks") * size)
	w.write(data)
	return data
}

func TestHolesRunFarAhead(t *testing.T) {
	// More holes than the builder's window behind a chunk that takes long.
	s := newSettings(4)
	s.splitter.WindowChunks = 512
	s.splitter.InFlightChunksMax = 1 << 16
	h := newHouse(t, s)
	defer h.stop()
	w := h.open()
	w.chunk(text(1024))
	for range 3 * format.BuilderWindow {
		w.chunk(nil)
	}
	w.chunk(text(100))
	content := w.mustFinish()
	want := append(text(1024), make([]byte, 3*format.BuilderWindow*1024)...)
	if got := h.read(content); !bytes.Equal(got, append(want, text(100)...)) {
		t.Error("the file does not come back")
	}
}

func TestSealedBlocks(t *testing.T) {
	h := newHouse(t, newSettings(5))
	defer h.stop()
	w := h.open()
	seal := func(kind messages.BlockKind, level uint8, text []byte) messages.BlockRef {
		data := append(h.params.NewBuffer()[:0], text...)
		return h.ask(func(c messages.Call) messages.Command {
			return messages.SealBlock{Call: c, Stream: w.id, Kind: kind, Level: level, Data: data}
		}).(messages.BlockSealed).Ref
	}
	want := text(700)
	chunk, node := seal(messages.KindChunk, 0, want), seal(messages.KindNode, 3, want)
	h.ask(func(c messages.Call) messages.Command {
		return messages.SyncStream{Call: c, Stream: w.id}
	})
	// Durable means durable.
	h.node.Crash()
	if err := h.node.Boot(); err != nil {
		t.Fatal(err)
	}
	if got := h.openRef(messages.KindChunk, chunk); !bytes.Equal(got, want) {
		t.Error("the chunk differs")
	}
	if got := h.openRef(messages.KindNode, node); !bytes.Equal(got, want) {
		t.Error("the node differs")
	}
	if node.Level != 3 || chunk.Level != 0 || chunk.Length != 700 {
		t.Error("the refs do not say what was sealed")
	}
}

// TestBuffersWithoutRoomForATag: a buffer that has room for a block and no
// more costs a copy, and nothing else.
func TestBuffersWithoutRoomForATag(t *testing.T) {
	h := newHouse(t, newSettings(12))
	defer h.stop()
	w := h.open()
	data := make([]byte, 700, h.params.BlockSize)
	copy(data, text(700))
	h.ask(func(c messages.Call) messages.Command {
		return messages.WriteChunk{Call: c, Stream: w.id, Data: data}
	})
	w.size = 700
	if got := h.read(w.mustFinish()); !bytes.Equal(got, text(700)) {
		t.Error("the file does not come back")
	}
}

func TestTooManySyncs(t *testing.T) {
	h := newHouse(t, newSettings(13))
	defer h.stop()
	w := h.open()
	w.chunk(text(1024))
	var pending []*sim.Pending
	for range 100 {
		pending = append(pending, h.client.Start(splitter.Role,
			func(c messages.Call) messages.Command {
				return messages.SyncStream{Call: c, Stream: w.id}
			}))
	}
	synced := 0
	for _, p := range pending {
		switch reply := p.Wait().(type) {
		case messages.StreamSynced:
			synced++
		case messages.Failed:
			if reply.Err.Code != messages.CodeOverload {
				t.Errorf("failed with %v", reply.Err)
			}
		}
	}
	if synced != 64 {
		t.Errorf("%d syncs were answered, want 64", synced)
	}
	w.drain()
}

func TestRefusals(t *testing.T) {
	s := newSettings(6)
	s.splitter.StreamsMax, s.splitter.SealsMax, s.splitter.WindowChunks = 2, 2, 4
	h := newHouse(t, s)
	defer h.stop()
	w := h.open()
	buffer := func(n int) []byte { return h.params.NewBuffer()[:n] }
	write := func(index uint64, data []byte) shell.Make {
		return func(c messages.Call) messages.Command {
			return messages.WriteChunk{Call: c, Stream: w.id, Index: index, Data: data}
		}
	}
	seal := func(kind messages.BlockKind, level uint8, data []byte) shell.Make {
		return func(c messages.Call) messages.Command {
			return messages.SealBlock{Call: c, Stream: w.id, Kind: kind, Level: level, Data: data}
		}
	}
	finish := func(size uint64) shell.Make {
		return func(c messages.Call) messages.Command {
			return messages.FinishStream{Call: c, Stream: w.id, Size: size}
		}
	}
	open := func(children int) shell.Make {
		return func(c messages.Call) messages.Command {
			return messages.OpenStream{Call: c, ChildrenMax: children}
		}
	}
	fail := func(code messages.Code, build shell.Make) {
		t.Helper()
		h.client.Failure(splitter.Role, code, build)
	}
	fail(messages.CodeInvalid, open(0))
	fail(messages.CodeInvalid, open(h.params.Fanout()+1))
	fail(messages.CodeInvalid, write(1, buffer(1024)))     // out of order
	fail(messages.CodeInvalid, write(0, buffer(0)))        // empty
	fail(messages.CodeInvalid, write(0, make([]byte, 10))) // no room
	fail(messages.CodeInvalid, write(0, buffer(1025)))     // too long
	fail(messages.CodeInvalid, seal(9, 0, buffer(10)))     // no kind
	fail(messages.CodeInvalid, seal(messages.KindChunk, 1, buffer(10)))
	fail(messages.CodeInvalid, seal(messages.KindNode, 0, buffer(10)))
	fail(messages.CodeInvalid, seal(messages.KindNode, 1, buffer(0)))
	fail(messages.CodeInvalid, finish(5))
	h.ask(write(0, buffer(1024)))
	h.ask(write(1, buffer(9)))
	fail(messages.CodeInvalid, write(2, buffer(1024))) // after a short one
	fail(messages.CodeInvalid, finish(1024+10))
	h.ask(finish(1024 + 9))
	fail(messages.CodeInvalid, finish(1024+9))
	fail(messages.CodeInvalid, write(2, buffer(1)))
	h.ask(seal(messages.KindNode, 1, buffer(10))) // goes on after the file
	for name, build := range map[string]shell.Make{
		"write": func(c messages.Call) messages.Command {
			return messages.WriteChunk{Call: c, Stream: 1, Data: buffer(1)}
		},
		"seal": func(c messages.Call) messages.Command {
			return messages.SealBlock{Call: c, Stream: 1}
		},
		"finish": func(c messages.Call) messages.Command {
			return messages.FinishStream{Call: c, Stream: 1}
		},
		"sync": func(c messages.Call) messages.Command {
			return messages.SyncStream{Call: c, Stream: 1}
		},
	} {
		t.Run(name+"NoStream", func(*testing.T) { fail(messages.CodeNotFound, build) })
	}
	h.open()
	fail(messages.CodeOverload, open(1)) // StreamsMax
	w.close()
	w.close() // always works
	h.open()
}

func TestWindowIsEnforced(t *testing.T) {
	s := newSettings(7)
	s.splitter.WindowChunks, s.splitter.SealsMax = 8, 3
	h := newHouse(t, s)
	defer h.stop()
	w := h.open()
	overload := 0
	w.window = 30 // more than was granted
	for range 20 {
		w.chunk(text(1024))
	}
	for len(w.sent) > 0 {
		w.settle()
		if w.err != nil {
			if w.err.Code != messages.CodeOverload && w.err.Code != messages.CodeInvalid {
				t.Fatalf("refused with %v", w.err)
			}
			overload++
			w.err = nil
		}
	}
	if overload != 12 {
		t.Errorf("%d of 20 chunks were refused, want 12", overload)
	}
}

func TestWindowsOfAllStreams(t *testing.T) {
	s := newSettings(8)
	s.splitter = splitter.DefaultConfig()
	h := newHouse(t, s)
	defer h.stop()
	var writers []*writer
	for range 3 { // twice they are all closed again
		total, least := 0, 1<<30
		for range s.splitter.StreamsMax {
			w := h.open()
			writers = append(writers, w)
			total, least = total+w.window, min(least, w.window)
		}
		if writers[0].window != s.splitter.WindowChunks {
			t.Errorf("the first stream has a window of %d, want %d",
				writers[0].window, s.splitter.WindowChunks)
		}
		if total > s.splitter.InFlightChunksMax || least < 4 {
			t.Errorf("windows of %d in total, the least %d", total, least)
		}
		for _, w := range writers {
			w.close()
		}
		writers = nil
	}
}

func TestPortFailuresFailTheStream(t *testing.T) {
	tests := []struct {
		name  string
		code  messages.Code
		spoil func(h *house)
	}{
		{"DiskFull", messages.CodeNoSpace, func(h *house) { h.disk.SetCapacity(100_000) }},
		{"DiskBroken", messages.CodeIO, func(h *house) {
			h.disk.FailAt(h.disk.Operations()+5, port.ErrDiskIO)
		}},
		{"IndexFull", messages.CodeNoSpace, func(h *house) {
			h.index.Inject(memindex.Fault{After: 2, Err: port.ErrIndexFull})
		}},
		{"IndexBroken", messages.CodeIO, func(h *house) {
			h.index.Inject(memindex.Fault{After: 2, Err: errors.New("broken")})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t, newSettings(9))
			first := text(20_000)
			content := h.store(first)
			w := h.open()
			test.spoil(h)
			w.write(text(500_000))
			failed, ok := w.finish().(messages.Failed)
			if !ok || failed.Err.Code != test.code {
				t.Fatalf("finish replied %T (%v), want code %v", failed, failed.Err, test.code)
			}
			if w.err == nil || w.err.Code != test.code {
				t.Errorf("a chunk was answered with %v, want code %v", w.err, test.code)
			}
			// Every later command says the same, until the stream is closed.
			h.client.Failure(splitter.Role, test.code, func(c messages.Call) messages.Command {
				return messages.SyncStream{Call: c, Stream: w.id}
			})
			w.close()
			// Nothing of what was there before is lost.
			h.disk.SetCapacity(0)
			h.node.Crash()
			if err := h.node.Boot(); err != nil {
				t.Fatal(err)
			}
			if got := h.read(content); !bytes.Equal(got, first) {
				t.Error("the file stored before does not come back")
			}
			if got := h.read(h.store(first)); !bytes.Equal(got, first) {
				t.Error("the node does not store any more")
			}
			h.stop()
		})
	}
}

func TestQuotaFailsTheStream(t *testing.T) {
	s := newSettings(10)
	s.store.QuotaBytes = 200_000
	h := newHouse(t, s)
	defer h.stop()
	w := h.open()
	w.write(text(300_000))
	failed, ok := w.finish().(messages.Failed)
	if !ok || failed.Err.Code != messages.CodeQuota {
		t.Fatalf("finish replied %v, want the quota", failed.Err)
	}
	w.close()
}

// TestCorruptRandomizerLeavesThePool: one bad block of the pool fails one
// stream, and none after it.
func TestCorruptRandomizerLeavesThePool(t *testing.T) {
	h := newHouse(t, newSettings(11))
	h.store(text(300_000))
	h.node.Crash() // nothing is kept in memory
	if err := h.node.Boot(); err != nil {
		t.Fatal(err)
	}
	// Delete a tenth of the blocks behind the node's back.
	var gone []messages.CID
	for i, cid := range h.stored() {
		if i%10 == 0 {
			gone = append(gone, cid)
		}
	}
	if err := h.engine.Delete(gone); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for range 200 {
		w := h.open()
		w.write(text(30_000))
		reply := w.finish()
		w.close()
		if refused, ok := reply.(messages.Failed); ok {
			if refused.Err.Code != messages.CodeNotFound {
				t.Fatalf("failed with %v", refused.Err)
			}
			failed++
			continue
		}
		h.read(reply.(messages.StreamFinished).Content)
	}
	if failed == 0 || failed > len(gone) {
		t.Errorf("%d of 200 files failed for %d lost blocks", failed, len(gone))
	}
	// The pool is clean of them in the end.
	for range 20 {
		h.store(text(10_000))
	}
	h.stop()
}

// TestPanicsAnywhere lets every actor of the pipeline panic on one of its
// messages: every command is answered once, what is answered well is whole,
// and afterwards the node stores as before.
func TestPanicsAnywhere(t *testing.T) {
	roles := []string{randomizer.Role, store.Role, cache.Role, splitter.Role}
	rapid.Check(t, func(t *rapid.T) {
		h := newHouse(t, newSettings(rapid.Uint64().Draw(t, "seed")))
		defer h.stop()
		first := text(40_000)
		content := h.store(first)
		for range rapid.IntRange(1, 3).Draw(t, "panics") {
			role := rapid.SampledFrom(roles).Draw(t, "role")
			if n := rapid.IntRange(1, 40).Draw(t, "message"); rapid.Bool().Draw(t, "before") {
				h.world.PanicAt(role, n)
			} else {
				h.world.PanicAfter(role, n)
			}
		}
		for range 3 {
			reply := h.client.Ask(splitter.Role, func(c messages.Call) messages.Command {
				return messages.OpenStream{Call: c, ChildrenMax: 1}
			})
			opened, ok := reply.(messages.StreamOpened)
			if !ok {
				continue
			}
			w := &writer{h: h, id: opened.Stream, window: opened.Window}
			data := text(rapid.IntRange(1, 80_000).Draw(t, "size"))
			w.write(data)
			if finished, ok := w.finish().(messages.StreamFinished); ok {
				if got := h.read(finished.Content); !bytes.Equal(got, data) {
					t.Fatal("a file that was acknowledged does not come back")
				}
			}
			h.client.Ask(splitter.Role, func(c messages.Call) messages.Command {
				return messages.CloseStream{Call: c, Stream: w.id}
			})
		}
		if got := h.read(content); !bytes.Equal(got, first) {
			t.Fatal("the file stored before does not come back")
		}
	})
}

func TestOneSeedOneTrace(t *testing.T) {
	run := func(seed uint64) uint64 {
		h := newHouse(t, newSettings(seed))
		for range 3 {
			h.store(text(50_000))
		}
		h.stop()
		return h.world.TraceHash()
	}
	if a, b := run(1), run(1); a != b {
		t.Errorf("two runs of one seed have traces %x and %x", a, b)
	}
	if a, b := run(1), run(2); a == b {
		t.Error("two seeds have one trace")
	}
}
