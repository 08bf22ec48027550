package store

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// town is everybody that a collector talks to: it answers each effect, keeps
// account of what is held, and checks what the collector owes them.
type town struct {
	t interface{ Fatalf(string, ...any) }

	stored   []messages.CID // ascending
	young    map[messages.CID]bool
	refs     []messages.NeededRef // that a full walk finds
	below    []messages.NeededRef // of the path that command.Without names
	also     []messages.NeededRef // that open streams hold
	imported []messages.NeededRef
	inWork   []messages.CID
	earlier  []messages.CID        // reserved before the collection began
	reserved map[messages.CID]bool // reserved since: the randomizer will not retire them
	broken   bool
	segments int

	failAt, steps int // fail the request of that number; 0: none

	collecting, walking, holding bool
	without                      string
	toWalk                       []messages.NeededRef
	deleted                      []messages.CID
	compacted                    int
	gone                         []messages.CID
	result                       messages.Reply
	err                          *messages.Error
}

func (w *town) writtenSince(cid messages.CID, _ uint64) bool { return w.young[cid] }

// run plays a collection to its end.
func (w *town) run(c *collector) {
	answers := []any{nil}
	for len(answers) > 0 {
		effects := c.step(answers[0], nil)
		answers = answers[1:]
		for _, e := range effects {
			if w.result != nil || w.err != nil {
				w.t.Fatalf("%T after the end", e)
			}
			if answer := w.answer(e); answer != nil {
				answers = append(answers, answer)
			}
		}
		if len(answers) > 1 {
			w.t.Fatalf("%d requests under way at once", len(answers))
		}
		if w.steps > 10_000 {
			w.t.Fatalf("the collection does not end")
		}
	}
	if w.result == nil && w.err == nil {
		w.t.Fatalf("the collection stopped without an answer")
	}
	if w.collecting || w.walking || w.holding {
		w.t.Fatalf("left behind: collecting %v, walking %v, holding %v",
			w.collecting, w.walking, w.holding)
	}
}

func (w *town) answer(e effect) any {
	failed := messages.Failed{Err: messages.Errorf(messages.CodeRestarted, "pretended")}
	switch e := e.(type) {
	case forget:
		w.gone = append(w.gone, e.cids...)
		return nil
	case finish:
		if w.err = e.err; e.err == nil {
			w.result = e.reply(messages.Answer{Corr: 7})
		}
		return nil
	case look:
		return messages.BlocksUsage{Blocks: int64(len(w.stored))}
	case list:
		return w.list(e)
	case remove:
		if w.fails() {
			return removed{cids: e.cids, err: messages.Errorf(messages.CodeIO, "pretended")}
		}
		w.remove(e.cids)
		return removed{cids: e.cids}
	case compact:
		if w.fails() {
			return messages.BlocksCompacted{Err: fmt.Errorf("pretended")}
		}
		w.compacted++
		return messages.BlocksCompacted{FreedBytes: 1000, More: w.compacted < w.segments}
	case ask:
		if w.fails() {
			w.forgets(e)
			return failed
		}
		return w.reply(e.command(messages.Call{}))
	}
	w.t.Fatalf("unexpected effect %T", e)
	return nil
}

func (w *town) fails() bool {
	w.steps++
	return w.steps == w.failAt
}

// forgets plays that whoever fails has restarted.
func (w *town) forgets(e ask) {
	switch e.to {
	case "randomizer":
		w.collecting = false
	case "drive":
		w.walking, w.holding = false, false
	}
}

