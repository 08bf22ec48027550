package replication

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// expectHolders fails unless every block has at least so many holders, or all
// that live, and every node says of its own blocks that they have.
func (n *network) expectHolders(cids []messages.CID, want int) {
	n.t.Helper()
	for _, cid := range cids {
		if got := n.holders(cid); got < want {
			n.fatalf("a block has %d holders, want %d", got, want)
		}
	}
}

func (n *network) expectNoneUnder() {
	n.t.Helper()
	for i, p := range n.nodes {
		if !p.up {
			continue
		}
		if got := p.stats(); got.UnderReplicated != 0 {
			n.fatalf("node %d: %+v", i, got)
		}
	}
}

// populate writes blocks on some nodes and lets them spread.
func (n *network) populate(writers, blocks int) []messages.CID {
	n.t.Helper()
	n.run(10 * time.Second)
	var cids []messages.CID
	for _, p := range n.nodes[:writers] {
		cids = append(cids, n.write(p, blocks)...)
	}
	n.run(2 * time.Minute)
	n.expectHolders(cids, 3)
	n.expectNoneUnder()
	return cids
}

func TestNewBlocksReachTheirHolders(t *testing.T) {
	for seed := range uint64(5) {
		n := newNetwork(t, seed, 20, nil)
		cids := n.populate(4, 100)
		for _, cid := range cids {
			for _, id := range n.nodes[0].order(cid, 3) {
				if n.find(id).leases[cid] == 0 {
					n.fatalf("one of the first three does not hold a block")
				}
			}
			if got := n.holders(cid); got != 3 {
				n.fatalf("%d holders, want 3", got)
			}
		}
		if most := 3 * len(cids); n.pushes > most {
			n.fatalf("%d blocks were pushed, want %d at most", n.pushes, most)
		}
	}
}

// TestLooksCostNoBlocks: when nothing is wrong, looks push nothing and write
// no lease anew.
func TestLooksCostNoBlocks(t *testing.T) {
	n := newNetwork(t, 1, 20, nil)
	cids := n.populate(4, 50)
	pushes, until := n.pushes, n.nodes[0].leases
	before := map[messages.CID]int64{}
	for cid, lease := range until {
		before[cid] = lease
	}
	n.run(48 * time.Hour)
	n.expectHolders(cids, 3)
	n.expectNoneUnder()
	if n.pushes != pushes {
		t.Errorf("%d blocks were pushed while nothing changed", n.pushes-pushes)
	}
	for cid, lease := range n.nodes[0].leases {
		if lease != before[cid] {
			t.Errorf("a lease was written anew after two days of a year")
		}
	}
}

func TestLeasesAreRenewed(t *testing.T) {
	n := newNetwork(t, 1, 8, func(_ int, c *Config) {
		c.Lease, c.RenewBelow, c.LeaseMax = 48*time.Hour, 24*time.Hour, 96*time.Hour
		c.LeaseQuantum = time.Hour
	})
	cids := n.populate(2, 20)
	n.run(200 * time.Hour)
	for _, cid := range cids {
		alive := 0
		for _, p := range n.nodes {
			if p.leases[cid] > n.now.Unix() {
				alive++
			}
		}
		if alive < 3 {
			n.fatalf("%d leases live of a block that its owner needs", alive)
		}
	}
	// The owners need them no more: the leases end, and nobody looks.
	for _, p := range n.nodes[:2] {
		p.receive(messages.BlocksGone{CIDs: cids})
	}
	n.run(200 * time.Hour)
	for i, p := range n.nodes {
		if got := p.stats(); got.Watched != 0 {
			n.fatalf("node %d still watches %d blocks", i, got.Watched)
		}
	}
}

func TestThirdLost(t *testing.T) {
	for seed := range uint64(5) {
		n := newNetwork(t, seed, 21, nil)
		cids := n.populate(6, 60)
		for _, p := range n.nodes[14:] {
			p.crash()
		}
		n.tellViews()
		var survive []messages.CID
		for _, cid := range cids {
			if n.holders(cid) > 0 {
				survive = append(survive, cid)
			}
		}
		if len(survive) < len(cids)/2 {
			n.fatalf("%d of %d survive", len(survive), len(cids))
		}
		// The last holder in the order waits longest.
		n.run(n.nodes[0].cfg.RepairDelay + 30*time.Minute)
		n.expectHolders(survive, 3)
		n.expectNoneUnder()
		var repaired uint64
		for _, p := range n.nodes[:14] {
			repaired += p.stats().RepairedBlocks
		}
		if repaired == 0 {
			n.fatalf("nothing counts as repaired")
		}
	}
}

