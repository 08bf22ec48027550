package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

// chatter is a workload that uses everything the world has: a front asks a
// middle, which draws, waits, works and asks a back, which answers after a
// while or fails.

type chatterTick struct{}

type front struct {
	env  *shell.Env
	open map[messages.Corr]shell.Caller
	told int
}

func newFront(env *shell.Env) shell.Behaviour {
	return &front{env: env, open: make(map[messages.Corr]shell.Caller)}
}

func (f *front) Start(shell.Ctx) { f.env.Clock.After(10*time.Millisecond, chatterTick{}) }

func (f *front) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(type) {
	case ping:
		f.ask(ctx, ctx.Caller())
	case messages.Reply:
		caller := f.open[m.Correlation()]
		delete(f.open, m.Correlation())
		if caller.IsZero() {
			return
		}
		if failed, ok := m.(messages.Failed); ok {
			ctx.Fail(caller, failed.Err)
			return
		}
		ctx.Reply(caller, pong{caller.Answer(), m.(pong).Served})
	}
}

func (f *front) ask(ctx shell.Ctx, caller shell.Caller) {
	corr := ctx.NextCorr()
	f.open[corr] = caller
	ctx.Ask(f.env.Sibling("middle"), ping{messages.Call{Corr: corr}})
}

// Due asks on its own account, a hundred times.
func (f *front) Due(ctx shell.Ctx, _ any) {
	f.ask(ctx, shell.Caller{})
	if f.told++; f.told < 100 {
		wait := time.Duration(f.env.Rand.IntN(1000)) * time.Microsecond
		f.env.Clock.After(wait, chatterTick{})
	}
}

// middle works on a ping before it passes it on. Work and command share one
// correlation id per step, and jobs knows who asked.
type middle struct {
	env  *shell.Env
	jobs map[messages.Corr]shell.Caller
}

func newMiddle(env *shell.Env) shell.Behaviour {
	return &middle{env: env, jobs: make(map[messages.Corr]shell.Caller)}
}

func (m *middle) Start(shell.Ctx) {}

func (m *middle) Receive(ctx shell.Ctx, msg any) {
	switch msg := msg.(type) {
	case ping:
		corr := ctx.NextCorr()
		m.jobs[corr] = ctx.Caller()
		n := m.env.Entropy.Uint64N(50)
		cost := time.Duration(n) * time.Microsecond
		m.env.Workers.Do(corr, cost, func() any { return int(n) })
	case messages.WorkDone:
		corr := ctx.NextCorr()
		m.jobs[corr] = m.jobs[msg.Corr]
		delete(m.jobs, msg.Corr)
		ctx.Ask(m.env.Sibling("back"), ping{messages.Call{Corr: corr}})
	case messages.Reply:
		caller := m.jobs[msg.Correlation()]
		delete(m.jobs, msg.Correlation())
		if failed, ok := msg.(messages.Failed); ok {
			ctx.Fail(caller, failed.Err)
			return
		}
		ctx.Reply(caller, pong{caller.Answer(), msg.(pong).Served})
	}
}

func (m *middle) Due(shell.Ctx, any) {}

type back struct {
	env    *shell.Env
	served int
}

func newBack(env *shell.Env) shell.Behaviour { return &back{env: env} }

func (b *back) Start(shell.Ctx) {}

func (b *back) Receive(ctx shell.Ctx, _ any) {
	if b.env.Rand.IntN(20) == 0 {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeUnavailable, "not today"))
		return
	}
	b.env.Clock.After(time.Duration(b.env.Rand.IntN(100))*time.Microsecond, ctx.Caller())
}

func (b *back) Due(ctx shell.Ctx, due any) {
	b.served++
	caller := due.(shell.Caller)
	ctx.Reply(caller, pong{caller.Answer(), b.served})
}

func chatterSpec() tree.Spec {
	return tree.Spec{Children: []tree.ChildSpec{
		{Role: "back", Doc: "answers after a while", New: newBack, Intensity: 1000, Period: time.Hour},
		{
			Role: "middle", Doc: "works", New: newMiddle, Needs: []string{"back"},
			Intensity: 1000, Period: time.Hour,
		},
		{
			Role: "front", Doc: "asks", New: newFront, Needs: []string{"middle"},
			Intensity: 1000, Period: time.Hour,
		},
	}}
}

// runChatter runs some nodes until they are done, one of them crashing on
// the way, and one actor panicking.
func runChatter(t *testing.T, o sim.Options, nodes int) *sim.World {
	t.Helper()
	world := sim.NewWorld(o)
	var all []*sim.Node
	for i := range nodes {
		all = append(all, world.AddNode(t, sim.NodeConfig{Name: fmt.Sprint("n", i), Spec: chatterSpec()}))
	}
	world.PanicAt("middle", 100)
	world.PanicAfter("back", 150)
	world.At(30*time.Millisecond, func() {
		all[0].Crash()
		if err := all[0].Boot(); err != nil {
			t.Error(err)
		}
	})
	if err := world.RunUntilIdle(time.Minute); err != nil {
		t.Fatal(err)
	}
	return world
}

