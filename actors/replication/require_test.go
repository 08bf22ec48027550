package replication

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// A block that is required elsewhere gets the others, keeps them while nobody
// asks for it, and the replies name them.
func TestRequiredHolders(t *testing.T) {
	for seed := range uint64(5) {
		n := newNetwork(t, seed, 20, nil)
		cids := n.populate(1, 40)
		owner := n.nodes[0]
		reply := owner.ask(messages.RequireReplicas{CIDs: cids, Others: 6})
		if _, ok := reply.(messages.ReplicasRequired); !ok {
			n.fatalf("six others: %v", reply)
		}
		for _, span := range []time.Duration{3 * time.Minute, 48 * time.Hour} {
			n.run(span)
			described := owner.ask(messages.DescribeReplicas{CIDs: cids})
			for i, state := range described.(messages.ReplicasDescribed).Blocks {
				for _, id := range state.Others {
					if id == owner.id || n.find(id).leases[cids[i]] == 0 {
						n.fatalf("after %v: a holder is named that is none", span)
					}
				}
				if !state.Watched || len(state.Others) < 6 || state.Factor < 6 {
					n.fatalf("after %v: %d others of factor %d", span, len(state.Others), state.Factor)
				}
			}
		}
		n.expectNoneUnder()
	}
}

// Those that are required come soon even if the block was looked at just now.
func TestRequiredSoon(t *testing.T) {
	n := newNetwork(t, 1, 20, nil)
	cids := n.populate(1, 10)
	owner := n.nodes[0]
	for others := 3; others <= 9; others += 3 {
		owner.ask(messages.RequireReplicas{CIDs: cids, Others: others})
		n.run(2 * owner.cfg.DisperseDelay)
		described := owner.ask(messages.DescribeReplicas{CIDs: cids})
		for _, state := range described.(messages.ReplicasDescribed).Blocks {
			if len(state.Others) < others {
				n.fatalf("%d others, want %d", len(state.Others), others)
			}
		}
	}
}

// Who waits for others is not made to wait for holders that are gone: what is
// required is had from those who are there.
func TestRequiredWhileHoldersAreAway(t *testing.T) {
	n := newNetwork(t, 1, 8, nil)
	cids := n.populate(1, 10)
	owner := n.nodes[0]
	n.run(time.Minute)
	for _, gone := range n.nodes[5:] {
		gone.crash()
	}
	n.tellViews()
	n.run(30 * time.Second)
	owner.ask(messages.RequireReplicas{CIDs: cids, Others: 3})
	n.run(2 * owner.cfg.DisperseDelay)
	described := owner.ask(messages.DescribeReplicas{CIDs: cids})
	for _, state := range described.(messages.ReplicasDescribed).Blocks {
		if len(state.Others) < 3 {
			n.fatalf("%d others, want 3", len(state.Others))
		}
	}
}

// Who only asked whether a node would take a block, and went elsewhere with it,
// does not keep the node's place from those who need it.
func TestRequiredWhileAnotherOnlyAsked(t *testing.T) {
	n := newNetwork(t, 1, 5, nil)
	n.run(10 * time.Second)
	owner, other, last := n.nodes[0], n.nodes[1], n.nodes[4]
	cids := n.write(owner, 10)
	asked := 0
	for _, cid := range cids {
		if n.offer(other, last, n.item(cid)) == wire.ReplicaWanted {
			asked++
		}
	}
	if asked < len(cids)/2 {
		n.fatalf("%d of the blocks were offered before they were there", asked)
	}
	owner.ask(messages.RequireReplicas{CIDs: cids, Others: 4})
	n.run(2 * owner.cfg.DisperseDelay)
	described := owner.ask(messages.DescribeReplicas{CIDs: cids})
	for _, state := range described.(messages.ReplicasDescribed).Blocks {
		if len(state.Others) < 4 {
			n.fatalf("%d others, want 4", len(state.Others))
		}
	}
}

