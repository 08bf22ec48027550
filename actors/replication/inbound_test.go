package replication

import (
	"crypto/sha256"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/format"
)

// block makes a block that nobody has.
func (n *network) block() (messages.CID, []byte) {
	data := make([]byte, blockSize)
	for i := range data {
		data[i] = byte(n.rand.Uint32())
	}
	return format.Name(data), data
}

// placed makes a block in whose order a node has a place below rank.
func (n *network) placed(p *peerNode, rank int) (messages.CID, []byte) {
	for {
		cid, data := n.block()
		if at := slices.Index(p.order(cid, p.cfg.RanksMax), p.id); at >= 0 && at < rank {
			return cid, data
		}
	}
}

func (n *network) item(cid messages.CID) wire.ReplicaItem {
	return wire.ReplicaItem{CID: cid, Until: n.now.Add(365 * 24 * time.Hour).Unix()}
}

// offer offers one block, and push pushes it; 0 means no answer.
func (n *network) offer(from, to *peerNode, item wire.ReplicaItem) wire.ReplicaVerdict {
	request := wire.ReplicaRequest{Kind: wire.ReplicaOffer, Items: []wire.ReplicaItem{item}}
	return one(n.ask(from, to, request))
}

func (n *network) push(
	from, to *peerNode, item wire.ReplicaItem, data []byte,
) wire.ReplicaVerdict {
	request := wire.ReplicaRequest{Kind: wire.ReplicaPush, Items: []wire.ReplicaItem{item}}
	return one(n.ask(from, to, request, data))
}

func one(verdicts []wire.ReplicaVerdict) wire.ReplicaVerdict {
	if len(verdicts) != 1 {
		return 0
	}
	return verdicts[0]
}

func (n *network) expect(got, want wire.ReplicaVerdict) {
	n.t.Helper()
	if got != want {
		n.fatalf("verdict %d, want %d", got, want)
	}
}

func newPair(t *testing.T, nodes int, change func(i int, c *Config)) (n *network, a, b *peerNode) {
	t.Helper()
	n = newNetwork(t, 1, nodes, change)
	n.run(10 * time.Second)
	return n, n.nodes[0], n.nodes[1]
}

func TestOfferPushRenew(t *testing.T) {
	n, a, b := newPair(t, 10, nil)
	cid, data := n.placed(b, 3)
	item := n.item(cid)
	n.expect(n.offer(a, b, item), wire.ReplicaWanted)
	n.expect(n.push(a, b, item, data), wire.ReplicaHeld)
	n.expect(n.offer(a, b, item), wire.ReplicaHeld)
	longer := item
	longer.Until += 1000
	n.expect(n.offer(n.nodes[2], b, longer), wire.ReplicaHeld)
	if got := b.leases[cid]; got != longer.Until {
		t.Errorf("the lease ends at %d, want %d", got, longer.Until)
	}
	// A shorter one takes nothing away, and one for ever gets what is allowed.
	n.expect(n.offer(a, b, wire.ReplicaItem{CID: cid, Until: n.now.Unix() + 60}), wire.ReplicaHeld)
	if got := b.leases[cid]; got != longer.Until {
		t.Errorf("the lease was shortened to %d", got)
	}
	n.expect(n.offer(a, b, wire.ReplicaItem{CID: cid, Until: 1 << 33}), wire.ReplicaHeld)
	limit := n.now.Add(b.cfg.LeaseMax + b.cfg.LeaseQuantum).Unix()
	if got := b.leases[cid]; got <= longer.Until || got > limit {
		t.Errorf("the lease ends at %d, want %d at most", got, limit)
	}
	n.expect(n.offer(a, b, wire.ReplicaItem{CID: cid, Until: n.now.Unix()}), wire.ReplicaRefused)
}

func TestOutOfRankIsRefused(t *testing.T) {
	n, a, b := newPair(t, 60, nil)
	for range 20 {
		cid, data := n.block()
		placed := slices.Contains(b.order(cid, b.cfg.RanksMax), b.id)
		want, pushed := wire.ReplicaRefused, wire.ReplicaRefused
		if placed {
			want, pushed = wire.ReplicaWanted, wire.ReplicaHeld
		}
		n.expect(n.offer(a, b, n.item(cid)), want)
		n.expect(n.push(a, b, n.item(cid), data), pushed)
	}
	if b.stats().RefusedOffers == 0 {
		t.Error("no refusal was counted")
	}
}

