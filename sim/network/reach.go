package network

import "slices"

// cut parts nodes from each other.
type cut struct {
	name     string
	from, to peerSet
	oneWay   bool
}

// peerSet has a bit per peer. Nil is everybody outside of the other set.
type peerSet []uint64

func (s peerSet) has(p Peer) bool {
	word := int(p) / 64
	return word < len(s) && s[word]&(1<<(p%64)) != 0
}

func newPeerSet(peers []Peer) peerSet {
	s := peerSet{}
	for _, p := range peers {
		for int(p)/64 >= len(s) {
			s = append(s, 0)
		}
		s[p/64] |= 1 << (p % 64)
	}
	return s
}

// Cut parts two sets of nodes until [Network.Heal]: nothing goes from one to
// the other, and unless it is one way, nothing comes back. A nil to means
// everybody who is not in from. Several cuts may hold at once; a name that
// is in use is replaced.
func (n *Network) Cut(name string, from, to []Peer, oneWay bool) {
	n.Heal(name)
	c := cut{name: name, from: newPeerSet(from), oneWay: oneWay}
	if to != nil {
		c.to = newPeerSet(to)
	}
	n.cuts = append(n.cuts, c)
}

// Heal ends a cut, and reports whether there was one of that name.
func (n *Network) Heal(name string) bool {
	before := len(n.cuts)
	n.cuts = slices.DeleteFunc(n.cuts, func(c cut) bool { return c.name == name })
	return len(n.cuts) < before
}

// HealAll ends all cuts.
func (n *Network) HealAll() { n.cuts = nil }

// stops reports whether the cut stops what goes from a to b.
func (c *cut) stops(a, b Peer) bool {
	return c.crosses(a, b) || !c.oneWay && c.crosses(b, a)
}

func (c *cut) crosses(a, b Peer) bool {
	if c.to == nil {
		return c.from.has(a) && !c.from.has(b)
	}
	return c.from.has(a) && c.to.has(b)
}

// Open reports whether no cut stops what goes from a to b.
func (n *Network) Open(a, b Peer) bool {
	for i := range n.cuts {
		if n.cuts[i].stops(a, b) {
			return false
		}
	}
	return true
}

// Connectable reports whether the topology and the routers at both ends let
// two nodes connect.
func (n *Network) Connectable(a, b Peer) bool {
	la, lb := &n.peers[a].link, &n.peers[b].link
	if a == b || la.Undialable && lb.Undialable {
		return false
	}
	switch t := n.options.Topology; t.Kind {
	case Regional:
		return la.Region == lb.Region || la.Hub && lb.Hub
	case Hubs:
		return la.Hub || lb.Hub
	case KRegular:
		distance := max(a, b) - min(a, b)
		if int(max(a, b)) >= t.Nodes {
			return false
		}
		distance = min(distance, Peer(t.Nodes)-distance)
		_, found := slices.BinarySearch(n.strides, distance)
		return found
	}
	return true
}

// drawStrides draws the distances of a K-regular ring. Distance 1 is always
// there, which connects the graph.
func (t Topology) drawStrides(seed uint64) []Peer {
	if t.Kind != KRegular {
		return nil
	}
	d := keyed(seed, hashStrides)
	strides := []Peer{1}
	for len(strides) < t.K/2 {
		// Half of an even ring is the same both ways, and would be one edge.
		stride := Peer(1 + d.below((t.Nodes-1)/2))
		if !slices.Contains(strides, stride) {
			strides = append(strides, stride)
		}
	}
	slices.Sort(strides)
	return strides
}
