package network

// gossipHopsMax bounds the hops of a message: enough for any network that
// fits into memory.
const gossipHopsMax = 16

// detours is how many third nodes may carry gossip around a cut.
const detours = 4

// gossipPeer is the flow of an access link that gossip goes in.
const gossipPeer Peer = -1

// GossipArrival draws when a gossip message that is published now reaches
// another node, in virtual time; false: it does not.
//
// The model: the mesh of a topic is a random graph of Options.GossipDegree
// D among members, so that D·(D-1)^(h-1) nodes are h hops away; the receiver
// is one of them at random, and the hops go over nodes at random. That is a
// little slower than gossip is, which takes the best of many such ways.
// A cut between author and receiver is gone around if one of a few other
// nodes drawn at random reaches both.
func (n *Network) GossipArrival(
	author, to Peer, members int, message uint64,
) (atNS int64, ok bool) {
	if !n.peers[to].on {
		return 0, false
	}
	d := keyed(n.options.Seed, hashGossip, message, uint64(to))
	if !n.Open(author, to) && !n.around(author, to, &d) {
		return 0, false
	}
	atNS = n.timers.NowNS()
	at := author
	for hops := n.hops(members, &d); hops > 1; hops-- {
		next := Peer(d.below(len(n.peers)))
		atNS += int64(n.OneWay(at, next))
		at = next
	}
	last := int64(n.OneWay(at, to))
	return atNS + last + int64(float64(last)*n.options.Jitter*d.exponential()), true
}

// hops draws how far away a member is.
func (n *Network) hops(members int, d *draws) int {
	degree := n.options.GossipDegree
	left, level := d.below(max(1, members-1)), degree
	for hop := 1; hop < gossipHopsMax; hop++ {
		if left -= level; left < 0 {
			return hop
		}
		level *= max(1, degree-1)
	}
	return gossipHopsMax
}

func (n *Network) around(author, to Peer, d *draws) bool {
	for range detours {
		via := Peer(d.below(len(n.peers)))
		if n.peers[via].on && n.Open(author, via) && n.Open(via, to) {
			return true
		}
	}
	return false
}

// BillGossip bills a node for its part in spreading a message of that many
// bytes: Options.GossipCopies of it come in, and as many go out.
func (n *Network) BillGossip(p Peer, bytes int) {
	x := &n.peers[p]
	now := n.timers.NowNS()
	packet := Packet{Head: bytes}
	bill := n.bill(&packet)
	copies := int64(n.options.GossipCopies)
	for _, way := range [...]struct {
		pipe     *pipe
		slowdown float64
		tally    *Tally
	}{
		{&x.down, 1, &x.counters.GossipReceived},
		{&x.up, x.slow.Factor, &x.counters.GossipSent},
	} {
		way.tally.Packets += uint64(copies)
		way.tally.HeadBytes += uint64(copies) * uint64(bytes)
		way.tally.OverheadBytes += uint64(copies) * uint64(bill.overhead)
		total := copies * bill.total
		if work := way.pipe.work(total, way.slowdown); work > 0 &&
			n.room(way.pipe, kindDatagram, total) {
			way.pipe.bulk(now, gossipPeer, kindDatagram, total, work)
		}
	}
}
