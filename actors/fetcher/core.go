package fetcher

import (
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// urgencies is how many there are.
const urgencies = int(messages.UrgencyLater) + 1

// blockedMax bounds how many blocks of a queue are passed over, because all
// who may have them are asked for too much already, in search of one that can
// start.
const blockedMax = 64

// core decides what is asked of whom, and when. It does no I/O: each step
// leaves in effects what to do.
type core struct {
	cfg       Config
	blockSize int
	rand      port.Rand
	view      *messages.View // nil until it is known
	self      int32          // this node's index in it, -1 if it has none
	nowNS     int64          // of the step under way
	joinedNS  int64          // until then it may not be known yet who is there

	asks   []*ask // in order of arrival, and so of deadline; some are done
	open   int    // of these, those that are not
	blocks int    // of the open asks

	flights map[messages.CID]*flight
	queues  [urgencies][]*flight // some entries are stale: see pumpQueue
	parked  []*flight            // waiting for busy peers
	joining []*flight            // waiting for another view; some are done

	flying   []*request
	inFlight int // requests and choices under way
	perPeer  map[messages.NodeID]int
	told     told    // who was asked for what, lately
	bad      bad     // who was silent or lied, lately
	window   window  // bounds inFlight
	full     int     // peers at their bound
	hedges   float64 // that may be sent

	wakeNS  int64 // when wake is to be called; 0: never
	stats   messages.FetcherStatted
	effects effects
}

// effects is what a step asks for. The slices are used again by the next one.
type effects struct {
	choosing []*choosing
	sends    []*request
	hashes   []*request
	answered []messages.PeerAnswered
	done     []*ask
}

func (e *effects) reset() {
	clear(e.choosing)
	clear(e.sends)
	clear(e.hashes)
	clear(e.done)
	e.choosing, e.sends, e.hashes = e.choosing[:0], e.sends[:0], e.hashes[:0]
	e.answered, e.done = e.answered[:0], e.done[:0]
}

// ask is one FetchBlocks that is being answered.
type ask struct {
	caller     shell.Caller
	cids       []messages.CID
	blocks     []messages.Block
	errs       []*messages.Error // nil while there is none
	missing    int
	deadlineNS int64
}

func newCore(cfg Config, blockSize int, rand port.Rand) *core {
	return &core{
		cfg: cfg, blockSize: blockSize, rand: rand, window: newWindow(cfg),
		told: newTold(cfg.ToldMax), bad: make(bad),
		flights: make(map[messages.CID]*flight), perPeer: make(map[messages.NodeID]int),
	}
}

// begin starts a step.
func (c *core) begin(now time.Time) {
	c.nowNS = now.UnixNano()
	if c.joinedNS == 0 {
		c.joinedNS = c.nowNS + int64(c.cfg.JoinWait)
	}
	c.effects.reset()
}

// fetch takes in a FetchBlocks. A refusal leaves the core as it was.
func (c *core) fetch(caller shell.Caller, m messages.FetchBlocks) *messages.Error {
	cids, urgency := m.CIDs, m.Urgency
	switch {
	case len(cids) == 0 || len(cids) > messages.FetchMax:
		return messages.Errorf(messages.CodeInvalid,
			"a fetch of %d blocks, want 1 to %d", len(cids), messages.FetchMax)
	case len(m.Tuples) > messages.FetchMax:
		return messages.Errorf(messages.CodeInvalid,
			"a fetch that tells of %d tuples, want %d at most", len(m.Tuples), messages.FetchMax)
	case int(urgency) >= urgencies:
		return messages.Errorf(messages.CodeInvalid, "there is no urgency %d", urgency)
	case c.open >= c.cfg.AsksMax || c.blocks+len(cids) > c.cfg.BlocksMax:
		return messages.Errorf(messages.CodeOverload,
			"%d fetches of %d blocks are under way already", c.open, c.blocks)
	}
	a := &ask{
		caller: caller, cids: cids, blocks: make([]messages.Block, len(cids)),
		missing: len(cids), deadlineNS: c.nowNS + int64(c.cfg.FetchTimeout),
	}
	if len(c.asks) > 2*c.open+8 {
		c.asks = slices.DeleteFunc(c.asks, (*ask).isDone)
	}
	c.asks = append(c.asks, a)
	c.open++
	c.blocks += len(cids)
	c.wakeBy(a.deadlineNS)
	fresh := make([]*flight, 0, len(cids))
	for i, cid := range cids {
		f := c.flights[cid]
		if f == nil {
			f = &flight{cid: cid, urgency: urgency}
			c.flights[cid] = f
			fresh = append(fresh, f)
		} else {
			c.promote(f, urgency)
		}
		f.waiters = append(f.waiters, waiter{a, i})
	}
	c.relate(m.Tuples)
	c.rand.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })
	// Who has most in common with others has least choice.
	slices.SortStableFunc(fresh, func(a, b *flight) int { return len(b.kin) - len(a.kin) })
	for _, f := range fresh {
		c.enqueue(f)
	}
	if c.view != nil {
		c.address(fresh)
		c.pump()
	}
	return nil
}

