package scorer

import (
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Behaviour = (*actor)(nil)

// actor turns messages into steps of the core.
type actor struct {
	core       *core
	clock      port.Clock
	membership shell.Ref
}

// New returns what makes an incarnation of the scorer. cfg is valid.
func New(cfg Config) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		return &actor{
			core: newCore(cfg, env.Rand), clock: env.Clock, membership: env.Sibling("membership"),
		}
	}
}

// Start implements [shell.Behaviour].
func (a *actor) Start(ctx shell.Ctx) {
	ctx.Ask(a.membership, messages.ListMembers{Call: messages.Call{Corr: ctx.NextCorr()}})
}

// Due implements [shell.Behaviour]: the scorer sets no timers.
func (a *actor) Due(_ shell.Ctx, due any) {
	panic(fmt.Sprintf("scorer: unexpected timer %T", due))
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(messages.ForScorer).(type) {
	case messages.ChoosePeers:
		choices, refused := a.core.choose(a.clock.Now(), m.Wants, m.Apart)
		if refused != nil {
			ctx.Fail(ctx.Caller(), refused)
			return
		}
		ctx.Reply(ctx.Caller(), messages.PeersChosen{
			Answer: ctx.Caller().Answer(), Choices: choices,
		})
	case messages.PeerAnswered:
		a.core.answered(a.clock.Now(), m)
	case messages.StatPeers:
		ctx.Reply(ctx.Caller(), messages.PeersStatted{
			Answer: ctx.Caller().Answer(), Peers: a.core.scores(a.clock.Now()),
		})
	case messages.ViewChanged:
		a.core.see(m.View)
	case messages.MembersListed:
		// What was told meanwhile may be newer, or from another life of the
		// membership, whose versions begin anew: that comes as an event.
		if m.View != nil && len(a.core.view.Members) == 0 {
			a.core.see(m.View)
		}
	case messages.Failed:
		// The membership restarted, and will tell its view when it has one.
	default:
		panic(fmt.Sprintf("scorer: unexpected message %T", m))
	}
}
