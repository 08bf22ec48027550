package replication

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// ticket is a look's interest in one node of its order.
type ticket struct {
	look *look
	rank int
}

// outbox has what is to be offered and pushed, by peer, so that one request
// carries what several looks want of a peer. What waits is bounded by the
// looks under way, times their ranks.
type outbox struct {
	peers    map[messages.NodeID]*peer
	queue    []*peer // with something to send, in order of arrival
	own      []ticket
	inFlight int
	waiting  int // tickets in queues
}

// peer is a node to which something is to be sent, or under way.
type peer struct {
	id             messages.NodeID
	offers, pushes []ticket
	inFlight       int
	queued         bool
}

// request is an offer or a push to a peer.
type request struct {
	peer    *peer
	kind    wire.ReplicaKind
	tickets []ticket
	packet  messages.Packet
	timeout time.Duration
}

func (o *outbox) offer(to messages.NodeID, t ticket) {
	p := o.to(to)
	p.offers = append(p.offers, t)
}

func (o *outbox) push(to messages.NodeID, t ticket) {
	p := o.to(to)
	p.pushes = append(p.pushes, t)
}

// to returns the peer, queued for one ticket more.
func (o *outbox) to(id messages.NodeID) *peer {
	o.waiting++
	p := o.peers[id]
	if p == nil {
		if o.peers == nil {
			o.peers = make(map[messages.NodeID]*peer)
		}
		p = &peer{id: id}
		o.peers[id] = p
	}
	if !p.queued {
		p.queued = true
		o.queue = append(o.queue, p)
	}
	return p
}

// pump makes requests of what waits, within the bounds.
func (c *core) pump() {
	o := &c.outbox
	waiting := o.queue[:0]
	for i, p := range o.queue {
		if o.inFlight >= c.cfg.RequestsInFlightMax {
			waiting = append(waiting, o.queue[i:]...)
			break
		}
		for p.inFlight < c.cfg.PerPeerMax && o.inFlight < c.cfg.RequestsInFlightMax &&
			len(p.offers)+len(p.pushes) > 0 {
			c.send(p)
		}
		if p.queued = len(p.offers)+len(p.pushes) > 0; p.queued {
			waiting = append(waiting, p)
		}
	}
	clear(o.queue[len(waiting):])
	o.queue = waiting
}

// send makes one request to a peer: offers before pushes, since they may save
// some. Which of the blocks that wait go together is drawn.
func (c *core) send(p *peer) {
	r := &request{peer: p, kind: wire.ReplicaOffer, timeout: c.cfg.OfferTimeout}
	queue, most := &p.offers, c.cfg.OfferBatchMax
	if len(p.offers) == 0 {
		r.kind, r.timeout = wire.ReplicaPush, c.cfg.PushTimeout
		queue, most = &p.pushes, c.cfg.PushBlocksMax
	}
	all := *queue
	c.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	rest := max(0, len(all)-most)
	r.tickets = append(r.tickets, all[rest:]...)
	clear(all[rest:])
	*queue = all[:rest]
	if rest == 0 {
		*queue = nil
	}
	c.outbox.waiting -= len(r.tickets)
	p.inFlight++
	c.outbox.inFlight++
	if r.kind == wire.ReplicaPush {
		c.out.loads = append(c.out.loads, r)
		return
	}
	c.seal(r)
}

// seal makes a request's packet, and hands it out.
func (c *core) seal(r *request) {
	head := wire.ReplicaRequest{Kind: r.kind, Items: c.items(r.tickets)}
	r.packet.Head = head.Append(make([]byte, 0, 8+48*len(head.Items)))
	c.out.requests = append(c.out.requests, r)
}

// loaded takes in the blocks of a push; nil: the store failed. errs is nil or
// has what is wrong with each block.
func (c *core) loaded(r *request, blocks []messages.Block, errs []*messages.Error) {
	all := r.tickets
	r.tickets = make([]ticket, 0, len(all))
	for i, t := range all {
		switch {
		case blocks != nil && len(blocks[i].Data) == c.blockSize:
			r.tickets = append(r.tickets, t)
			r.packet.Blocks = append(r.packet.Blocks, blocks[i].Data)
			continue
		case blocks == nil, errs != nil && errs[i] != nil && errs[i].Code != messages.CodeCorrupt:
			// Others would fail as well now: their turn is at the next look.
			t.look.standings[t.rank] = presumed
		default:
			c.rotten(t)
		}
		c.advance(t.look)
	}
	if len(r.tickets) == 0 {
		c.over(r)
		return
	}
	for _, t := range r.tickets {
		c.count.pushed++
		c.count.pushedBytes += uint64(c.blockSize)
		if t.look.repair {
			c.count.repaired++
		}
	}
	c.seal(r)
}

// rotten takes in that a block's stored bytes are damaged: nobody can be given
// it from here, before it is had anew.
func (c *core) rotten(t ticket) {
	l := t.look
	self := l.rankOf(c.view.Self)
	for rank, s := range l.standings {
		// Other pushes of it that are queued will come here by themselves.
		// An own hold under way tells by itself what became of it.
		if s == untried || s == wanting || rank == t.rank || rank == self && s != asking {
			l.standings[rank] = passed
		}
	}
	c.mend(l.w)
}

// answered takes in the response to a request. One that makes no sense is as
// good as none.
func (c *core) answered(r *request, head []byte, err error) {
	var response wire.ReplicaResponse
	if err == nil {
		response, err = wire.DecodeReplicaResponse(head)
	}
	sound := err == nil && len(response.Verdicts) == len(r.tickets)
	for i, t := range r.tickets {
		if sound {
			c.heardOf(t, response.Verdicts[i])
		} else {
			c.failed(t)
		}
		c.advance(t.look)
	}
	c.over(r)
}

// over ends a request.
func (c *core) over(r *request) {
	c.outbox.inFlight--
	p := r.peer
	p.inFlight--
	if p.inFlight == 0 && !p.queued {
		delete(c.outbox.peers, p.id)
	}
}

// flushOwn makes holds of the own blocks that this node is to hold itself.
func (c *core) flushOwn() {
	own := c.outbox.own
	c.outbox.own = nil
	groups := make([]*hold, 0, 1)
	for _, t := range own {
		h := holdFor(&groups, c.lease(t.look.w))
		h.tickets = append(h.tickets, t)
		h.blocks = append(h.blocks, messages.Block{CID: t.look.w.cid})
		c.promise(t.look.w.cid)
	}
	c.out.holds = append(c.out.holds, groups...)
}
