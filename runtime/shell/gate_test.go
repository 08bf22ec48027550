package shell_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

func TestGateUnderParallelAsks(t *testing.T) {
	g := newGround(t, true)
	node := g.start(t, probePart("a"), probePart("b"))
	const callers, asks = 1000, 20
	var wait sync.WaitGroup
	for i := range callers {
		wait.Go(func() {
			to := node.Ref([]string{"a", "b"}[i%2])
			for n := range asks {
				text := fmt.Sprint(i, "/", n)
				reply, err := g.gate.Ask(context.Background(), to, makeNote(text))
				if err != nil {
					t.Errorf("ask %s: %v", text, err)
					return
				}
				if got := reply.(noted).Text; got != text {
					t.Errorf("asked %s, got the reply to %s", text, got)
				}
			}
		})
	}
	wait.Wait()
	if got := g.gate.InFlight(); got != 0 {
		t.Errorf("%d commands in flight", got)
	}
}

func TestGateTurnsFailuresIntoErrors(t *testing.T) {
	g := newGround(t, true)
	a := g.start(t, probePart("a")).Ref("a")
	_, err := g.gate.Ask(context.Background(), a, makeDo(func(p *probe, ctx shell.Ctx) {
		p.answered = true
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeNotFound, "no such thing"))
	}))
	var failure *messages.Error
	if !errors.As(err, &failure) || failure.Code != messages.CodeNotFound {
		t.Errorf("got %v", err)
	}
}

func TestGateAbandonsWhenTheContextEnds(t *testing.T) {
	g := newGround(t, true)
	a := g.start(t, probePart("a")).Ref("a")
	var held shell.Caller
	ctx, cancel := context.WithCancel(context.Background())
	keep := makeDo(func(p *probe, ctx shell.Ctx) {
		held, p.answered = ctx.Caller(), true
		cancel()
	})
	_, err := g.gate.Ask(ctx, a, keep)
	if !errors.Is(err, &messages.Error{Code: messages.CodeCanceled}) ||
		!errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := g.gate.InFlight(); got != 0 {
		t.Errorf("%d commands in flight", got)
	}
	// The reply that comes later goes nowhere, and harms nobody.
	g.ask(t, a, makeDo(func(_ *probe, ctx shell.Ctx) {
		ctx.Reply(held, noted{Answer: held.Answer()})
	}))
	g.wantNote(t, g.send(t, a, makeNote("on")), "on", 1, 3)

	_, err = g.gate.Ask(canceledContext(), a, makeNote("never sent"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	g.wantNote(t, g.send(t, a, makeNote("on")), "on", 1, 4)
}

func TestGateRefusesOverItsBound(t *testing.T) {
	g := newGround(t, false)
	a := g.start(t, probePart("a")).Ref("a")
	const bound = 3
	gate := g.system.NewGate("narrow", bound)
	for range bound {
		if _, err := gate.Send(a, makeNote(""), func(messages.Reply) {}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := gate.Send(a, makeNote(""), func(messages.Reply) { t.Error("was sent") })
	if !errors.Is(err, &messages.Error{Code: messages.CodeOverload}) {
		t.Errorf("got %v", err)
	}
	g.queue.run(func() bool { return gate.InFlight() == 0 })
	if _, err := gate.Send(a, makeNote(""), func(messages.Reply) {}); err != nil {
		t.Errorf("after the window emptied: %v", err)
	}
}

func TestGateIsNoActor(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		a := g.start(t, probePart("a")).Ref("a")
		g.ask(t, a, makeDo(func(_ *probe, ctx shell.Ctx) {
			gate := ctx.Caller().Ref
			ctx.Ask(gate, note{messages.Call{Corr: ctx.NextCorr()}, "hello?"})
			ctx.Tell(gate, event{"hello?"})
		}))
		var heard []any
		g.ask(t, a, makeDo(func(p *probe, _ shell.Ctx) { heard = p.heard }))
		if len(heard) != 1 {
			t.Fatalf("heard %v, want one failure", heard)
		}
		if failed, ok := heard[0].(messages.Failed); !ok || failed.Err.Code != messages.CodeRestarted {
			t.Errorf("heard %v", heard[0])
		}
	})
}