func TestRepairIsNotDoneTwice(t *testing.T) {
	n := newNetwork(t, 3, 20, nil)
	n.populate(6, 60)
	pushes, gone := n.pushes, n.nodes[19]
	lost := len(gone.leases)
	gone.crash()
	n.tellViews()
	n.run(2 * time.Hour)
	if repaired := n.pushes - pushes; repaired < lost/2 || repaired > lost+lost/10 {
		t.Errorf("%d blocks were pushed after %d lost a holder", repaired, lost)
	}
}

// TestLossOfOwnersIsRepaired: when owners go for good soon after they stored
// files, and a holder with each, those that are left know of each other.
func TestLossOfOwnersIsRepaired(t *testing.T) {
	for seed := range uint64(5) {
		n := newNetwork(t, seed, 30, nil)
		cids := n.populate(6, 50)
		for _, p := range n.nodes[:10] {
			p.crash()
		}
		var left []messages.CID
		for _, cid := range cids {
			if n.holders(cid) > 0 {
				left = append(left, cid)
			}
		}
		n.tellViews()
		n.run(2 * time.Hour)
		n.expectHolders(left, 3)
		n.expectNoneUnder()
	}
}

func TestShortAbsenceCostsNoBlocks(t *testing.T) {
	for seed := range uint64(5) {
		n := newNetwork(t, seed, 21, nil)
		cids := n.populate(6, 60)
		pushes := n.pushes
		for range 3 {
			for _, p := range n.nodes[14:] {
				p.crash()
			}
			n.tellViews()
			n.run(n.nodes[0].cfg.RepairDelay * 2 / 3)
			for _, p := range n.nodes[14:] {
				p.boot()
			}
			n.tellViews()
			n.run(time.Minute)
			for _, p := range n.nodes {
				for _, w := range p.actor.core.watched {
					if w.waiting {
						n.fatalf("a look still waits for who is back")
					}
				}
			}
			n.run(time.Hour)
		}
		n.run(12 * time.Hour)
		if n.pushes != pushes {
			n.fatalf("%d blocks were pushed", n.pushes-pushes)
		}
		n.expectHolders(cids, 3)
		n.expectNoneUnder()
	}
}

// TestFirstLookWaitsForWhoIsSilent: a new holder does not know yet who else
// holds a block. Who does not answer its first look may be one, and is waited
// for like one: nothing is pushed in its place unless it stays away.
func TestFirstLookWaitsForWhoIsSilent(t *testing.T) {
	for _, test := range []struct {
		name   string
		away   time.Duration // 0: for good
		pushes bool
	}{
		{"ComesBack", 10 * time.Minute, false},
		{"StaysAway", 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			n := newNetwork(t, 1, 21, nil)
			n.run(time.Minute)
			cids := n.write(n.nodes[0], 20)
			n.run(n.nodes[0].cfg.DisperseDelay + 15*time.Second)
			n.expectHolders(cids, 3)
			pushes, silent := n.pushes, n.find(n.nodes[0].order(cids[0], 2)[1])
			silent.crash() // and nobody is told
			if test.away == 0 {
				n.run(time.Hour)
			} else {
				n.run(test.away)
				silent.boot()
				n.tellViews()
				n.run(12 * time.Hour)
			}
			if got := n.pushes > pushes; got != test.pushes {
				n.fatalf("%d blocks were pushed", n.pushes-pushes)
			}
			n.expectHolders(cids, 3)
			n.expectNoneUnder()
		})
	}
}

