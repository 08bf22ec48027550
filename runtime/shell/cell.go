package shell

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/noisefs/noisefs/messages"
)

var (
	_ actor.Actor  = (*cell)(nil)
	_ sink         = (*cell)(nil)
	_ mailboxOwner = (*cell)(nil)
)

// cell is what stays of an actor over its incarnations: its address, its
// mailbox, its policy. To Proto.Actor it is the actor.
//
// Fields are touched by the actor's own goroutine, except where said.
type cell struct {
	endpoint
	node     *Node
	name     string // under its parent
	child    Child
	policy   Policy
	needs    map[string]bool // the roles it may send to
	stats    *counters       // shared by all actors of the role
	box      mailbox
	pid      *actor.PID
	proto    actor.Context
	life     *Incarnation // nil between a panic and the restart, and after the stop
	lives    uint64
	lastCorr messages.Corr
	failures []time.Time // the supervisor's: when it panicked lately
}

func newCell(node *Node, parent, name, role string, child Child) *cell {
	c := &cell{node: node, name: name, child: child}
	c.endpoint = newEndpoint(parent+"/"+name, role, c)
	c.box.init(c, !node.system.options.SingleThreaded)
	return c
}

// spawn makes Proto.Actor run the cell under a parent.
func (c *cell) spawn(parent actor.Context) {
	c.stats.actors.Add(1)
	decide := &strategy{node: c.node, parent: c}
	props := c.node.system.props(c, &c.box, decide)
	pid, err := parent.SpawnNamed(props, c.node.system.register(c.path))
	if err != nil {
		panic(fmt.Errorf("shell: spawn: %w", err)) // the name is unique by construction
	}
	c.pid = pid
}

// accept implements [sink]: any goroutine may call it.
func (c *cell) accept(e envelope) {
	if c.node.killed.Load() {
		return
	}
	// Counted before the post, since the message may be handled before post
	// has returned.
	c.stats.depth.Add(1)
	if !c.box.post(e) {
		c.stats.depth.Add(-1)
		undeliverable(&c.endpoint, e)
	}
}

// Receive implements [actor.Actor].
func (c *cell) Receive(ctx actor.Context) {
	switch message := ctx.Message().(type) {
	case *envelope:
		c.stats.depth.Add(-1)
		if !c.node.killed.Load() {
			c.deliver(message)
		}
	case *actor.Started:
		c.begin(ctx)
	case *actor.Restarting:
		c.end() // has been done by the panic that led here
	case *actor.Stopping:
		c.stop()
	}
}

// begin starts a new incarnation.
func (c *cell) begin(ctx actor.Context) {
	if c.node.killed.Load() {
		return
	}
	c.proto = ctx
	c.lives++
	life := &Incarnation{
		node: c.node.name, number: c.lives, cell: c, firstCorr: c.lastCorr,
	}
	c.life = life
	env := c.node.ports.Open(life)
	env.Sibling = c.sibling
	if env.Log == nil {
		env.Log = c.node.system.options.Log.With("actor", c.path)
	}
	life.handling = true
	before, after := c.node.system.options.Before, c.node.system.options.After
	delivery := Delivery{Kind: KindStart, To: Ref{&c.endpoint}, Incarnation: c.lives}
	if before != nil {
		before(delivery)
	}
	life.behaviour = c.child.New(env)
	life.behaviour.Start(cellCtx{c, life})
	if after != nil {
		after(delivery)
	}
	life.handling = false
}

// deliver hands a message to the behaviour, unless it is for an earlier
// incarnation.
func (c *cell) deliver(e *envelope) {
	life := c.life
	if life == nil {
		undeliverable(&c.endpoint, *e)
		return
	}
	switch e.kind {
	case KindAnswer, KindDue:
		if e.life != life {
			return
		}
	case KindReply:
		if e.msg.(messages.Reply).Correlation() <= life.firstCorr {
			return
		}
	case KindCommand:
		caller := Caller{Ref{e.from}, e.msg.(messages.Command).Correlation()}
		if !life.admit(caller) {
			e.from.sink.accept(envelope{kind: KindReply, from: &c.endpoint, msg: messages.Failed{
				Answer: caller.Answer(),
				Err:    messages.Errorf(messages.CodeInvalid, "correlation id used twice"),
			}})
			return
		}
	}
	options := &c.node.system.options
	if options.Elapsed == nil {
		c.call(life, e, options)
		return
	}
	started := options.Elapsed()
	c.call(life, e, options)
	c.stats.busy.Add(int64(options.Elapsed() - started))
}

// call runs the behaviour on one message.
func (c *cell) call(life *Incarnation, e *envelope, options *Options) {
	c.stats.messages.Add(1)
	delivery := Delivery{
		Kind: e.kind, From: Ref{e.from}, To: Ref{&c.endpoint}, Incarnation: life.number, Msg: e.msg,
	}
	life.handling = true
	if options.Before != nil {
		options.Before(delivery)
	}
	if e.kind == KindDue {
		life.behaviour.Due(cellCtx{c, life}, e.msg)
	} else {
		life.behaviour.Receive(cellCtx{c, life}, e.msg)
	}
	if options.After != nil {
		options.After(delivery)
	}
	life.handling = false
	life.handled()
}

// panicked implements [mailboxOwner].
func (c *cell) panicked(value any, e envelope) *failure {
	c.stats.panics.Add(1)
	report := c.describe(value, e)
	c.node.system.logPanic(report)
	if hook := c.node.system.options.OnPanic; hook != nil {
		hook(report)
	}
	c.end()
	return &failure{cell: c}
}

// end closes the incarnation and answers what it left open.
func (c *cell) end() {
	life := c.life
	if life == nil {
		return
	}
	c.life = nil
	c.node.ports.Close(life)
	if c.node.killed.Load() {
		return
	}
	for _, caller := range life.stillOpen() {
		answerRestarted(&c.endpoint, caller)
	}
}

// stop ends the actor for good. Its children are stopped after it.
func (c *cell) stop() {
	if c.life != nil && !c.node.killed.Load() {
		c.callStop()
	}
	c.end()
	for _, e := range c.box.close() {
		c.stats.depth.Add(-1)
		if !c.node.killed.Load() {
			undeliverable(&c.endpoint, e)
		}
	}
	c.stats.actors.Add(-1)
}

// callStop runs the behaviour's Stop. A panic there is reported and goes no
// further: Proto.Actor would bring the actor back to life.
func (c *cell) callStop() {
	stopper, ok := c.life.behaviour.(Stopper)
	if !ok {
		return
	}
	defer func() {
		if value := recover(); value != nil {
			c.panicked(value, envelope{})
		}
	}()
	c.life.handling = true
	stopper.Stop(cellCtx{c, c.life})
	c.life.handling = false
}

// sibling implements Env.Sibling.
func (c *cell) sibling(role string) Ref {
	if !c.needs[role] {
		panic(fmt.Errorf("shell: %s sends to %s, which its spec does not list in Needs", c.role, role))
	}
	return c.node.Ref(role)
}
