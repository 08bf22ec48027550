package shell_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// stops records the order in which actors stop.
type stops struct {
	mu    sync.Mutex
	order []string
}

func (s *stops) part(role string) shell.Part {
	part := probePart(role)
	part.Child = probeChild(func(shell.Ctx) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.order = append(s.order, role)
	})
	return part
}

func TestStopGoesInReverseOrder(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		var s stops
		node := g.start(t, s.part("a"), s.part("b"), s.part("c"))
		node.BeginStop()
		g.await(t, node.Done())
		node.BeginStop() // again: does nothing
		if want := []string{"c", "b", "a"}; !slices.Equal(s.order, want) {
			t.Errorf("stopped %v, want %v", s.order, want)
		}
		if err := node.Err(); err != nil {
			t.Errorf("node ended with %v", err)
		}
	})
}

func TestStopAnswersWhatIsOpenAndWhatIsQueued(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		node := g.start(t, probePart("a"))
		var commands []*sent
		for range 100 {
			commands = append(commands, g.send(t, node.Ref("a"), makeHold))
		}
		node.BeginStop()
		for range 100 {
			commands = append(commands, g.send(t, node.Ref("a"), makeHold))
		}
		g.await(t, node.Done())
		commands = append(commands, g.send(t, node.Ref("a"), makeNote("too late")))
		commands = append(commands, g.send(t, shell.Ref{}, makeNote("to nobody")))
		for _, c := range commands {
			g.wantFailed(t, c, messages.CodeRestarted)
		}
		if got := g.gate.InFlight(); got != 0 {
			t.Errorf("%d commands in flight", got)
		}
		if stats := node.Stats()[0]; stats.Depth != 0 || stats.Actors != 0 {
			t.Errorf("got %+v, want no depth and no actors", stats)
		}
	})
}

func TestStopMayReply(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		part := probePart("a")
		var held shell.Caller
		part.Child = probeChild(func(ctx shell.Ctx) {
			ctx.Reply(held, noted{Answer: held.Answer(), Text: "goodbye"})
		})
		node := g.start(t, part)
		open := g.send(t, node.Ref("a"), makeDo(func(p *probe, ctx shell.Ctx) {
			held, p.answered = ctx.Caller(), true
		}))
		g.ask(t, node.Ref("a"), makeNote("the command has been handled"))
		node.BeginStop()
		g.await(t, node.Done())
		if reply, ok := g.wait(t, open).(noted); !ok || reply.Text != "goodbye" {
			t.Errorf("got %#v, want the reply of Stop", open.reply)
		}
	})
}

func TestPanicInStopDoesNotRaiseTheDead(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		part := probePart("a")
		part.Child = probeChild(func(shell.Ctx) { panic(errBoom) })
		node := g.start(t, part)
		open := g.send(t, node.Ref("a"), makeHold)
		g.ask(t, node.Ref("a"), makeNote("running"))
		node.BeginStop()
		g.await(t, node.Done())
		g.wantFailed(t, open, messages.CodeRestarted)
		if got := len(g.lives); got != 1 {
			t.Errorf("%d incarnations, want 1", got)
		}
		if got := g.panicCount(); got != 1 {
			t.Errorf("%d panics, want 1", got)
		}
	})
}

func TestKillSaysNothing(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		var s stops
		node := g.start(t, s.part("a"), s.part("b"))
		g.ask(t, node.Ref("a"), makeNote("running"))
		open := g.send(t, node.Ref("a"), makeHold)
		node.Kill()
		late := g.send(t, node.Ref("a"), makeNote("too late"))
		g.await(t, node.Done())
		for _, c := range []*sent{open, late} {
			if c.reply != nil {
				t.Errorf("a dead node replied %#v", c.reply)
			}
		}
		if len(s.order) != 0 {
			t.Errorf("%v stopped in order", s.order)
		}
		if g.closed != len(g.lives) {
			t.Errorf("%d incarnations opened, %d closed", len(g.lives), g.closed)
		}
		// The name is free, and the old addresses lead nowhere.
		again := g.start(t, s.part("a"), s.part("b"))
		g.wantNote(t, g.send(t, again.Ref("a"), makeNote("new")), "new", 1, 1)
	})
}

