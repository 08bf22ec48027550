package network

import "github.com/noisefs/noisefs/messages"

// protocolsMax bounds the protocols that are counted apart; further ones
// share the last place.
const protocolsMax = 8

// Tally counts packets and what they were billed as.
type Tally struct {
	Packets       uint64
	HeadBytes     uint64
	BlockBytes    uint64 // times Options.Scale
	OverheadBytes uint64
}

func (t *Tally) add(p *Packet, bill bill) {
	t.Packets++
	t.HeadBytes += uint64(p.Head)
	t.BlockBytes += uint64(bill.blocks)
	t.OverheadBytes += uint64(bill.overhead)
}

// Bytes returns all that was billed.
func (t Tally) Bytes() uint64 { return t.HeadBytes + t.BlockBytes + t.OverheadBytes }

func (t *Tally) sum(o Tally) {
	t.Packets += o.Packets
	t.HeadBytes += o.HeadBytes
	t.BlockBytes += o.BlockBytes
	t.OverheadBytes += o.OverheadBytes
}

// Counters are the figures of a node, or of all, since the beginning. Sent
// and Received are by protocol, in the order of [Network.Protocols].
type Counters struct {
	Sent, Received [protocolsMax]Tally
	// Gossip is what it cost to take part in gossip, own messages and those
	// of others; the bytes are heads.
	GossipSent, GossipReceived Tally

	Lost       uint64 // packets of this node that the path lost, sent again or not
	Duplicated uint64 // datagrams of this node that went twice
	Dropped    uint64 // for want of room, or because the receiver was gone on arrival
	Refused    uint64 // packets of this node to where there was no way
}

// SentAll returns what was sent by all protocols and gossip.
func (c *Counters) SentAll() Tally { return total(c.Sent, c.GossipSent) }

// ReceivedAll returns what was received by all protocols and gossip.
func (c *Counters) ReceivedAll() Tally { return total(c.Received, c.GossipReceived) }

func total(tallies [protocolsMax]Tally, gossip Tally) Tally {
	for _, t := range tallies {
		gossip.sum(t)
	}
	return gossip
}

func (c *Counters) sum(o *Counters) {
	for i := range c.Sent {
		c.Sent[i].sum(o.Sent[i])
		c.Received[i].sum(o.Received[i])
	}
	c.GossipSent.sum(o.GossipSent)
	c.GossipReceived.sum(o.GossipReceived)
	c.Lost += o.Lost
	c.Duplicated += o.Duplicated
	c.Dropped += o.Dropped
	c.Refused += o.Refused
}

// Counters returns the live figures of a node, to be read only.
func (n *Network) Counters(p Peer) *Counters { return &n.peers[p].counters }

// Total adds up the figures of all nodes.
func (n *Network) Total() Counters {
	var all Counters
	for i := range n.peers {
		all.sum(&n.peers[i].counters)
	}
	return all
}

// Protocols returns the protocols seen so far, in the order of the counters.
func (n *Network) Protocols() []messages.Protocol { return n.protocols }

// protocol returns the place of a protocol in the counters.
func (n *Network) protocol(name messages.Protocol) int {
	for i, known := range n.protocols {
		if known == name {
			return i
		}
	}
	if len(n.protocols) == protocolsMax {
		return protocolsMax - 1
	}
	n.protocols = append(n.protocols, name)
	return len(n.protocols) - 1
}
