package fetcher

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/shell"
)

// served is the reply of a peer that has every block of blocks.
func served(after time.Duration, blocks ...messages.Block) func(messages.CID) reply {
	return func(cid messages.CID) reply {
		i := slices.IndexFunc(blocks, func(b messages.Block) bool { return b.CID == cid })
		if i < 0 {
			return reply{after: after, status: wire.BlockAbsent}
		}
		return reply{after: after, status: wire.BlockServed, data: blocks[i].Data}
	}
}

// everyPeer has all peers do the same.
func everyPeer(f func(messages.CID) reply) func(messages.NodeID, messages.CID) reply {
	return func(_ messages.NodeID, cid messages.CID) reply { return f(cid) }
}

func newBlocks(n int) []messages.Block {
	blocks := make([]messages.Block, n)
	for i := range blocks {
		blocks[i] = newBlock(i)
	}
	return blocks
}

// peersOf returns whom a house asked, in order.
func (h *house) peersOf() []messages.NodeID {
	var peers []messages.NodeID
	for _, r := range h.sent {
		peers = append(peers, r.peer)
	}
	return peers
}

// TestFetches has peers of every kind, and an ask at any time. The house
// checks replies and bounds; here it is checked that what somebody has, whom
// it is right to ask, was had.
func TestFetches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		cfg.Width = rapid.IntRange(1, 6).Draw(t, "width")
		cfg.TriedMax = cfg.Width + rapid.IntRange(0, 10).Draw(t, "tried")
		cfg.InFlightMax = rapid.IntRange(1, 20).Draw(t, "inFlight")
		cfg.InFlightPerPeerMax = rapid.IntRange(1, 3).Draw(t, "perPeer")
		cfg.AsksMax = rapid.IntRange(1, 20).Draw(t, "asks")
		cfg.HedgeShare = rapid.SampledFrom([]float64{0, 0.05, 1}).Draw(t, "hedges")
		cfg.BeyondTimeout = rapid.SampledFrom([]time.Duration{0, time.Second}).Draw(t, "beyond")
		cfg.BusyRounds = rapid.IntRange(0, 3).Draw(t, "rounds")
		cfg.JoinWait = rapid.SampledFrom([]time.Duration{0, 2 * time.Second}).Draw(t, "join")
		patient := rapid.Bool().Draw(t, "patient")
		if patient {
			cfg.FetchTimeout = 24 * time.Hour
		}
		nodes := rapid.IntRange(0, 30).Draw(t, "nodes")
		view := newView(nodes)
		seed := rapid.Uint64().Draw(t, "seed")
		h := newHouse(t, cfg, view, seed)
		blocks := newBlocks(40)
		kinds := make(map[messages.NodeID]int)
		for i := range nodes {
			kinds[nodeID(i)] = rapid.IntRange(0, 6).Draw(t, "kind")
		}
		kinds[nobody] = rapid.IntRange(0, 6).Draw(t, "beyond kind")
		draw := rand.New(rand.NewPCG(seed, 2))
		h.peer = func(peer messages.NodeID, cid messages.CID) reply {
			return h.pretend(kinds[peer], draw, served(0, blocks...)(cid))
		}
		troubled := rapid.Bool().Draw(t, "troubled")
		h.scorer = func(want []messages.NodeID) (messages.PeerChoice, bool) {
			return messages.PeerChoice{
				Peer:       want[draw.IntN(len(want))],
				HedgeAfter: time.Duration(draw.IntN(200)) * time.Millisecond,
				Timeout:    time.Second,
			}, !troubled || draw.IntN(10) > 0
		}
		for i := 0; i+2 < len(blocks) && rapid.Bool().Draw(t, "tuple"); i += 2 {
			h.tuples = append(h.tuples, [3]messages.CID{blocks[i].CID, blocks[i+1].CID, blocks[i+2].CID})
		}
		var asked []*fetching
		for range rapid.IntRange(1, 30).Draw(t, "asks") {
			at := rapid.IntRange(0, len(blocks)-1).Draw(t, "at")
			n := min(rapid.IntRange(1, 8).Draw(t, "n"), len(blocks)-at)
			urgency := messages.Urgency(rapid.IntRange(0, urgencies-1).Draw(t, "urgency"))
			if f := h.fetch(urgency, blocks[at:at+n]...); f != nil {
				asked = append(asked, f)
			}
			h.runFor(time.Duration(rapid.IntRange(0, 500).Draw(t, "ms")) * time.Millisecond)
		}
		h.settle()
		for _, f := range asked {
			for i, b := range f.blocks {
				good := slices.ContainsFunc(holdersOf(view, b.CID, cfg.TriedMax),
					func(id messages.NodeID) bool { return kinds[id] <= kindSlow })
				good = good || cfg.BeyondTimeout > 0 && kinds[nobody] <= kindSlow
				if patient && f.failed(i) == good {
					t.Fatalf("a good holder: %v; had: %v", good, !f.failed(i))
				}
				if f.failed(i) && !patient && good && f.endedNS-f.begunNS < int64(cfg.FetchTimeout) {
					t.Fatalf("given up before its time: %v", f.got.Errs[i])
				}
			}
		}
	})
}

