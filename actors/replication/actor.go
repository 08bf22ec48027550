package replication

import (
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Behaviour = (*actor)(nil)

// The actor's own timers.
type (
	looksDue struct{}
	listDue  struct{}
)

// actor turns messages into steps of the core, and the core's effects into
// messages.
type actor struct {
	core       *core
	env        *shell.Env
	store      shell.Ref
	cache      shell.Ref
	popularity shell.Ref
	membership shell.Ref
	// asked has what each ask and port call under way is about.
	asked map[messages.Corr]any

	timer  port.Timer // of the next tick, or nil
	wakeAt time.Time
}

// What is asked, beside *request, *hold and *exchange of the core.
type (
	viewAsked   struct{}
	pageAsked   struct{}
	demandAsked []*watch
	dropAsked   []*watch
	mendAsked   struct{ w *watch }
)

// New returns what makes an incarnation of the replication manager. cfg and
// params are valid. The siblings are the store, the cache, the
// membership and, under [PolicyAdaptive], the popularity.
func New(cfg Config, params format.Params) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		a := &actor{
			core:  newCore(cfg, params.BlockSize, env.Rand),
			env:   env,
			store: env.Sibling("store"),
			cache: env.Sibling("cache"),
			asked: make(map[messages.Corr]any),

			membership: env.Sibling("membership"),
		}
		if cfg.Policy == PolicyAdaptive {
			a.popularity = env.Sibling("popularity")
		}
		return a
	}
}

// Start implements [shell.Behaviour].
func (a *actor) Start(ctx shell.Ctx) {
	a.env.Net.Handle(messages.ProtocolReplica)
	ctx.Ask(a.membership, messages.ListMembers{Call: a.call(ctx, viewAsked{})})
	a.core.at(a.env.Clock.Now())
	a.apply(ctx)
}

// Due implements [shell.Behaviour].
func (a *actor) Due(ctx shell.Ctx, due any) {
	a.core.at(a.env.Clock.Now())
	switch due.(type) {
	case looksDue:
		a.timer = nil
		a.core.wake()
	case listDue:
		a.core.listFailed()
	default:
		panic(fmt.Sprintf("replication: unexpected timer %T", due))
	}
	a.apply(ctx)
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	c := a.core
	c.at(a.env.Clock.Now())
	switch m := msg.(messages.ForReplication).(type) {
	case messages.BlocksWritten:
		c.written(m.CIDs)
	case messages.BlocksGone:
		c.gone(m.CIDs)
	case messages.ViewChanged:
		c.viewChanged(m.View)
	case messages.MembersListed:
		a.take(m.Corr)
		a.listed(m.View)
	case messages.HotBlocks:
		c.heard(m.CIDs, m.ServedPerHour)
	case messages.ReplicasRotten:
		c.rottenReplicas(m.CIDs)
	case messages.StatReplication:
		ctx.Reply(ctx.Caller(), c.stats(ctx.Caller().Answer()))
		return
	case messages.RequireReplicas:
		if refused := c.require(m.CIDs, m.Others); refused != nil {
			ctx.Fail(ctx.Caller(), refused)
			return
		}
		ctx.Reply(ctx.Caller(), messages.ReplicasRequired{Answer: ctx.Caller().Answer()})
	case messages.DescribeReplicas:
		if len(m.CIDs) > messages.ReplicasMax {
			ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeInvalid,
				"%d blocks are asked about, want up to %d", len(m.CIDs), messages.ReplicasMax))
			return
		}
		ctx.Reply(ctx.Caller(), c.describe(ctx.Caller().Answer(), m.CIDs))
		return
	case messages.PacketReceived:
		c.received(m.From, m.Exchange, m.Packet)
	case messages.RequestAnswered:
		c.answered(a.take(m.Corr).(*request), m.Packet.Head, m.Err)
	case messages.WorkDone:
		a.hashed(a.take(m.Corr).(*exchange), m)
	case messages.ReplicasHeld:
		c.held(a.take(m.Corr).(*hold), m.Held)
	case messages.ReplicasDropped:
		a.dropped(a.take(m.Corr).(dropAsked), true)
	case messages.BlocksRead:
		c.mended(a.take(m.Corr).(mendAsked).w, nil)
	case messages.KeptListed:
		a.take(m.Corr)
		c.listed(m.Blocks, m.More, m.Last)
	case messages.BlocksLoaded:
		c.loaded(a.take(m.Corr).(*request), m.Blocks, m.Errs)
	case messages.DemandEstimated:
		c.estimated(a.take(m.Corr).(demandAsked), m.PerHour)
	case messages.Failed:
		a.failed(a.take(m.Corr), m.Err)
	default:
		panic(fmt.Sprintf("replication: unexpected message %T", m))
	}
	a.apply(ctx)
}

