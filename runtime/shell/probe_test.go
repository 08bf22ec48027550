package shell_test

import (
	"sync/atomic"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// What a probe is told.
type (
	// note is answered noted.
	note struct {
		messages.Call
		Text string
	}
	// noted tells which incarnation handled the note, and how many messages
	// it had handled by then.
	noted struct {
		messages.Answer
		Text                 string
		Incarnation, Handled int
	}
	// hold is not answered.
	hold struct{ messages.Call }
	// do runs f in the actor; it is answered noted unless f panics or
	// answers it.
	do struct {
		messages.Call
		f func(p *probe, ctx shell.Ctx)
	}
	// event and due are answered by nobody.
	event struct{ Text string }
)

func makeNote(text string) shell.Make {
	return func(call messages.Call) messages.Command { return note{call, text} }
}

func makeHold(call messages.Call) messages.Command { return hold{call} }

func makeDo(f func(p *probe, ctx shell.Ctx)) shell.Make {
	return func(call messages.Call) messages.Command { return do{call, f} }
}

func makeBoom(value any) shell.Make {
	return makeDo(func(*probe, shell.Ctx) { panic(value) })
}

// probe is an actor that does what it is told.
type probe struct {
	env         *shell.Env
	incarnation int
	handled     int
	heard       []any // events, replies, answers and timers
	answered    bool
	onStop      func(ctx shell.Ctx)
}

// probePart makes a part whose actor is a probe.
func probePart(role string, needs ...string) shell.Part {
	return shell.Part{
		Role: role, Needs: needs, Child: probeChild(nil),
		Policy: shell.Policy{Intensity: 3, Period: 10e9},
	}
}

func probeChild(onStop func(shell.Ctx)) shell.Child {
	var lives atomic.Int64
	return shell.Child{New: func(env *shell.Env) shell.Behaviour {
		return &probe{env: env, incarnation: int(lives.Add(1)), onStop: onStop}
	}}
}

func (p *probe) Start(shell.Ctx) {}

func (p *probe) Receive(ctx shell.Ctx, msg any) {
	p.handled++
	switch m := msg.(type) {
	case note:
		ctx.Reply(ctx.Caller(), noted{ctx.Caller().Answer(), m.Text, p.incarnation, p.handled})
	case hold:
	case do:
		p.answered = false
		m.f(p, ctx)
		if !p.answered {
			ctx.Reply(ctx.Caller(), noted{ctx.Caller().Answer(), "", p.incarnation, p.handled})
		}
	default:
		p.heard = append(p.heard, m)
	}
}

func (p *probe) Due(_ shell.Ctx, due any) { p.heard = append(p.heard, due) }

func (p *probe) Stop(ctx shell.Ctx) {
	if p.onStop != nil {
		p.onStop(ctx)
	}
}
