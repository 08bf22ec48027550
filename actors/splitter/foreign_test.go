package splitter_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/sim"
)

// pushed makes the house hold random blocks of an origin.
func (h *house) pushed(seed uint64, n int, origin messages.NodeID) map[messages.CID]bool {
	h.t.Helper()
	entropy := sim.NewEntropy([32]byte{byte(seed)})
	blocks := make([]messages.Block, n)
	foreign := make(map[messages.CID]bool, n)
	for i := range blocks {
		data := make([]byte, h.params.BlockSize)
		entropy.Fill(data)
		blocks[i] = messages.Block{CID: format.Name(data), Data: data}
		foreign[blocks[i].CID] = true
	}
	h.client.Must(store.Role, func(c messages.Call) messages.Command {
		return messages.HoldReplicas{
			Call: c, Blocks: blocks, Until: h.world.Now().Add(time.Hour), Origin: origin,
		}
	})
	if err := h.world.RunUntilIdle(time.Minute); err != nil { // the randomizer examines them
		h.t.Fatalf("%v", err)
	}
	return foreign
}

// Blocks of others serve as randomizers, and those that a file came to need
// stay when their leases end.
func TestForeignRandomizersAreKept(t *testing.T) {
	s := newSettings(23)
	s.blockSize = 4096 // smaller ones are too short to be examined
	s.randomizer.Profile = randomizer.ProfileThrifty
	s.splitter.Foreign = true
	s.store.KeptMax, s.store.ReplicaBytesMax, s.store.ChangesMax = 1000, 1<<20, 4
	s.store.OfferedMax = 64
	h := newHouse(t, s)
	foreign := h.pushed(1, 60, messages.NodeID{1})

	data := text(40 * s.blockSize)
	content := h.store(data)
	used := map[messages.CID]bool{}
	for _, ref := range h.refs(content.Children) {
		if foreign[ref.A] && foreign[ref.B] {
			t.Errorf("both randomizers of a tuple are of one origin")
		}
		for _, cid := range ref.Tuple() {
			if foreign[cid] {
				used[cid] = true
			}
		}
	}
	if len(used) < 10 || len(used) == len(foreign) {
		t.Fatalf("%d of %d foreign blocks are used, want some and not all", len(used), len(foreign))
	}

	var leases []messages.CID
	for cid := range foreign {
		leases = append(leases, cid)
	}
	dropped := h.client.Must(store.Role, func(c messages.Call) messages.Command {
		return messages.DropReplicas{Call: c, CIDs: leases}
	}).(messages.ReplicasDropped)
	if want := int64(len(foreign) - len(used)); dropped.FreedBlocks != want {
		t.Errorf("%d blocks were deleted, want %d", dropped.FreedBlocks, want)
	}
	// What is left of the pool does: nothing that is gone is chosen.
	h.store(text(20 * s.blockSize))
	h.node.Crash()
	if err := h.node.Boot(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(h.read(content), data) {
		t.Error("the file does not read as it was written")
	}
	h.stop()
}
