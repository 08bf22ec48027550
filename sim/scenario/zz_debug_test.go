package scenario_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim/scenario"
)

func TestDebug(t *testing.T) {
	want, _ := messages.ParseCID(os.Getenv("DEBUG_CID"))
	var h *scenario.House
	say := func(f string, a ...any) { fmt.Printf("%-12s "+f+"\n", append([]any{h.World.Elapsed()}, a...)...) }
	has := func(cids ...messages.CID) bool {
		for _, c := range cids {
			if c == want {
				return true
			}
		}
		return false
	}
	h, err := scenario.New(scenario.Options{Seed: 1, Observe: func(d shell.Delivery) {
		switch m := d.Msg.(type) {
		case messages.PutBlocks:
			for _, b := range m.Blocks {
				if b.CID == want {
					say("put %v", m.Corr)
				}
			}
		case messages.CommitTuples:
			for _, x := range m.Tuples {
				if has(x[:]...) {
					say("commit stream %x %v", m.Stream, x)
				}
			}
		case messages.BlocksRetired:
			if has(m.CIDs...) {
				say("retired")
			}
		case messages.CollectionBegun:
			say("collection begun reserved=%v", has(m.Reserved...))
		case messages.InFlightListed:
			in := has(m.Blocks...)
			for _, r := range m.Refs {
				x := r.Ref.Tuple()
				in = in || has(x[:]...)
			}
			say("inflight has=%v", in)
		case messages.WalkContinued:
			in := false
			for _, r := range m.Refs {
				x := r.Ref.Tuple()
				in = in || has(x[:]...)
			}
			say("walk has=%v done=%v n=%d", in, m.Done, len(m.Refs))
		case messages.BlockSealed:
			x := m.Ref.Tuple()
			if has(x[:]...) {
				say("sealed to %v level %d", d.To, m.Ref.Level)
			}
		case messages.RootStored:
			x := m.Link.Root.Tuple()
			if has(x[:]...) {
				say("root stored")
			}
		case messages.Shared:
			x := m.Link.Root.Tuple()
			if has(x[:]...) {
				say("shared")
			}
		case messages.Import:
			x := m.Link.Root.Tuple()
			if has(x[:]...) {
				say("import %s", m.Path)
			}
		case messages.Unshare:
			x := m.Link.Root.Tuple()
			if has(x[:]...) {
				say("unshare")
			}
		case messages.UnsealBlock:
			x := m.Ref.Tuple()
			if has(x[:]...) {
				say("unseal by %v", d.From)
			}
		case messages.Remove:
			say("remove %s", m.Path)
		case messages.Rename:
			say("rename %s %s", m.From, m.To)
		case messages.StoreFile:
			say("store file %s", m.Place.Path)
		case messages.FinishTree:
			say("finish tree %s", m.Place.Path)
		case messages.Share:
			say("share %s", m.Path)
		case messages.Stat:
			say("stat %s %v", m.Target.Path, m.Target.Link != nil)
		case messages.Failed:
			say("failed to %v: %v", d.To, m.Err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	var workers []*scenario.Worker
	for i := range 3 {
		w := h.NewWorker(i)
		workers = append(workers, w)
		h.Client.Go(func(s *scenario.Session) { w.Begin(s); w.Work(s, 200) })
	}
	if err := h.Settle(workers); err != nil {
		fmt.Println(err.Error()[:300])
	}
}
