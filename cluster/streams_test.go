package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/cluster/bitswap"
)

// newUnbounded is a host of libp2p that knows one node, and that no limits of its
// own hold back.
func newUnbounded(t *testing.T, of *Host) (host.Host, network.Conn) {
	t.Helper()
	bad, err := libp2p.New(libp2p.NoListenAddrs,
		libp2p.ResourceManager(&network.NullResourceManager{}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bad.Close(); err != nil {
			t.Error(err)
		}
	})
	info, err := peer.AddrInfoFromP2pAddr(multiaddr.StringCast(of.Addresses()[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := bad.Connect(t.Context(), *info); err != nil {
		t.Fatal(err)
	}
	return bad, bad.Network().ConnsToPeer(info.ID)[0]
}

// Whoever opens thousands of streams, and is held back by no limits of its own,
// gets as many as one peer may have, of whatever protocol; others are served
// meanwhile, and nothing is left when it goes.
func TestThousandsOfStreams(t *testing.T) {
	const streams = 2000
	for name, c := range map[string]struct {
		protocol    protocol.ID
		least, most int
	}{
		"Ours":       {protocol.ID(testProtocol), 1, DefaultBounds().StreamsPerPeer},
		"Bitswap":    {bitswap.Protocols()[0], 300, bitswap.DefaultBounds().StreamsPerPeer},
		"NeverNamed": {"", 0, 2 * bitswap.DefaultBounds().StreamsPerPeer},
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig(testListen)
			config.Bitswap = true
			good := newHost(t, config)
			good.Join(func(any) {}).Handle(testProtocol)
			bad, conn := newUnbounded(t, good)
			for range streams {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				if c.protocol == "" {
					_, _ = conn.NewStream(ctx)
				} else if stream, err := bad.NewStream(ctx, good.host.ID(), c.protocol); err == nil {
					_, _ = stream.Write([]byte{byte(frameRequest)}) // and no more of it
				}
				if ctx.Err() != nil {
					t.Fatal("it waits for a stream that it will not get")
				}
				cancel()
			}
			open := func() (n int) {
				for _, conn := range good.host.Network().ConnsToPeer(bad.ID()) {
					for _, stream := range conn.GetStreams() {
						if stream.Protocol() == c.protocol {
							n++
						}
					}
				}
				return n
			}
			// That many at once may end the connection, which is as good.
			await(t, func() bool { return conn.IsClosed() || open() >= c.least })
			if n := open(); n > c.most {
				t.Errorf("%d streams of one peer, want %d at most", n, c.most)
			}
			wantStillServing(t, good)
			if err := bad.Close(); err != nil {
				t.Fatal(err)
			}
			await(t, func() bool {
				good.exchanges.mu.Lock()
				defer good.exchanges.mu.Unlock()
				return open() == 0 && len(good.exchanges.inbound) <= 1 // of who was served
			})
		})
	}
}
