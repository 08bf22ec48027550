package fetcher

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// TestTuplesAreKeptApart reads tuples that share randomizers, many at a time,
// from holders that are good, however slow.
func TestTuplesAreKeptApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		cfg.InFlightPerPeerMax = rapid.IntRange(1, 16).Draw(t, "perPeer")
		cfg.HedgeShare = rapid.SampledFrom([]float64{0, 0.05, 1}).Draw(t, "hedges")
		cfg.FetchTimeout = 24 * time.Hour
		nodes := rapid.IntRange(4, 20).Draw(t, "nodes")
		seed := rapid.Uint64().Draw(t, "seed")
		h := newHouse(t, cfg, newView(nodes), seed)
		draw := rand.New(rand.NewPCG(seed, 2))
		h.scorer = func(want []messages.NodeID) (messages.PeerChoice, bool) {
			return messages.PeerChoice{
				Peer: want[draw.IntN(len(want))], HedgeAfter: 50 * time.Millisecond, Timeout: time.Minute,
			}, true
		}
		// A file has a new D and A for each tuple, and uses each B for some.
		tuples := rapid.IntRange(1, 40).Draw(t, "tuples")
		uses := rapid.IntRange(1, 8).Draw(t, "uses")
		blocks := newBlocks(3 * tuples)
		h.peer = func(_ messages.NodeID, cid messages.CID) reply {
			after := time.Duration(draw.IntN(200)) * time.Millisecond
			return served(after, blocks...)(cid)
		}
		of := func(i int) [3]messages.Block {
			return [3]messages.Block{blocks[3*i], blocks[3*i+1], blocks[3*(i/uses*uses)+2]}
		}
		var all [][3]messages.CID
		read := func(first int) {
			var batch []messages.Block
			h.tuples = nil
			for i := first; i < min(first+4, tuples); i++ {
				tuple := of(i)
				h.tuples = append(h.tuples, [3]messages.CID{tuple[0].CID, tuple[1].CID, tuple[2].CID})
				for _, b := range tuple {
					if b.CID != tuple[2].CID || i%uses == 0 { // the first one fetches it
						batch = append(batch, b)
					}
				}
			}
			all = append(all, h.tuples...)
			h.fetch(messages.UrgencyNow, batch...)
			h.runFor(time.Duration(rapid.IntRange(0, 300).Draw(t, "ms")) * time.Millisecond)
		}
		for first := 0; first < tuples; first += 4 {
			read(first)
		}
		h.settle()
		wantApart(t, h, all, cfg.HedgeShare == 0)
	})
}

// One holder of three that does not answer is asked once, and then for no tuple
// more, though the others are asked for two members each.
func TestBadHoldersDoNotDelayTuples(t *testing.T) {
	h := newHouse(t, DefaultConfig(), newView(4), 1)
	silent, blocks := nodeID(1), newBlocks(30)
	h.peer = func(peer messages.NodeID, cid messages.CID) reply {
		if peer == silent {
			return reply{after: time.Hour}
		}
		return served(time.Millisecond, blocks...)(cid)
	}
	failed := false
	h.scorer = func(want []messages.NodeID) (messages.PeerChoice, bool) {
		if failed { // as the scorer does
			slices.SortStableFunc(want, func(a, b messages.NodeID) int {
				if a == b || a != silent && b != silent {
					return 0
				} else if a == silent {
					return 1
				}
				return -1
			})
		}
		return messages.PeerChoice{Peer: want[0], HedgeAfter: time.Second, Timeout: time.Second}, true
	}
	asked := 0
	for i := 0; i < len(blocks); i += 3 {
		h.sent = nil
		h.tuples = [][3]messages.CID{{blocks[i].CID, blocks[i+1].CID, blocks[i+2].CID}}
		h.fetch(messages.UrgencyNow, blocks[i:i+3]...)
		h.runFor(2 * time.Second)
		if slices.Contains(h.peersOf(), silent) {
			asked, failed = asked+1, true
		}
	}
	h.settle()
	if asked != 1 {
		t.Errorf("it was asked for a block of %d tuples, want 1", asked)
	}
}