func TestWrongBytesAreRefused(t *testing.T) {
	n, a, b := newPair(t, 10, nil)
	cid, data := n.placed(b, 3)
	data[5]++
	n.expect(n.push(a, b, n.item(cid), data), wire.ReplicaRefused)
	if len(b.blocks) != 0 || b.stats().Watched != 0 {
		t.Error("a block is kept that is not what it is called")
	}
}

// TestOfferTakesNoPlace: who asks whether a node would take a block may go
// elsewhere with it, and keeps nobody from bringing it.
func TestOfferTakesNoPlace(t *testing.T) {
	n, a, b := newPair(t, 10, nil)
	cid, data := n.placed(b, 3)
	n.expect(n.offer(a, b, n.item(cid)), wire.ReplicaWanted)
	n.expect(n.offer(n.nodes[2], b, n.item(cid)), wire.ReplicaWanted)
	n.expect(n.push(n.nodes[2], b, n.item(cid), data), wire.ReplicaHeld)
	n.expect(n.offer(a, b, n.item(cid)), wire.ReplicaHeld)
}

// A lease that began to end while the bytes of a push were checked goes on
// ending: nothing is promised meanwhile.
func TestPushMeetsADrop(t *testing.T) {
	n, a, b := newPair(t, 10, nil)
	cid, data := n.placed(b, 3)
	n.expect(n.push(a, b, n.item(cid), data), wire.ReplicaHeld)
	c := b.actor.core
	x := &exchange{
		from: a.id, items: []wire.ReplicaItem{n.item(cid)}, blocks: [][]byte{data},
		verdicts: []wire.ReplicaVerdict{wire.ReplicaWanted},
	}
	w := c.watched[cid]
	w.dropping = true
	c.named(x, []bool{true})
	if w.promising != 0 || x.verdicts[0] != wire.ReplicaBusy {
		t.Errorf("verdict %d and %d promises, want busy and none", x.verdicts[0], w.promising)
	}
}

// TestOwnBlocksAreNotGivenAway: asking for a block that a node has only for
// its own files gives the same answers as for one that it has not, as long as
// it is not a holder.
func TestOwnBlocksAreNotGivenAway(t *testing.T) {
	n, a, b := newPair(t, 40, nil)
	for range 30 {
		mine, mineData := n.placed(b, b.cfg.RanksMax)
		b.blocks[mine], b.mine[mine] = mineData, true
		b.receive(messages.BlocksWritten{CIDs: []messages.CID{mine}})
		absent, _ := n.placed(b, b.cfg.RanksMax)
		if own := b.actor.core.watched[mine]; own.replica || own.promising > 0 {
			continue
		}
		if got, want := n.offer(a, b, n.item(mine)), n.offer(a, b, n.item(absent)); got != want {
			t.Fatalf("an own block is answered with %d, an absent one with %d", got, want)
		}
	}
}

func TestStoreRefuses(t *testing.T) {
	n, a, b := newPair(t, 10, nil)
	b.refuse = messages.CodeQuota
	cid, data := n.placed(b, 3)
	n.expect(n.push(a, b, n.item(cid), data), wire.ReplicaRefused)
	b.refuse = 0
	// It does not ask for bytes for a while, and then again.
	other, _ := n.placed(b, 3)
	n.expect(n.offer(a, b, n.item(other)), wire.ReplicaRefused)
	n.run(b.cfg.FullDelay)
	n.expect(n.offer(a, b, n.item(other)), wire.ReplicaWanted)
	b.refuse = messages.CodeRestarted
	n.expect(n.push(a, b, n.item(cid), data), wire.ReplicaBusy)
}

