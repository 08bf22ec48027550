package placement

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/noisefs/noisefs/messages"
)

// Bounds of an order.
const (
	// Neighbourhood is how many members are considered for a block.
	Neighbourhood = 64
	// OrderMax bounds the length of an order.
	OrderMax = 32
	// WeightRatioMax caps what one member weighs, in medians.
	WeightRatioMax = 1 << weightExponentMax
	// weightExponentMax is its binary logarithm.
	weightExponentMax = 2
	// spreadMax is how far down the order a member of another failure domain
	// may be fetched up: a lone member of a domain gets at most about that
	// many times its share.
	spreadMax = 8
)

// uptimeShare is by how much a member's weight counts, by uptime class.
var uptimeShare = [4]float64{0.25, 0.5, 0.75, 1}

// candidate is a member of the neighbourhood with its cost: lower is better.
type candidate struct {
	member *messages.Member
	cost   float64
}

// Order returns up to n members that should hold the block, the first one
// first, the view's own node among them where it has a place. n is at most
// [OrderMax]. An order is a prefix of every longer one.
func Order(view *messages.View, cid messages.CID, n int) []messages.NodeID {
	n = min(n, OrderMax)
	var neighbours, room [Neighbourhood]candidate
	near := cheapest(neighbourhood(view, cid, neighbours[:0]), room[:0], n+spreadMax)
	n = min(n, len(near))
	order := make([]messages.NodeID, 0, n)
	for len(order) < n {
		at := len(order)
		next := nextApart(near, at)
		// Bring it up, and keep those that it overtakes in order.
		chosen := near[next]
		copy(near[at+1:next+1], near[at:next])
		near[at] = chosen
		order = append(order, chosen.member.ID)
	}
	return order
}

// cheapest appends the k candidates of lowest cost to sorted, in order. Few
// of many are wanted, and most are dearer than the last one kept, so
// insertion beats sorting them all.
func cheapest(all, sorted []candidate, k int) []candidate {
	for _, c := range all {
		if len(sorted) == k && !c.before(sorted[k-1]) {
			continue
		}
		if len(sorted) < k {
			sorted = append(sorted, c)
		}
		at := len(sorted) - 1
		for at > 0 && c.before(sorted[at-1]) {
			sorted[at] = sorted[at-1]
			at--
		}
		sorted[at] = c
	}
	return sorted
}

// before orders candidates by cost, and by ID where costs are equal.
func (c candidate) before(other candidate) bool {
	if c.cost != other.cost {
		return c.cost < other.cost
	}
	return bytes.Compare(c.member.ID[:], other.member.ID[:]) < 0
}

// Rank returns the place of a node in the order of a block, or -1 when it is
// not among the first n.
func Rank(view *messages.View, cid messages.CID, id messages.NodeID, n int) int {
	return slices.Index(Order(view, cid, n), id)
}

// neighbourhood collects the members that follow the CID on the ring, with
// their costs.
func neighbourhood(view *messages.View, cid messages.CID, near []candidate) []candidate {
	total := len(view.Members)
	start := view.Search(messages.NodeID(cid))
	for i := 0; i < total && len(near) < Neighbourhood; i++ {
		member := view.Members[(start+i)%total]
		if member.CapacityBlocks > 0 {
			near = append(near, candidate{member: member})
		}
	}
	exponentMax := medianExponent(near) + weightExponentMax
	key := binary.LittleEndian.Uint64(cid[8:])
	for i := range near {
		m := near[i].member
		exponent := min(capacityExponent(m), exponentMax)
		// The first 53 bits of a hash as a number in (0, 1).
		u := (float64(mix(key^binary.LittleEndian.Uint64(m.ID[16:]))>>11) + 0.5) / (1 << 53)
		near[i].cost = -math.Log(u) / math.Ldexp(uptimeShare[min(m.UptimeClass, 3)], exponent)
	}
	return near
}

// capacityExponent is the binary logarithm of the capacity, rounded down.
func capacityExponent(m *messages.Member) int { return bits.Len64(m.CapacityBlocks) - 1 }

func medianExponent(near []candidate) int {
	var count [65]int
	for _, c := range near {
		count[capacityExponent(c.member)]++
	}
	below := 0
	for exponent, n := range count {
		if below += n; below > len(near)/2 {
			return exponent
		}
	}
	return 0
}

// nextApart returns the index of the first candidate from at on whose domain
// is not among those before it; at itself when there is none near enough.
func nextApart(near []candidate, at int) int {
	for i := at; i < min(len(near), at+spreadMax); i++ {
		domain := near[i].member.Domain
		if domain == "" {
			return i
		}
		taken := slices.ContainsFunc(near[:at], func(c candidate) bool {
			return c.member.Domain == domain
		})
		if !taken {
			return i
		}
	}
	return at
}

// mix is the finalizer of SplitMix64: every bit of the input changes half of
// the output. Source: Steele, Lea, Flood, OOPSLA 2014.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