// A network that is too small is a shortage, and soon none when others come.
func TestRequiredOfASmallNetwork(t *testing.T) {
	n := newNetwork(t, 1, 8, nil)
	for _, p := range n.nodes[5:] {
		p.crash()
	}
	n.tellViews()
	n.run(30 * time.Second)
	owner := n.nodes[0]
	cids := n.write(owner, 10)
	owner.ask(messages.RequireReplicas{CIDs: cids, Others: 6})
	n.run(5 * time.Minute)
	if under := owner.stats().UnderReplicated; under != int64(len(cids)) {
		n.fatalf("%d of %d blocks lack holders", under, len(cids))
	}
	for _, p := range n.nodes[5:] {
		p.boot()
	}
	n.tellViews()
	n.run(time.Hour)
	for _, state := range owner.ask(messages.DescribeReplicas{CIDs: cids}).(messages.ReplicasDescribed).Blocks {
		if len(state.Others) < 6 {
			n.fatalf("%d others, want 6", len(state.Others))
		}
	}
}

// What was asked for stays, also where blocks take turns to be watched; and
// more of it than there is room for is refused, not forgotten.
func TestRequiredStayWatched(t *testing.T) {
	n := newNetwork(t, 3, 12, func(i int, c *Config) {
		if i == 0 {
			c.WatchedMax, c.ReplicasMax = 64, 16
		}
	})
	n.run(10 * time.Second)
	owner := n.nodes[0]
	n.write(owner, 200)
	cids := n.write(owner, 20)
	require := func(cids []messages.CID) messages.Reply {
		return owner.ask(messages.RequireReplicas{CIDs: cids, Others: 5})
	}
	if reply, ok := require(cids).(messages.ReplicasRequired); !ok {
		n.fatalf("%v", reply)
	}
	for range 20 {
		n.run(3 * time.Hour)
		described := owner.ask(messages.DescribeReplicas{CIDs: cids})
		for _, state := range described.(messages.ReplicasDescribed).Blocks {
			if !state.Watched || len(state.Others) < 5 {
				n.fatalf("watched %v, %d others, want 5", state.Watched, len(state.Others))
			}
		}
	}
	failed, ok := require(n.write(owner, 100)).(messages.Failed)
	if !ok || failed.Err.Code != messages.CodeOverload ||
		!strings.Contains(failed.Err.Error(), "WatchedMax") {
		n.fatalf("more than there is room for: %v", failed.Err)
	}
	n.run(24 * time.Hour)
	soon := owner.ask(messages.RequireReplicas{CIDs: n.write(owner, 100)})
	if failed, ok := soon.(messages.Failed); !ok || failed.Err.Code != messages.CodeOverload {
		n.fatalf("blocks are to be looked at that are not watched: %v", soon)
	}
}

func TestRequireRefuses(t *testing.T) {
	n := newNetwork(t, 1, 4, nil)
	n.run(10 * time.Second)
	owner := n.nodes[0]
	for _, c := range []struct {
		others int
		code   messages.Code
	}{{-1, messages.CodeInvalid}, {16, messages.CodeInvalid}} {
		failed, ok := owner.ask(messages.RequireReplicas{Others: c.others}).(messages.Failed)
		if !ok || failed.Err.Code != c.code {
			t.Errorf("%d others: %v", c.others, failed)
		}
	}
	stranger := messages.CID{1}
	described := owner.ask(messages.DescribeReplicas{CIDs: slices.Repeat([]messages.CID{stranger}, 2)})
	for _, state := range described.(messages.ReplicasDescribed).Blocks {
		if state.Watched {
			t.Error("a block is watched that nobody wrote")
		}
	}
	too := make([]messages.CID, messages.ReplicasMax+1)
	for _, command := range []messages.Command{
		messages.RequireReplicas{CIDs: too}, messages.DescribeReplicas{CIDs: too},
	} {
		if failed, ok := owner.ask(command).(messages.Failed); !ok || failed.Err.Code != messages.CodeInvalid {
			t.Errorf("%T of too many blocks is answered", command)
		}
	}
}
