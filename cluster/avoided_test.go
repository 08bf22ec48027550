package cluster_test

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/format"
)

// Of four holders of everything one serves badly. Who has read one file from
// them asks it for clearly less of the next one than each of the others: who is
// late for less than three quarters as much, who sends wrong bytes for less than
// half.
func TestBadHoldersAreAvoided(t *testing.T) {
	t.Run("Late", func(t *testing.T) {
		if testing.Short() {
			t.Skip("who is slow is told from others by many requests")
		}
		wantAvoided(t, 8<<20, 0.75, func(w *tapped) { w.dawdle(3 * time.Second) })
	})
	t.Run("WrongBytes", func(t *testing.T) {
		served := wire.BlockResponse{Status: wire.BlockServed}.Append(nil)
		junk := make([]byte, format.Production().BlockSize)
		wantAvoided(t, 3<<20, 0.5, func(w *tapped) {
			w.pretend(func(messages.Packet) (messages.Packet, bool) {
				return messages.Packet{Head: served, Blocks: [][]byte{junk}}, true
			})
		})
	})
}

func wantAvoided(t *testing.T, size int, share float64, spoil func(*tapped)) {
	net := newTown(t, 5)
	known, knownLink := net.store(net.nodes[0], 2<<20, 4)
	next, nextLink := net.store(net.nodes[0], size, 4)
	holders := net.nodes[1:]
	spoil(holders[0].wire)
	reader := net.move(func(c *config.Config) { c.Network.StorageBytes = 0 })
	net.meet()
	net.wantFile(reader, knownLink, known)
	for _, r := range holders {
		r.wire.take()
	}
	net.wantFile(reader, nextLink, next)
	asked := make([]int, len(holders))
	for i, r := range holders {
		for _, q := range r.wire.take() {
			if q.from == reader.wire.Self() {
				asked[i]++
			}
		}
	}
	others := 0
	for _, n := range asked[1:] {
		others += n
	}
	mean := others / len(asked[1:])
	t.Logf("the bad one was asked %d times, each of the others %d", asked[0], mean)
	if blocks := size / format.Production().BlockSize; others < blocks/2 {
		t.Errorf("%d requests for %d blocks: the test shows nothing", others, blocks)
	}
	if float64(asked[0]) >= share*float64(mean) {
		t.Errorf("the bad one was asked %d times, each of the others %d", asked[0], mean)
	}
}
