package fetcher

import (
	"errors"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
)

// choosing is one ChoosePeers.
type choosing struct {
	picks []pick
	wants [][]messages.NodeID
}

// pick is a flight that a peer is being chosen for.
type pick struct {
	flight *flight
	hedge  bool
}

// request asks one peer for one block.
type request struct {
	flight  *flight
	peer    messages.NodeID
	timeout time.Duration
	sentNS  int64
	hedgeNS int64 // when to ask somebody else too; 0: not any more
	late    bool  // somebody else may be asked whatever it costs
	at      int   // in core.flying

	// Once there is an answer:
	data []byte
	took time.Duration
	said said
}

// said is what a peer told of itself with an answer.
type said struct {
	load int // requests that it was serving; -1: it told nothing
	wait time.Duration
}

var nothing = said{load: -1}

// pick has a peer chosen for a flight. It takes a place among the requests.
func (c *core) pick(f *flight, candidates []messages.NodeID, hedge bool) {
	f.open++
	c.inFlight++
	last := len(c.effects.choosing) - 1
	if last < 0 || len(c.effects.choosing[last].picks) == messages.ChoicesMax {
		c.effects.choosing = append(c.effects.choosing, &choosing{})
		last++
	}
	ch := c.effects.choosing[last]
	ch.picks = append(ch.picks, pick{f, hedge})
	ch.wants = append(ch.wants, candidates)
}

// chosen takes in whom to ask.
func (c *core) chosen(ch *choosing, choices []messages.PeerChoice) {
	var vain []*flight
	for i, p := range ch.picks {
		f, choice := p.flight, choices[i]
		full := c.perPeer[choice.Peer] >= c.cfg.InFlightPerPeerMax
		meets := len(f.kin) > 0 && !f.done && c.meets(f, choice.Peer, p.hedge)
		switch {
		case choice.Peer == messages.NodeID{}:
			c.unpick(p)
		case f.done || f.hashing > 0 || full || meets:
			c.inFlight--
			f.open--
			c.answer(choice.Peer, messages.OutcomeAbandoned, 0, nothing)
			vain = append(vain, f)
		default:
			c.send(p, choice)
		}
	}
	for _, f := range slices.Backward(vain) { // each to the front: their order stays
		c.again(f)
	}
	sends := c.effects.sends // were chosen in an order that tells something
	c.rand.Shuffle(len(sends), func(i, j int) { sends[i], sends[j] = sends[j], sends[i] })
	c.pump()
}

// unchosen takes in that nobody was chosen: the scorer failed.
func (c *core) unchosen(ch *choosing) {
	for _, p := range ch.picks {
		c.unpick(p)
	}
	c.pump()
}

// unpick takes a pick back, and tries again after a pause.
func (c *core) unpick(p pick) {
	f := p.flight
	c.inFlight--
	f.open--
	if !f.done && f.open == 0 {
		c.parkUntil(f, c.nowNS+int64(c.cfg.BusyWait))
	}
}

// send asks a peer.
func (c *core) send(p pick, choice messages.PeerChoice) {
	f := p.flight
	f.try(choice.Peer)
	c.told.add(f.cid, choice.Peer)
	r := &request{
		flight: f, peer: choice.Peer, timeout: choice.Timeout, sentNS: c.nowNS,
		hedgeNS: c.nowNS + int64(min(choice.HedgeAfter, c.cfg.LateAfter)), at: len(c.flying),
	}
	c.fly(r)
	c.stats.Requests++
	if p.hedge {
		c.stats.Hedges++
		r.hedgeNS = c.lateNS(r)
	} else {
		c.hedges = min(c.hedges+c.cfg.HedgeShare, float64(c.cfg.HedgeBurst))
	}
	c.wakeBy(r.hedgeNS)
}

// sendBeyond asks those who are no members.
func (c *core) sendBeyond(f *flight) {
	f.beyond = beyondAsked
	f.open++
	c.inFlight++
	r := &request{
		flight: f, peer: nobody, timeout: c.cfg.BeyondTimeout, sentNS: c.nowNS, at: len(c.flying),
	}
	c.fly(r)
	c.stats.Beyond++
}

