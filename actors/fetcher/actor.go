package fetcher

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

// actor turns messages into steps of the core, and the core's effects into
// messages.
type actor struct {
	env                *shell.Env
	core               *core
	membership, scorer shell.Ref

	choosing map[messages.Corr]*choosing
	requests map[messages.Corr]*request
	hashes   map[messages.Corr]*request

	timer   port.Timer // the one pending, or nil
	timerNS int64      // when it fires
	timers  uint64     // so far
}

// wakeDue is the core's next appointment. One of an earlier number was
// stopped too late.
type wakeDue struct{ number uint64 }

// New returns what makes an incarnation of the fetcher. cfg and params are
// valid.
func New(cfg Config, params format.Params) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		return &actor{
			env: env, core: newCore(cfg, params.BlockSize, env.Rand),
			membership: env.Sibling("membership"), scorer: env.Sibling("scorer"),
			choosing: make(map[messages.Corr]*choosing),
			requests: make(map[messages.Corr]*request),
			hashes:   make(map[messages.Corr]*request),
		}
	}
}

// Start implements [shell.Behaviour].
func (a *actor) Start(ctx shell.Ctx) {
	ctx.Ask(a.membership, messages.ListMembers{Call: messages.Call{Corr: ctx.NextCorr()}})
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	a.core.begin(a.env.Clock.Now())
	switch m := msg.(messages.ForFetcher).(type) {
	case messages.FetchBlocks:
		if refused := a.core.fetch(ctx.Caller(), m); refused != nil {
			ctx.Fail(ctx.Caller(), refused)
			return
		}
	case messages.StatFetcher:
		ctx.Reply(ctx.Caller(), a.core.statted(ctx.Caller().Answer()))
	case messages.ViewChanged:
		a.core.see(m.View)
	case messages.MembersListed:
		a.listed(m.View)
	case messages.PeersChosen:
		a.core.chosen(take(a.choosing, m.Corr), m.Choices)
	case messages.RequestAnswered:
		a.core.answered(take(a.requests, m.Corr), m)
	case messages.WorkDone:
		right, ok := m.Result.(bool)
		a.core.hashed(take(a.hashes, m.Corr), ok && right)
	case messages.Failed:
		if ch := a.choosing[m.Corr]; ch != nil {
			delete(a.choosing, m.Corr)
			a.core.unchosen(ch)
		} else {
			a.listed(nil) // the membership restarted
		}
	default:
		panic(fmt.Sprintf("fetcher: unexpected message %T", m))
	}
	a.apply(ctx)
}

// listed takes in the view at the start. One that was told meanwhile is
// newer; where there is none, what is asked for does not wait for one.
func (a *actor) listed(view *messages.View) {
	if a.core.view != nil {
		return
	}
	if view == nil {
		view = &messages.View{}
	}
	a.core.see(view)
}

// Due implements [shell.Behaviour].
func (a *actor) Due(ctx shell.Ctx, due any) {
	if due.(wakeDue).number != a.timers {
		return
	}
	a.timer, a.timerNS = nil, 0
	a.core.begin(a.env.Clock.Now())
	a.core.wake()
	a.apply(ctx)
}

// take returns what an answer is about.
func take[T any](asked map[messages.Corr]*T, corr messages.Corr) *T {
	what := asked[corr]
	if what == nil {
		panic("fetcher: an answer to nothing that was asked")
	}
	delete(asked, corr)
	return what
}

func (a *actor) apply(ctx shell.Ctx) {
	out := &a.core.effects
	for _, answered := range out.answered {
		ctx.Tell(a.scorer, answered)
	}
	for _, ch := range out.choosing {
		corr := ctx.NextCorr()
		a.choosing[corr] = ch
		ctx.Ask(a.scorer, messages.ChoosePeers{
			Call: messages.Call{Corr: corr}, Wants: ch.wants, Apart: true,
		})
	}
	for _, r := range out.sends {
		corr := ctx.NextCorr()
		a.requests[corr] = r
		head := wire.BlockRequest{CID: r.flight.cid, Urgency: r.flight.urgency}.Append(nil)
		a.env.Net.Request(corr, r.peer, messages.ProtocolBlock, messages.Packet{Head: head}, r.timeout)
	}
	for _, r := range out.hashes {
		corr := ctx.NextCorr()
		a.hashes[corr] = r
		cid, data := r.flight.cid, r.data
		a.env.Workers.Do(corr, a.core.cfg.HashCost, func() any { return format.Name(data) == cid })
	}
	for _, done := range out.done {
		ctx.Reply(done.caller, messages.BlocksFetched{
			Answer: done.caller.Answer(), Blocks: done.blocks, Errs: done.errs,
		})
	}
	a.appoint()
}

// appoint sets the timer to when the core wants to be woken.
func (a *actor) appoint() {
	wakeNS := a.core.wakeNS
	if wakeNS == a.timerNS {
		return
	}
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	a.timerNS = wakeNS
	a.timers++
	if wakeNS != 0 {
		wait := time.Duration(max(0, wakeNS-a.core.nowNS))
		a.timer = a.env.Clock.After(wait, wakeDue{a.timers})
	}
}
