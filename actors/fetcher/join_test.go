package fetcher

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// A node that has just started may not know who is there: it waits for a while
// to be told, and then no longer.
func TestWaitsToBeToldOfOthers(t *testing.T) {
	cfg := DefaultConfig()
	alone, few, all := newView(1), newView(2), newView(6)
	blocks := newBlocks(3)
	start := func() *house {
		h := newHouse(t, cfg, alone, 1)
		h.peer = func(peer messages.NodeID, cid messages.CID) reply {
			if peer == nodeID(1) {
				return served(0)(cid) // has nothing
			}
			return served(0, blocks...)(cid)
		}
		return h
	}
	t.Run("InSteps", func(t *testing.T) {
		h := start()
		f := h.fetch(messages.UrgencyNow, blocks...)
		h.runFor(cfg.JoinWait / 4)
		h.step(func() { h.core.see(few) })
		h.runFor(cfg.JoinWait / 4)
		if f.got != nil {
			t.Fatalf("given up before the others were known: %v", f.got.Errs)
		}
		h.step(func() { h.core.see(all) })
		h.settle()
		for i := range blocks {
			if f.failed(i) {
				t.Error(f.got.Errs[i])
			}
		}
	})
	t.Run("Never", func(t *testing.T) {
		h := start()
		f := h.fetch(messages.UrgencyNow, blocks[:1]...)
		h.settle()
		if !f.failed(0) || f.endedNS-f.begunNS != int64(cfg.JoinWait) {
			t.Errorf("given up after %s", time.Duration(f.endedNS-f.begunNS))
		}
		f = h.fetch(messages.UrgencyNow, blocks[:1]...)
		h.settle()
		if !f.failed(0) || f.endedNS != f.begunNS {
			t.Errorf("later, it took %s to give up", time.Duration(f.endedNS-f.begunNS))
		}
	})
}