// fly counts a request as under way, and has it sent.
func (c *core) fly(r *request) {
	c.flying = append(c.flying, r)
	c.perPeer[r.peer]++
	if c.perPeer[r.peer] == c.cfg.InFlightPerPeerMax {
		c.full++
	}
	c.effects.sends = append(c.effects.sends, r)
}

// land takes a request out of those under way.
func (c *core) land(r *request) {
	last := c.flying[len(c.flying)-1]
	c.flying[r.at], last.at = last, r.at
	c.flying[len(c.flying)-1] = nil
	c.flying = c.flying[:len(c.flying)-1]
	c.inFlight--
	if r.late {
		r.flight.late--
	}
	if c.perPeer[r.peer] == c.cfg.InFlightPerPeerMax {
		c.full--
	}
	if c.perPeer[r.peer]--; c.perPeer[r.peer] == 0 {
		delete(c.perPeer, r.peer)
	}
}

// answered takes in the answer to a request.
func (c *core) answered(r *request, m messages.RequestAnswered) {
	c.land(r)
	f := r.flight
	var outcome messages.Outcome
	outcome, r.said = c.judge(m)
	r.took = m.Took
	if r.peer != nobody &&
		(outcome == messages.OutcomeServed || errors.Is(m.Err, port.ErrTimeout)) {
		c.window.came(c.nowNS, r.sentNS, c.inFlight+1)
	}
	switch {
	case outcome != messages.OutcomeServed:
		f.open--
		f.count(r.peer, outcome)
		if outcome == messages.OutcomeBusy {
			c.wasBusy(f)
		}
		c.answer(r.peer, outcome, r.took, r.said)
		c.again(f)
	case f.done:
		f.open--
		c.answer(r.peer, messages.OutcomeAbandoned, r.took, r.said)
	default:
		r.data = m.Packet.Blocks[0]
		f.hashing++
		c.effects.hashes = append(c.effects.hashes, r)
	}
	c.pump()
}

// judge says what an answer is, as far as it can be told without hashing, and
// what the peer told of itself.
func (c *core) judge(m messages.RequestAnswered) (messages.Outcome, said) {
	for _, data := range m.Packet.Blocks {
		c.stats.BytesReceived += uint64(len(data))
	}
	if m.Err != nil {
		c.stats.Failed++
		return messages.OutcomeFailed, nothing
	}
	response, err := wire.DecodeBlockResponse(m.Packet.Head)
	if err != nil {
		c.stats.Wrong++
		return messages.OutcomeWrong, nothing
	}
	it := said{int(response.Load), response.Wait}
	switch response.Status {
	case wire.BlockAbsent:
		c.stats.Absent++
		return messages.OutcomeAbsent, it
	case wire.BlockBusy:
		c.stats.Busy++
		return messages.OutcomeBusy, it
	case wire.BlockServed:
		if len(m.Packet.Blocks) == 1 && len(m.Packet.Blocks[0]) == c.blockSize {
			return messages.OutcomeServed, it
		}
	}
	c.stats.Wrong++
	return messages.OutcomeWrong, it
}

// hashed takes in whether the bytes of an answer are the block.
func (c *core) hashed(r *request, right bool) {
	f, data := r.flight, r.data
	r.data = nil
	f.hashing--
	f.open--
	switch {
	case !right:
		c.stats.Wrong++
		f.count(r.peer, messages.OutcomeWrong)
		c.answer(r.peer, messages.OutcomeWrong, r.took, r.said)
		c.again(f)
	case f.done:
		c.stats.Served++
		c.answer(r.peer, messages.OutcomeAbandoned, r.took, r.said)
	default:
		c.stats.Served++
		c.answer(r.peer, messages.OutcomeServed, r.took, r.said)
		c.deliver(f, data)
	}
	c.pump()
}

// answer tells the scorer how a choice ended. Who is no member was not chosen.
func (c *core) answer(
	peer messages.NodeID, outcome messages.Outcome, took time.Duration, it said,
) {
	if peer == nobody {
		return
	}
	c.bad.note(c.nowNS, peer, outcome)
	c.effects.answered = append(c.effects.answered, messages.PeerAnswered{
		Peer: peer, Outcome: outcome, Took: took, Load: it.load, Wait: it.wait,
	})
}

