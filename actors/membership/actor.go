package membership

import (
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Behaviour = (*actor)(nil)

// leaversMax bounds the LeaveNetwork commands that wait for the goodbyes.
const leaversMax = 16

// The actor's own timers.
type (
	tickDue struct{}
	viewDue struct{}
)

// actor turns messages into steps of the core, and the core's effects into
// packets and views.
type actor struct {
	core  *core
	clock port.Clock
	net   port.Net
	tell  []shell.Ref
	start time.Time

	pending map[messages.Corr]ticket // requests under way
	leavers []shell.Caller
	viewAt  time.Duration // when viewDue comes; negative: it does not
	view    port.Timer
	room    []wire.MemberClaim // of the next packet that comes
}

// New returns what makes an incarnation of the membership. cfg is valid.
func New(cfg Config) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		a := &actor{
			clock: env.Clock, net: env.Net, start: env.Clock.Now(),
			pending: make(map[messages.Corr]ticket), viewAt: -1,
		}
		a.core = newCore(cfg, env.Net.Self(), a.start, env.Rand)
		for _, role := range cfg.Tell {
			a.tell = append(a.tell, env.Sibling(role))
		}
		return a
	}
}

// Start implements [shell.Behaviour].
func (a *actor) Start(ctx shell.Ctx) {
	a.net.Handle(messages.ProtocolMember)
	a.clock.After(a.core.firstTick(), tickDue{})
	a.apply(ctx)
}

// Due implements [shell.Behaviour].
func (a *actor) Due(ctx shell.Ctx, due any) {
	switch due.(type) {
	case tickDue:
		if !a.core.leaving {
			a.clock.After(a.core.tick(a.now()), tickDue{})
		}
	case viewDue:
		a.viewAt = -1
		view := a.core.tellView(a.now())
		for _, sibling := range a.tell {
			ctx.Tell(sibling, messages.ViewChanged{View: view})
		}
	default:
		panic(fmt.Sprintf("membership: unexpected timer %T", due))
	}
	a.apply(ctx)
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(messages.ForMembership).(type) {
	case messages.PacketReceived:
		request, err := wire.DecodeMemberRequest(m.Packet.Head, a.room)
		if err != nil {
			return // from who does not speak the protocol: nothing is owed
		}
		a.core.asked(a.now(), m.From, m.Exchange, request)
		a.keepRoom(request.Claims)
	case messages.RequestAnswered:
		a.answered(m)
	case messages.PeersFound:
		a.core.meet(a.now(), m.IDs)
	case messages.ReachFound:
		a.core.reached(a.now(), m.Undialable)
	case messages.ListMembers:
		ctx.Reply(ctx.Caller(), messages.MembersListed{
			Answer: ctx.Caller().Answer(), View: a.core.view(),
		})
	case messages.LeaveNetwork:
		if len(a.leavers) >= leaversMax {
			ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeOverload,
				"%d ask to leave already", leaversMax))
			return
		}
		a.leavers = append(a.leavers, ctx.Caller())
		a.core.leave(a.now())
	default:
		panic(fmt.Sprintf("membership: unexpected message %T", m))
	}
	a.apply(ctx)
}

// answered finds out what a request was for.
func (a *actor) answered(m messages.RequestAnswered) {
	why, ok := a.pending[m.Corr]
	if !ok {
		panic("membership: an answer to nothing that was asked")
	}
	delete(a.pending, m.Corr)
	var body *wire.MemberResponse
	if m.Err == nil {
		if response, err := wire.DecodeMemberResponse(m.Packet.Head, a.room); err == nil {
			body = &response
		}
	}
	a.core.answered(a.now(), why, m.From, body, m.Took)
	if body != nil {
		a.keepRoom(body.Claims)
	}
}

// keepRoom lets the next packet use the array of this one, unless it is large.
func (a *actor) keepRoom(claims []wire.MemberClaim) {
	if cap(claims) <= roomKept {
		a.room = claims[:0]
	}
}

// now is the time since the start of this incarnation.
func (a *actor) now() time.Duration { return a.clock.Now().Sub(a.start) }

// apply sends what the core asks for, and sees that the view is told in time.
func (a *actor) apply(ctx shell.Ctx) {
	out := a.core.take()
	for _, r := range out.requests {
		corr := ctx.NextCorr()
		a.pending[corr] = r.ticket
		a.net.Request(corr, r.to, messages.ProtocolMember,
			messages.Packet{Head: r.head}, r.timeout)
	}
	for _, r := range out.responses {
		a.net.Respond(r.exchange, messages.Packet{Head: r.head})
	}
	if out.left {
		for _, caller := range a.leavers {
			ctx.Reply(caller, messages.NetworkLeft{Answer: caller.Answer()})
		}
		a.leavers = nil
	}
	if due := a.core.views.due; due != a.viewAt && len(a.tell) > 0 {
		if a.view != nil {
			a.view.Stop()
		}
		a.viewAt = due
		if due >= 0 {
			a.view = a.clock.After(max(0, due-a.now()), viewDue{})
		}
	}
}
