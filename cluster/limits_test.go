package cluster

import (
	"errors"
	"testing"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/noisefs/noisefs/cluster/bitswap"
)

// streamsOf is how many streams of bitswap one peer may open.
func streamsOf(t *testing.T, c Config) (n int) {
	t.Helper()
	h := newHost(t, c)
	id := peer.ID("somebody")
	for n < 1<<12 {
		stream, err := h.host.Network().ResourceManager().OpenStream(id, network.DirInbound)
		if err != nil {
			return n
		}
		t.Cleanup(stream.Done)
		if stream.SetProtocol(bitswap.Protocols()[0]) != nil {
			return n
		}
		n++
	}
	t.Fatal("there is no bound")
	return 0
}

// Bitswap has the room that its own bounds say, and none of its own where it is
// not spoken.
func TestRoomOfBitswap(t *testing.T) {
	c := testConfig(testListen)
	c.BitswapBounds.StreamsPerPeer = 100
	without := streamsOf(t, c)
	c.Bitswap = true
	if got := streamsOf(t, c); got != 100 {
		t.Errorf("a peer has %d streams of bitswap, want 100", got)
	}
	c.BitswapBounds.StreamsPerPeer = 0
	preset := bitswap.DefaultBounds().StreamsPerPeer
	if got := streamsOf(t, c); got != preset {
		t.Errorf("a peer has %d streams of bitswap, want %d", got, preset)
	}
	if without == 100 || without >= preset {
		t.Errorf("a peer has %d streams of bitswap where it is not spoken", without)
	}
	c.BitswapBounds.StreamsPerPeer = 1
	if h, err := Start(c); !errors.Is(err, bitswap.ErrConfig) {
		_ = h.Close()
		t.Errorf("got %v of too few streams, want ErrConfig", err)
	}
}
