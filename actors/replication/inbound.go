package replication

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/format"
)

// exchange is a request of another node that is being answered.
type exchange struct {
	id       messages.Exchange
	from     messages.NodeID
	items    []wire.ReplicaItem
	blocks   [][]byte // of a push
	verdicts []wire.ReplicaVerdict
	holds    int // not durable yet
}

// guard bounds what others make this node do.
type guard struct {
	exchanges int
	full      time.Time // nothing is accepted before: the store had no room

	// minute and asked count what each node offered and pushed in a minute.
	minute int64
	asked  map[messages.NodeID]int
	coming int // blocks that are being held and were not held before
}

// received takes in a request of another node.
func (c *core) received(
	from messages.NodeID, id messages.Exchange, packet messages.Packet,
) {
	request, err := wire.DecodeReplicaRequest(packet.Head)
	if err != nil || id == 0 || !c.sound(request, packet.Blocks) {
		c.count.malformed++
		return
	}
	x := &exchange{
		id: id, from: from, items: request.Items,
		verdicts: make([]wire.ReplicaVerdict, len(request.Items)),
	}
	c.guard.exchanges++
	if c.guard.exchanges > c.cfg.InboundMax || c.view == nil || c.view.Find(from) == nil ||
		!c.allow(from, len(request.Items)) {
		for i := range x.verdicts {
			x.verdicts[i] = wire.ReplicaBusy
		}
		c.respond(x)
		return
	}
	if request.Kind == wire.ReplicaOffer {
		c.offered(x)
		return
	}
	x.blocks = packet.Blocks
	c.pushed(x)
}

// sound reports whether the packet has the blocks that its head speaks of.
func (c *core) sound(request wire.ReplicaRequest, blocks [][]byte) bool {
	if request.Kind == wire.ReplicaOffer {
		return len(blocks) == 0
	}
	if len(blocks) != len(request.Items) || len(blocks) > messages.PacketBlocksMax {
		return false
	}
	for _, block := range blocks {
		if len(block) != c.blockSize {
			return false
		}
	}
	return true
}

// allow counts what a node asks for, and reports whether it may.
func (c *core) allow(from messages.NodeID, items int) bool {
	g := &c.guard
	if minute := c.now.Unix() / 60; minute != g.minute || g.asked == nil {
		g.minute, g.asked = minute, make(map[messages.NodeID]int)
	}
	asked, known := g.asked[from]
	if asked+items > c.cfg.PeerItemsPerMinute || !known && len(g.asked) >= c.cfg.PeersMax {
		return false
	}
	g.asked[from] = asked + items
	return true
}

// offered answers an offer. What is held gets its new lease; only that a
// block is held for the network is ever said, not whether it is stored here
// for other reasons.
func (c *core) offered(x *exchange) {
	var renewals []*hold
	for i, item := range x.items {
		w, until := c.watched[item.CID], c.bounded(item.Until)
		switch holds := w != nil && w.replica && !w.dropping && until > c.now.Unix(); {
		case holds && w.until >= until:
			x.verdicts[i] = wire.ReplicaHeld
		case holds:
			c.include(holdFor(&renewals, until), x, i, nil)
		default:
			x.verdicts[i] = c.judge(item.CID, until)
		}
	}
	c.settleOn(x, renewals)
}

// bounded is the lease that is granted when one is asked for.
func (c *core) bounded(until int64) int64 {
	return min(until, c.leaseEnd(c.now.Add(c.cfg.LeaseMax)))
}

// judge says whether a block that is not held may be pushed.
func (c *core) judge(cid messages.CID, until int64) wire.ReplicaVerdict {
	g := &c.guard
	w := c.watched[cid]
	switch {
	case w != nil && w.promising > 0 && !w.replica:
		return wire.ReplicaComing
	case until <= c.now.Unix(), c.now.Before(g.full), w != nil && w.dropping,
		c.foreign+g.coming >= c.cfg.ReplicasMax,
		c.rank(cid) >= c.cfg.RanksMax:
		c.count.refused++
		return wire.ReplicaRefused
	}
	return wire.ReplicaWanted
}

// pushed judges the blocks of a push before their names are checked: what is
// not wanted costs nothing.
func (c *core) pushed(x *exchange) {
	wanted := 0
	for i, item := range x.items {
		w := c.watched[item.CID]
		x.verdicts[i] = wire.ReplicaWanted
		until := c.bounded(item.Until)
		if w == nil || !w.replica || w.dropping || until <= c.now.Unix() {
			x.verdicts[i] = c.judge(item.CID, until)
		}
		if x.verdicts[i] == wire.ReplicaWanted {
			wanted++
		}
	}
	if wanted == 0 {
		c.respond(x)
		return
	}
	c.out.hashes = append(c.out.hashes, x)
}

// checkNames finds which of the wanted blocks are what they are called. It
// runs on a worker.
func (x *exchange) checkNames() []bool {
	names := make([]bool, len(x.items))
	for i, item := range x.items {
		names[i] = x.verdicts[i] == wire.ReplicaWanted && format.Name(x.blocks[i]) == item.CID
	}
	return names
}

// named takes in which blocks of a push are what they are called.
func (c *core) named(x *exchange, names []bool) {
	var holds []*hold
	for i, item := range x.items {
		switch {
		case x.verdicts[i] != wire.ReplicaWanted:
		case !names[i]:
			x.verdicts[i] = wire.ReplicaRefused
		case c.ending(item.CID):
			x.verdicts[i] = wire.ReplicaBusy
		default:
			c.include(holdFor(&holds, c.bounded(item.Until)), x, i, x.blocks[i])
		}
	}
	x.blocks = nil
	c.settleOn(x, holds)
}

// ending reports whether the lease of a block is being ended. It may have begun
// while the block's name was checked.
func (c *core) ending(cid messages.CID) bool {
	w := c.watched[cid]
	return w != nil && w.dropping
}

// include adds an item of an exchange to a hold.
func (c *core) include(h *hold, x *exchange, i int, data []byte) {
	h.exchange, h.at = x, append(h.at, i)
	h.blocks = append(h.blocks, messages.Block{CID: x.items[i].CID, Data: data})
	c.promise(x.items[i].CID)
}

// settleOn hands out the holds of an exchange, or answers it when there are none.
func (c *core) settleOn(x *exchange, holds []*hold) {
	x.holds = len(holds)
	if len(holds) == 0 {
		c.respond(x)
		return
	}
	c.out.holds = append(c.out.holds, holds...)
}
