package bitswap_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/cluster/bitswap"
	"github.com/noisefs/noisefs/messages"
)

// newLane starts a lane that has sources, and nothing to serve, on a host with
// the limits of a node.
func newLane(tb testing.TB, bounds bitswap.Bounds, sources ...*ipfs) *bitswap.Lane {
	tb.Helper()
	resources := must(cluster.NewResourceManager(cluster.DefaultBounds(), nil))(tb)
	h := must(libp2p.New(libp2p.ListenAddrStrings(onTCP), libp2p.ResourceManager(resources)))(tb)
	c := bitswap.Config{
		Bounds: bounds,
		Ask: func(context.Context, messages.Packet) (messages.Packet, error) {
			return messages.Packet{}, errors.New("there is no store")
		},
	}
	for _, s := range sources {
		address := must(multiaddr.NewMultiaddr(s.address(tb)))(tb)
		c.Sources = append(c.Sources, *must(peer.AddrInfoFromP2pAddr(address))(tb))
	}
	l := must(bitswap.Start(h, c))(tb)
	tb.Cleanup(func() {
		l.Close()
		if err := h.Close(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

// fetchAll fetches blocks, all at one time.
func fetchAll(tb testing.TB, l *bitswap.Lane, want []messages.Block) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var wait sync.WaitGroup
	for _, block := range want {
		wait.Go(func() {
			data, err := l.Fetch(ctx, block.CID)
			if err != nil || !bytes.Equal(data, block.Data) {
				tb.Errorf("got %d bytes, %v", len(data), err)
			}
		})
	}
	wait.Wait()
}

// A server of IPFS that knows nothing of NoiseFS has blocks for a node. It is
// asked for more at one time than its limits allow, block by block, and for
// nothing else; nobody else is asked.
func TestIPFSServes(t *testing.T) {
	for name, listen := range map[string]string{
		"TCP": onTCP, "QUIC": "/ip4/127.0.0.1/udp/0/quic-v1",
	} {
		t.Run(name, func(t *testing.T) {
			source, bystander := newIPFS(t, listen), newIPFS(t, listen)
			want := randomBlocks(600)
			source.add(t, want)
			l := newLane(t, bitswap.Bounds{FetchesMax: len(want)}, source)
			fetchAll(t, l, want)
			wantBlocks, wantHaves, most := source.wanted()
			if wantBlocks != len(want) || wantHaves != 0 {
				t.Errorf("it was asked for %d blocks and about %d, want %d and 0",
					wantBlocks, wantHaves, len(want))
			}
			if limit := bitswap.DefaultBounds().WantsMax; most > limit {
				t.Errorf("%d wants at one time, want %d at most", most, limit)
			}
			if n, m, _ := bystander.wanted(); n+m != 0 {
				t.Errorf("a bystander heard of %d wants", n+m)
			}
		})
	}
}

// Of several sources each is asked in turn, until one has the block.
func TestSourcesAreTriedInTurn(t *testing.T) {
	one, other := newIPFS(t, onTCP), newIPFS(t, onTCP)
	want := randomBlocks(40)
	one.add(t, want[:20])
	other.add(t, want[20:])
	l := newLane(t, bitswap.Bounds{}, one, other)
	fetchAll(t, l, want)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := l.Fetch(ctx, randomBlocks(1)[0].CID); !errors.Is(err, bitswap.ErrAbsent) {
		t.Errorf("got %v of a block that nobody has", err)
	}
	// What a source does not have it is not to send later either.
	for _, s := range []*ipfs{one, other} {
		await(t, func() bool { return len(s.node.WantlistForPeer(s.asker())) == 0 })
	}
}

func TestFetchesFail(t *testing.T) {
	gone := newIPFS(t, onTCP)
	l := newLane(t, bitswap.Bounds{FetchesMax: 1}, gone)
	if err := gone.host.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := l.Fetch(ctx, messages.CID{1}); !errors.Is(err, bitswap.ErrUnreachable) {
		t.Errorf("got %v of a source that is gone", err)
	}
	none := newLane(t, bitswap.Bounds{})
	if _, err := none.Fetch(ctx, messages.CID{1}); !errors.Is(err, bitswap.ErrAbsent) {
		t.Errorf("got %v without sources", err)
	}
	canceled, end := context.WithCancel(ctx)
	end()
	if _, err := l.Fetch(canceled, messages.CID{1}); err == nil {
		t.Error("a fetch that nobody waits for came to good")
	}
}