// The kinds of pretended peers; up to kindSlow they are good.
const (
	kindGood = iota
	kindSlow
	kindAbsent
	kindSilent
	kindWrong
	kindBusy
	kindMalformed
)

func (h *house) pretend(kind int, draw *rand.Rand, r reply) reply {
	r.after = time.Duration(draw.IntN(60)) * time.Millisecond
	switch kind {
	case kindSlow:
		r.after = time.Duration(100+draw.IntN(800)) * time.Millisecond
	case kindAbsent:
		r.status, r.data = wire.BlockAbsent, nil
	case kindSilent:
		r.after = time.Hour
	case kindWrong:
		r.data = bytes.Clone(r.data)
		r.data[draw.IntN(len(r.data))] ^= 1
	case kindBusy:
		r.status, r.data = wire.BlockBusy, nil
	case kindMalformed:
		switch draw.IntN(3) {
		case 0:
			r.head = []byte{0xff}
		case 1:
			r.data = r.data[1:]
		default:
			r.data = nil
		}
	}
	return r
}

func TestAsksThoseThatShouldHoldIt(t *testing.T) {
	cfg := DefaultConfig()
	view, block := newView(100), newBlock(1)
	h := newHouse(t, cfg, view, 1)
	h.peer = everyPeer(served(time.Millisecond))
	f := h.fetch(messages.UrgencyNow, block)
	h.settle()
	want := holdersOf(view, block.CID, cfg.TriedMax)
	got := h.peersOf()
	if len(got) != len(want) {
		t.Fatalf("%d peers were asked, want %d", len(got), len(want))
	}
	for i := range want {
		if !slices.Contains(got[:min(len(got), (i/cfg.Width+1)*cfg.Width)], want[i]) {
			t.Errorf("the holder at place %d was not asked in its turn", i)
		}
	}
	if text := f.got.Errs[0].Error(); !strings.Contains(text, "24 holders asked") {
		t.Errorf("the error is %q", text)
	}
}

// Those who are no members are asked once, after all members, and only if that
// is wanted.
func TestLooksBeyond(t *testing.T) {
	block := newBlock(1)
	for name, test := range map[string]struct {
		nodes   int
		beyond  time.Duration
		members reply
		want    bool // that the block is had
	}{
		"Absent":  {40, time.Second, reply{status: wire.BlockAbsent}, true},
		"Silent":  {40, time.Second, reply{after: time.Hour}, true},
		"Alone":   {1, time.Second, reply{}, true},
		"Never":   {40, 0, reply{status: wire.BlockAbsent}, false},
		"NoTime":  {40, time.Millisecond, reply{status: wire.BlockAbsent}, false},
		"Members": {40, time.Second, reply{status: wire.BlockServed, data: block.Data}, true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.BeyondTimeout, cfg.BusyRounds = test.beyond, 0
			h := newHouse(t, cfg, newView(test.nodes), 1)
			h.peer = func(peer messages.NodeID, cid messages.CID) reply {
				if peer == nobody {
					return served(10*time.Millisecond, block)(cid)
				}
				return test.members
			}
			f := h.fetch(messages.UrgencyNow, block)
			h.settle()
			if f.failed(0) == test.want {
				t.Errorf("had: %v, want %v", !f.failed(0), test.want)
			}
			asked := h.peersOf()
			beyond := slices.Index(asked, nobody)
			if wanted := test.beyond > 0 && name != "Members"; (beyond >= 0) != wanted ||
				wanted && beyond != len(asked)-1 {
				t.Errorf("those beyond were asked at place %d of %d", beyond, len(asked))
			}
		})
	}
}

