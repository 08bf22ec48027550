package shell_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

var errBoom = errors.New("boom")

func TestPanicDropsTheMessageAndKeepsTheQueue(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		a := g.start(t, probePart("a")).Ref("a")
		hold1, hold2 := g.send(t, a, makeHold), g.send(t, a, makeHold)
		note1 := g.send(t, a, makeNote("before"))
		boom := g.send(t, a, makeBoom(errBoom))
		note2, note3 := g.send(t, a, makeNote("after")), g.send(t, a, makeNote("last"))
		g.wantNote(t, note1, "before", 1, 3)
		for _, open := range []*sent{hold1, hold2, boom} {
			g.wantFailed(t, open, messages.CodeRestarted)
		}
		g.wantNote(t, note2, "after", 2, 1)
		g.wantNote(t, note3, "last", 2, 2)
		if got := g.panicCount(); got != 1 {
			t.Errorf("%d panics reported, want 1", got)
		}
	})
}

func TestOpenCommandsAreAnsweredInOrderOfArrival(t *testing.T) {
	g := newGround(t, false)
	a := g.start(t, probePart("a")).Ref("a")
	const commands = 50
	var order []int
	for i := range commands {
		_, err := g.gate.Send(a, makeHold, func(messages.Reply) { order = append(order, i) })
		if err != nil {
			t.Fatal(err)
		}
	}
	g.ask(t, a, makeBoom(errBoom))
	for i, got := range order {
		if got != i {
			t.Fatalf("reply %d was for command %d", i, got)
		}
	}
	if len(order) != commands {
		t.Fatalf("%d replies, want %d", len(order), commands)
	}
}

func TestPanicsAnHourApartAreSurvived(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		node := g.start(t, probePart("a"))
		for i := range 12 {
			g.wantFailed(t, g.send(t, node.Ref("a"), makeBoom(errBoom)), messages.CodeRestarted)
			g.wantNote(t, g.send(t, node.Ref("a"), makeNote("alive")), "alive", i+2, 1)
			g.pass(time.Hour)
		}
		if stats := node.Stats()[0]; stats.Restarts != 12 || stats.Panics != 12 {
			t.Errorf("got %+v, want 12 panics and restarts", stats)
		}
	})
}

func TestTooManyPanicsFailTheNode(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		node := g.start(t, probePart("a"), probePart("b"))
		open := g.send(t, node.Ref("b"), makeHold)
		for range 4 { // the policy survives 3
			g.wantFailed(t, g.send(t, node.Ref("a"), makeBoom(errBoom)), messages.CodeRestarted)
		}
		g.await(t, node.Done())
		g.wantFailed(t, open, messages.CodeRestarted)
		err := node.Err()
		if !errors.Is(err, shell.ErrNodeFailed) || !strings.Contains(err.Error(), "a panicked") {
			t.Errorf("node ended with %v", err)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.ends) != 1 || !errors.Is(g.ends[0], shell.ErrNodeFailed) {
			t.Errorf("OnNodeEnd got %v", g.ends)
		}
		if g.closed != len(g.lives) {
			t.Errorf("%d incarnations opened, %d closed", len(g.lives), g.closed)
		}
	})
}

func TestPanicsInStartCountToo(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		part := probePart("a")
		part.Child = shell.Child{New: func(*shell.Env) shell.Behaviour { panic(errBoom) }}
		node := g.start(t, part)
		waiting := g.send(t, node.Ref("a"), makeHold)
		g.await(t, node.Done())
		g.wantFailed(t, waiting, messages.CodeRestarted)
		if got := g.panicCount(); got != 4 {
			t.Errorf("%d panics, want 4: the policy survives 3", got)
		}
	})
}

func TestEarlierIncarnationsHearNothing(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		node := g.start(t, probePart("a", "b"), probePart("b"))
		a, b := node.Ref("a"), node.Ref("b")
		var held shell.Caller
		// a asks b, which keeps the command; a panics; b answers.
		g.ask(t, a, makeDo(func(p *probe, ctx shell.Ctx) {
			ask := do{messages.Call{Corr: ctx.NextCorr()}, func(q *probe, ctx shell.Ctx) {
				held, q.answered = ctx.Caller(), true
			}}
			ctx.Ask(p.env.Sibling("b"), ask)
		}))
		g.ask(t, b, makeNote("a's command has come"))
		g.ask(t, a, makeBoom(errBoom))
		g.wantNote(t, g.send(t, a, makeNote("again")), "again", 2, 1)
		g.ask(t, b, makeDo(func(_ *probe, ctx shell.Ctx) {
			ctx.Reply(held, noted{Answer: held.Answer()})
		}))
		first := 0
		for g.life(first).Role() != "a" {
			first++
		}
		g.life(first).Due("timer of the first life")
		g.life(first).Answer("answer to the first life")
		g.life(2).Due("timer of the second life")
		var heard []any
		g.ask(t, a, makeDo(func(p *probe, _ shell.Ctx) { heard = p.heard }))
		if want := "[timer of the second life]"; fmt.Sprint(heard) != want {
			t.Errorf("heard %v, want %s", heard, want)
		}
	})
}

func TestPanicReportsHoldNoValues(t *testing.T) {
	g := newGround(t, false)
	a := g.start(t, probePart("a")).Ref("a")
	key := messages.Secret{0xde, 0xad, 0xbe, 0xef}
	for _, value := range []any{
		"canary-string", errors.New("canary-error"), fmt.Errorf("canary: %x", key[:]),
	} {
		g.pass(time.Hour)
		g.ask(t, a, makeDo(func(*probe, shell.Ctx) { panicWith(key, value) }))
	}
	log := g.log.String()
	for _, canary := range []string{"canary", "dead", "DEAD", "0x"} {
		if strings.Contains(log, canary) {
			t.Errorf("log holds %q:\n%s", canary, log)
		}
	}
	for _, want := range []string{
		"Actor panicked", "shell_test.panicWith:", "shell_test.do", "actor=n/a",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
}

//go:noinline
func panicWith(_ messages.Secret, value any) { panic(value) }

func TestRuntimeErrorsAreQuoted(t *testing.T) {
	g := newGround(t, false)
	a := g.start(t, probePart("a")).Ref("a")
	g.ask(t, a, makeDo(func(p *probe, _ shell.Ctx) { _ = p.heard[7] }))
	if log := g.log.String(); !strings.Contains(log, "index out of range [7]") {
		t.Errorf("log does not say what went wrong:\n%s", log)
	}
}