func (w *town) reply(command messages.Command) any {
	noWalk := messages.Failed{Err: messages.Errorf(messages.CodeNotFound, "no such walk")}
	switch m := command.(type) {
	case messages.BeginCollection:
		w.collecting = true
		return messages.CollectionBegun{Reserved: w.earlier}
	case messages.ListInFlight:
		if !w.collecting {
			w.t.Fatalf("the streams were listed before the collection began")
		}
		return messages.InFlightListed{Refs: w.also, Blocks: w.inWork}
	case messages.BeginWalk:
		w.walking, w.without = true, m.Without
		w.toWalk = slices.Clone(w.refs)
		if m.Without == "" {
			w.toWalk = append(w.toWalk, w.below...)
		}
		return messages.WalkBegun{Walk: 5}
	case messages.ContinueWalk:
		if !w.walking || m.Walk != 5 {
			return noWalk
		}
		n := min(3, len(w.toWalk))
		refs := w.toWalk[:n]
		w.toWalk = w.toWalk[n:]
		reply := messages.WalkContinued{Refs: refs, Done: len(w.toWalk) == 0}
		if w.broken && reply.Done {
			reply.Broken = []messages.Problem{{Reason: "pretended"}}
		}
		return reply
	case messages.HoldImports:
		if !w.walking {
			return noWalk
		}
		w.holding = m.Hold
		return messages.ImportsHeld{Roots: w.imported}
	case messages.EndWalk:
		w.walking = false
		return messages.WalkEnded{}
	case messages.EndCollection:
		w.collecting = false
		return messages.CollectionEnded{}
	case messages.RetireBlocks:
		if !w.collecting || !w.holding {
			w.t.Fatalf("blocks retired while collecting %v, holding %v", w.collecting, w.holding)
		}
		var may []messages.CID
		for _, cid := range m.CIDs {
			if !w.reserved[cid] {
				may = append(may, cid)
			}
		}
		return messages.BlocksRetired{CIDs: may}
	}
	w.t.Fatalf("unexpected command %T", command)
	return nil
}

func (w *town) list(e list) messages.BlocksListed {
	const page = 4
	from, found := slices.BinarySearchFunc(w.stored, e.after, messages.CID.Compare)
	if found {
		from++
	}
	to := min(len(w.stored), from+page)
	return messages.BlocksListed{
		CIDs: slices.Clone(w.stored[from:to]), More: to < len(w.stored),
	}
}

func (w *town) remove(cids []messages.CID) {
	if !w.collecting || !w.holding {
		w.t.Fatalf("blocks deleted while collecting %v, holding %v", w.collecting, w.holding)
	}
	for _, cid := range cids {
		i, found := slices.BinarySearchFunc(w.stored, cid, messages.CID.Compare)
		if !found {
			w.t.Fatalf("a block was deleted twice")
		}
		w.stored = slices.Delete(w.stored, i, i+1)
		w.deleted = append(w.deleted, cid)
	}
}

// needs tells whether a block must survive, with or without the path.
func (w *town) needs(cid messages.CID, without bool) bool {
	refs := slices.Concat(w.refs, w.also)
	if !without {
		refs = append(refs, w.below...)
	}
	for _, r := range append(refs, w.imported...) {
		if tuple := r.Ref.Tuple(); slices.Contains(tuple[:], cid) {
			return true
		}
	}
	return w.young[cid] || w.reserved[cid] || slices.Contains(w.inWork, cid) ||
		slices.Contains(w.earlier, cid)
}

func drawTown(t *rapid.T) *town {
	w := &town{
		t: t, young: map[messages.CID]bool{}, reserved: map[messages.CID]bool{},
		segments: rapid.IntRange(1, 3).Draw(t, "segments"),
	}
	n := rapid.Uint64Range(0, 40).Draw(t, "blocks")
	for i := range n {
		w.stored = append(w.stored, testCID(i+1))
	}
	slices.SortFunc(w.stored, messages.CID.Compare)
	pick := func() messages.CID { return testCID(rapid.Uint64Range(1, 40).Draw(t, "block")) }
	draw := func(name string, most int) []messages.NeededRef {
		var refs []messages.NeededRef
		for range rapid.IntRange(0, most).Draw(t, name) {
			refs = append(refs, messages.NeededRef{
				Ref: messages.BlockRef{D: pick(), A: pick(), B: pick()},
			})
		}
		return refs
	}
	w.refs, w.below = draw("refs", 6), draw("below", 2)
	w.also, w.imported = draw("also", 2), draw("imported", 2)
	for range rapid.IntRange(0, 3).Draw(t, "others") {
		w.young[pick()] = true
		w.reserved[pick()] = true
		w.inWork = append(w.inWork, pick())
		w.earlier = append(w.earlier, pick())
	}
	return w
}

func TestCollectorDeletesGarbageAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawTown(t)
		before := slices.Clone(w.stored)
		c := newCollector(messages.Collect{}, 1024, 1, w.writtenSince)
		w.run(c)
		if w.err != nil {
			t.Fatalf("failed: %v", w.err)
		}
		needed := int64(0)
		for _, cid := range before {
			needs := w.needs(cid, false)
			if needs {
				needed++
			}
			if deleted := slices.Contains(w.deleted, cid); deleted == needs {
				t.Fatalf("block %s: deleted %v, needed %v", cid.Short(), deleted, needs)
			}
		}
		got := w.result.(messages.Collected)
		want := messages.Collected{
			Answer: messages.Answer{Corr: 7}, Needed: needed,
			FreedBlocks: int64(len(w.deleted)), FreedBytes: int64(w.segments) * 1000,
		}
		if got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		if !slices.Equal(w.gone, w.deleted) {
			t.Fatalf("the cache was told of %d of %d deleted blocks", len(w.gone), len(w.deleted))
		}
	})
}

