package membership_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/membership"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/network"
)

// village is nodes of the simulator that have a membership each.
type village struct {
	t     *testing.T
	world *sim.World
	nodes []*sim.Node
	views []*messages.View
}

func newVillage(t *testing.T, seed uint64, n int) *village {
	t.Helper()
	preset, ok := network.PresetNamed("internet")
	if !ok {
		t.Fatal("no such preset")
	}
	v := &village{t: t, views: make([]*messages.View, n)}
	v.world = sim.NewWorld(sim.Options{Seed: seed, Network: &preset.Options})
	id := func(i int) messages.NodeID { return sha256.Sum256(fmt.Appendf(nil, "node %d", i)) }
	cfg := membership.Defaults()
	cfg.Seeds, cfg.Tell = []messages.NodeID{id(0), id(1)}, []string{"fetcher"}
	for i := range n {
		hear := &sim.Fake{OnReceive: func(_ shell.Ctx, msg any) {
			v.views[i] = msg.(messages.ViewChanged).View
		}}
		link := preset.Link(seed, i)
		link.Undialable = i > 1 && link.Undialable // seeds can be dialled
		v.nodes = append(v.nodes, v.world.AddNode(t, sim.NodeConfig{
			Name: fmt.Sprint("n", i), ID: id(i), Link: link,
			Spec: tree.Spec{Children: []tree.ChildSpec{
				{Role: "fetcher", Doc: "hears of views", New: hear.New},
				{
					Role: membership.Role, Doc: "membership", Needs: []string{"fetcher"},
					New: membership.New(cfg),
				},
			}},
		}))
	}
	return v
}

// await lets time pass until all running nodes see n members.
func (v *village) await(n int, limit time.Duration) {
	v.t.Helper()
	err := v.world.RunUntil(limit, func() bool {
		for i, node := range v.nodes {
			if node.Running() && (v.views[i] == nil || len(v.views[i].Members) != n) {
				return false
			}
		}
		return true
	})
	if err != nil {
		v.t.Fatalf("not everybody sees %d members: %v", n, err)
	}
}

// TestInTheSimulator: the same on the ports of the simulator, through a crash,
// a return, a panic and a leave; and a seed is a run.
func TestInTheSimulator(t *testing.T) {
	run := func(seed uint64) uint64 {
		v := newVillage(t, seed, 30)
		v.await(30, 2*time.Minute)
		v.nodes[7].Crash()
		v.await(29, 4*time.Minute)
		if err := v.nodes[7].Boot(); err != nil {
			t.Fatal(err)
		}
		v.await(30, 2*time.Minute)

		v.world.PanicAt(membership.Role, 1)
		if err := v.world.Run(time.Minute); err != nil {
			t.Fatal(err)
		}
		v.await(30, 2*time.Minute)

		client := v.world.Client(t, v.nodes[3])
		listed := client.Must(membership.Role, func(call messages.Call) messages.Command {
			return messages.ListMembers{Call: call}
		}).(messages.MembersListed)
		if listed.View.Self != v.nodes[3].ID() || len(listed.View.Members) != 30 {
			t.Fatalf("listed %d members", len(listed.View.Members))
		}
		reply := client.Must(membership.Role,
			func(call messages.Call) messages.Command { return messages.LeaveNetwork{Call: call} })
		if _, ok := reply.(messages.NetworkLeft); !ok {
			t.Fatalf("got %T", reply)
		}
		if err := v.nodes[3].Stop(); err != nil {
			t.Fatal(err)
		}
		v.await(29, time.Minute)
		if panics := v.world.Panics(); len(panics) > 0 {
			t.Fatalf("%+v", panics[0])
		}
		return v.world.TraceHash()
	}
	first, again, other := run(1), run(1), run(2)
	if first != again {
		t.Error("two runs of a seed differ")
	}
	if first == other {
		t.Error("two seeds are one run")
	}
}
