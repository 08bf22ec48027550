package scorer_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/actors/scorer"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// teller makes the pretended membership send an event to the scorer.
type teller struct {
	messages.Call
	event any
}

type told struct{ messages.Answer }

// newWorld makes a node of a scorer and a pretended membership, which lists
// view when it is asked.
func newWorld(t *testing.T, view *messages.View) (*sim.World, *sim.Client) {
	t.Helper()
	var env *shell.Env
	membership := &sim.Fake{
		OnEnv: func(e *shell.Env) { env = e },
		OnReceive: func(ctx shell.Ctx, msg any) {
			switch m := msg.(type) {
			case messages.ListMembers:
				ctx.Reply(ctx.Caller(), messages.MembersListed{Answer: ctx.Caller().Answer(), View: view})
			case teller:
				ctx.Tell(env.Sibling(scorer.Role), m.event)
				ctx.Reply(ctx.Caller(), told{ctx.Caller().Answer()})
			}
		},
	}
	cfg := scorer.DefaultConfig()
	cfg.ExploreShare = 0
	world := sim.NewWorld(sim.Options{Seed: 1})
	node := world.AddNode(t, sim.NodeConfig{Name: "n1", Spec: tree.Spec{Children: []tree.ChildSpec{
		{
			Role: "membership", Doc: "pretended", New: membership.New,
			NeedsLater: []string{scorer.Role},
		},
		{Role: scorer.Role, Doc: "scorer", New: scorer.New(cfg), Needs: []string{"membership"}},
	}}})
	return world, world.Client(t, node)
}

func tell(client *sim.Client, event any) {
	client.Must("membership", func(call messages.Call) messages.Command {
		return teller{call, event}
	})
}

func choose(client *sim.Client, candidates ...messages.NodeID) messages.NodeID {
	reply := client.Must(scorer.Role, func(call messages.Call) messages.Command {
		return messages.ChoosePeers{Call: call, Wants: [][]messages.NodeID{candidates}}
	}).(messages.PeersChosen)
	return reply.Choices[0].Peer
}

func stat(client *sim.Client) []messages.PeerScore {
	return client.Must(scorer.Role, func(call messages.Call) messages.Command {
		return messages.StatPeers{Call: call}
	}).(messages.PeersStatted).Peers
}

func at(id byte, seconds float32) *messages.Member {
	return &messages.Member{ID: messages.NodeID{id}, Coordinate: messages.Coordinate{
		Vec: [4]float32{seconds}, Error: 0.1,
	}}
}

func TestScores(t *testing.T) {
	near, far := messages.NodeID{2}, messages.NodeID{3}
	view := &messages.View{
		Self: messages.NodeID{1}, Members: []*messages.Member{at(1, 0), at(2, 0.01), at(3, 0.2)},
	}
	world, client := newWorld(t, view)
	if got := choose(client, far, near); got != near {
		t.Fatalf("chose %x of the listed view, want the near one", got[:1])
	}
	tell(client, messages.PeerAnswered{
		Peer: near, Outcome: messages.OutcomeServed, Took: 30 * time.Millisecond, Load: 2,
	})
	scores := stat(client)
	if len(scores) != 1 || scores[0].Peer != near || scores[0].Served != 1 ||
		scores[0].Latency != 30*time.Millisecond || scores[0].Load != 2 || scores[0].InFlight != 0 {
		t.Fatalf("the scores are %+v", scores)
	}
	// Who moved away is no longer near, once the view says so; and a restart
	// forgets scores, and asks for the view again.
	tell(client, messages.ViewChanged{View: &messages.View{
		Self: view.Self, Members: []*messages.Member{at(1, 0), at(2, 0.01), at(3, 0.001)},
	}})
	if got := choose(client, far, near); got != far {
		t.Errorf("chose %x, want the one that came near", got[:1])
	}
	world.PanicAt(scorer.Role, 1)
	client.Failure(scorer.Role, messages.CodeRestarted, func(call messages.Call) messages.Command {
		return messages.StatPeers{Call: call}
	})
	if scores := stat(client); len(scores) != 0 {
		t.Errorf("after a restart there are %d scores", len(scores))
	}
	if got := choose(client, far, near); got != near {
		t.Errorf("after a restart: chose %x, want the near one of the listed view", got[:1])
	}
}

func TestRefuses(t *testing.T) {
	_, client := newWorld(t, &messages.View{})
	client.Failure(scorer.Role, messages.CodeInvalid, func(call messages.Call) messages.Command {
		return messages.ChoosePeers{Call: call, Wants: make([][]messages.NodeID, messages.ChoicesMax+1)}
	})
}
