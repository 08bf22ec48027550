package sim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ping and pong are the smallest conversation.
type (
	ping struct{ messages.Call }
	pong struct {
		messages.Answer
		Served int
	}
)

func makePing(call messages.Call) messages.Command { return ping{call} }

// server answers pings and counts them; a restart forgets the count.
type server struct{ served int }

func (s *server) Start(shell.Ctx) {}

func (s *server) Receive(ctx shell.Ctx, msg any) {
	if _, ok := msg.(ping); ok {
		s.served++
		ctx.Reply(ctx.Caller(), pong{ctx.Caller().Answer(), s.served})
	}
}

func (s *server) Due(shell.Ctx, any) {}

func serverSpec() tree.Spec {
	return tree.Spec{Children: []tree.ChildSpec{{
		Role: "server", Doc: "answers pings",
		New: func(*shell.Env) shell.Behaviour { return &server{} },
	}}}
}

func TestPing(t *testing.T) {
	world := sim.NewWorld(sim.Options{Seed: 1})
	node := world.AddNode(t, sim.NodeConfig{Name: "n1", Spec: serverSpec()})
	client := world.Client(t, node)
	for want := 1; want <= 3; want++ {
		got := client.Must("server", makePing).(pong)
		if got.Served != want {
			t.Fatalf("served %d, want %d", got.Served, want)
		}
	}
	if err := node.Stop(); err != nil {
		t.Fatal(err)
	}
	client.Failure("server", messages.CodeRestarted, makePing)
}

// failures is a Test that records instead of failing.
type failures struct{ text string }

func (f *failures) Helper() {}

func (f *failures) Fatalf(format string, args ...any) {
	f.text = fmt.Sprintf(format, args...)
	panic(f)
}

// wantFailure runs f, which must fail its test with all of want in the text.
func wantFailure(t *testing.T, f func(t sim.Test), want ...string) {
	t.Helper()
	record := &failures{}
	func() {
		defer func() {
			if value := recover(); value != nil && value != any(record) {
				panic(value)
			}
		}()
		f(record)
	}()
	for _, w := range want {
		if !strings.Contains(record.text, w) {
			t.Errorf("failed with %q, want %q in it", record.text, w)
		}
	}
}

// pass lets virtual time pass.
func pass(t *testing.T, world *sim.World, d time.Duration) {
	t.Helper()
	if err := world.Run(d); err != nil {
		t.Fatal(err)
	}
}

func fakeSpec(fakes map[string]*sim.Fake, order ...string) tree.Spec {
	var spec tree.Spec
	for i, role := range order {
		spec.Children = append(spec.Children, tree.ChildSpec{
			Role: role, Doc: "a fake", New: fakes[role].New,
			Needs: order[:i], NeedsLater: order[i+1:],
		})
	}
	return spec
}

func TestClientFailsLoudly(t *testing.T) {
	silent := &sim.Fake{}
	bad := &sim.Fake{OnReceive: func(shell.Ctx, any) { panic("a bug") }}
	world := sim.NewWorld(sim.Options{Seed: 7})
	node := world.AddNode(t, sim.NodeConfig{
		Name: "n1", Spec: fakeSpec(map[string]*sim.Fake{"silent": silent, "bad": bad}, "silent", "bad"),
	})
	wantFailure(t, func(t sim.Test) { world.Client(t, node).Ask("silent", makePing) },
		"silent gave no reply", "seed 7", "client", "n1/silent", "sim_test.ping #1")
	wantFailure(t, func(t sim.Test) { world.Client(t, node).Ask("absent", makePing) }, "has no absent")
	wantFailure(t, func(t sim.Test) { world.Client(t, node).Ask("bad", makePing) },
		"n1/bad panicked", "a bug", "TestClientFailsLoudly")
}

func TestRunawayIsCaught(t *testing.T) {
	passTo := func(to string) *sim.Fake {
		var env *shell.Env
		f := &sim.Fake{}
		f.OnReceive = func(ctx shell.Ctx, msg any) { ctx.Tell(env.Sibling(to), msg) }
		f.OnEnv = func(e *shell.Env) { env = e }
		return f
	}
	fakes := map[string]*sim.Fake{"left": passTo("right"), "right": passTo("left"), "quiet": {}}
	fakes["left"].OnStart = func(ctx shell.Ctx) { fakes["left"].OnReceive(ctx, "ball") }
	world := sim.NewWorld(sim.Options{WorkPerInstantMax: 1000})
	world.AddNode(t, sim.NodeConfig{Name: "n1", Spec: fakeSpec(fakes, "left", "right", "quiet")})
	err := world.Run(time.Second)
	if !errors.Is(err, sim.ErrRunaway) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"n1/left (string)", "n1/right (string)", "1000"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "quiet") {
		t.Errorf("%q blames the quiet one", err)
	}
}

// A timer of an incarnation that has ended neither fires nor keeps the world
// from going idle.
func TestTimersDieWithTheirIncarnation(t *testing.T) {
	var fired []string
	fake := &sim.Fake{OnDue: func(_ shell.Ctx, due any) { fired = append(fired, due.(string)) }}
	life := 0
	fake.OnEnv = func(env *shell.Env) {
		life++
		env.Clock.After(time.Hour, fmt.Sprint("of life ", life))
	}
	world := sim.NewWorld(sim.Options{})
	node := world.AddNode(t, sim.NodeConfig{
		Name: "n1", Spec: fakeSpec(map[string]*sim.Fake{"a": fake}, "a"),
	})
	pass(t, world, time.Minute)
	world.PanicAt("a", 1)
	world.Client(t, node).Failure("a", messages.CodeRestarted, makePing)
	if err := world.RunUntilIdle(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(fired); got != "[of life 2]" {
		t.Errorf("fired %v", got)
	}
	if got := world.Elapsed(); got != time.Hour+time.Minute {
		t.Errorf("idle at %s", got)
	}
}

func TestTwelvePanicsAnHourApart(t *testing.T) {
	world := sim.NewWorld(sim.Options{})
	node := world.AddNode(t, sim.NodeConfig{Name: "n1", Spec: serverSpec()})
	client := world.Client(t, node)
	for range 12 {
		pass(t, world, time.Hour)
		world.PanicAt("server", 1)
		client.Failure("server", messages.CodeRestarted, makePing)
		client.Must("server", makePing)
	}
	for range tree.IntensityDefault + 1 {
		world.PanicAt("server", 1)
		client.Failure("server", messages.CodeRestarted, makePing)
		pass(t, world, time.Millisecond)
	}
	if node.Running() || !errors.Is(node.Err(), shell.ErrNodeFailed) {
		t.Errorf("after %d panics in a second the node runs: %v, %v",
			tree.IntensityDefault+1, node.Running(), node.Err())
	}
	client.Failure("server", messages.CodeRestarted, makePing)
}