func TestChildren(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		node := g.start(t, probePart("a"))
		a := node.Ref("a")
		spawn := func(name string) (child shell.Ref) {
			g.ask(t, a, makeDo(func(_ *probe, ctx shell.Ctx) { child = ctx.Spawn(name, probeChild(nil)) }))
			return child
		}
		child := spawn("one")
		if child.String() != "n/a/one" || child.Role() != "a" {
			t.Errorf("child is %s with role %s", child, child.Role())
		}
		// A child's panic is the child's.
		g.wantFailed(t, g.send(t, child, makeBoom(errBoom)), messages.CodeRestarted)
		g.wantNote(t, g.send(t, child, makeNote("child")), "child", 2, 1)
		g.wantNote(t, g.send(t, a, makeNote("parent")), "parent", 1, 2)
		// A stopped child answers, and its name is free at once.
		open := g.send(t, child, makeHold)
		g.ask(t, a, makeDo(func(_ *probe, ctx shell.Ctx) {
			ctx.StopChild(child)
			child = ctx.Spawn("one", probeChild(nil))
		}))
		g.wantFailed(t, open, messages.CodeRestarted)
		g.wantNote(t, g.send(t, child, makeNote("namesake")), "namesake", 1, 1)
		// A parent's panic ends its children.
		other := spawn("two")
		open = g.send(t, other, makeHold)
		g.wantFailed(t, g.send(t, a, makeBoom(errBoom)), messages.CodeRestarted)
		g.wantFailed(t, open, messages.CodeRestarted)
		g.wantNote(t, g.send(t, a, makeNote("parent")), "parent", 2, 1)
		g.wantFailed(t, g.send(t, other, makeNote("orphan")), messages.CodeRestarted)
	})
}

func TestTooManyPanicsOfAChildFailTheParent(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		a := g.start(t, probePart("a")).Ref("a")
		var child shell.Ref
		open := g.send(t, a, makeHold)
		g.ask(t, a, makeDo(func(_ *probe, ctx shell.Ctx) { child = ctx.Spawn("one", probeChild(nil)) }))
		for range 4 { // the policy survives 3
			g.wantFailed(t, g.send(t, child, makeBoom(errBoom)), messages.CodeRestarted)
		}
		g.wantFailed(t, open, messages.CodeRestarted) // the parent's
		g.wantNote(t, g.send(t, a, makeNote("parent")), "parent", 2, 1)
		g.wantFailed(t, g.send(t, child, makeNote("orphan")), messages.CodeRestarted)
	})
}

// A parent that panics while its child's last failure waits for it restarts
// once.
func TestParentAndChildPanicAtOnce(t *testing.T) {
	g := newGround(t, false)
	a := g.start(t, probePart("a")).Ref("a")
	var child shell.Ref
	g.ask(t, a, makeDo(func(_ *probe, ctx shell.Ctx) { child = ctx.Spawn("one", probeChild(nil)) }))
	for range 3 {
		g.wantFailed(t, g.send(t, child, makeBoom(errBoom)), messages.CodeRestarted)
	}
	// The child runs, and fails for good, within the parent's own message.
	var last *sent
	boom := g.send(t, a, makeDo(func(*probe, shell.Ctx) {
		last = g.send(t, child, makeBoom(errBoom))
		g.queue.run(func() bool { return g.panicCount() == 4 })
		panic(errBoom)
	}))
	open := g.send(t, a, makeHold)
	g.wantFailed(t, boom, messages.CodeRestarted)
	g.wantFailed(t, last, messages.CodeRestarted)
	g.wantNote(t, g.send(t, a, makeNote("parent")), "parent", 2, 2)
	select {
	case <-open.done:
		t.Error("the second incarnation was restarted again")
	default:
	}
	if got := g.panicCount(); got != 5 {
		t.Errorf("%d panics, want the child's 4 and the parent's 1", got)
	}
}

func TestManyNodesOnOneSystem(t *testing.T) {
	onBothGrounds(t, func(t *testing.T, g *ground) {
		const nodes = 50
		var all []*shell.Node
		for i := range nodes {
			all = append(all, g.system.StartNode(fmt.Sprint("n", i),
				[]shell.Part{probePart("a"), probePart("b")}, g))
		}
		for i, node := range all {
			if got, want := node.Ref("b").String(), fmt.Sprintf("n%d/b", i); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
			g.wantNote(t, g.send(t, node.Ref("b"), makeNote("hello")), "hello", 1, 1)
		}
		for _, node := range all {
			node.BeginStop()
		}
		for _, node := range all {
			g.await(t, node.Done())
		}
	})
}
