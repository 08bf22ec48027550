package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/network"
)

// netOptions is a preset without loss: what is sent arrives.
func netOptions(name string) *network.Options {
	preset, _ := network.PresetNamed(name)
	o := preset.Options
	o.Loss, o.Duplicate = 0, 0
	return &o
}

// incarnations is a node of one actor whose incarnations a test ends.
type incarnations struct {
	world  *sim.World
	node   *sim.Node
	env    *shell.Env
	answer func(any)
}

func newIncarnations(
	tb testing.TB, world *sim.World, config sim.NodeConfig, answer func(any),
) *incarnations {
	tb.Helper()
	x := &incarnations{world: world, answer: answer}
	config.Spec = tree.Spec{Children: []tree.ChildSpec{{
		Role: config.Name, Doc: "passes on what it hears",
		New: func(env *shell.Env) shell.Behaviour {
			x.env = env
			deliver := x.answer
			return &sim.Fake{OnReceive: func(_ shell.Ctx, msg any) { deliver(msg) }}
		},
	}}}
	x.node = world.AddNode(tb, config)
	await(world)(tb, func() bool { return x.env != nil })
	return x
}

func (x *incarnations) netNode() porttest.NetNode {
	return porttest.NetNode{
		Net: x.env.Net, Gossip: x.env.Gossip,
		Again: func(tb testing.TB, answer func(any)) porttest.NetNode {
			old := x.env
			x.answer = answer
			x.world.PanicAt(x.node.Name(), 1)
			old.Clock.After(0, nil)
			await(x.world)(tb, func() bool { return x.env != old })
			return x.netNode()
		},
	}
}

func netHarness(preset string) (*sim.World, porttest.NetHarness) {
	world := sim.NewWorld(sim.Options{Seed: 1, Network: netOptions(preset)})
	nodes := 0
	return world, porttest.NetHarness{
		Await: await(world), Patience: 3 * time.Second,
		New: func(tb testing.TB) func(func(any)) porttest.NetNode {
			return func(answer func(any)) porttest.NetNode {
				nodes++
				p, _ := network.PresetNamed(preset)
				link := p.Link(1, nodes)
				link.Undialable = false
				config := sim.NodeConfig{Name: fmt.Sprint("n", nodes), Link: link}
				return newIncarnations(tb, world, config, answer).netNode()
			}
		},
	}
}

func TestNet(t *testing.T) {
	for _, preset := range []string{"lan", "internet"} {
		t.Run(preset, func(t *testing.T) {
			_, h := netHarness(preset)
			porttest.Net(t, h)
		})
	}
}

func TestGossip(t *testing.T) {
	_, h := netHarness("internet")
	porttest.Gossip(t, h)
}
