package splitter_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// TestInFlightHoldsWhatStreamsNeed plays collector: at a random moment it
// asks what is in flight, lets the streams go on, and asks leave to delete
// what was stored and is not needed. No block that the finished files need
// may be among what is granted.
func TestInFlightHoldsWhatStreamsNeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSettings(rapid.Uint64().Draw(t, "seed"))
		s.splitter.WindowChunks = rapid.IntRange(4, 40).Draw(t, "window")
		h := newHouse(t, s)
		defer h.stop()
		h.store(text(rapid.IntRange(0, 60_000).Draw(t, "before")))
		writers := h.openAtOnce(rapid.IntRange(1, 3).Draw(t, "streams"))
		h.writeAtOnce(writers, rapid.IntRange(0, 100).Draw(t, "chunks"))
		if rapid.Bool().Draw(t, "finished") {
			for _, w := range writers {
				w.drain()
			}
		}
		garbage := h.garbage()
		h.writeAtOnce(writers, rapid.IntRange(0, 60).Draw(t, "more"))
		needed := make(map[messages.CID]bool)
		for _, w := range writers {
			for _, ref := range h.refs(w.mustFinish().Children) {
				for _, cid := range ref.Tuple() {
					needed[cid] = true
				}
			}
		}
		retired := h.client.Must(randomizer.Role, func(c messages.Call) messages.Command {
			return messages.RetireBlocks{Call: c, CIDs: garbage}
		}).(messages.BlocksRetired)
		for _, cid := range retired.CIDs {
			if needed[cid] {
				t.Fatal("a block that a stream needs may be deleted")
			}
		}
	})
}

// garbage begins a collection and returns the stored blocks that neither the
// randomizer nor an open stream needs.
func (h *house) garbage() []messages.CID {
	h.t.Helper()
	begun := h.client.Must(randomizer.Role, func(c messages.Call) messages.Command {
		return messages.BeginCollection{Call: c}
	}).(messages.CollectionBegun)
	stored := h.stored() // what comes later is left alone
	listed := h.ask(func(c messages.Call) messages.Command {
		return messages.ListInFlight{Call: c}
	}).(messages.InFlightListed)
	needed := make(map[messages.CID]bool)
	for _, cid := range append(listed.Blocks, begun.Reserved...) {
		needed[cid] = true
	}
	for _, held := range listed.Refs {
		// A listed ref opens, and all below it: the collector stops otherwise.
		h.openRef(held.Kind, held.Ref)
		for _, ref := range h.refs([]messages.BlockRef{held.Ref}) {
			for _, cid := range ref.Tuple() {
				needed[cid] = true
			}
		}
	}
	return slices.DeleteFunc(stored, func(cid messages.CID) bool { return needed[cid] })
}

// TestHeldRefsStayFew: a file of thousands of chunks has few refs in no node.
func TestHeldRefsStayFew(t *testing.T) {
	h := newHouse(t, newSettings(31))
	defer h.stop()
	w := h.open()
	most := 0
	for range 40 {
		h.writeAtOnce([]*writer{w}, 100)
		listed := h.ask(func(c messages.Call) messages.Command {
			return messages.ListInFlight{Call: c}
		}).(messages.InFlightListed)
		most = max(most, len(listed.Refs)+len(listed.Blocks))
	}
	// The window and its tuples, and less than a node's children per level.
	if limit := 8*w.window + 12*h.params.Fanout(); most > limit {
		t.Errorf("%d refs and blocks are listed, want at most %d", most, limit)
	}
	w.mustFinish()
	w.close()
	listed := h.ask(func(c messages.Call) messages.Command {
		return messages.ListInFlight{Call: c}
	}).(messages.InFlightListed)
	if len(listed.Refs)+len(listed.Blocks) != 0 {
		t.Errorf("%d refs are listed after the stream was closed", len(listed.Refs))
	}
}

// TestSealedDirectoriesHoldTheirPacks: refs that stand in a sealed directory
// node are held by it alone.
func TestSealedDirectoriesHoldTheirPacks(t *testing.T) {
	s := newSettings(32)
	s.splitter.HeldRefsMax = 12
	h := newHouse(t, s)
	defer h.stop()
	w := h.open()
	seal := func(kind messages.BlockKind, level uint8, payload []byte) messages.BlockRef {
		data := append(h.params.NewBuffer()[:0], payload...)
		return h.ask(func(c messages.Call) messages.Command {
			return messages.SealBlock{Call: c, Stream: w.id, Kind: kind, Level: level, Data: data}
		}).(messages.BlockSealed).Ref
	}
	sync := func() {
		h.ask(func(c messages.Call) messages.Command {
			return messages.SyncStream{Call: c, Stream: w.id}
		})
	}
	held := func() []messages.NeededRef {
		return h.ask(func(c messages.Call) messages.Command {
			return messages.ListInFlight{Call: c}
		}).(messages.InFlightListed).Refs
	}
	var children []format.DirectoryChild
	for n := range 4 { // 16 packs in four leaves, of which 12 may be held
		var leaf format.DirectoryLeaf
		for i := range 2 {
			chunks := []messages.BlockRef{
				seal(messages.KindChunk, 0, text(1024)), seal(messages.KindChunk, 0, text(1024)),
			}
			leaf.Entries = append(leaf.Entries, messages.Entry{
				Name: string(rune('a' + i)), Type: messages.TypeFile,
				Content: messages.Content{Size: 500, Pack: &messages.PackRef{
					Chunks: chunks, Offset: 700, Length: 500, Key: messages.Secret{1},
				}},
			})
		}
		payload, err := format.EncodeNode(h.params, &leaf)
		if err != nil {
			t.Fatal(err)
		}
		children = append(children, format.DirectoryChild{
			First: string(rune('a' + n)), Ref: seal(messages.KindNode, leaf.Level(), payload),
		})
		sync()
		if got := len(held()); got != n+1 {
			t.Fatalf("%d refs are held after %d leaves", got, n+1)
		}
	}
	inner := &format.DirectoryInner{Children: children}
	payload, err := format.EncodeNode(h.params, inner)
	if err != nil {
		t.Fatal(err)
	}
	ref := seal(messages.KindNode, inner.Level(), payload)
	sync()
	if got := held(); len(got) != 1 || got[0].Ref != ref || got[0].Kind != messages.KindNode {
		t.Errorf("%d refs are held, want the root alone", len(got))
	}
	for range 20 { // packs that are in no directory
		reply := h.client.Ask(splitter.Role, func(c messages.Call) messages.Command {
			return messages.SealBlock{
				Call: c, Stream: w.id, Kind: messages.KindChunk, Data: h.params.NewBuffer(),
			}
		})
		if failed, ok := reply.(messages.Failed); ok {
			if failed.Err.Code != messages.CodeOverload {
				t.Errorf("failed with %v", failed.Err)
			}
			return
		}
	}
	t.Error("more refs are held than allowed")
}
