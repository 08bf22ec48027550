package cluster_test

import (
	"slices"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
)

// What the others have is read by a node that has just started, before it knows
// all of them: it waits until it has been told.
func TestReadsAtOnceAfterJoining(t *testing.T) {
	net := newTown(t, 4)
	data, link := net.store(net.nodes[0], 1<<20, 2)
	net.wantFile(net.move(nil), link, data)
}

// A node that joins late is given its part of what is stored from then on, and
// of what was there before as soon as more holders of it are wanted; others read
// both from it.
func TestWhoJoinsLateTakesItsShare(t *testing.T) {
	skipShort(t)
	net := newTown(t, 4)
	old, oldLink := net.store(net.nodes[0], 1<<20, 3)
	late := net.move(nil)
	net.meet()
	next, nextLink := net.store(net.nodes[1], 2<<20, 2)
	net.await(func() bool { return net.status(late).Replicas > 0 })
	target := messages.Target{Link: &oldLink}
	if err := net.nodes[0].Spread(t.Context(), target, 4, nil); err != nil {
		t.Fatal(err)
	}
	for _, b := range net.blocks(net.nodes[0], oldLink) {
		if !slices.Contains(b.Others, late.wire.Self()) {
			t.Errorf("%s is not held by it", b.CID)
		}
	}
	reader := net.move(func(c *config.Config) { c.Network.StorageBytes = 0 })
	net.meet()
	late.wire.take()
	net.wantFile(reader, oldLink, old)
	net.wantFile(reader, nextLink, next)
	if len(late.wire.take()) == 0 {
		t.Error("nothing was read from it")
	}
}

// A node with hardly any room holds what it has room for, and no more. The
// others hold the rest, and it reads and stores like everybody.
func TestWhoHasNoRoomRefuses(t *testing.T) {
	skipShort(t)
	const room = 8 * 128 << 10
	net := newTown(t, 3)
	small := net.move(func(c *config.Config) { c.Network.StorageBytes = room })
	net.meet()
	for range 2 {
		data, link := net.store(net.nodes[0], 1<<20, 2)
		net.wantFile(small, link, data)
		if held := net.status(small).Replicas; held > 8 {
			t.Errorf("it holds %d blocks, and has room for 8", held)
		}
	}
	data, link := net.store(small, 1<<20, 3)
	for _, b := range net.blocks(small, link) {
		if len(b.Others) != 3 {
			t.Errorf("%s has %d other holders, want 3", b.CID, len(b.Others))
		}
	}
	for _, r := range net.nodes {
		net.wantFile(r, link, data)
	}
}

// blocks is what a node knows of the holders of a file.
func (t *town) blocks(by *resident, link messages.Link) (all []node.BlockReplicas) {
	t.tb.Helper()
	err := by.Replicas(t.tb.Context(), messages.Target{Link: &link},
		func(b node.BlockReplicas) error {
			all = append(all, b)
			return nil
		})
	if err != nil {
		t.tb.Fatal(err)
	}
	return all
}
