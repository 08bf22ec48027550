package popularity

import (
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Behaviour = (*actor)(nil)

// The actor's own timers.
type (
	publishDue struct{}
	hotDue     struct{}
)

// actor turns messages and timers into steps of the core.
type actor struct {
	core     *core
	clock    port.Clock
	entropy  port.Entropy
	gossip   port.Gossip
	tellHot  []shell.Ref
	hotArmed bool // a hotDue is pending
}

// New returns what makes an incarnation of the popularity. cfg is valid, and
// the node has a network.
func New(cfg Config) func(*shell.Env) shell.Behaviour {
	rules := newRules(cfg)
	return func(env *shell.Env) shell.Behaviour {
		phase := time.Duration(env.Rand.Float64() * float64(cfg.Window))
		a := &actor{
			core:  newCore(rules, env.Clock.Now(), phase),
			clock: env.Clock, entropy: env.Entropy, gossip: env.Gossip,
		}
		for _, role := range cfg.TellHot {
			a.tellHot = append(a.tellHot, env.Sibling(role))
		}
		return a
	}
}

// Start implements [shell.Behaviour].
func (a *actor) Start(shell.Ctx) {
	a.gossip.Subscribe(messages.TopicPopularity)
	a.awaitPublish()
}

func (a *actor) awaitPublish() {
	a.clock.After(max(0, a.core.due().Sub(a.clock.Now())), publishDue{})
}

// Due implements [shell.Behaviour].
func (a *actor) Due(ctx shell.Ctx, due any) {
	switch due.(type) {
	case publishDue:
		if payload := a.core.publish(a.clock.Now(), a.entropy); payload != nil {
			a.gossip.Publish(messages.TopicPopularity, payload)
		}
		a.awaitPublish()
	case hotDue:
		a.tellChanged(ctx)
	default:
		panic(fmt.Sprintf("popularity: unexpected timer %T", due))
	}
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(messages.ForPopularity).(type) {
	case messages.BlocksServed:
		if warm := a.core.serve(a.clock.Now(), m.CIDs); warm {
			a.awaitHot()
		}
	case messages.GossipReceived:
		a.core.receive(a.clock.Now(), m.Author, m.Payload)
	case messages.ViewChanged:
		a.core.view = m.View
	case messages.EstimateDemand:
		a.estimate(ctx, m)
	case messages.StatPopularity:
		ctx.Reply(ctx.Caller(), a.core.stats(ctx.Caller().Answer()))
	default:
		panic(fmt.Sprintf("popularity: unexpected message %T", m))
	}
}

func (a *actor) estimate(ctx shell.Ctx, m messages.EstimateDemand) {
	if len(m.CIDs) == 0 || len(m.CIDs) > messages.DemandMax {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeInvalid,
			"an estimate is asked for %d blocks, want 1 to %d", len(m.CIDs), messages.DemandMax))
		return
	}
	now, perHour := a.clock.Now(), make([]float64, len(m.CIDs))
	for i := range m.CIDs {
		perHour[i] = a.core.estimate(now, &m.CIDs[i])
	}
	ctx.Reply(ctx.Caller(), messages.DemandEstimated{
		Answer: ctx.Caller().Answer(), PerHour: perHour,
	})
}

// awaitHot sets the timer for the next HotBlocks, unless it is set. It runs
// only while something is hot: an idle node has no such timer.
func (a *actor) awaitHot() {
	if a.hotArmed || len(a.tellHot) == 0 {
		return
	}
	a.hotArmed = true
	a.clock.After(a.core.cfg.HotInterval, hotDue{})
}

func (a *actor) tellChanged(ctx shell.Ctx) {
	a.hotArmed = false
	event, more := a.core.hot.changed(a.clock.Now(), a.core.cfg.HotPerHourMin)
	if len(event.CIDs) > 0 {
		for _, sibling := range a.tellHot {
			ctx.Tell(sibling, event)
		}
	}
	if more {
		a.awaitHot()
	}
}
