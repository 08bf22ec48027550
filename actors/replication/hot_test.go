package replication

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// TestHotBlockGrowsAndShrinks: 400 requests an hour call for 10 holders. The
// holders hear of it by what they serve themselves, within seconds, or by
// what the network tells, at their next look.
func TestHotBlockGrowsAndShrinks(t *testing.T) {
	for _, served := range []bool{true, false} {
		n := newNetwork(t, 4, 30, func(_ int, c *Config) {
			c.DropAbove, c.LookInterval = 0, time.Hour
		})
		cids := n.populate(2, 20)
		hot := cids[0]
		if served {
			for _, p := range n.nodes {
				if p.leases[hot] != 0 {
					p.receive(messages.HotBlocks{
						CIDs: []messages.CID{hot}, ServedPerHour: []float64{133},
					})
				}
			}
			n.run(30 * time.Second)
		} else {
			n.demand[hot] = 400
			n.run(2 * time.Hour)
		}
		if got := n.holders(hot); got < 10 || got > 12 {
			n.fatalf("the hot block has %d holders, want 10", got)
		}
		for _, cid := range cids[1:] {
			if got := n.holders(cid); got > 4 {
				n.fatalf("a cold block has %d holders", got)
			}
		}
		n.demand[hot] = 0
		n.run(12 * time.Hour)
		// The first three, up to Slack more that nobody takes away, and the
		// owner if the block was hot enough for it to hold it as well.
		if got := n.holders(hot); got < 3 || got > 6 {
			n.fatalf("the block that is hot no more has %d holders, want 3 to 6", got)
		}
		n.expectNoneUnder()
	}
}

// What was hot a while ago does not keep the room of what is hot now.
func TestHotBlocksTakeTurns(t *testing.T) {
	n := newNetwork(t, 4, 5, nil)
	cids := n.populate(1, 2*hotMax)
	c := n.nodes[1].actor.core
	var held []messages.CID
	for _, cid := range cids {
		if w := c.watched[cid]; w != nil && w.replica {
			held = append(held, cid)
		}
	}
	if len(held) <= hotMax {
		t.Fatalf("it holds %d blocks", len(held))
	}
	hear := func(cids []messages.CID) (known int) {
		served := make([]float64, len(cids))
		for i := range served {
			served[i] = 10
		}
		c.heard(cids, served)
		for _, cid := range cids {
			if c.localDemand(c.watched[cid]) > 0 {
				known++
			}
		}
		return known
	}
	if got := hear(held[:hotMax]); got != hotMax {
		t.Fatalf("%d of %d hot blocks are known", got, hotMax)
	}
	if got := hear(held[hotMax:]); got != 0 {
		t.Fatalf("%d hot blocks more than there is room for", got)
	}
	c.at(c.now.Add(hotLife + time.Second))
	if got := hear(held[hotMax:]); got != len(held)-hotMax {
		t.Errorf("%d of %d hot blocks are known once the others are cold", got, len(held)-hotMax)
	}
}
