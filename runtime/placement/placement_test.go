package placement_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/placement"
)

func nodeID(i int) messages.NodeID { return sha256.Sum256(fmt.Appendf(nil, "node %d", i)) }

func blockCID(i int) messages.CID { return sha256.Sum256(fmt.Appendf(nil, "block %d", i)) }

// newView makes a view of n members; change may alter each.
func newView(n int, change func(i int, m *messages.Member)) *messages.View {
	var members []*messages.Member
	for i := range n {
		m := &messages.Member{
			ID: nodeID(i), Status: messages.MemberAlive, CapacityBlocks: 1024, UptimeClass: 3,
		}
		if change != nil {
			change(i, m)
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b *messages.Member) int {
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	return messages.NewView(messages.NodeID{}, 1, 1, members, nil)
}

// shares counts how many of the blocks each member is among the first n of.
func shares(view *messages.View, blocks, n int) map[messages.NodeID]int {
	count := make(map[messages.NodeID]int)
	for i := range blocks {
		for _, id := range placement.Order(view, blockCID(i), n) {
			count[id]++
		}
	}
	return count
}

func TestOrderNamesEachMemberOnce(t *testing.T) {
	for _, members := range []int{0, 1, 2, 63, 64, 65, 1000} {
		view := newView(members, nil)
		for i := range 50 {
			order := placement.Order(view, blockCID(i), placement.OrderMax)
			if want := min(members, placement.OrderMax); len(order) != want {
				t.Fatalf("of %d members: %d in the order, want %d", members, len(order), want)
			}
			seen := make(map[messages.NodeID]bool)
			for _, id := range order {
				if seen[id] || view.Find(id) == nil {
					t.Fatalf("of %d members: one is named twice, or is none", members)
				}
				seen[id] = true
			}
		}
	}
}

func TestOrderIsAPrefixOfALongerOne(t *testing.T) {
	view := newView(200, func(i int, m *messages.Member) { m.Domain = fmt.Sprint(i % 5) })
	for i := range 100 {
		short := placement.Order(view, blockCID(i), 3)
		long := placement.Order(view, blockCID(i), 20)
		if !slices.Equal(short, long[:3]) {
			t.Fatalf("the first three of block %d are %x, or %x", i, short, long[:3])
		}
	}
}

func TestLeavingMovesOnlyItsOwnShare(t *testing.T) {
	const members, blocks, n = 300, 3000, 3
	before, gone := newView(members, nil), nodeID(7)
	after := messages.NewView(messages.NodeID{}, 2, 2, slices.DeleteFunc(
		slices.Clone(before.Members), func(m *messages.Member) bool { return m.ID == gone },
	), before)
	changed := 0
	for i := range blocks {
		was := placement.Order(before, blockCID(i), n)
		is := placement.Order(after, blockCID(i), n)
		for _, id := range is {
			if !slices.Contains(was, id) {
				changed++
			}
		}
	}
	// It held about blocks*n/members; a newcomer at the far end of each
	// neighbourhood that it left takes about as many again.
	if share := blocks * n / members; changed > 3*share {
		t.Errorf("%d placements changed; the one that left had about %d", changed, share)
	}
}

func TestSharesFollowCapacity(t *testing.T) {
	const members, blocks = 200, 20000
	view := newView(members, func(i int, m *messages.Member) {
		switch {
		case i%4 == 0:
			m.CapacityBlocks = 2048
		case i == 1:
			m.CapacityBlocks = 1 << 40
		case i == 2:
			m.CapacityBlocks = 0
		}
	})
	count := shares(view, blocks, 1)
	var large, small, largeMembers, smallMembers int
	for i := range members {
		switch {
		case i == 1 || i == 2:
		case i%4 == 0:
			large += count[nodeID(i)]
			largeMembers++
		default:
			small += count[nodeID(i)]
			smallMembers++
		}
	}
	ratio := float64(large) / float64(largeMembers) / (float64(small) / float64(smallMembers))
	if ratio < 1.7 || ratio > 2.3 {
		t.Errorf("twice the capacity got %.2f times the blocks", ratio)
	}
	mean := float64(small) / float64(smallMembers)
	if giant := float64(count[nodeID(1)]); giant > 2*placement.WeightRatioMax*mean {
		t.Errorf("one member that claims a lot got %.0f blocks, the others about %.0f", giant, mean)
	}
	if count[nodeID(2)] != 0 {
		t.Error("a member that offers nothing was given blocks")
	}
}

func TestHoldersAreInDifferentDomains(t *testing.T) {
	view := newView(100, func(i int, m *messages.Member) { m.Domain = fmt.Sprint(i % 4) })
	for i := range 500 {
		domains := make(map[string]bool)
		for _, id := range placement.Order(view, blockCID(i), 3) {
			domains[view.Find(id).Domain] = true
		}
		if len(domains) < 2 {
			t.Fatalf("all three holders of block %d fail together", i)
		}
	}
}

// Whoever cannot be dialled can read from one of the first two.
func TestSomebodyCanBeDialled(t *testing.T) {
	view := newView(300, func(i int, m *messages.Member) {
		m.Undialable, m.Domain = i%10 < 4, fmt.Sprint(i%3)
	})
	for i := range 2000 {
		open := 0
		for _, id := range placement.Order(view, blockCID(i), 2) {
			if !view.Find(id).Undialable {
				open++
			}
		}
		if open == 0 {
			t.Fatalf("nobody can dial the first holders of block %d", i)
		}
	}
}

func TestLoneDomainIsNotFlooded(t *testing.T) {
	const members, blocks, n = 64, 5000, 3
	view := newView(members, func(i int, m *messages.Member) {
		m.Domain = "crowd"
		if i == 0 {
			m.Domain = "alone"
		}
	})
	mean := blocks * n / members
	if got := shares(view, blocks, n)[nodeID(0)]; got > 5*mean {
		t.Errorf("the lone member got %d blocks, the others about %d", got, mean)
	}
}

func BenchmarkOrder(b *testing.B) {
	view := newView(1000, nil)
	cids := make([]messages.CID, 1024)
	for i := range cids {
		cids[i] = blockCID(i)
	}
	b.ResetTimer()
	for i := range b.N {
		placement.Order(view, cids[i&1023], 8)
	}
}
