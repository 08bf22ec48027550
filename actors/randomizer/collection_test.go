package randomizer_test

import (
	"slices"
	"testing"

	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/messages"
)

func TestCollection(t *testing.T) {
	n := newNode(t, 10, randomizer.DefaultConfig())
	defer n.stop()
	tuples := n.write(1, 100)
	underWay := n.reserve(2, 10)
	begun := n.must(beginCollection).(messages.CollectionBegun)
	for _, tuple := range underWay {
		for _, cid := range []messages.CID{tuple.A.CID, tuple.B.CID} {
			if !slices.Contains(begun.Reserved, cid) {
				t.Error("a block of a tuple under way is not listed")
			}
		}
	}
	since := n.reserve(3, 20)
	reserved := make(map[messages.CID]bool)
	for _, tuple := range append(since, underWay...) {
		reserved[tuple.A.CID], reserved[tuple.B.CID] = true, true
	}
	var all []messages.CID
	for _, tuple := range tuples {
		all = append(all, tuple[:]...)
	}
	all = append(all, messages.CID{1, 2, 3}) // of nobody
	retired := n.must(retire(all...)).(messages.BlocksRetired)
	gone := make(map[messages.CID]bool)
	for _, cid := range retired.CIDs {
		if reserved[cid] {
			t.Error("a block that was reserved may be deleted")
		}
		gone[cid] = true
	}
	for _, cid := range all {
		if !reserved[cid] && !gone[cid] {
			t.Error("a block that nobody needs may not be deleted")
		}
	}
	n.must(endCollection)
	n.client.Failure(randomizer.Role, messages.CodeInvalid, retire(all...))
	// What may be deleted is in the pool no more, now and after a restart.
	check := func() {
		t.Helper()
		for stream := messages.StreamID(20); stream < 24; stream++ {
			for _, tuple := range n.reserve(stream, 60) {
				if gone[tuple.A.CID] || gone[tuple.B.CID] {
					t.Fatal("a tuple has a block that was deleted")
				}
			}
		}
	}
	check()
	n.reboot(randomizer.DefaultConfig())
	check()
}

func TestCollectionThatIsTooLarge(t *testing.T) {
	cfg := randomizer.DefaultConfig()
	cfg.CollectionBlocksMax = 100
	n := newNode(t, 11, cfg)
	defer n.stop()
	tuples := n.write(1, 10)
	n.must(beginCollection)
	n.reserve(2, 200)
	n.client.Failure(randomizer.Role, messages.CodeOverload, retire(tuples[0][0]))
	n.must(endCollection)
	n.must(end(2))
	n.must(beginCollection)
	n.must(retire(tuples[0][0]))
}

func TestRestartEndsTheCollection(t *testing.T) {
	n := newNode(t, 12, randomizer.DefaultConfig())
	defer n.stop()
	tuples := n.write(1, 10)
	n.must(beginCollection)
	n.world.PanicAt(randomizer.Role, 1)
	n.client.Failure(randomizer.Role, messages.CodeRestarted, stat)
	n.client.Failure(randomizer.Role, messages.CodeInvalid, retire(tuples[0][0]))
}