// listed takes in the view at the start. One that was told meanwhile is newer.
// One of this node alone says no more than that it has not met the others yet:
// by it, looks would find that nobody else holds anything.
func (a *actor) listed(view *messages.View) {
	if a.core.view == nil && view != nil && len(view.Members) > 1 {
		a.core.viewChanged(view)
	}
}

// take returns what was asked under an id.
func (a *actor) take(corr messages.Corr) any {
	what, ok := a.asked[corr]
	if !ok {
		panic("replication: an answer to nothing that was asked")
	}
	delete(a.asked, corr)
	return what
}

func (a *actor) hashed(x *exchange, done messages.WorkDone) {
	if done.Err != nil {
		panic(done.Err) // a bug: naming bytes cannot fail
	}
	a.core.named(x, done.Result.([]bool))
}

func (a *actor) dropped(all dropAsked, done bool) {
	for _, w := range all {
		a.core.dropped(w, done)
	}
}

// failed goes on after a sibling refused. Looks are made again later, so
// nothing is asked again here but the list of kept blocks.
func (a *actor) failed(asked any, err *messages.Error) {
	switch what := asked.(type) {
	case viewAsked:
		// The membership restarted, and will tell its view when it has one.
	case pageAsked:
		a.env.Clock.After(a.core.cfg.RetryDelay, listDue{})
	case demandAsked:
		a.core.estimated(what, nil)
	case dropAsked:
		a.dropped(what, false)
	case mendAsked:
		a.core.mended(what.w, err)
	case *request:
		a.core.loaded(what, nil, nil)
	case *hold:
		a.core.notHeld(what, err.Code)
	default:
		panic(fmt.Sprintf("replication: unexpected failure of %T", what))
	}
}

// apply does what the core asks for, until it asks for nothing more.
func (a *actor) apply(ctx shell.Ctx) {
	out := a.core.take()
	if out.list != nil {
		ctx.Ask(a.store, messages.ListKept{
			Call: a.call(ctx, pageAsked{}), After: *out.list, Limit: pageBlocks,
		})
	}
	for _, all := range out.estimates {
		ctx.Ask(a.popularity, messages.EstimateDemand{
			Call: a.call(ctx, demandAsked(all)), CIDs: names(all),
		})
	}
	for _, r := range out.loads {
		cids := make([]messages.CID, len(r.tickets))
		for i, t := range r.tickets {
			cids[i] = t.look.w.cid
		}
		ctx.Ask(a.store, messages.LoadBlocks{Call: a.call(ctx, r), CIDs: cids, Checked: true})
	}
	for _, h := range out.holds {
		hold := messages.HoldReplicas{
			Call: a.call(ctx, h), Blocks: h.blocks, Until: time.Unix(h.until, 0).UTC(),
		}
		if h.exchange != nil {
			hold.Origin = h.exchange.from
		}
		ctx.Ask(a.store, hold)
	}
	if len(out.drops) > 0 {
		ctx.Ask(a.store, messages.DropReplicas{
			Call: a.call(ctx, dropAsked(out.drops)), CIDs: names(out.drops),
		})
	}
	for _, w := range out.mends {
		ctx.Ask(a.cache, messages.ReadBlocks{
			Call: a.call(ctx, mendAsked{w}), CIDs: []messages.CID{w.cid},
			Repair: true, Urgency: messages.UrgencyLater,
		})
	}
	a.send(ctx, out)
	a.wake()
}

// send does what goes through ports.
func (a *actor) send(ctx shell.Ctx, out effects) {
	for _, x := range out.hashes {
		cost := a.core.cfg.HashCost * time.Duration(len(x.blocks))
		a.env.Workers.Do(a.call(ctx, x).Corr, cost, func() any { return x.checkNames() })
	}
	for _, r := range out.requests {
		corr := a.call(ctx, r).Corr
		a.env.Net.Request(corr, r.peer.id, messages.ProtocolReplica, r.packet, r.timeout)
		r.packet = messages.Packet{} // the port's now
	}
	for _, x := range out.responses {
		head := wire.ReplicaResponse{Verdicts: x.verdicts}.Append(nil)
		a.env.Net.Respond(x.id, messages.Packet{Head: head})
	}
}

// call makes a correlation id for what is asked.
func (a *actor) call(ctx shell.Ctx, what any) messages.Call {
	corr := ctx.NextCorr()
	a.asked[corr] = what
	return messages.Call{Corr: corr}
}

// wake sets the timer for the next tick.
func (a *actor) wake() {
	at, any := a.core.next()
	if a.timer != nil {
		if any && at.Equal(a.wakeAt) {
			return
		}
		a.timer.Stop()
		a.timer = nil
	}
	if any {
		a.wakeAt = at
		a.timer = a.env.Clock.After(max(0, at.Sub(a.core.now)), looksDue{})
	}
}

func names(all []*watch) []messages.CID {
	cids := make([]messages.CID, len(all))
	for i, w := range all {
		cids[i] = w.cid
	}
	return cids
}