// When every holder was asked for some block of its tuples, a block is asked of
// the one that was asked for the fewest.
func TestFewestOfATupleWhenAllMeet(t *testing.T) {
	h := newHouse(t, DefaultConfig(), newView(4), 1)
	blocks := newBlocks(7)
	h.peer = func(_ messages.NodeID, cid messages.CID) reply {
		return served(time.Millisecond, blocks...)(cid)
	}
	// Three tuples around one randomizer. Two of the peers were asked for two
	// members of them, the last one for one.
	asked := []int{1, 1, 2, 2, 3}
	var other int
	h.scorer = func(want []messages.NodeID) (messages.PeerChoice, bool) {
		peer := want[0]
		if id := nodeID(other); other > 0 && slices.Contains(want, id) {
			peer = id
		}
		return messages.PeerChoice{Peer: peer, HedgeAfter: time.Minute, Timeout: time.Minute}, true
	}
	for i, peer := range asked {
		other = peer
		h.fetch(messages.UrgencyNow, blocks[i])
		h.settle()
	}
	last := blocks[5].CID
	h.tuples = [][3]messages.CID{
		{blocks[0].CID, blocks[2].CID, last},
		{blocks[1].CID, blocks[3].CID, last},
		{blocks[4].CID, blocks[6].CID, last},
	}
	other, h.sent = 1, nil
	h.fetch(messages.UrgencyNow, blocks[5])
	h.settle()
	if got := h.peersOf(); !slices.Equal(got, []messages.NodeID{nodeID(3)}) {
		t.Errorf("asked %v, want the one that was asked for the fewest", got)
	}
}

// Of a block that is asked for all the time while members come and go, the last
// who were asked are remembered, and no more.
func TestToldIsBounded(t *testing.T) {
	told, cid := newTold(16), newBlock(1).CID
	for i := range 10 * toldPeersMax {
		told.add(cid, nodeID(i))
	}
	peers := told.of(cid)
	if len(peers) != toldPeersMax || peers[toldPeersMax-1] != nodeID(10*toldPeersMax-1) {
		t.Errorf("%d peers are remembered, want the last %d", len(peers), toldPeersMax)
	}
}

// wantApart checks that no peer was asked for two members of a tuple: at all,
// if strictly, and otherwise unless all others had been asked for the block, or
// for another one of its tuples. Hedges ask more peers than there must be.
func wantApart(t *rapid.T, h *house, tuples [][3]messages.CID, strictly bool) {
	kin := make(map[messages.CID][]messages.CID)
	for _, tuple := range tuples {
		for i, cid := range tuple {
			kin[cid] = append(kin[cid], tuple[(i+1)%3], tuple[(i+2)%3])
		}
	}
	type question struct {
		peer messages.NodeID
		cid  messages.CID
	}
	asked := make(map[question]bool)
	met := func(peer messages.NodeID, cid messages.CID) bool {
		return slices.ContainsFunc(kin[cid], func(other messages.CID) bool {
			return asked[question{peer, other}]
		})
	}
	needed := func(r *request) bool {
		cid := r.flight.cid
		return !slices.ContainsFunc(holdersOf(r.flight.view, cid, h.cfg.Width),
			func(peer messages.NodeID) bool { return !asked[question{peer, cid}] && !met(peer, cid) })
	}
	for i, first := 0, 0; first < len(h.sent); first = i {
		var again []*request // to peers that were asked for another one of the tuple before
		for ; i < len(h.sent) && h.sent[i].sentNS == h.sent[first].sentNS; i++ {
			if r := h.sent[i]; met(r.peer, r.flight.cid) {
				again = append(again, r)
			}
		}
		batch := h.sent[first:i]
		for _, r := range batch {
			asked[question{r.peer, r.flight.cid}] = true
		}
		for _, r := range again {
			if strictly || !needed(r) {
				t.Fatalf("a peer was asked for two members of a tuple, at two times")
			}
		}
		// What is asked at one time is sent in another order than it was decided
		// in: either of two may have been the second.
		for j, r := range batch {
			for _, other := range batch[:j] {
				if r.peer == other.peer && slices.Contains(kin[r.flight.cid], other.flight.cid) &&
					(strictly || !needed(r) && !needed(other)) {
					t.Fatalf("a peer was asked for two members of a tuple, at one time")
				}
			}
		}
	}
}
