package shell_test

import (
	"context"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/runtime/shell"
)

// benchGround is a system on goroutines with ports that do nothing.
type benchGround struct{}

func (benchGround) Open(*shell.Incarnation) *shell.Env { return &shell.Env{} }
func (benchGround) Close(*shell.Incarnation)           {}

func benchNode(b *testing.B, parts ...shell.Part) (*shell.System, *shell.Node) {
	b.Helper()
	system := shell.NewSystem(shell.Options{Now: time.Now})
	node := system.StartNode("n", parts, benchGround{})
	b.Cleanup(func() {
		if err := node.Stop(); err != nil {
			b.Error(err)
		}
	})
	return system, node
}

// relay passes each event on to the next actor, and the last one back to the
// first, until none is left; credits are the events under way.
type relay struct {
	next  shell.Ref
	first int // events to begin with
	left  int
	done  chan struct{}
}

func (r *relay) Start(ctx shell.Ctx) {
	for range r.first {
		ctx.Tell(r.next, event{})
	}
}
func (r *relay) Due(shell.Ctx, any) {}
func (r *relay) Receive(ctx shell.Ctx, msg any) {
	if r.done != nil {
		if r.left--; r.left == 0 {
			close(r.done)
		}
		if r.left <= 0 {
			return
		}
	}
	ctx.Tell(r.next, msg)
}

// BenchmarkHop is one event from an actor to another, 32 under way.
func BenchmarkHop(b *testing.B) {
	done := make(chan struct{})
	part := func(role, next string, first int, done chan struct{}) shell.Part {
		return shell.Part{Role: role, Needs: []string{next}, Child: shell.Child{
			New: func(env *shell.Env) shell.Behaviour {
				return &relay{next: env.Sibling(next), first: first, left: b.N/2 + 1, done: done}
			},
		}}
	}
	b.ReportAllocs()
	porttest.ReportCPU(b)
	benchNode(b, part("a", "b", 0, done), part("b", "a", 32, nil))
	<-done
}

// answerer replies at once.
type answerer struct{}

func (answerer) Start(shell.Ctx)    {}
func (answerer) Due(shell.Ctx, any) {}
func (answerer) Receive(ctx shell.Ctx, _ any) {
	ctx.Reply(ctx.Caller(), noted{Answer: ctx.Caller().Answer()})
}

func answererPart() shell.Part {
	return shell.Part{Role: "a", Child: shell.Child{
		New: func(*shell.Env) shell.Behaviour { return answerer{} },
	}}
}

// BenchmarkGateAsk is a command and its reply, one at a time.
func BenchmarkGateAsk(b *testing.B) {
	system, node := benchNode(b, answererPart())
	gate := system.NewGate("bench", 0)
	b.ReportAllocs()
	porttest.ReportCPU(b)
	for b.Loop() {
		if _, err := gate.Ask(context.Background(), node.Ref("a"), makeHold); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGateAskParallel is the same from many goroutines.
func BenchmarkGateAskParallel(b *testing.B) {
	system, node := benchNode(b, answererPart())
	gate := system.NewGate("bench", 0)
	b.SetParallelism(16)
	b.ReportAllocs()
	porttest.ReportCPU(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := gate.Ask(context.Background(), node.Ref("a"), makeHold); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkGateWindow is a command and its reply with 32 under way.
func BenchmarkGateWindow(b *testing.B) {
	system, node := benchNode(b, answererPart())
	gate := system.NewGate("bench", 0)
	credits := make(chan struct{}, 32)
	for range cap(credits) {
		credits <- struct{}{}
	}
	b.ReportAllocs()
	porttest.ReportCPU(b)
	for b.Loop() {
		<-credits
		_, err := gate.Send(node.Ref("a"), makeHold, func(messages.Reply) { credits <- struct{}{} })
		if err != nil {
			b.Fatal(err)
		}
	}
	for range cap(credits) {
		<-credits
	}
}

// BenchmarkNewSystem is what a process, or a world that shares nothing, pays
// once.
func BenchmarkNewSystem(b *testing.B) {
	b.ReportAllocs()
	porttest.ReportCPU(b)
	for b.Loop() {
		shell.NewSystem(shell.Options{Now: time.Now})
	}
}