// TestCollectorFailsSafely fails each request in turn: the collection ends
// with that error (or goes on, where the failure only undid what was to be
// undone), holds nothing, and has deleted nothing that is needed.
func TestCollectorFailsSafely(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawTown(t)
		w.failAt = rapid.IntRange(1, 40).Draw(t, "failAt")
		before := slices.Clone(w.stored)
		w.run(newCollector(messages.Collect{}, 1024, 1, w.writtenSince))
		for _, cid := range w.deleted {
			if w.needs(cid, false) {
				t.Fatalf("needed block %s was deleted", cid.Short())
			}
		}
		if w.err == nil && w.steps >= w.failAt && len(before)-len(w.deleted) > 0 {
			for _, cid := range before {
				if !w.needs(cid, false) && !slices.Contains(w.deleted, cid) {
					t.Fatalf("success was reported and garbage %s is there", cid.Short())
				}
			}
		}
	})
}

func TestCollectorStopsAtBrokenTrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawTown(t)
		w.broken = true
		w.run(newCollector(messages.Collect{}, 1024, 1, w.writtenSince))
		if w.err == nil || w.err.Code != messages.CodeCorrupt || len(w.deleted) > 0 {
			t.Fatalf("got %v with %d deleted, want a refusal with none", w.err, len(w.deleted))
		}
	})
}

func TestCollectorDryRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawTown(t)
		w.imported = nil // a dry run does not hold imports, and does not know of them
		clear(w.reserved)
		command := messages.Collect{DryRun: true}
		if rapid.Bool().Draw(t, "without") {
			command.Without = "/some/path"
		}
		w.run(newCollector(command, 1024, 1, w.writtenSince))
		if w.err != nil || len(w.deleted) > 0 || w.compacted > 0 {
			t.Fatalf("%v, %d deleted, %d compacted", w.err, len(w.deleted), w.compacted)
		}
		free := int64(0)
		for _, cid := range w.stored {
			if command.Without == "" && !w.needs(cid, false) ||
				command.Without != "" && w.needs(cid, false) && !w.needs(cid, true) {
				free++
			}
		}
		got := w.result.(messages.Collected)
		if got.FreedBlocks != free || got.FreedBytes != free*1024 {
			t.Fatalf("got %d blocks, %d bytes; want %d blocks", got.FreedBlocks, got.FreedBytes, free)
		}
	})
}

// TestCollectorKeepsWhatIsPut: a block that is put while the collection runs
// stays, at whatever step it comes, though it was garbage before.
func TestCollectorKeepsWhatIsPut(t *testing.T) {
	for at := range 16 {
		w := &town{t: t, stored: []messages.CID{testCID(1)}, segments: 1}
		c := newCollector(messages.Collect{}, 1024, 1, w.writtenSince)
		answers, removedAt := []any{nil}, -1
		for step := 0; len(answers) > 0; step++ {
			effects := c.step(answers[0], nil)
			answers = nil
			for _, e := range effects {
				if _, ok := e.(remove); ok {
					removedAt = step
				}
				if answer := w.answer(e); answer != nil {
					answers = append(answers, answer)
				}
			}
			if step == at {
				c.written([]messages.CID{testCID(1)})
			}
		}
		if removedAt > at {
			t.Errorf("a block put at step %d was deleted at step %d", at, removedAt)
		}
		if at == 15 && removedAt < 0 {
			t.Errorf("garbage that nobody put was not deleted in %d steps", at)
		}
	}
}

func TestCollectorRefusesToDeleteWhatIsNoGarbage(t *testing.T) {
	c := newCollector(messages.Collect{}, 1024, 1, func(messages.CID, uint64) bool { return false })
	c.garbage = []messages.CID{testCID(1)}
	effects := c.onRetired(messages.BlocksRetired{CIDs: []messages.CID{testCID(2)}})
	if done, ok := effects[0].(finish); !ok || done.err == nil ||
		done.err.Code != messages.CodeInternal {
		t.Fatalf("got %T, want a failure", effects[0])
	}
}