func TestPartitionHeals(t *testing.T) {
	for seed := range uint64(3) {
		n := newNetwork(t, seed, 20, nil)
		cids := n.populate(6, 40)
		for _, p := range n.nodes[:10] {
			p.side = 1
		}
		n.tellViews()
		n.run(2 * time.Hour)
		cids = append(cids, n.write(n.nodes[0], 20)...)
		cids = append(cids, n.write(n.nodes[10], 20)...)
		n.run(time.Hour)
		for _, p := range n.nodes {
			p.side = 0
		}
		n.tellViews()
		n.run(24 * time.Hour)
		n.expectHolders(cids, 3)
		n.expectNoneUnder()
		pushes := n.pushes
		n.run(24 * time.Hour)
		if n.pushes != pushes {
			n.fatalf("it does not come to rest: %d more blocks pushed", n.pushes-pushes)
		}
		for _, cid := range cids {
			first := n.nodes[0].order(cid, 5)
			found := 0
			for _, id := range first {
				if n.find(id).leases[cid] != 0 {
					found++
				}
			}
			if found < 3 {
				n.fatalf("%d of the first five hold a block, want 3", found)
			}
		}
	}
}

// TestNewcomersHelpAtOnce: a node that was alone for long does not wait for
// its next look when others come.
func TestNewcomersHelpAtOnce(t *testing.T) {
	n := newNetwork(t, 8, 6, nil)
	for _, p := range n.nodes[1:] {
		p.crash()
	}
	n.run(10 * time.Second)
	cids := n.write(n.nodes[0], 20)
	n.run(100 * time.Hour)
	if got := n.nodes[0].stats().UnderReplicated; got != int64(len(cids)) {
		n.fatalf("alone, %d of %d have too few holders", got, len(cids))
	}
	for _, p := range n.nodes[1:] {
		p.boot()
	}
	n.tellViews()
	n.run(10 * time.Minute)
	n.expectHolders(cids, 3)
	n.expectNoneUnder()
}

// TestOwnBlocksTakeTurns: a node with more blocks than it can watch looks
// after all of them nevertheless.
func TestOwnBlocksTakeTurns(t *testing.T) {
	n := newNetwork(t, 7, 10, func(i int, c *Config) {
		if i == 0 {
			c.WatchedMax, c.ReplicasMax = 64, 16
		}
	})
	n.run(10 * time.Second)
	cids := n.write(n.nodes[0], 400)
	n.run(48 * time.Hour)
	n.expectHolders(cids, 3)
}

// TestAnythingMayHappen: crashes, losses, partitions and writes in any order
// break no promise (the model checks), and once they end, every block that
// any living node keeps gets its holders.
func TestAnythingMayHappen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := newNetwork(t, rapid.Uint64().Draw(t, "seed"), rapid.IntRange(4, 12).Draw(t, "nodes"),
			func(_ int, c *Config) { c.DropAbove, c.LookInterval = 0, time.Hour })
		n.run(10 * time.Second)
		var cids []messages.CID
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			p := n.nodes[rapid.IntRange(0, len(n.nodes)-1).Draw(t, "node")]
			switch rapid.IntRange(0, 7).Draw(t, "step") {
			case 0, 1:
				if p.up {
					cids = append(cids, n.write(p, rapid.IntRange(1, 10).Draw(t, "blocks"))...)
				}
			case 2:
				if p.up {
					p.crash()
				} else {
					p.boot()
				}
				n.tellViews()
			case 3:
				p.side = 1 - p.side
				n.tellViews()
			case 4:
				n.loss = rapid.SampledFrom([]float64{0, 0.1, 0.5}).Draw(t, "loss")
			case 5:
				if len(cids) > 0 {
					cid := rapid.SampledFrom(cids).Draw(t, "hot")
					n.demand[cid] = rapid.SampledFrom([]float64{0, 100, 1e4}).Draw(t, "demand")
					p.receive(messages.HotBlocks{
						CIDs: []messages.CID{cid}, ServedPerHour: []float64{n.demand[cid]},
					})
				}
			case 6:
				p.refuse = rapid.SampledFrom([]messages.Code{
					0, messages.CodeQuota, messages.CodeRestarted,
				}).Draw(t, "refuse")
			case 7:
				n.run(time.Hour)
			}
			n.run(time.Duration(rapid.IntRange(0, 1000).Draw(t, "seconds")) * time.Second)
		}
		n.loss = 0
		for _, p := range n.nodes {
			p.side, p.refuse = 0, 0
			if !p.up {
				p.boot()
			}
		}
		n.tellViews()
		n.run(12 * time.Hour)
		n.expectHolders(cids, 3)
		for _, p := range n.nodes {
			if got := p.stats(); got.UnderReplicated != 0 {
				n.fatalf("%+v", got)
			}
		}
	})
}
