package placement

import (
	"encoding/binary"
	"slices"
	"sort"

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
	// dialablePlace is the place that goes to a member that anybody can
	// connect to, unless one stands before it, and dialableMax how far down
	// the order it may be fetched up.
	dialablePlace = 1
	dialableMax   = 16
)

// uptimeCost is 12 divided by the weight of an uptime class, which is 1 to 4.
var uptimeCost = [4]uint64{12, 6, 4, 3}

// candidate is a member of the neighbourhood, by its index in the view, with
// its cost: lower is better.
type candidate struct {
	cost uint64
	at   int32
}

// Order returns up to n members that should hold the block, the first one
// first, the view's own node among them where it has a place. n is at most
// [OrderMax]. An order is a prefix of every longer one.
func Order(view *messages.View, cid messages.CID, n int) []messages.NodeID {
	var room [OrderMax]int32
	places := Places(view, cid, n, room[:0])
	order := make([]messages.NodeID, len(places))
	for i, at := range places {
		order[i] = view.Members[at].ID
	}
	return order
}

// Places appends to places what [Order] returns, as indexes of view.Members.
// It does not touch the members themselves, which costs most of the time in a
// large network.
func Places(view *messages.View, cid messages.CID, n int, places []int32) []int32 {
	n = min(n, OrderMax)
	var neighbours, room [Neighbourhood]candidate
	near := cheapest(neighbourhood(view, cid, neighbours[:0]), room[:0],
		max(n+spreadMax, dialablePlace+dialableMax))
	n = min(n, len(near))
	for at := range n {
		next := nextApart(view, near, at)
		// Bring it up, and keep those that it overtakes in order.
		chosen := near[next]
		copy(near[at+1:next+1], near[at:next])
		near[at] = chosen
		places = append(places, chosen.at)
	}
	return places
}

// cheapest appends the k candidates of lowest cost to sorted, in order. Few
// of many are wanted, and most are dearer than the last one kept, so
// insertion beats sorting them all.
func cheapest(all, sorted []candidate, k int) []candidate {
	for _, c := range all {
		if len(sorted) == k {
			if !c.before(sorted[k-1]) {
				continue
			}
		} else {
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

// before orders candidates by cost. Equal ones stay in the order of the ring.
func (c candidate) before(other candidate) bool { return c.cost < other.cost }

// Rank returns the place of a node in the order of a block, or -1 when it is
// not among the first n.
func Rank(view *messages.View, cid messages.CID, id messages.NodeID, n int) int {
	var room [OrderMax]int32
	at := view.Search(id)
	if at == len(view.Members) || view.Members[at].ID != id {
		return -1
	}
	return slices.Index(Places(view, cid, n, room[:0]), int32(at))
}

// neighbourhood collects the members that follow the CID on the ring, with
// their costs.
func neighbourhood(view *messages.View, cid messages.CID, near []candidate) []candidate {
	spots := view.Spots
	point, key := binary.BigEndian.Uint64(cid[:]), binary.LittleEndian.Uint64(cid[8:])
	start := sort.Search(len(spots), func(i int) bool { return spots[i].Point >= point })
	var count [64]int // members by capacity
	for i, at := 0, start; i < len(spots) && len(near) < Neighbourhood; i, at = i+1, at+1 {
		if at == len(spots) {
			at = 0
		}
		if exponent := spots[at].Exponent; exponent >= 0 {
			near = append(near, candidate{at: int32(at)})
			count[exponent]++
		}
	}
	exponentMax := medianExponent(&count, len(near)) + weightExponentMax
	for i := range near {
		spot := &spots[near[i].at]
		less := min(max(0, exponentMax-int(spot.Exponent)), lessMax)
		near[i].cost = negativeLog(mix(key^spot.Key)) * uptimeCost[spot.Uptime] << less
	}
	return near
}

// lessMax bounds how much less than others a member weighs, as a binary
// logarithm, so that a cost fits into 64 bits: 39 of negativeLog, 4 of
// uptimeCost and these.
const lessMax = 20

func medianExponent(count *[64]int, total int) int {
	below := 0
	for exponent, n := range count {
		if below += n; below > total/2 {
			return exponent
		}
	}
	return 0
}

// nextApart returns the index of the candidate that gets the place at: the
// first one near enough whose failure domain is not among those before it,
// and whom everybody can reach, if that is what the place is for. Where there
// is none, the latter counts for more.
func nextApart(view *messages.View, near []candidate, at int) int {
	dialable := at == dialablePlace && view.Spots[near[0].at].Undialable
	far, reachable := spreadMax, -1
	if dialable {
		far = dialableMax
	}
	for i := at; i < min(len(near), at+far); i++ {
		if dialable && view.Spots[near[i].at].Undialable {
			continue
		}
		if reachable < 0 {
			reachable = i
		}
		domain := view.Spots[near[i].at].Domain
		if i < at+spreadMax && (domain == 0 || !taken(view, near[:at], domain)) {
			return i
		}
	}
	return max(at, reachable)
}

func taken(view *messages.View, before []candidate, domain uint32) bool {
	for _, c := range before {
		if view.Spots[c.at].Domain == domain {
			return true
		}
	}
	return false
}

// mix is the finalizer of SplitMix64: every bit of the input changes half of
// the output. Source: Steele, Lea, Flood, OOPSLA 2014.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
