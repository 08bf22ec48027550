package membership_test

import (
	"container/heap"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/membership"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// town is a network of memberships alone: their behaviours, virtual time, and
// packets that take as long as the places of two nodes say.
type town struct {
	t      testing.TB
	draw   *rand.Rand
	now    time.Duration
	events events
	count  uint64
	houses []*house
	byID   map[messages.NodeID]*house

	loss float64
	cut  func(from, to *house) bool // packets between them are lost
	slow func(h *house) time.Duration
	open map[messages.Exchange]func(messages.Packet)

	packets, bytes int
	onView         func(h *house, view *messages.View)
}

// house is a node of the town.
type house struct {
	town   *town
	index  int
	id     messages.NodeID
	cfg    membership.Config
	life   int // incarnations so far; 0 while it is off
	lives  int
	actor  shell.Behaviour
	corr   uint64
	view   *messages.View
	x, y   float64 // seconds
	height float64
	hook   func(messages.PacketReceived) // sees packets instead of the actor

	reply  messages.Reply
	caller shell.Caller
}

type event struct {
	at  time.Duration
	seq uint64
	run func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newTown(t testing.TB, seed uint64, n int, cfg membership.Config) *town {
	t.Helper()
	w := &town{
		t: t, draw: rand.New(rand.NewPCG(seed, 7)),
		byID: map[messages.NodeID]*house{}, open: map[messages.Exchange]func(messages.Packet){},
	}
	cfg.Tell, cfg.CapacityBlocks = []string{"fetcher"}, 1000
	for i := range n {
		h := &house{
			town: w, index: i, id: sha256.Sum256(fmt.Appendf(nil, "house %d", i)), cfg: cfg,
			x: 0.1 * w.draw.Float64(), y: 0.05 * w.draw.Float64(),
			height: 0.001 + 0.01*w.draw.ExpFloat64(),
		}
		w.houses = append(w.houses, h)
		w.byID[h.id] = h
	}
	return w
}

// seeded gives every house the first n as seeds.
func (w *town) seeded(n int) *town {
	var seeds []messages.NodeID
	for _, h := range w.houses[:min(n, len(w.houses))] {
		seeds = append(seeds, h.id)
	}
	for _, h := range w.houses {
		h.cfg.Seeds = seeds
	}
	return w
}

func (w *town) at(d time.Duration, run func()) {
	w.count++
	heap.Push(&w.events, event{w.now + max(0, d), w.count, run})
}

// run lets d of virtual time pass.
func (w *town) run(d time.Duration) {
	until := w.now + d
	for len(w.events) > 0 && w.events[0].at <= until {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.run()
	}
	w.now = until
}

// runUntil lets time pass until done, second by second, and returns how much.
func (w *town) runUntil(limit time.Duration, what string, done func() bool) time.Duration {
	w.t.Helper()
	begin := w.now
	for !done() {
		if w.now-begin >= limit {
			w.t.Fatalf("not within %v: %s", limit, what)
		}
		w.run(time.Second)
	}
	return w.now - begin
}

// on starts a house; it must be off.
func (h *house) on() {
	if err := h.cfg.Validate(); err != nil {
		h.town.t.Fatal(err)
	}
	h.lives++
	h.life = h.lives
	env := &shell.Env{
		Clock: &lifeClock{h, h.life}, Net: &lifeNet{h, h.life},
		Rand:    rand.New(rand.NewPCG(h.town.draw.Uint64(), uint64(h.index))),
		Sibling: func(string) shell.Ref { return shell.Ref{} },
	}
	h.actor = membership.New(h.cfg)(env)
	h.actor.Start(&lifeCtx{h: h})
}

// off ends a house as a power cut does.
func (h *house) off() { h.life, h.actor, h.view = 0, nil, nil }

func (w *town) onAll() {
	for _, h := range w.houses {
		h.on()
	}
}

// deliver hands a message to an incarnation that still lives.
func (h *house) deliver(life int, msg any) {
	if h.life == life && life != 0 {
		h.actor.Receive(&lifeCtx{h: h}, msg)
	}
}

// ask sends a command and returns where its reply will be.
func (h *house) ask(build func(messages.Call) messages.Command) func() messages.Reply {
	h.corr++
	call := messages.Call{Corr: messages.Corr(h.corr)}
	h.reply, h.caller = nil, shell.Caller{Corr: call.Corr}
	h.actor.Receive(&lifeCtx{h: h, caller: h.caller}, build(call))
	return func() messages.Reply { return h.reply }
}

func (w *town) trip(a, b *house) time.Duration {
	seconds := math.Hypot(a.x-b.x, a.y-b.y) + a.height + b.height
	return time.Duration(seconds * float64(time.Second))
}

// carry takes a packet one way, unless it is lost.
func (w *town) carry(from, to *house, packet messages.Packet, arrive func()) {
	w.packets++
	w.bytes += len(packet.Head)
	if len(packet.Head) > messages.PacketHeadMax {
		w.t.Fatalf("a packet of %d bytes", len(packet.Head))
	}
	if w.draw.Float64() < w.loss || w.cut != nil && w.cut(from, to) {
		return
	}
	delay := time.Duration(float64(w.trip(from, to)) / 2 * (1 + 0.1*w.draw.Float64()))
	if w.slow != nil {
		delay += w.slow(from) + w.slow(to)
	}
	w.at(delay, arrive)
}

type lifeClock struct {
	h    *house
	life int
}

func (c *lifeClock) Now() time.Time { return time.Unix(2e9, 0).Add(c.h.town.now) }

func (c *lifeClock) After(d time.Duration, due any) port.Timer {
	timer := &lifeTimer{}
	c.h.town.at(d, func() {
		if c.h.life == c.life && !timer.done {
			timer.done = true
			c.h.actor.Due(&lifeCtx{h: c.h}, due)
		}
	})
	return timer
}

type lifeTimer struct{ done bool }

func (t *lifeTimer) Stop() bool {
	was := t.done
	t.done = true
	return !was
}

type lifeNet struct {
	h    *house
	life int
}

func (n *lifeNet) Self() messages.NodeID    { return n.h.id }
func (n *lifeNet) Handle(messages.Protocol) {}
func (n *lifeNet) Send(messages.NodeID, messages.Protocol, messages.Packet) {
	n.h.town.t.Fatal("the membership only sends requests")
}

func (n *lifeNet) Request(
	corr messages.Corr, to messages.NodeID, protocol messages.Protocol,
	packet messages.Packet, timeout time.Duration,
) {
	w, begin, done := n.h.town, n.h.town.now, false
	answer := func(packet messages.Packet, err error) {
		if done {
			return
		}
		done = true
		n.h.deliver(n.life, messages.RequestAnswered{
			Answer: messages.Answer{Corr: corr}, From: to, Packet: packet,
			Took: w.now - begin, Err: err,
		})
	}
	w.at(timeout, func() { answer(messages.Packet{}, port.ErrTimeout) })
	target := w.byID[to]
	if target == nil {
		return
	}
	w.carry(n.h, target, packet, func() {
		w.count++
		exchange := messages.Exchange(w.count)
		w.open[exchange] = func(response messages.Packet) {
			w.carry(target, n.h, response, func() { answer(response, nil) })
		}
		received := messages.PacketReceived{
			From: n.h.id, Protocol: protocol, Packet: packet, Exchange: exchange,
		}
		if target.hook != nil {
			target.hook(received)
			return
		}
		target.deliver(target.life, received)
	})
}

func (n *lifeNet) Backlog() time.Duration { return 0 }

func (n *lifeNet) Respond(exchange messages.Exchange, packet messages.Packet) {
	if respond := n.h.town.open[exchange]; respond != nil {
		delete(n.h.town.open, exchange)
		respond(packet)
	}
}

type lifeCtx struct {
	h      *house
	caller shell.Caller
}

func (c *lifeCtx) Self() shell.Ref { return shell.Ref{} }
func (c *lifeCtx) NextCorr() messages.Corr {
	c.h.corr++
	return messages.Corr(c.h.corr)
}
func (c *lifeCtx) Ask(shell.Ref, messages.Command) { c.h.town.t.Fatal("asks nobody") }
func (c *lifeCtx) Tell(_ shell.Ref, event any) {
	c.h.view = event.(messages.ViewChanged).View
	if c.h.town.onView != nil {
		c.h.town.onView(c.h, c.h.view)
	}
}
func (c *lifeCtx) Caller() shell.Caller { return c.caller }
func (c *lifeCtx) Reply(to shell.Caller, reply messages.Reply) {
	if to.Corr != reply.Correlation() || to != c.h.caller || c.h.reply != nil {
		c.h.town.t.Fatal("a reply to nobody, or a second one")
	}
	c.h.reply = reply
}

func (c *lifeCtx) Fail(to shell.Caller, err *messages.Error) {
	c.Reply(to, messages.Failed{Answer: to.Answer(), Err: err})
}
func (c *lifeCtx) Spawn(string, shell.Child) shell.Ref { panic("spawns nobody") }
func (c *lifeCtx) StopChild(shell.Ref)                 { panic("spawns nobody") }