// wakeBy has wake called at that time, or earlier.
func (c *core) wakeBy(atNS int64) {
	if c.wakeNS == 0 || atNS < c.wakeNS {
		c.wakeNS = atNS
	}
}

// wake does what is due: asks whose time is over, pauses that end, hedges.
func (c *core) wake() {
	c.wakeNS = 0
	c.expire()
	c.endJoining()
	c.unpark()
	for _, r := range c.flying {
		switch {
		case r.hedgeNS == 0 || r.flight.done:
		case r.hedgeNS > c.nowNS:
			c.wakeBy(r.hedgeNS)
		case r.hedgeNS < c.lateNS(r):
			c.hedge(r.flight)
			r.hedgeNS = c.lateNS(r)
			c.wakeBy(r.hedgeNS)
		default:
			r.hedgeNS, r.late = 0, true
			c.bad.note(c.nowNS, r.peer, messages.OutcomeFailed)
			r.flight.late++
			c.overtake(r.flight)
		}
	}
	c.pump()
	if c.open == 0 {
		c.wakeNS = 0
	}
}

// hedge asks another holder for a block whose request takes long, if it is
// the only one and the budget allows. A request gets that chance once.
func (c *core) hedge(f *flight) {
	if f.done || f.open != 1 || f.hashing > 0 || c.hedges < 1 || c.inFlight >= c.window.room() {
		return
	}
	if candidates := c.candidates(f, true); len(candidates) > 0 {
		c.hedges--
		c.pick(f, candidates, true)
	}
}

// lateNS is when a request takes too long.
func (c *core) lateNS(r *request) int64 { return r.sentNS + int64(c.cfg.LateAfter) }

// overtake asks another holder for a block all of whose requests take too
// long. That is a retry, and so needs no budget; it differs from one after a
// timeout in that the first answer is still welcome.
func (c *core) overtake(f *flight) {
	if f.done || f.open != f.late || c.inFlight >= c.window.room() {
		return
	}
	if candidates := c.candidates(f, false); len(candidates) > 0 {
		c.pick(f, candidates, false)
	}
}

// expire fails what is left of asks whose time is over.
func (c *core) expire() {
	for i := 0; i < len(c.asks) && c.open > 0; i++ {
		a := c.asks[i]
		if a.isDone() {
			continue
		}
		if a.deadlineNS > c.nowNS {
			c.wakeBy(a.deadlineNS)
			return
		}
		c.expireAsk(a)
	}
}

func (c *core) expireAsk(a *ask) {
	for i, cid := range a.cids {
		f, w := c.flights[cid], waiter{a, i}
		if f == nil {
			continue // settled
		}
		at := slices.Index(f.waiters, w)
		if at < 0 {
			continue // settled, and asked for by others since
		}
		f.waiters = slices.Delete(f.waiters, at, at+1)
		if len(f.waiters) == 0 {
			c.end(f)
		}
		c.stats.BlocksFailed++
		c.settle(w, nil, f.overdue(c.cfg.FetchTimeout))
	}
}

// unpark lets flights go on whose pause is over.
func (c *core) unpark() {
	kept := c.parked[:0]
	for _, f := range c.parked {
		switch {
		case f.done:
		case f.pauseNS > c.nowNS:
			c.wakeBy(f.pauseNS)
			kept = append(kept, f)
		default:
			f.pauseNS = 0
			f.tried &^= f.busy | f.silent
			f.busy, f.silent, f.calmNS = 0, 0, 0
			c.enqueue(f)
		}
	}
	clear(c.parked[len(kept):])
	c.parked = kept
}

// statted fills a reply to StatFetcher.
func (c *core) statted(answer messages.Answer) messages.FetcherStatted {
	stats := c.stats
	stats.Answer, stats.InFlight = answer, c.inFlight
	for _, f := range c.flights { // the order makes no difference
		if f.open == 0 {
			stats.Waiting++
		}
	}
	return stats
}