// address finds out who may hold the blocks of flights; nobody does in a
// network of one.
func (c *core) address(flights []*flight) {
	for _, f := range flights {
		if f.done || f.view != nil {
			continue
		}
		f.view, f.order = c.view, holders(c.view, c.self, f.cid, c.cfg.TriedMax)
		if len(f.order) == 0 && !c.lookBeyond(f) {
			c.giveUp(f)
		}
	}
}

// see takes in a view of the network. What was asked for before the first one
// starts now; what is under way goes on by the view with which it started,
// unless nobody of that had it, soon after this node's start.
func (c *core) see(view *messages.View) {
	first := c.view == nil
	c.view, c.self = view, indexOf(view, view.Self)
	if first {
		for _, queue := range c.queues {
			c.address(queue)
		}
		c.pump()
	}
	c.rejoin()
}

func (a *ask) isDone() bool { return a.missing == 0 }

// promote makes a flight as urgent as its most urgent ask.
func (c *core) promote(f *flight, urgency messages.Urgency) {
	if urgency >= f.urgency {
		return
	}
	f.urgency = urgency
	if f.queued {
		c.enqueue(f) // what is in the other queue is stale now
	}
}

// enqueue puts a flight at the end of the queue of its urgency.
func (c *core) enqueue(f *flight) {
	f.queued = true
	c.queues[f.urgency] = append(c.queues[f.urgency], f)
}

// pump starts what can be started, the most urgent first.
func (c *core) pump() {
	room := [urgencies]int{
		messages.UrgencyNow:   c.window.room(),
		messages.UrgencySoon:  max(1, c.window.room()*3/4),
		messages.UrgencyLater: max(1, c.window.room()/2),
	}
	for urgency := range c.queues {
		if len(c.queues[urgency]) > 0 {
			c.pumpQueue(messages.Urgency(urgency), room[urgency])
		}
	}
}

// pumpQueue starts flights of a queue while less than room requests are under
// way. Entries are stale that were dropped, or are in a more urgent queue.
func (c *core) pumpQueue(urgency messages.Urgency, room int) {
	queue := c.queues[urgency]
	kept, blocked := queue[:0], 0
	for i, f := range queue {
		if c.inFlight >= room || blocked >= blockedMax {
			kept = append(kept, queue[i:]...)
			break
		}
		if f.done || !f.queued || f.urgency != urgency {
			continue
		}
		if f.beyond == beyondDue && c.perPeer[nobody] < c.cfg.InFlightPerPeerMax {
			f.queued = false
			c.sendBeyond(f)
			continue
		}
		if c.yields(f) { // to one that may be behind it
			kept = append(kept, f)
			continue
		}
		candidates := c.candidates(f, false)
		if len(candidates) == 0 {
			blocked++
			kept = append(kept, f)
			continue
		}
		f.queued = false
		c.pick(f, candidates, false)
	}
	clear(queue[len(kept):])
	c.queues[urgency] = kept
}