func TestOneSeedOneTrace(t *testing.T) {
	first := runChatter(t, sim.Options{Seed: 1}, 5)
	for _, test := range []struct {
		name    string
		options sim.Options
		same    bool
	}{
		{"SameSeed", sim.Options{Seed: 1}, true},
		{"SameSeedReused", sim.Options{Seed: 1, Reuse: first}, true},
		{"SameSeedRecorded", sim.Options{Seed: 1, RecordFlow: true}, true},
		{"AnotherSeed", sim.Options{Seed: 2}, false},
		{"AnotherOrder", sim.Options{Seed: 1, InOrder: true}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			world := runChatter(t, test.options, 5)
			if got := world.TraceHash() == first.TraceHash(); got != test.same {
				t.Errorf("traces are the same: %v, want %v (%d and %d deliveries)",
					got, test.same, world.Deliveries(), first.Deliveries())
			}
			if test.same && world.TraceTail() != first.TraceTail() {
				t.Errorf("the hashes agree, the tails do not:\n%s\n%s", world.TraceTail(), first.TraceTail())
			}
		})
	}
	if first.Deliveries() < 1000 {
		t.Errorf("only %d deliveries: the workload does too little", first.Deliveries())
	}
}

// Another node, or one draw more in one actor, leaves the streams of all
// others as they were.
func TestStreamsAreApart(t *testing.T) {
	keys := func(nodes int) [32]byte {
		world := sim.NewWorld(sim.Options{Seed: 1})
		var key [32]byte
		for i := range nodes {
			env := newEnv(t, world, sim.NodeConfig{Name: fmt.Sprint("n", i)}, func(any) {})
			if i == 0 {
				env.Entropy.Fill(key[:])
			}
		}
		return key
	}
	if keys(1) != keys(3) {
		t.Error("more nodes change the entropy of the first")
	}
}

// A node that boots again must not draw the keys of its last boot.
func TestBootsAndRestartsHaveTheirOwnEntropy(t *testing.T) {
	world := sim.NewWorld(sim.Options{Seed: 1, AllowPanics: true})
	seen := make(map[[32]byte]bool)
	lives := 0
	spec := tree.Spec{Children: []tree.ChildSpec{{
		Role: "server", Doc: "draws a key", New: func(env *shell.Env) shell.Behaviour {
			var key [32]byte
			env.Entropy.Fill(key[:])
			seen[key] = true
			lives++
			return &server{}
		},
	}}}
	node := world.AddNode(t, sim.NodeConfig{Name: "n1", Spec: spec})
	for range 5 {
		world.Client(t, node).Must("server", makePing)
		world.PanicAt("server", 1)
		world.Client(t, node).Failure("server", messages.CodeRestarted, makePing)
		world.Client(t, node).Must("server", makePing)
		node.Crash()
		if err := node.Boot(); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != lives || lives != 10 {
		t.Errorf("%d keys in %d lives, want 10", len(seen), lives)
	}
}

func TestFlows(t *testing.T) {
	world := sim.NewWorld(sim.Options{Seed: 1, RecordFlow: true})
	node := world.AddNode(t, sim.NodeConfig{Name: "n1", Spec: chatterSpec()})
	world.Client(t, node).Ask("front", makePing)
	got := make(map[string]bool)
	for _, f := range world.Flows() {
		if f.Count == 0 {
			t.Errorf("%+v was never seen", f)
		}
		got[f.From+" "+f.Message+" "+f.To] = true
	}
	for _, want := range []string{
		"client sim_test.ping front", "front sim_test.ping middle", "middle sim_test.ping back",
		"back sim_test.pong middle", "middle sim_test.pong front", "front sim_test.pong client",
	} {
		if !got[want] {
			t.Errorf("no flow %q in %v", want, got)
		}
	}
}

func TestDrawFlows(t *testing.T) {
	world := sim.NewWorld(sim.Options{Seed: 1, RecordFlow: true})
	node := world.AddNode(t, sim.NodeConfig{Name: "n1", Spec: chatterSpec()})
	world.Client(t, node).Ask("front", makePing)
	want := `graph LR
    client -->|ping| front
    front -->|ping| middle
    middle -->|ping| back
`
	if got := sim.DrawFlows(world.Flows()); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	flows := []sim.Flow{
		{From: "a", To: "b", Kind: shell.KindCommand, Message: "messages.Do"},
		{From: "a", To: "b", Kind: shell.KindCommand, Message: "messages.Undo"},
		{From: "a", To: "b", Kind: shell.KindEvent, Message: "messages.Done"},
	}
	want = "graph LR\n    a -->|Do<br>Undo| b\n    a -.->|Done| b\n"
	if got := sim.DrawFlows(flows); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
