package fetcher

import (
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// A request that takes long is hedged, once, and the first answer wins.
func TestHedge(t *testing.T) {
	cfg := DefaultConfig()
	blocks := newBlocks(41)
	h := newHouse(t, cfg, newView(20), 1)
	h.peer = everyPeer(served(10*time.Millisecond, blocks...))
	h.fetch(messages.UrgencyNow, blocks[:40]...) // earns two hedges
	h.settle()
	var first messages.NodeID
	h.peer = func(peer messages.NodeID, cid messages.CID) reply {
		r := served(10*time.Millisecond, blocks...)(cid)
		if first == (messages.NodeID{}) || first == peer {
			first = peer
			r.after = 900 * time.Millisecond
		}
		return r
	}
	f := h.fetch(messages.UrgencyNow, blocks[40])
	h.settle()
	if took := time.Duration(f.endedNS - f.begunNS); took > 120*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	if h.core.stats.Hedges != 1 || h.ended[messages.OutcomeAbandoned] != 1 ||
		h.ended[messages.OutcomeServed] != 41 {
		t.Errorf("%d hedges; outcomes %v", h.core.stats.Hedges, h.ended)
	}
}

// Peers that were busy are asked again, later.
func TestBusyPeersAreAskedAgain(t *testing.T) {
	block := newBlock(1)
	h := newHouse(t, DefaultConfig(), newView(4), 1)
	begunNS := h.nowNS
	h.peer = func(_ messages.NodeID, cid messages.CID) reply {
		if h.nowNS-begunNS < int64(time.Second) {
			return reply{status: wire.BlockBusy, load: 99}
		}
		return served(time.Millisecond, block)(cid)
	}
	f := h.fetch(messages.UrgencyNow, block)
	h.settle()
	if f.failed(0) {
		t.Errorf("given up: %v", f.got.Errs[0])
	}
	h.peer = everyPeer(func(messages.CID) reply { return reply{status: wire.BlockBusy} })
	f = h.fetch(messages.UrgencyNow, newBlock(2))
	h.settle()
	if !f.failed(0) {
		t.Error("a block of peers that are always busy was had")
	}
}

// Who is busy may well have a block: those are asked again before everybody
// far down the order was, of whom some take long to be found silent.
func TestBusyHoldersGoBeforeStrangers(t *testing.T) {
	block, view := newBlock(1), newView(40)
	cfg := DefaultConfig()
	h := newHouse(t, cfg, view, 1)
	begunNS := h.nowNS
	near := holdersOf(view, block.CID, cfg.Width)
	h.peer = func(peer messages.NodeID, cid messages.CID) reply {
		switch at := slices.Index(near, peer); {
		case at < 0:
			return reply{after: time.Hour}
		case h.nowNS-begunNS < int64(2*time.Second):
			return reply{status: wire.BlockBusy}
		}
		return served(time.Millisecond, block)(cid)
	}
	f := h.fetch(messages.UrgencyNow, block)
	h.settle()
	if took := time.Duration(f.endedNS - f.begunNS); f.failed(0) || took > 10*time.Second {
		t.Errorf("after %s: %v", took, f.got.Errs)
	}
}

// A holder that takes very long does not keep the others from being asked,
// even if there is no budget for hedges; and its answer counts.
func TestLateHolderIsOvertaken(t *testing.T) {
	block, view := newBlock(1), newView(40)
	cfg := DefaultConfig()
	cfg.HedgeShare, cfg.FetchTimeout = 0, time.Hour
	near := holdersOf(view, block.CID, cfg.TriedMax)
	for _, test := range []struct {
		name   string
		has    int // the place of the only one that serves it at once
		within time.Duration
	}{
		{"ByTheSecond", 1, 4 * time.Second},
		{"ByTheThird", 2, 7 * time.Second},
		{"ByNobody", -1, 12 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHouse(t, cfg, view, 1)
			h.scorer = func(want []messages.NodeID) (messages.PeerChoice, bool) {
				return messages.PeerChoice{
					Peer: want[0], HedgeAfter: 2 * time.Second, Timeout: time.Minute,
				}, true
			}
			h.peer = func(peer messages.NodeID, cid messages.CID) reply {
				switch slices.Index(near, peer) {
				case test.has:
					return served(time.Millisecond, block)(cid)
				case 0:
					return served(11*time.Second, block)(cid)
				}
				return reply{after: time.Hour}
			}
			f := h.fetch(messages.UrgencyNow, block)
			h.settle()
			if took := time.Duration(f.endedNS - f.begunNS); f.failed(0) || took > test.within {
				t.Errorf("after %s: %v", took, f.got.Errs)
			}
		})
	}
}

// A link that is slower than what is asked for gets fewer requests at one
// time, so that what comes is not too late; and more again when it is not.
func TestWindowFitsTheLink(t *testing.T) {
	cfg := DefaultConfig()
	cfg.HedgeShare, cfg.FetchTimeout = 0, 10*time.Minute
	blocks := newBlocks(150)
	h := newHouse(t, cfg, newView(40), 1)
	h.scorer = func(want []messages.NodeID) (messages.PeerChoice, bool) {
		return messages.PeerChoice{
			Peer: want[0], HedgeAfter: 2 * time.Second, Timeout: 15 * time.Second,
		}, true
	}
	each, freeNS, wasted := time.Second, h.nowNS, 0
	h.peer = func(_ messages.NodeID, cid messages.CID) reply { // all through one link
		freeNS = max(freeNS, h.nowNS) + int64(each)
		after := time.Duration(freeNS - h.nowNS)
		if after > 15*time.Second {
			wasted++
		}
		return served(after, blocks...)(cid)
	}
	for at := 0; at < 100; at += 50 {
		h.fetch(messages.UrgencyNow, blocks[at:at+50]...)
	}
	h.settle()
	if h.core.stats.BlocksFailed > 0 || wasted > 3*cfg.InFlightMax {
		t.Errorf("%d blocks failed, %d answers came too late", h.core.stats.BlocksFailed, wasted)
	}
	if room := h.core.window.room(); room > 32 {
		t.Errorf("the window is %d", room)
	}
	each = time.Millisecond
	for range 3 {
		h.fetch(messages.UrgencyNow, blocks[100:]...)
		h.settle()
	}
	if room := h.core.window.room(); room != cfg.InFlightMax {
		t.Errorf("the window is %d, want %d", room, cfg.InFlightMax)
	}
}

func TestDeadline(t *testing.T) {
	cfg := DefaultConfig()
	cfg.FetchTimeout = 2500 * time.Millisecond
	blocks := newBlocks(2)
	h := newHouse(t, cfg, newView(20), 1)
	h.peer = func(_ messages.NodeID, cid messages.CID) reply {
		if cid == blocks[1].CID {
			return reply{after: time.Hour}
		}
		return served(time.Millisecond, blocks[0])(cid)
	}
	f := h.fetch(messages.UrgencyNow, blocks...)
	h.settle()
	if f.failed(0) || !f.failed(1) || time.Duration(f.endedNS-f.begunNS) != cfg.FetchTimeout {
		t.Errorf("after %s: %v", time.Duration(f.endedNS-f.begunNS), f.got.Errs)
	}
}