// candidates returns whom to ask for a block now; none when all of them are
// at their bound. Those who were asked for another member of a tuple are asked
// only when nobody else of the group is left, and for a hedge not even then.
func (c *core) candidates(f *flight, hedge bool) []messages.NodeID {
	f.calm(c.nowNS)
	places, untried := f.group(c.cfg.Width)
	candidates := make([]messages.NodeID, 0, len(places))
	shunned := c.shunned(f)
	if !hedge && !c.others(f, places, untried, shunned) {
		candidates = append(candidates, c.nearest(f, places, untried, shunned)...)
	} else {
		for i, at := range places {
			id := f.view.Members[at].ID
			if untried&(1<<i) != 0 && !slices.Contains(shunned, id) {
				candidates = append(candidates, id)
			}
		}
	}
	return slices.DeleteFunc(candidates, func(id messages.NodeID) bool {
		return c.full > 0 && c.perPeer[id] >= c.cfg.InFlightPerPeerMax
	})
}

// again has a flight go on after something did not come to good: with the
// next candidate, or after a pause, or not at all.
func (c *core) again(f *flight) {
	switch {
	case f.done || f.open > 0:
	case !f.exhausted():
		f.queued = true
		c.queues[f.urgency] = slices.Insert(c.queues[f.urgency], 0, f)
	case f.calmNS > 0:
		c.parkUntil(f, f.calmNS)
	case c.lookBeyond(f):
	case f.silent != 0 && f.rounds < c.cfg.BusyRounds:
		c.parkUntil(f, c.nowNS+c.pause(f))
	default:
		c.giveUp(f)
	}
}

// lookBeyond has those asked who are no members, when all members were; false
// if they were already, or never are.
func (c *core) lookBeyond(f *flight) bool {
	if c.cfg.BeyondTimeout == 0 || f.beyond != beyondNot {
		return false
	}
	f.beyond = beyondDue
	if !f.queued {
		f.queued = true
		c.queues[f.urgency] = slices.Insert(c.queues[f.urgency], 0, f)
	}
	return true
}

// wasBusy notes that somebody was, and sets the time to ask again.
func (c *core) wasBusy(f *flight) {
	if f.calmNS == 0 && f.rounds < c.cfg.BusyRounds {
		f.calmNS = c.nowNS + c.pause(f)
	}
}

// pause draws the next pause of a flight, for all who were refused at one
// time are not to ask again at one time.
func (c *core) pause(f *flight) (ns int64) {
	wait := c.cfg.BusyWait << f.rounds
	f.rounds++
	return int64(wait/2) + int64(c.rand.Float64()*float64(wait))
}

// parkUntil lets a flight wait.
func (c *core) parkUntil(f *flight, untilNS int64) {
	f.pauseNS = untilNS
	c.parked = append(c.parked, f)
	c.wakeBy(f.pauseNS)
}

// end takes a flight out.
func (c *core) end(f *flight) {
	f.done, f.queued = true, false
	delete(c.flights, f.cid)
}

// fail gives a block up.
func (c *core) fail(f *flight, err *messages.Error) {
	c.end(f)
	for _, w := range f.waiters {
		c.stats.BlocksFailed++
		c.settle(w, nil, err)
	}
}

// deliver hands a block on. Its bytes are proved.
func (c *core) deliver(f *flight, data []byte) {
	c.end(f)
	for _, w := range f.waiters {
		c.stats.BlocksFetched++
		c.settle(w, data, nil)
	}
}

// settle fills an entry of an ask, which may complete it.
func (c *core) settle(w waiter, data []byte, err *messages.Error) {
	a := w.ask
	a.blocks[w.at] = messages.Block{CID: a.cids[w.at], Data: data}
	if err != nil {
		if a.errs == nil {
			a.errs = make([]*messages.Error, len(a.cids))
		}
		a.errs[w.at] = err
	}
	a.missing--
	if a.missing > 0 {
		return
	}
	c.effects.done = append(c.effects.done, a)
	c.open--
	c.blocks -= len(a.cids)
	if c.open == 0 {
		clear(c.asks)
		c.asks, c.parked, c.joining, c.wakeNS = c.asks[:0], nil, nil, 0
	}
}
