package sim_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

// link asks the next actor on behalf of its caller, and arms a timeout that
// it stops when the reply comes: the pattern that most traffic follows.
type link struct {
	env  *shell.Env
	next string
	open map[messages.Corr]linkJob
}

type linkJob struct {
	caller shell.Caller
	timer  interface{ Stop() bool }
}

type linkTick struct{}

func (l *link) Start(shell.Ctx) {
	if l.next == "a1" {
		l.env.Clock.After(time.Duration(l.env.Rand.IntN(1000))*time.Millisecond, linkTick{})
	}
}

func (l *link) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(type) {
	case ping:
		if l.next == "" {
			ctx.Reply(ctx.Caller(), pong{ctx.Caller().Answer(), 1})
			return
		}
		l.ask(ctx, ctx.Caller())
	case pong:
		job := l.open[m.Corr]
		delete(l.open, m.Corr)
		job.timer.Stop()
		if !job.caller.IsZero() {
			ctx.Reply(job.caller, pong{job.caller.Answer(), m.Served})
		}
	}
}

func (l *link) ask(ctx shell.Ctx, caller shell.Caller) {
	corr := ctx.NextCorr()
	l.open[corr] = linkJob{caller, l.env.Clock.After(2*time.Second, corr)}
	ctx.Ask(l.env.Sibling(l.next), ping{messages.Call{Corr: corr}})
}

func (l *link) Due(ctx shell.Ctx, due any) {
	if _, ok := due.(linkTick); ok {
		l.ask(ctx, shell.Caller{})
		l.env.Clock.After(time.Second, linkTick{})
	}
}

// chainSpec is seven actors of which each asks the next; the first asks once
// a second.
func chainSpec() tree.Spec {
	const length = 7
	var spec tree.Spec
	for i := length - 1; i >= 0; i-- {
		next := ""
		var needs []string
		if i < length-1 {
			next = fmt.Sprint("a", i+1)
			needs = []string{next}
		}
		spec.Children = append(spec.Children, tree.ChildSpec{
			Role: fmt.Sprint("a", i), Doc: "asks the next", Needs: needs,
			New: func(env *shell.Env) shell.Behaviour {
				return &link{env: env, next: next, open: make(map[messages.Corr]linkJob)}
			},
		})
	}
	return spec
}

// BenchmarkThousandNodes is one virtual second of a thousand nodes with seven
// actors each, all of which ask and are asked.
func BenchmarkThousandNodes(b *testing.B) {
	const nodes = 1000
	before := heapBytes()
	world := sim.NewWorld(sim.Options{Seed: 1})
	spec := chainSpec()
	for i := range nodes {
		world.AddNode(b, sim.NodeConfig{Name: fmt.Sprintf("n%04d", i), Spec: spec})
	}
	if err := world.Run(2 * time.Second); err != nil {
		b.Fatal(err)
	}
	perNode := float64(heapBytes()-before) / nodes
	deliveries := world.Deliveries()
	b.ReportAllocs()
	porttest.ReportCPU(b)
	for b.Loop() {
		if err := world.Run(time.Second); err != nil {
			b.Fatal(err)
		}
	}
	events := float64(world.Deliveries() - deliveries)
	b.ReportMetric(perNode, "B/node")
	b.ReportMetric(events/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "virtual-s/s")
}

func heapBytes() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// BenchmarkNewWorld is a world of one node that shares the registry of an
// earlier one.
func BenchmarkNewWorld(b *testing.B) {
	first := sim.NewWorld(sim.Options{})
	b.ReportAllocs()
	porttest.ReportCPU(b)
	for b.Loop() {
		world := sim.NewWorld(sim.Options{Reuse: first})
		node := world.AddNode(b, sim.NodeConfig{Name: "n1", Spec: serverSpec()})
		world.Client(b, node).Must("server", makePing)
		if err := node.Stop(); err != nil {
			b.Fatal(err)
		}
	}
}
