package membership

import (
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
)

// core decides whom to ask, what to believe and what to pass on. It does no
// I/O: what is to be sent is collected in out. Times are since the start of
// this incarnation of the actor.
type core struct {
	cfg  Config
	draw port.Rand
	born uint64        // Unix time at the start, in milliseconds
	now  time.Duration // of the step under way

	self    *member
	ring    []*member          // all that are known, this node included, in order of ID
	victim  *member            // of ring, the first to go for want of room; nil: to be found
	known   []wire.MemberKnown // the same in short, at the same places
	here    int                // of these, the others that are alive or suspected
	keepKey uint64             // see keepOf

	suspects []*member // the suspected
	missing  []*member // the dead and those that left, longest gone first
	news     []*member // to be passed on
	doubts   []*member // to be probed before others

	order              []*member // this round's order of probes
	next               int       // the next one of it
	probe              *probe    // the last one
	knockAt, protestAt time.Duration
	health             int // Lifeguard's local health: 0 is good
	tickAt             time.Duration
	place              vivaldi
	relays             int // probes under way for others
	packets            int // handled since the last tick
	arrived            bool

	candidates      []messages.NodeID
	joinAt, joinGap time.Duration
	syncs           int
	syncAt, syncGap time.Duration
	askBackAt       time.Duration

	leaving  bool
	goodbyes int // not answered yet

	views views
	out   effects
	room  []wire.MemberClaim // of the next packet
	told  []*member          // of the next packet
}

// effects is what a step of the core asks for.
type effects struct {
	requests  []request
	responses []response
	left      bool // all goodbyes are answered, or will not be
}

// request is a packet that wants an answer, which comes with the ticket.
type request struct {
	to      messages.NodeID
	head    []byte
	timeout time.Duration
	ticket  ticket
}

// response answers an exchange.
type response struct {
	exchange messages.Exchange
	head     []byte
}

// purpose is why a request was sent.
type purpose uint8

const (
	forProbe   purpose = iota + 1 // is the next of the round there?
	forRelay                      // can another reach it?
	forKnock                      // is somebody back?
	forSync                       // compare a page
	forGoodbye                    // we leave
	forOther                      // on behalf of another node
)

// ticket is what an answer needs to know of its request.
type ticket struct {
	purpose  purpose
	probe    *probe
	sync     *syncing
	exchange messages.Exchange // forOther: to be answered
	asker    messages.NodeID   // forOther
}

func newCore(cfg Config, self messages.NodeID, start time.Time, draw port.Rand) *core {
	c := &core{
		cfg: cfg, draw: draw, born: uint64(max(1, start.UnixMilli())),
		keepKey: draw.Uint64(), place: newVivaldi(),
		joinGap: cfg.JoinInterval, syncGap: cfg.SyncFirst, views: views{due: -1},
	}
	record := cleaned(&messages.Member{
		ID: self, Incarnation: c.born, Status: messages.MemberAlive,
		CapacityBlocks: cfg.CapacityBlocks, Domain: cfg.Domain,
		Undialable: cfg.Undialable,
		Coordinate: c.place.coordinate(),
	})
	c.self = &member{record: &record, round: 1, uptime: newUptime(0)}
	record.UptimeClass = c.self.uptime.class
	c.ring, c.known = []*member{c.self}, []wire.MemberKnown{inShort(c.self)}
	c.changed()
	return c
}

// firstTick is when the first tick is due: at random, so that nodes that
// start together do not all join at once.
func (c *core) firstTick() time.Duration {
	c.tickAt = time.Duration(c.draw.Float64() * float64(c.cfg.JoinInterval))
	return c.tickAt
}

// take hands over what is to be sent.
func (c *core) take() effects {
	out := c.out
	c.out = effects{}
	return out
}

// spread jitters a span: uniform between half of it and one and a half.
func (c *core) spread(d time.Duration) time.Duration {
	return time.Duration((0.5 + c.draw.Float64()) * float64(d))
}

// tick is what is done once in ProbeInterval. It returns when the next one is
// due.
func (c *core) tick(now time.Duration) time.Duration {
	c.now = now
	if late := now - c.tickAt; late > c.cfg.ProbeInterval {
		// The machine slept: nobody could refute meanwhile.
		for _, m := range c.suspects {
			m.suspicion.began += late
		}
	}
	c.packets = 0
	c.bury()
	c.forgetMissing()
	c.account(c.self)
	c.join()
	c.probeMissing()
	if c.here > 0 {
		c.probeNext()
		c.syncNowAndThen()
	}
	if c.views.due < 0 && now >= c.views.last+viewRepeat {
		c.views.due = now
	}
	next := c.untilTick()
	c.tickAt = now + next
	return next
}