func TestConsentHasBounds(t *testing.T) {
	n, a, b := newPair(t, 10, func(_ int, c *Config) {
		c.ReplicasMax, c.PeerItemsPerMinute = 10, 30
	})
	verdicts := map[wire.ReplicaVerdict]int{}
	for range 40 {
		cid, data := n.placed(b, 3)
		verdicts[n.push(a, b, n.item(cid), data)]++
		n.now = n.now.Truncate(time.Minute) // all in one minute
	}
	if verdicts[wire.ReplicaHeld] != 10 || verdicts[wire.ReplicaRefused] != 20 ||
		verdicts[wire.ReplicaBusy] != 10 {
		t.Errorf("verdicts: %v, want 10 held, 20 refused, 10 busy", verdicts)
	}
	stranger := &peerNode{net: n, id: sha256.Sum256([]byte("stranger")), up: true}
	cid, data := n.placed(b, 3)
	n.expect(n.offer(stranger, b, n.item(cid)), wire.ReplicaBusy)
	n.expect(n.push(stranger, b, n.item(cid), data), wire.ReplicaBusy)
}

// TestAFastNodeIsNotHeldUp: the bound of what one node may bring in a minute is
// there for those who are up to no good. A file of 1 GiB has some 16,000 blocks,
// which a fast link brings within a minute.
func TestAFastNodeIsNotHeldUp(t *testing.T) {
	const blocks = 16_000
	n, a, b := newPair(t, 21, nil)
	begin := n.now.Truncate(time.Minute)
	for i := range blocks {
		cid, data := n.placed(b, 3)
		n.now = begin // all in one minute
		if got := n.offer(a, b, n.item(cid)); got != wire.ReplicaWanted {
			t.Fatalf("offer %d: got verdict %v, want that it is wanted", i, got)
		}
		if got := n.push(a, b, n.item(cid), data); got != wire.ReplicaHeld {
			t.Fatalf("push %d: got verdict %v, want that it is held", i, got)
		}
	}
}

// TestRefusalsAreRespected: nodes without room get nothing, and the blocks
// find others.
func TestRefusalsAreRespected(t *testing.T) {
	n := newNetwork(t, 2, 20, func(i int, c *Config) {
		if i >= 10 {
			c.ReplicasMax = 0
		}
	})
	cids := n.populate(4, 40)
	for i, p := range n.nodes[10:] {
		if len(p.leases) != 0 {
			t.Errorf("node %d refused, and holds %d blocks", i+10, len(p.leases))
		}
	}
	n.run(24 * time.Hour)
	n.expectHolders(cids, 3)
	n.expectNoneUnder()
}

// TestRottenReplicaIsMended: a holder that is told that it could not serve a
// block has it read again, and goes on holding it.
func TestRottenReplicaIsMended(t *testing.T) {
	n := newNetwork(t, 4, 12, func(_ int, c *Config) { c.MendsMax = 3 })
	cids := n.populate(4, 5)
	for _, p := range n.nodes {
		var rotten []messages.CID
		for _, cid := range cids {
			if n.holders(cid) > 1 && p.leases[cid] != 0 && !p.mine[cid] {
				rotten = append(rotten, cid)
			}
		}
		if len(rotten) == 0 {
			continue
		}
		whole := maps.Clone(p.blocks)
		for _, cid := range rotten {
			delete(p.blocks, cid)
		}
		p.receive(messages.ReplicasRotten{CIDs: rotten})
		n.run(time.Second)
		want := min(len(rotten), p.cfg.MendsMax)
		if got := p.stats(); got.MendedBlocks != uint64(want) || got.DroppedReplicas != 0 {
			t.Errorf("of %d rotten blocks %d were mended and %d dropped, want %d and 0",
				len(rotten), got.MendedBlocks, got.DroppedReplicas, want)
		}
		for _, cid := range rotten[:want] {
			if p.blocks[cid] == nil {
				t.Errorf("block %s was not mended", cid.Short())
			}
		}
		p.blocks = whole
	}
}

// TestRottenReplicaIsGivenUp: a holder whose bytes are gone, and that nobody
// else has now, finds out when it is to push them, and says from then on that
// it does not hold the block.
func TestRottenReplicaIsGivenUp(t *testing.T) {
	n := newNetwork(t, 3, 12, nil)
	cid := n.populate(1, 1)[0]
	var lost *peerNode
	for _, p := range n.nodes {
		switch {
		case p.leases[cid] == 0 && !p.mine[cid]:
		case lost == nil && !p.mine[cid]:
			lost = p
		default:
			p.crash()
		}
	}
	delete(lost.blocks, cid)
	n.tellViews()
	n.run(24 * time.Hour)
	if lost.leases[cid] != 0 || lost.stats().Replicas != 0 {
		t.Error("it still says that it holds a block whose bytes are gone")
	}
	// The others come back, and bring it to those that should have it.
	for _, p := range n.nodes {
		if !p.up {
			p.boot()
		}
	}
	n.tellViews()
	n.run(24 * time.Hour)
	whole := 0
	for _, p := range n.nodes {
		if p.leases[cid] != 0 && p.blocks[cid] != nil {
			whole++
		}
	}
	if whole < 3 {
		t.Errorf("%d whole copies", whole)
	}
}

