package cluster_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
)

// sighting is a request for a block at one of the peers.
type sighting struct {
	question
	peer int
}

// tuplesOf finds out which blocks belong together, from the link and what the
// first node has stored.
func (t *town) tuplesOf(link messages.Link) [][3]messages.CID {
	t.tb.Helper()
	var slots [3][]byte
	for i, cid := range link.Root.Tuple() {
		var err error
		if slots[i], err = t.nodes[0].Block(t.tb.Context(), cid); err != nil {
			t.tb.Fatal(err)
		}
	}
	p := format.Production()
	payload, err := format.Open(p, messages.KindNode, link.Root,
		slots[0], slots[1], slots[2], p.NewBuffer())
	if err != nil {
		t.tb.Fatal(err)
	}
	root, err := format.DecodeNode(p, link.Root.Level, payload)
	if err != nil {
		t.tb.Fatal(err)
	}
	content := root.(*format.FileRoot).Content
	if content.Level != 0 {
		t.tb.Fatalf("the file has a tree of level %d", content.Level)
	}
	tuples := [][3]messages.CID{link.Root.Tuple()}
	for _, ref := range content.Children {
		tuples = append(tuples, ref.Tuple())
	}
	return tuples
}

// holdersOf returns who holds each block of a file, as indexes of nodes.
func (t *town) holdersOf(link messages.Link) map[messages.CID][]int {
	t.tb.Helper()
	at := make(map[messages.NodeID]int)
	for i, r := range t.nodes {
		at[r.wire.Self()] = i
	}
	holders := make(map[messages.CID][]int)
	err := t.nodes[0].Replicas(t.tb.Context(), messages.Target{Link: &link},
		func(b node.BlockReplicas) error {
			for _, id := range b.Others {
				holders[b.CID] = append(holders[b.CID], at[id])
			}
			return nil
		})
	if err != nil {
		t.tb.Fatal(err)
	}
	return holders
}

// spared reports whether one of the holders was not asked for the block, nor
// for another one of its tuples.
func spared(
	holders []int, asked []map[messages.CID]bool, cid messages.CID,
	together map[[2]messages.CID]bool,
) bool {
	return slices.ContainsFunc(holders, func(holder int) bool {
		for other := range asked[holder] {
			if other == cid || together[[2]messages.CID{cid, other}] {
				return false
			}
		}
		return true
	})
}

// askedAgain returns the blocks that were asked for more than once, as happens
// where a peer is slow to answer, and those that are in a tuple with them.
func askedAgain(log []sighting, together map[[2]messages.CID]bool) map[messages.CID]bool {
	times := make(map[messages.CID]int)
	for _, s := range log {
		times[s.cid]++
	}
	again := make(map[messages.CID]bool)
	for cid, n := range times {
		if n > 1 {
			again[cid] = true
		}
	}
	for pair := range together {
		if times[pair[0]] > 1 {
			again[pair[1]] = true
		}
	}
	return again
}

// A request log is taken at each peer during a read of a file. No peer is asked
// for two members of one tuple, since others have them too, unless one of them had
// to be asked for twice; and whoever guesses from the time of requests which of
// them belong together, at any two peers that collude, is seldom right.
func TestRequestsTellLittle(t *testing.T) {
	nodes, size := 20, 6<<20
	if testing.Short() {
		nodes, size = 8, 2<<20
	}
	net := newTown(t, nodes)
	data, link := net.store(net.nodes[0], size, 4)
	for _, r := range net.nodes {
		r.wire.take() // what repair may have asked
	}
	reader := net.move(func(c *config.Config) { c.Network.StorageBytes = 0 }) // it has to ask for all
	net.meet()
	net.wantFile(reader, link, data)

	var log []sighting
	asked := make([]map[messages.CID]bool, nodes+1) // of each peer
	for i, r := range net.nodes {
		asked[i] = make(map[messages.CID]bool)
		for _, q := range r.wire.take() {
			if q.from == reader.wire.Self() {
				asked[i][q.cid] = true
				log = append(log, sighting{q, i})
			}
		}
	}
	tuples := net.tuplesOf(link)
	together, needless, pairs, checked := make(map[[2]messages.CID]bool), 0, 0, 0
	for _, tuple := range tuples {
		for i, x := range tuple {
			for _, y := range tuple[i+1:] {
				together[[2]messages.CID{x, y}], together[[2]messages.CID{y, x}] = true, true
			}
		}
	}
	holders, again := net.holdersOf(link), askedAgain(log, together)
	for pair := range together {
		if again[pair[0]] || again[pair[1]] {
			continue // there was somebody less to choose from
		}
		checked++
		for _, had := range asked {
			if had[pair[0]] && had[pair[1]] {
				pairs++
				if spared(holders[pair[0]], asked, pair[0], together) {
					needless++
				}
			}
		}
	}
	t.Logf("%d requests for %d tuples; of %d pairs of a tuple %d were asked of one peer",
		len(log), len(tuples), checked/2, pairs/2)
	if checked == 0 {
		t.Error("all was asked for again: the test shows nothing")
	}
	if needless > 0 {
		t.Errorf("%d times a peer was asked for two blocks of a tuple, and need not have been", needless)
	}
	if len(log) < 2*len(tuples) {
		t.Fatalf("%d requests for %d tuples: the read was not seen", len(log), len(tuples))
	}
	right, chance := guess(log, nodes, together)
	t.Logf("two peers of %d collude: %.3f of their best guesses are right, %.3f by chance",
		nodes, right, chance)
	if right > 0.2 { // far above what chance and bad luck come to
		t.Errorf("%.3f of the guesses are right", right)
	}
}

// guess has any two peers put their logs together and take for each request
// the one that was nearest in time, at either of them, for one of the same
// tuple; and by chance any other that they have. It returns the shares that are
// right.
func guess(
	log []sighting, peers int, together map[[2]messages.CID]bool,
) (right, chance float64) {
	slices.SortFunc(log, func(a, b sighting) int { return a.at.Compare(b.at) })
	draw := rand.New(rand.NewPCG(1, 1))
	guesses, hits, lucky := 0, 0, 0
	for a := range peers {
		for b := range a {
			var seen []sighting
			for _, s := range log {
				if s.peer == a || s.peer == b {
					seen = append(seen, s)
				}
			}
			for i, s := range seen {
				near := nearest(seen, i)
				if near < 0 {
					continue
				}
				guesses++
				if together[[2]messages.CID{s.cid, seen[near].cid}] {
					hits++
				}
				if at := draw.IntN(len(seen)); together[[2]messages.CID{s.cid, seen[at].cid}] {
					lucky++
				}
			}
		}
	}
	n := float64(max(1, guesses))
	return float64(hits) / n, float64(lucky) / n
}

// nearest is the request for another block that is next to one in time; -1 if
// there is none.
func nearest(seen []sighting, at int) int {
	best, bestGap := -1, time.Duration(0)
	for i, s := range seen {
		gap := s.at.Sub(seen[at].at).Abs()
		if s.cid != seen[at].cid && (best < 0 || gap < bestGap) {
			best, bestGap = i, gap
		}
	}
	return best
}