// viewRepeat is how often the view is told although it has not changed, for a
// sibling that has restarted.
const viewRepeat = time.Minute

// untilTick is the time to the next tick. The first one after a join comes at
// random, so that nodes that start together do not probe together.
func (c *core) untilTick() time.Duration {
	interval := c.cfg.ProbeInterval * time.Duration(c.health+1)
	switch {
	case c.here == 0:
		return max(time.Millisecond, min(c.cfg.ProbeInterval, c.joinAt-c.now))
	case !c.arrived:
		c.arrived = true
		return time.Duration(c.draw.Float64() * float64(interval))
	}
	return time.Duration((0.9 + 0.2*c.draw.Float64()) * float64(interval))
}

// ask sends a request.
func (c *core) ask(
	to messages.NodeID, body wire.MemberRequest, timeout time.Duration, why ticket,
) {
	head := body.Append(make([]byte, 0, headSize(len(body.Claims))))
	c.keepRoom(body.Claims)
	c.out.requests = append(c.out.requests, request{to, head, timeout, why})
}

// answer sends a response.
func (c *core) answer(exchange messages.Exchange, body wire.MemberResponse) {
	if exchange == 0 {
		return
	}
	head := body.Append(make([]byte, 0, headSize(len(body.Claims))))
	c.keepRoom(body.Claims)
	c.out.responses = append(c.out.responses, response{exchange, head})
}

// asked takes in a request of another node.
func (c *core) asked(
	now time.Duration, from messages.NodeID, exchange messages.Exchange,
	body wire.MemberRequest,
) {
	c.now = now
	if c.packets++; c.packets > c.cfg.PacketsInMax {
		return
	}
	if !c.hearAll(from, body.Claims, asNews) {
		return
	}
	switch body.Kind {
	case wire.MemberPing:
		c.answer(exchange, wire.MemberResponse{Claims: c.gossip(c.greet(from))})
	case wire.MemberSync:
		response, news := c.answerPage(from, body)
		c.answer(exchange, response)
		if news {
			c.askBack(from)
		}
	case wire.MemberRelay:
		c.relay(from, exchange, body.Target)
	}
}

// relay asks the target on behalf of another node, when it is somebody whom
// this node would ask itself.
func (c *core) relay(from messages.NodeID, exchange messages.Exchange, target messages.NodeID) {
	m := c.find(target)
	if m == nil || m == c.self || !m.here() || c.relays >= c.cfg.RelaysMax || exchange == 0 {
		claims := c.greet(from)
		if m != nil {
			claims = append(claims, claim(m)) // perhaps it has left
		}
		c.answer(exchange, wire.MemberResponse{Reached: m == c.self, Claims: claims})
		return
	}
	c.relays++
	c.ask(target, wire.MemberRequest{Kind: wire.MemberPing, Claims: c.gossip(c.greet(target))},
		c.patience(1), ticket{purpose: forOther, exchange: exchange, asker: from})
}

// answered takes in how a request ended; body is nil when it failed.
func (c *core) answered(
	now time.Duration, why ticket, from messages.NodeID, body *wire.MemberResponse,
	took time.Duration,
) {
	c.now = now
	how := asNews
	if why.purpose == forSync {
		how = pageOfSync
	}
	ok := body != nil && c.hearAll(from, body.Claims, how)
	switch why.purpose {
	case forProbe:
		c.probeAnswered(why.probe, ok, took)
	case forRelay:
		c.relayAnswered(why.probe, ok, ok && body.Reached)
	case forKnock:
	case forSync:
		var end messages.NodeID
		if ok {
			end = body.End
		}
		c.pageAnswered(why.sync, ok, end)
	case forGoodbye:
		c.goodbyes--
		c.out.left = c.goodbyes == 0
	case forOther:
		c.relays--
		c.answer(why.exchange, wire.MemberResponse{
			Reached: ok, Claims: c.gossip(c.greet(why.asker)),
		})
	}
}

// leave says goodbye to some members. They pass it on.
func (c *core) leave(now time.Duration) {
	c.now = now
	if c.leaving {
		c.out.left = c.goodbyes == 0
		return
	}
	c.leaving = true
	next := *c.self.record
	next.Status = messages.MemberLeft
	next.Incarnation++
	c.self.record = &next
	c.note(c.self)
	c.views.stale = true
	told := c.some(c.cfg.LeaveFanout, nil)
	for _, m := range told {
		c.ping(m.id(), ticket{purpose: forGoodbye})
	}
	c.goodbyes = len(told)
	c.out.left = c.goodbyes == 0
	c.candidates = slices.Clip(c.candidates[:0])
}
