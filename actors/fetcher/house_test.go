package fetcher

import (
	"bytes"
	"container/heap"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

const testBlockSize = 64

func nodeID(i int) messages.NodeID { return sha256.Sum256(fmt.Appendf(nil, "node %d", i)) }

// newBlock makes block i; two of a number are the same.
func newBlock(i int) messages.Block {
	data := bytes.Repeat(fmt.Appendf(nil, "block %d.", i), testBlockSize)[:testBlockSize]
	return messages.Block{CID: sha256.Sum256(data), Data: data}
}

// newView makes a view of n nodes, of which node 0 is the one that looks.
func newView(n int) *messages.View {
	var members []*messages.Member
	for i := range n {
		members = append(members, &messages.Member{
			ID: nodeID(i), Status: messages.MemberAlive, CapacityBlocks: 1024, UptimeClass: 3,
		})
	}
	slices.SortFunc(members, func(a, b *messages.Member) int {
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	return messages.NewView(nodeID(0), 1, 1, members, nil)
}

// tester is what a house needs of a test; *testing.T and *rapid.T have it.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

// reply is what a pretended peer does with a request.
type reply struct {
	after  time.Duration // beyond the timeout it does not answer
	status wire.BlockStatus
	data   []byte
	head   []byte // instead of a response
	load   uint32
}

// event is something that happens later.
type event struct {
	atNS, number int64
	f            func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].atNS < e[j].atNS || e[i].atNS == e[j].atNS && e[i].number < e[j].number
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// house runs a core with pretended peers and a pretended scorer, and checks
// its bounds at every step.
type house struct {
	t      tester
	cfg    Config
	core   *core
	nowNS  int64
	later  events
	number int64
	wakeNS int64 // of the wake that is appointed

	peer   func(peer messages.NodeID, cid messages.CID) reply
	scorer func(want []messages.NodeID) (choice messages.PeerChoice, ok bool)

	sent   []*request // all, in order
	flying map[messages.NodeID]int
	chosen map[messages.NodeID]int // choices without a PeerAnswered
	ended  map[messages.Outcome]int
	heads  uint64 // the last corr of an ask
	open   map[messages.Corr]*fetching
	tuples [][3]messages.CID // that asks tell of
}

// fetching is an ask of the house.
type fetching struct {
	blocks           []messages.Block
	begunNS, endedNS int64
	got              *messages.BlocksFetched
}

func newHouse(t tester, cfg Config, view *messages.View, seed uint64) *house {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatalf("%v", err)
	}
	h := &house{
		t: t, cfg: cfg, nowNS: 1_900_000_000_000_000_000,
		core:   newCore(cfg, testBlockSize, rand.New(rand.NewPCG(seed, 1))),
		flying: map[messages.NodeID]int{}, chosen: map[messages.NodeID]int{},
		ended: map[messages.Outcome]int{}, open: map[messages.Corr]*fetching{},
	}
	if view != nil {
		h.core.see(view)
	}
	h.scorer = func(want []messages.NodeID) (messages.PeerChoice, bool) {
		return messages.PeerChoice{
			Peer: want[0], HedgeAfter: 100 * time.Millisecond, Timeout: time.Second,
		}, true
	}
	return h
}

func (h *house) after(d time.Duration, f func()) {
	h.number++
	heap.Push(&h.later, event{h.nowNS + int64(d), h.number, f})
}

// step runs f as a step of the core, then does what the core asks for.
func (h *house) step(f func()) {
	h.t.Helper()
	h.core.begin(time.Unix(0, h.nowNS))
	f()
	h.check()
	out := h.core.effects
	for _, answered := range out.answered {
		h.chosen[answered.Peer]--
		if h.chosen[answered.Peer] < 0 {
			h.t.Fatalf("a peer answered more often than it was chosen")
		}
		h.ended[answered.Outcome]++
	}
	for _, ch := range out.choosing {
		h.after(0, func() { h.choose(ch) })
	}
	for _, r := range out.sends {
		h.request(r)
	}
	for _, r := range out.hashes {
		right := sha256.Sum256(r.data) == r.flight.cid
		h.after(h.cfg.HashCost, func() { h.step(func() { h.core.hashed(r, right) }) })
	}
	for _, done := range out.done {
		h.finish(done)
	}
	if wakeNS := h.core.wakeNS; wakeNS != h.wakeNS {
		h.wakeNS = wakeNS
		if wakeNS != 0 {
			h.after(time.Duration(max(0, wakeNS-h.nowNS)), func() { h.wake(wakeNS) })
		}
	}
}

func (h *house) wake(wakeNS int64) {
	if h.wakeNS == wakeNS { // otherwise it was stopped
		h.wakeNS = 0
		h.step(h.core.wake)
	}
}

func (h *house) choose(ch *choosing) {
	if len(ch.wants) != len(ch.picks) || len(ch.wants) > messages.ChoicesMax {
		h.t.Fatalf("%d wants in one ask", len(ch.wants))
	}
	choices := make([]messages.PeerChoice, len(ch.wants))
	for i, want := range ch.wants {
		choice, ok := h.scorer(want)
		if !ok {
			for _, choice := range choices[:i] {
				h.chosen[choice.Peer]--
			}
			h.step(func() { h.core.unchosen(ch) })
			return
		}
		choices[i] = choice
		h.chosen[choice.Peer]++
	}
	h.step(func() { h.core.chosen(ch, choices) })
}

func (h *house) request(r *request) {
	h.sent = append(h.sent, r)
	h.flying[r.peer]++
	p := h.peer(r.peer, r.flight.cid)
	answer := messages.RequestAnswered{From: r.peer, Took: min(p.after, r.timeout)}
	switch {
	case p.after >= r.timeout:
		answer.Err = port.ErrTimeout
	case p.head != nil:
		answer.Packet.Head = p.head
	default:
		answer.Packet.Head = wire.BlockResponse{Status: p.status, Load: p.load}.Append(nil)
		if p.data != nil {
			answer.Packet.Blocks = [][]byte{p.data}
		}
	}
	h.after(answer.Took, func() {
		h.flying[r.peer]--
		h.step(func() { h.core.answered(r, answer) })
	})
}

// check compares what is under way with the bounds.
func (h *house) check() {
	h.t.Helper()
	c, total := h.core, 0
	for _, n := range h.flying {
		total += n
		if n > h.cfg.InFlightPerPeerMax {
			h.t.Fatalf("%d requests at one peer", n)
		}
	}
	if total > h.cfg.InFlightMax || c.inFlight > h.cfg.InFlightMax {
		h.t.Fatalf("%d requests are under way, %d by the core's count", total, c.inFlight)
	}
	if c.open > h.cfg.AsksMax || c.blocks > h.cfg.BlocksMax {
		h.t.Fatalf("%d asks for %d blocks", c.open, c.blocks)
	}
	others := float64(c.stats.Requests - c.stats.Hedges)
	if float64(c.stats.Hedges) > others*h.cfg.HedgeShare {
		h.t.Fatalf("%d of %d requests are hedges", c.stats.Hedges, c.stats.Requests)
	}
}

// fetch asks for blocks; nil: it was refused.
func (h *house) fetch(urgency messages.Urgency, blocks ...messages.Block) *fetching {
	h.t.Helper()
	h.heads++
	caller := shell.Caller{Corr: messages.Corr(h.heads)}
	cids := make([]messages.CID, len(blocks))
	for i, b := range blocks {
		cids[i] = b.CID
	}
	f := &fetching{blocks: blocks, begunNS: h.nowNS}
	h.open[caller.Corr] = f
	var refused *messages.Error
	h.step(func() {
		refused = h.core.fetch(caller, messages.FetchBlocks{CIDs: cids, Urgency: urgency, Tuples: h.tuples})
	})
	if refused != nil {
		delete(h.open, caller.Corr)
		return nil
	}
	return f
}

// finish checks a reply.
func (h *house) finish(done *ask) {
	f := h.open[done.caller.Corr]
	if f == nil {
		h.t.Fatalf("a second reply to one ask")
	}
	delete(h.open, done.caller.Corr)
	f.got, f.endedNS = &messages.BlocksFetched{Blocks: done.blocks, Errs: done.errs}, h.nowNS
	if took := h.nowNS - f.begunNS; took > int64(h.cfg.FetchTimeout) {
		h.t.Fatalf("the reply took %s", time.Duration(took))
	}
	for i, b := range f.blocks {
		got := done.blocks[i]
		switch failed := done.errs != nil && done.errs[i] != nil; {
		case got.CID != b.CID:
			h.t.Fatalf("block %d of the reply is another one", i)
		case failed && (got.Data != nil || done.errs[i].Code != messages.CodeUnavailable):
			h.t.Fatalf("block %d failed with %v and %d bytes", i, done.errs[i], len(got.Data))
		case !failed && !bytes.Equal(got.Data, b.Data):
			h.t.Fatalf("wrong bytes were handed on")
		}
	}
}

func (f *fetching) failed(i int) bool { return f.got.Errs != nil && f.got.Errs[i] != nil }

// runFor lets time pass.
func (h *house) runFor(d time.Duration) {
	h.t.Helper()
	untilNS := h.nowNS + int64(d)
	for len(h.later) > 0 && h.later[0].atNS <= untilNS {
		next := heap.Pop(&h.later).(event)
		h.nowNS = next.atNS
		next.f()
	}
	h.nowNS = untilNS
}

// settle runs until nothing is left to do, and checks that nothing is left
// behind.
func (h *house) settle() {
	h.t.Helper()
	for steps := 0; len(h.later) > 0; steps++ {
		if steps > 1_000_000 {
			h.t.Fatalf("it never ends")
		}
		h.runFor(time.Duration(h.later[0].atNS - h.nowNS))
	}
	c := h.core
	if len(h.open) > 0 || c.open != 0 || c.blocks != 0 {
		h.t.Fatalf("%d asks have no reply; %d by the core's count", len(h.open), c.open)
	}
	if c.inFlight != 0 || len(c.flying) != 0 || len(c.perPeer) != 0 || c.full != 0 ||
		len(c.flights) != 0 || len(c.parked) != 0 || len(c.joining) != 0 || c.wakeNS != 0 {
		h.t.Fatalf("something is left behind")
	}
	for _, n := range h.chosen {
		if n != 0 {
			h.t.Fatalf("%d choices have no PeerAnswered", n)
		}
	}
}