// Bytes that are no block are refused, even if somebody made a CID of them.
func TestOnlyBlocksAreHandedOn(t *testing.T) {
	long := messages.Block{Data: make([]byte, 2*testBlockSize)}
	long.CID = sha256.Sum256(long.Data)
	h := newHouse(t, DefaultConfig(), newView(20), 1)
	h.peer = everyPeer(served(time.Millisecond, long))
	f := h.fetch(messages.UrgencyNow, long)
	h.settle()
	if !f.failed(0) || h.ended[messages.OutcomeWrong] != len(h.sent) {
		t.Errorf("%d bytes were taken for a block; outcomes %v", len(long.Data), h.ended)
	}
}

// The order of requests tells nothing of the order in which blocks were asked
// for.
func TestRequestsAreShuffled(t *testing.T) {
	blocks := newBlocks(10)
	first := map[messages.CID]int{}
	for seed := range uint64(100) {
		h := newHouse(t, DefaultConfig(), newView(40), seed)
		h.peer = everyPeer(served(time.Millisecond, blocks...))
		h.fetch(messages.UrgencyNow, blocks...)
		h.settle()
		first[h.sent[0].flight.cid]++
	}
	if len(first) < 8 {
		t.Errorf("of 10 blocks only %d were ever the first", len(first))
	}
}

func TestNobodyIsThere(t *testing.T) {
	for _, view := range []*messages.View{messages.NewView(messages.NodeID{}, 0, 0, nil, nil), newView(1)} {
		cfg := DefaultConfig()
		cfg.JoinWait = 0
		h := newHouse(t, cfg, view, 1)
		f := h.fetch(messages.UrgencyNow, newBlocks(2)...)
		if f.got == nil || !f.failed(0) || !f.failed(1) {
			t.Errorf("of %d members, two blocks were not given up at once", len(view.Members))
		}
		h.settle()
	}
}

func TestSingleFlight(t *testing.T) {
	blocks := newBlocks(3)
	h := newHouse(t, DefaultConfig(), newView(20), 1)
	h.peer = everyPeer(served(10*time.Millisecond, blocks...))
	h.fetch(messages.UrgencyNow, blocks[0], blocks[1], blocks[0])
	h.fetch(messages.UrgencyLater, blocks[1], blocks[2])
	h.settle()
	if len(h.sent) != 3 {
		t.Errorf("%d requests for 3 blocks", len(h.sent))
	}
}

// A person's blocks overtake read-ahead, and that overtakes repair; and
// neither fills the window.
func TestUrgency(t *testing.T) {
	cfg := DefaultConfig()
	cfg.InFlightMax, cfg.InFlightPerPeerMax = 4, 4
	blocks := newBlocks(30)
	h := newHouse(t, cfg, newView(20), 1)
	h.peer = everyPeer(served(10*time.Millisecond, blocks...))
	h.fetch(messages.UrgencyLater, blocks[:10]...)
	h.fetch(messages.UrgencySoon, blocks[10:20]...)
	h.runFor(0)
	if len(h.sent) != 3 {
		t.Errorf("%d requests of those that may wait, want 3 of 4", len(h.sent))
	}
	now := h.fetch(messages.UrgencyNow, blocks[20:]...)
	promoted := h.fetch(messages.UrgencyNow, blocks[9])
	h.settle()
	for _, f := range []*fetching{now, promoted} {
		if took := time.Duration(f.endedNS - f.begunNS); took > 70*time.Millisecond {
			t.Errorf("what a person waits for took %s", took)
		}
	}
	if len(h.sent) != len(blocks) {
		t.Errorf("%d requests for %d blocks", len(h.sent), len(blocks))
	}
}

