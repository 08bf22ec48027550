package sim_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/sim"
)

// Whatever panics, and whenever, each command gets exactly one reply, and
// the node goes on. The client fails the test on a second reply.
func TestEveryCommandGetsOneReply(t *testing.T) {
	shared := sim.NewWorld(sim.Options{})
	rapid.Check(t, func(t *rapid.T) {
		world := sim.NewWorld(sim.Options{
			Seed: rapid.Uint64().Draw(t, "seed"), InOrder: rapid.Bool().Draw(t, "inOrder"), Reuse: shared,
		})
		node := world.AddNode(t, sim.NodeConfig{Name: "n1", Spec: chatterSpec()})
		client := world.Client(t, node)
		for range rapid.IntRange(0, 6).Draw(t, "panics") {
			role := rapid.SampledFrom([]string{"front", "middle", "back"}).Draw(t, "role")
			nth := rapid.IntRange(1, 60).Draw(t, "nth")
			if rapid.Bool().Draw(t, "after") {
				world.PanicAfter(role, nth)
			} else {
				world.PanicAt(role, nth)
			}
		}
		var commands []*sim.Pending
		for range rapid.IntRange(1, 30).Draw(t, "commands") {
			role := rapid.SampledFrom([]string{"front", "middle", "back"}).Draw(t, "to")
			commands = append(commands, client.Start(role, makePing))
			pause := rapid.IntRange(0, 200).Draw(t, "pauseMicros")
			if err := world.Run(time.Duration(pause) * time.Microsecond); err != nil {
				t.Fatal(err)
			}
		}
		stop := rapid.Bool().Draw(t, "stop")
		if stop {
			if err := node.Stop(); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range commands {
			switch reply := c.Wait().(type) {
			case pong, messages.Failed:
			default:
				t.Fatalf("got a %T", reply)
			}
		}
		if !stop && !node.Running() {
			t.Fatalf("node ended: %v", node.Err())
		}
		if err := world.RunUntilIdle(time.Minute); err != nil {
			t.Fatal(err)
		}
	})
}
