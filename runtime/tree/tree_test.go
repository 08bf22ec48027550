package tree_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// quiet is an actor that answers whatever it is asked.
type quiet struct{}

func (quiet) Start(shell.Ctx)    {}
func (quiet) Due(shell.Ctx, any) {}
func (quiet) Receive(ctx shell.Ctx, _ any) {
	if caller := ctx.Caller(); !caller.IsZero() {
		ctx.Reply(caller, answer{caller.Answer()})
	}
}

type (
	question struct{ messages.Call }
	answer   struct{ messages.Answer }
)

func newQuiet(*shell.Env) shell.Behaviour { return quiet{} }

func child(role string, needs ...string) tree.ChildSpec {
	return tree.ChildSpec{Role: role, Doc: "does " + role, New: newQuiet, Needs: needs}
}

func TestValidate(t *testing.T) {
	later := func(c tree.ChildSpec, roles ...string) tree.ChildSpec {
		c.NeedsLater = roles
		return c
	}
	tests := []struct {
		name     string
		children []tree.ChildSpec
		want     string // in the error; "" means that the spec is good
	}{
		{"Good", []tree.ChildSpec{child("a"), child("b", "a"), child("c", "a", "b")}, ""},
		{"Cycle", []tree.ChildSpec{later(child("a"), "b"), child("b", "a")}, ""},
		{"Empty", nil, "no children"},
		{"BadRole", []tree.ChildSpec{child("A b")}, `"A b" is no role name`},
		{"Twice", []tree.ChildSpec{child("a"), child("a")}, "role a is there twice"},
		{"NoNew", []tree.ChildSpec{{Role: "a"}}, "a has no New"},
		{
			"NegativePolicy",
			[]tree.ChildSpec{{Role: "a", New: newQuiet, Intensity: -1}},
			"negative restart policy",
		},
		{"Unknown", []tree.ChildSpec{child("a", "z")}, "a needs z, which is not in the tree"},
		{"AgainstTheOrder", []tree.ChildSpec{child("a", "b"), child("b")}, "a lists b under Needs"},
		{"Itself", []tree.ChildSpec{child("a", "a")}, "a lists a under Needs"},
		{
			"LaterIsEarlier",
			[]tree.ChildSpec{child("a"), later(child("b"), "a")},
			"b lists a under NeedsLater",
		},
		{"NeedTwice", []tree.ChildSpec{child("a"), child("b", "a", "a")}, "b names a twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := tree.Spec{Children: test.children}.Validate()
			if test.want == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if !errors.Is(err, tree.ErrSpec) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func drawn() tree.Spec {
	store, cache := child("store"), child("cache", "store")
	store.Doc, store.NeedsLater = "keeps the node's own blocks", []string{"cache"}
	store.Intensity, store.Period = 3, time.Hour
	cache.Doc = "finds blocks: memory, disk, network"
	return tree.Spec{Children: []tree.ChildSpec{store, cache}}
}

func TestPrint(t *testing.T) {
	var b strings.Builder
	if err := tree.Print(&b, drawn()); err != nil {
		t.Fatal(err)
	}
	want := `noisefs    supervisor; restarts one for one, stops in reverse order
├── store  keeps the node's own blocks
│          survives 3 panics in 1h; sends to cache
└── cache  finds blocks: memory, disk, network
           survives 10 panics in 10s; sends to store
`
	if got := b.String(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestMermaid(t *testing.T) {
	want := `graph TD
    noisefs([supervisor])
    noisefs --> store
    noisefs --> cache
    store -.-> cache
    cache -.-> store
`
	if got := tree.Mermaid(drawn()); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestStartOnTheRealMachine(t *testing.T) {
	system := shell.NewSystem(shell.Options{Now: time.Now, Elapsed: host.NewElapsed()})
	ports := host.New(host.Config{})
	defer ports.Stop()
	running, err := tree.Start(system, "n1", drawn(), ports)
	if err != nil {
		t.Fatal(err)
	}
	gate := system.NewGate("test", 0)
	for range 10 {
		_, err := gate.Ask(context.Background(), running.Ref("cache"),
			func(call messages.Call) messages.Command { return question{call} })
		if err != nil {
			t.Fatal(err)
		}
	}
	if stats := running.Stats()[1]; stats.Role != "cache" || stats.Messages != 10 ||
		stats.Actors != 1 || stats.Busy <= 0 {
		t.Errorf("got %+v", stats)
	}
	if err := running.Stop(); err != nil {
		t.Fatal(err)
	}
}

func TestStartRefusesABadSpec(t *testing.T) {
	system := shell.NewSystem(shell.Options{Now: time.Now})
	if _, err := tree.Start(system, "n1", tree.Spec{}, nil); !errors.Is(err, tree.ErrSpec) {
		t.Errorf("got %v", err)
	}
}