// What is asked for before the view is known waits for it.
func TestWaitsForTheFirstView(t *testing.T) {
	blocks, cfg := newBlocks(3), DefaultConfig()
	cfg.JoinWait = 0
	h := newHouse(t, cfg, nil, 1)
	h.peer = everyPeer(served(time.Millisecond, blocks...))
	early := h.fetch(messages.UrgencySoon, blocks[:2]...)
	h.runFor(time.Second)
	if early.got != nil {
		t.Fatal("given up without a view")
	}
	h.step(func() { h.core.see(newView(10)) })
	h.settle()
	if early.failed(0) || early.failed(1) {
		t.Errorf("given up with a view: %v", early.got.Errs)
	}
	h = newHouse(t, cfg, nil, 1)
	early = h.fetch(messages.UrgencyNow, blocks...)
	h.step(func() { h.core.see(&messages.View{}) })
	if early.got == nil || !early.failed(0) {
		t.Error("not given up, though nobody is there")
	}
	h.settle()
}

func TestRefuses(t *testing.T) {
	cfg := DefaultConfig()
	cfg.AsksMax = 2
	blocks := newBlocks(messages.FetchMax + 1)
	h := newHouse(t, cfg, newView(20), 1)
	h.peer = everyPeer(served(time.Millisecond, blocks...))
	refusal := func(urgency messages.Urgency, blocks ...messages.Block) messages.Code {
		var cids []messages.CID
		for _, b := range blocks {
			cids = append(cids, b.CID)
		}
		h.core.begin(time.Unix(0, h.nowNS))
		if err := h.core.fetch(shell.Caller{}, messages.FetchBlocks{CIDs: cids, Urgency: urgency}); err != nil {
			return err.Code
		}
		return 0
	}
	if got := refusal(messages.UrgencyNow); got != messages.CodeInvalid {
		t.Errorf("no blocks: %v", got)
	}
	if got := refusal(messages.UrgencyNow, blocks...); got != messages.CodeInvalid {
		t.Errorf("%d blocks: %v", len(blocks), got)
	}
	if got := refusal(messages.UrgencyLater+1, blocks[0]); got != messages.CodeInvalid {
		t.Errorf("an urgency that is none: %v", got)
	}
	h.fetch(messages.UrgencyNow, blocks[:2]...)
	h.fetch(messages.UrgencyNow, blocks[2:4]...)
	if got := refusal(messages.UrgencyNow, blocks[0]); got != messages.CodeOverload {
		t.Errorf("one ask too many: %v", got)
	}
	h.settle()
	h.core.cfg.AsksMax, h.core.cfg.BlocksMax = 100, messages.FetchMax
	h.cfg = h.core.cfg
	h.fetch(messages.UrgencyNow, blocks[:60]...)
	if got := refusal(messages.UrgencyNow, blocks[:5]...); got != messages.CodeOverload {
		t.Errorf("too many blocks: %v", got)
	}
	h.settle()
}

func TestConfigValidate(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"Width":              func(c *Config) { c.Width = 0 },
		"TriedMaxLow":        func(c *Config) { c.TriedMax = c.Width - 1 },
		"TriedMaxHigh":       func(c *Config) { c.TriedMax = messages.CandidatesMax },
		"InFlightMax":        func(c *Config) { c.InFlightMax = 0 },
		"InFlightPerPeerMax": func(c *Config) { c.InFlightPerPeerMax = 0 },
		"AsksMax":            func(c *Config) { c.AsksMax = 0 },
		"BlocksMax":          func(c *Config) { c.BlocksMax = messages.FetchMax - 1 },
		"FetchTimeout":       func(c *Config) { c.FetchTimeout = 0 },
		"HedgeShare":         func(c *Config) { c.HedgeShare = 1.5 },
		"HedgeBurst":         func(c *Config) { c.HedgeBurst = 0 },
		"LateAfter":          func(c *Config) { c.LateAfter = 0 },
		"BusyWait":           func(c *Config) { c.BusyWait = 0 },
		"BusyRounds":         func(c *Config) { c.BusyRounds = busyRoundsMax + 1 },
		"BeyondTimeout":      func(c *Config) { c.BeyondTimeout = -1 },
		"HashCost":           func(c *Config) { c.HashCost = -1 },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if cfg.Validate() == nil {
			t.Errorf("%s: a bad value passes", name)
		}
	}
}

// holdersOf names whom a block may be had from, in their order.
func holdersOf(view *messages.View, cid messages.CID, n int) []messages.NodeID {
	var ids []messages.NodeID
	for _, at := range holders(view, indexOf(view, view.Self), cid, n) {
		ids = append(ids, view.Members[at].ID)
	}
	return ids
}
