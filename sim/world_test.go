package sim_test

import (
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

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
