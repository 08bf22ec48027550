package sim

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// topic is who subscribed to it, in the order in which they did.
type topic struct {
	name        string
	subscribers []*netPort
	authors     map[messages.NodeID]*rate.Limiter // nil: nobody is limited
}

// gossipGrain is what arrivals of gossip are rounded up to, so that one
// timer serves many receivers.
const gossipGrain = time.Millisecond

var _ port.Gossip = gossip{}

// gossip is the port of one incarnation.
type gossip struct{ net *netPort }

func (x *wire) topic(name string) *topic {
	for _, t := range x.topics {
		if t.name == name {
			return t
		}
	}
	t := &topic{name: name}
	if x.network.Options().GossipEvery > 0 {
		t.authors = make(map[messages.NodeID]*rate.Limiter)
	}
	x.topics = append(x.topics, t)
	return t
}

// unsubscribe forgets the subscribers that have gone.
func (x *wire) unsubscribe(gone func(*netPort) bool) {
	for _, t := range x.topics {
		t.subscribers = slices.DeleteFunc(t.subscribers, gone)
	}
}

// Subscribe implements [port.Gossip].
func (g gossip) Subscribe(name string) {
	t := g.net.boot.wire.topic(name)
	if g.net.alive() && !slices.Contains(t.subscribers, g.net) {
		t.subscribers = append(t.subscribers, g.net)
		g.net.hears = true
	}
}

// passedOn reports whether those who hear a message of an author now pass it
// on, as the validators of package cluster decide it.
func (x *wire) passedOn(t *topic, author messages.NodeID) bool {
	if t.authors == nil {
		return true
	}
	limiter := t.authors[author]
	if limiter == nil {
		o := x.network.Options()
		limiter = rate.NewLimiter(rate.Every(o.GossipEvery), o.GossipBurst)
		t.authors[author] = limiter
	}
	return limiter.AllowN(x.world.Now(), 1)
}

// Publish implements [port.Gossip].
func (g gossip) Publish(name string, payload []byte) {
	if len(payload) > messages.GossipMax || !g.net.alive() {
		return
	}
	x, boot := g.net.boot.wire, g.net.boot
	t := x.topic(name)
	if !x.passedOn(t, boot.node.config.ID) {
		x.network.BillGossip(boot.node.peer, len(payload))
		return
	}
	s := &spread{wire: x, bytes: len(payload), message: messages.GossipReceived{
		Topic: name, Author: boot.node.config.ID, Payload: bytes.Clone(payload),
	}}
	x.gossips++
	x.network.BillGossip(boot.node.peer, len(payload))
	s.arrivals = make([]arrival, 0, len(t.subscribers))
	for i, to := range t.subscribers {
		if to.boot == boot {
			continue
		}
		atNS, ok := x.network.GossipArrival(
			boot.node.peer, to.boot.node.peer, len(t.subscribers), x.gossips)
		if ok {
			grains := (atNS + int64(gossipGrain) - 1) / int64(gossipGrain)
			s.arrivals = append(s.arrivals, arrival{grains * int64(gossipGrain), i, to})
		}
	}
	slices.SortFunc(s.arrivals, func(a, b arrival) int {
		return cmp.Or(cmp.Compare(a.atNS, b.atNS), cmp.Compare(a.order, b.order))
	})
	s.wait()
}

// spread is a gossip message on its way to all. It has one timer at a time,
// for the next of those that it reaches.
type spread struct {
	wire     *wire
	message  any       // a messages.GossipReceived
	bytes    int       // of its payload
	arrivals []arrival // what is left, first come first
}

type arrival struct {
	atNS  int64
	order int // of the subscription
	to    *netPort
}

// wait sets the timer for the next arrival.
func (s *spread) wait() {
	if len(s.arrivals) > 0 {
		s.wire.AtNS(s.arrivals[0].atNS, s.arrive)
	}
}

// arrive delivers to all whose time has come. An incarnation that ended
// meanwhile hears nothing, and neither does the one that followed it.
func (s *spread) arrive() {
	now := s.wire.NowNS()
	for len(s.arrivals) > 0 && s.arrivals[0].atNS <= now {
		to := s.arrivals[0].to
		s.arrivals = s.arrivals[1:]
		if to.alive() {
			s.wire.network.BillGossip(to.boot.node.peer, s.bytes)
			to.answer(s.message)
		}
	}
	s.wait()
}
