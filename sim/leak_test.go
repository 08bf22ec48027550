package sim_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

// A boot that has crashed, and a child that was stopped, leave nothing
// behind: a long run with many of them keeps its size.
func TestPastLivesAreForgotten(t *testing.T) {
	const boots = 200
	var collected atomic.Int64
	world := sim.NewWorld(sim.Options{Seed: 1})
	spec := tree.Spec{Children: []tree.ChildSpec{{
		Role: "a", Doc: "spawns and stops", New: func(env *shell.Env) shell.Behaviour {
			ballast := new([1 << 16]byte)
			runtime.AddCleanup(ballast, func(int) { collected.Add(1) }, 0)
			env.Clock.After(time.Hour, ballast)
			return &sim.Fake{OnStart: func(ctx shell.Ctx) {
				ctx.StopChild(ctx.Spawn("child", shell.Child{New: func(*shell.Env) shell.Behaviour {
					child := &sim.Fake{}
					child.OnReceive = func(shell.Ctx, any) { _ = ballast }
					return child
				}}))
			}}
		},
	}}}
	node := world.AddNode(t, sim.NodeConfig{Name: "n1", Spec: spec})
	for range boots {
		pass(t, world, time.Millisecond)
		node.Crash()
		if err := node.Boot(); err != nil {
			t.Fatal(err)
		}
	}
	// Stopped timers stay in the heap until it is swept or time comes to them.
	pass(t, world, 2*time.Hour)
	for range 100 {
		runtime.GC()
		if collected.Load() >= boots/2 {
			return
		}
		time.Sleep(time.Millisecond) // cleanups run on a goroutine of the runtime
	}
	t.Errorf("%d of %d past lives were collected", collected.Load(), boots)
}

// A world whose registry another has taken over is forgotten, its running
// nodes included: a sweep over thousands of seeds keeps its size.
func TestPastWorldsAreForgotten(t *testing.T) {
	const worlds = 50
	var collected atomic.Int64
	spec := tree.Spec{Children: []tree.ChildSpec{{
		Role: "a", Doc: "holds some memory", New: func(*shell.Env) shell.Behaviour {
			ballast := new([1 << 16]byte)
			runtime.AddCleanup(ballast, func(int) { collected.Add(1) }, 0)
			return &sim.Fake{OnReceive: func(shell.Ctx, any) { _ = ballast }}
		},
	}}}
	var last *sim.World
	for range worlds {
		last = sim.NewWorld(sim.Options{Reuse: last})
		last.AddNode(t, sim.NodeConfig{Name: "n1", Spec: spec})
		pass(t, last, time.Millisecond)
	}
	for range 100 {
		runtime.GC()
		if collected.Load() >= worlds/2 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d of %d past worlds were collected", collected.Load(), worlds)
	runtime.KeepAlive(last)
}
