package shell_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// Every misuse panics in the actor that is wrong, and says what is wrong.
func TestMisusePanics(t *testing.T) {
	reply := func(ctx shell.Ctx) messages.Reply { return noted{Answer: ctx.Caller().Answer()} }
	tests := []struct {
		name, want string
		f          func(p *probe, ctx shell.Ctx)
	}{
		{"ReplyTwice", "not open", func(_ *probe, ctx shell.Ctx) {
			ctx.Reply(ctx.Caller(), reply(ctx))
			ctx.Reply(ctx.Caller(), reply(ctx))
		}},
		{"ReplyWithAnotherCorr", "carries Corr", func(_ *probe, ctx shell.Ctx) {
			ctx.Reply(ctx.Caller(), noted{Answer: messages.Answer{Corr: ctx.Caller().Corr + 1}})
		}},
		{"ReplyToAStranger", "not open", func(_ *probe, ctx shell.Ctx) {
			stranger := shell.Caller{Ref: ctx.Self(), Corr: 9}
			ctx.Reply(stranger, noted{Answer: stranger.Answer()})
		}},
		{"ReplyToNobody", "not open", func(_ *probe, ctx shell.Ctx) {
			ctx.Reply(shell.Caller{}, noted{})
		}},
		{"AskWithoutNextCorr", "not from NextCorr", func(_ *probe, ctx shell.Ctx) {
			ctx.Ask(ctx.Self(), note{messages.Call{Corr: 77}, ""})
		}},
		{"TellACommand", "not an event", func(_ *probe, ctx shell.Ctx) {
			ctx.Tell(ctx.Self(), note{messages.Call{Corr: ctx.NextCorr()}, ""})
		}},
		{"TellAReply", "not an event", func(_ *probe, ctx shell.Ctx) {
			ctx.Tell(ctx.Self(), noted{})
		}},
		{"UndeclaredSibling", "does not list in Needs", func(p *probe, _ shell.Ctx) {
			p.env.Sibling("b")
		}},
		{"SpawnATakenName", "no free name", func(_ *probe, ctx shell.Ctx) {
			ctx.Spawn("one", probeChild(nil))
			ctx.Spawn("one", probeChild(nil))
		}},
		{"StopAStranger", "not a living child", func(_ *probe, ctx shell.Ctx) {
			ctx.StopChild(ctx.Self())
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := newGround(t, false)
			node := g.start(t, probePart("a"), probePart("b"))
			s := g.send(t, node.Ref("a"), makeDo(test.f))
			g.wait(t, s)
			g.ask(t, node.Ref("a"), makeNote("restarted"))
			if len(g.panics) != 1 {
				t.Fatalf("%d panics, want 1", len(g.panics))
			}
			if got := fmt.Sprint(g.panics[0].Value); !strings.Contains(got, test.want) {
				t.Errorf("panicked with %q, want %q in it", got, test.want)
			}
		})
	}
}

func TestCtxIsForOneCall(t *testing.T) {
	g := newGround(t, false)
	a := g.start(t, probePart("a")).Ref("a")
	var kept shell.Ctx
	g.ask(t, a, makeDo(func(_ *probe, ctx shell.Ctx) { kept = ctx }))
	defer func() {
		if recover() == nil {
			t.Error("a kept Ctx could be used")
		}
	}()
	kept.Tell(a, event{})
}

func TestOneCorrTwiceIsRefused(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		node := g.start(t, probePart("a", "b"), probePart("b"))
		g.ask(t, node.Ref("a"), makeDo(func(p *probe, ctx shell.Ctx) {
			command := hold{messages.Call{Corr: ctx.NextCorr()}}
			ctx.Ask(p.env.Sibling("b"), command)
			ctx.Ask(p.env.Sibling("b"), command)
		}))
		g.ask(t, node.Ref("b"), makeNote("b has had both"))
		var heard []any
		g.ask(t, node.Ref("a"), makeDo(func(p *probe, _ shell.Ctx) { heard = p.heard }))
		if len(heard) != 1 {
			t.Fatalf("heard %v, want one failure", heard)
		}
		if failed, ok := heard[0].(messages.Failed); !ok || failed.Err.Code != messages.CodeInvalid {
			t.Errorf("heard %v, want CodeInvalid", heard[0])
		}
	})
}

func TestMessagesOfOneSenderKeepTheirOrder(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		const senders, events = 8, 500
		parts := []shell.Part{probePart("sink")}
		for i := range senders {
			parts = append(parts, probePart(fmt.Sprint("s", i), "sink"))
		}
		node := g.start(t, parts...)
		var told []*sent
		for i := range senders {
			tell := makeDo(func(p *probe, ctx shell.Ctx) {
				for n := range events {
					ctx.Tell(p.env.Sibling("sink"), [2]int{i, n})
				}
			})
			told = append(told, g.send(t, node.Ref(fmt.Sprint("s", i)), tell))
		}
		for _, s := range told {
			g.wait(t, s)
		}
		g.ask(t, node.Ref("sink"), makeDo(func(p *probe, _ shell.Ctx) {
			var next [senders]int
			for _, m := range p.heard {
				from, n := m.([2]int)[0], m.([2]int)[1]
				if n != next[from] {
					t.Errorf("event %d of sender %d, want %d", n, from, next[from])
				}
				next[from]++
			}
			if len(p.heard) != senders*events {
				t.Errorf("%d events, want %d", len(p.heard), senders*events)
			}
		}))
	})
}

func TestRefs(t *testing.T) {
	g := newGround(t, false)
	node := g.start(t, probePart("a"), probePart("b"))
	again := node.Ref("a")
	if node.Ref("a") != again || node.Ref("a") == node.Ref("b") {
		t.Error("addresses do not compare by actor")
	}
	if !node.Ref("c").IsZero() || node.Ref("a").IsZero() || (shell.Ref{}).String() != "nobody" {
		t.Error("the zero Ref is not nobody")
	}
}