// TestRenewalOfWhatIsGone: a lease is not extended over bytes that the store
// has not, and the block may be brought anew.
func TestRenewalOfWhatIsGone(t *testing.T) {
	n, a, b := newPair(t, 10, nil)
	cid, data := n.placed(b, 3)
	n.expect(n.push(a, b, n.item(cid), data), wire.ReplicaHeld)
	delete(b.blocks, cid)
	delete(b.leases, cid)
	longer := n.item(cid)
	longer.Until += 5
	n.expect(n.offer(a, b, longer), wire.ReplicaRefused)
	n.expect(n.offer(a, b, longer), wire.ReplicaWanted)
	n.expect(n.push(a, b, longer, data), wire.ReplicaHeld)
}

// hostile are packets that no honest node sends.
func hostile(r *rand.Rand, valid []byte) messages.Packet {
	head := slices.Clone(valid)
	for range r.IntN(4) {
		head[r.IntN(len(head))] = byte(r.Uint32())
	}
	packet := messages.Packet{Head: head[:r.IntN(len(head)+1)]}
	for range r.IntN(4) {
		packet.Blocks = append(packet.Blocks, make([]byte, blockSize-r.IntN(2)))
	}
	return packet
}

func TestHostilePackets(t *testing.T) {
	n, a, b := newPair(t, 10, nil)
	valid := wire.ReplicaRequest{Kind: wire.ReplicaPush}
	for range 3 {
		cid, _ := n.block()
		valid.Items = append(valid.Items, n.item(cid))
	}
	for range 5000 {
		packet := hostile(n.rand, valid.Append(nil))
		n.send(a, b, packet, func(messages.Packet) {})
		if n.rand.IntN(100) == 0 {
			n.run(time.Minute)
		}
	}
	n.run(time.Hour)
	zero := format.Name(make([]byte, blockSize))
	for cid := range b.blocks {
		if cid != zero {
			t.Error("a hostile packet left a block")
		}
	}
	if got := b.stats(); got.BadRequests == 0 || b.actor.core.guard.exchanges != 0 {
		t.Errorf("%d bad requests, %d exchanges open", got.BadRequests, b.actor.core.guard.exchanges)
	}
	if len(b.responses) > int(b.stats().BadRequests) {
		t.Errorf("%d requests were not answered", len(b.responses))
	}
}

// TestHostileResponses: whatever a peer answers, looks end.
func TestHostileResponses(t *testing.T) {
	n := newNetwork(t, 4, 6, nil)
	n.run(10 * time.Second)
	for _, p := range n.nodes[1:] {
		p.lie = func(r *rand.Rand, honest messages.Packet) messages.Packet {
			switch r.IntN(4) {
			case 0:
				return messages.Packet{}
			case 1:
				return hostile(r, honest.Head)
			case 2: // too many verdicts
				return messages.Packet{Head: append(slices.Clone(honest.Head), honest.Head...)}
			}
			verdicts := wire.ReplicaResponse{Verdicts: []wire.ReplicaVerdict{wire.ReplicaWanted}}
			return messages.Packet{Head: verdicts.Append(nil)}
		}
	}
	n.write(n.nodes[0], 50)
	n.run(24 * time.Hour)
	if c := n.nodes[0].actor.core; c.looks != 0 && c.outbox.inFlight == 0 {
		t.Errorf("%d looks wait for nothing", c.looks)
	}
	for _, p := range n.nodes[1:] {
		p.lie = nil
	}
	n.run(24 * time.Hour)
	n.expectNoneUnder()
}

// heldResponse is the head of a response that says held of every block.
func heldResponse(items int) []byte {
	var response wire.ReplicaResponse
	for range items {
		response.Verdicts = append(response.Verdicts, wire.ReplicaHeld)
	}
	return response.Append(nil)
}
