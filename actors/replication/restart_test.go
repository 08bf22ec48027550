package replication

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages/wire"
)

func TestRestartForgetsNoPromise(t *testing.T) {
	n := newNetwork(t, 5, 20, nil)
	cids := n.populate(4, 50)
	pushes := n.pushes
	for _, p := range n.nodes {
		promised := len(p.leases)
		p.crash()
		p.boot()
		n.tellViews()
		n.run(time.Minute)
		if got := p.stats().Replicas; got != int64(promised) {
			n.fatalf("%d replicas after a restart, want %d", got, promised)
		}
	}
	n.run(24 * time.Hour)
	n.expectHolders(cids, 3)
	n.expectNoneUnder()
	if n.pushes != pushes {
		n.fatalf("restarts moved %d blocks", n.pushes-pushes)
	}
}

// A replication manager that restarts alone, as after a panic, asks who is in
// the network: the others see no change, and so nobody tells it.
func TestRestartAsksForTheView(t *testing.T) {
	n := newNetwork(t, 5, 10, nil)
	cids := n.populate(1, 5)
	owner, other := n.nodes[0], n.nodes[1]
	owner.boots++
	owner.boot()
	n.run(5 * time.Second)
	if n.offer(other, owner, n.item(cids[0])) == wire.ReplicaBusy {
		n.fatalf("it knows nobody after a restart")
	}
}

// TestCrashBeforeDispersal: a block that had not left when its node crashed
// leaves after the restart.
func TestCrashBeforeDispersal(t *testing.T) {
	n := newNetwork(t, 6, 10, nil)
	n.run(10 * time.Second)
	cids := n.write(n.nodes[0], 30)
	n.nodes[0].crash()
	n.nodes[0].boot()
	n.tellViews()
	n.run(n.nodes[0].cfg.StartDelay + 5*time.Minute)
	n.expectHolders(cids, 3)
}
