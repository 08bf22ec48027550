package sim_test

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/memindex"
)

// testBlockSize keeps the suites quick; the engine takes any size.
const testBlockSize = 512

// await runs a world for the conformance suites.
func await(world *sim.World) porttest.Await {
	return func(tb testing.TB, done func() bool) {
		tb.Helper()
		if err := world.RunUntil(24*time.Hour, done); err != nil {
			tb.Fatal(err)
		}
	}
}

// listen makes a spec of one actor that passes on what it hears.
func listen(made func(*shell.Env), answer func(any)) tree.Spec {
	return tree.Spec{Children: []tree.ChildSpec{{
		Role: "listener", Doc: "passes on what it hears",
		New: func(env *shell.Env) shell.Behaviour {
			made(env)
			hear := func(_ shell.Ctx, msg any) { answer(msg) }
			return &sim.Fake{OnReceive: hear, OnDue: hear}
		},
	}}}
}

// newEnv makes the ports of an incarnation that delivers to answer.
func newEnv(tb testing.TB, world *sim.World, config sim.NodeConfig, answer func(any)) *shell.Env {
	tb.Helper()
	var made *shell.Env
	config.Spec = listen(func(env *shell.Env) { made = env }, answer)
	world.AddNode(tb, config)
	await(world)(tb, func() bool { return made != nil })
	return made
}

func machine(tb testing.TB) *sim.Machine {
	tb.Helper()
	return sim.NewMachine(sim.MachineOptions{
		Seed: 1, BlockSize: testBlockSize, SegmentBytes: 16 << 10,
		Disk: sim.SSD(1), Index: memindex.DefaultCosts(),
	})
}

func TestClock(t *testing.T) {
	world := sim.NewWorld(sim.Options{})
	porttest.Clock(t, porttest.ClockHarness{
		Await: await(world),
		New:   func(_ testing.TB, due func(any)) port.Clock { return world.NewClock(due) },
	})
}

func TestRand(t *testing.T) {
	n := 0
	porttest.Rand(t, func(tb testing.TB) port.Rand {
		n++
		world := sim.NewWorld(sim.Options{Seed: uint64(n)})
		return newEnv(tb, world, sim.NodeConfig{Name: "n"}, func(any) {}).Rand
	})
}

func TestEntropy(t *testing.T) {
	n := byte(0)
	porttest.Entropy(t, func(testing.TB) port.Entropy {
		n++
		return sim.NewEntropy([32]byte{n})
	})
}

func TestWorkers(t *testing.T) {
	world := sim.NewWorld(sim.Options{})
	porttest.Workers(t, porttest.WorkersHarness{
		Await: await(world),
		New: func(tb testing.TB, answer func(any)) port.Workers {
			return newEnv(tb, world, sim.NodeConfig{Name: tb.Name()}, answer).Workers
		},
	})
}

func TestBlocks(t *testing.T) {
	world := sim.NewWorld(sim.Options{})
	porttest.BlocksPort(t, porttest.BlocksPortHarness{
		Await: await(world), BlockSize: testBlockSize,
		New: func(tb testing.TB, answer func(any)) port.Blocks {
			config := sim.NodeConfig{Name: tb.Name(), Open: machine(tb).Open}
			return newEnv(tb, world, config, answer).Blocks
		},
	})
}

func TestIndex(t *testing.T) {
	world := sim.NewWorld(sim.Options{})
	porttest.IndexPort(t, porttest.IndexPortHarness{
		Await: await(world),
		New: func(tb testing.TB) func(func(any)) port.Index {
			m := machine(tb)
			names := 0
			// Two nodes on one machine are two incarnations on one engine.
			open := func(boot sim.Boot) (sim.Engines, error) {
				return sim.Engines{Index: m.Index(), IndexCost: m.Index()}, nil
			}
			return func(answer func(any)) port.Index {
				names++
				name := tb.Name() + string(rune('a'+names))
				return newEnv(tb, world, sim.NodeConfig{Name: name, Open: open}, answer).Index
			}
		},
	})
}

// Work waits for a free core.
func TestWorkTakesItsCost(t *testing.T) {
	world := sim.NewWorld(sim.Options{})
	var ends []time.Duration
	env := newEnv(t, world, sim.NodeConfig{Name: "n", Cores: 2}, func(any) {
		ends = append(ends, world.Elapsed())
	})
	for corr := range messages.Corr(5) {
		env.Workers.Do(corr, time.Second, func() any { return nil })
	}
	if err := world.RunUntilIdle(time.Minute); err != nil {
		t.Fatal(err)
	}
	for i, want := range []time.Duration{1, 1, 2, 2, 3} {
		if ends[i] != want*time.Second {
			t.Errorf("job %d ended at %s, want %ds", i, ends[i], want)
		}
	}
}

// countingBlocks counts the calls of Put.
type countingBlocks struct {
	port.BlockEngine
	puts int
}

func (e *countingBlocks) Put(blocks []messages.Block) error {
	e.puts++
	return e.BlockEngine.Put(blocks)
}

// While the disk is busy, Puts gather, and one sync does for them.
func TestWaitingPutsAreMerged(t *testing.T) {
	world := sim.NewWorld(sim.Options{})
	m := machine(t)
	engine := &countingBlocks{}
	var answers []messages.BlocksPut
	env := newEnv(t, world, sim.NodeConfig{Name: "n", Open: func(boot sim.Boot) (sim.Engines, error) {
		engines, err := m.Open(boot)
		engine.BlockEngine, engines.Blocks = engines.Blocks, engine
		return engines, err
	}}, func(msg any) { answers = append(answers, msg.(messages.BlocksPut)) })
	const puts = 100
	for corr := range messages.Corr(puts) {
		env.Blocks.Put(corr, porttest.RandomBlocks(uint64(corr), 2, testBlockSize))
	}
	if err := world.RunUntilIdle(time.Minute); err != nil {
		t.Fatal(err)
	}
	if len(answers) != puts || engine.puts != 1 {
		t.Errorf("%d answers from %d calls, want %d from 1", len(answers), engine.puts, puts)
	}
	if world.Elapsed() == 0 {
		t.Error("a hundred puts took no time")
	}
}
