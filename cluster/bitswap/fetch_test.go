package bitswap_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
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
	c := bitswap.Config{Bounds: bounds}
	for _, s := range sources {
		address := must(multiaddr.NewMultiaddr(s.address(tb)))(tb)
		c.Sources = append(c.Sources, *must(peer.AddrInfoFromP2pAddr(address))(tb))
	}
	return startLane(tb, c)
}

func startLane(tb testing.TB, c bitswap.Config) *bitswap.Lane {
	tb.Helper()
	bounds := c.Bounds.WithDefaults()
	resources := must(cluster.NewResourceManager(cluster.DefaultBounds(), &bounds, nil))(tb)
	h := must(libp2p.New(libp2p.ListenAddrStrings(onTCP), libp2p.ResourceManager(resources)))(tb)
	c.Ask = func(context.Context, messages.Packet) (messages.Packet, error) {
		return messages.Packet{}, errors.New("there is no store")
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
			want := randomBlocks(many(600))
			source.add(t, want)
			l := newLane(t, bitswap.Bounds{FetchesMax: len(want)}, source)
			fetchAll(t, l, want)
			wantBlocks, wantHaves, most := source.wanted()
			if wantBlocks < len(want) || wantHaves != 0 { // more: some were lost
				t.Errorf("it was asked for %d blocks and about %d, want %d and 0",
					wantBlocks, wantHaves, len(want))
			}
			if most > 512 {
				t.Errorf("%d wants at one time, want 512 at most", most)
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

// As many bytes as a peer sends, or is sent, wait for leave to pass.
func TestTrafficIsPaced(t *testing.T) {
	blocks := randomBlocks(20)
	total := int64(len(blocks) * len(blocks[0].Data))
	var sent, received atomic.Int64
	count := func(n *atomic.Int64) bitswap.Pace {
		return func(_ context.Context, _ peer.ID, bytes int) error {
			n.Add(int64(bytes))
			return nil
		}
	}
	d, stranger := newDepot(t, onTCP), newIPFS(t, onTCP)
	d.hold(blocks)
	server := must(libp2p.New(libp2p.ListenAddrStrings(onTCP)))(t)
	serving := must(bitswap.Start(server, bitswap.Config{
		Sending: count(&sent),
		Ask: func(ctx context.Context, packet messages.Packet) (messages.Packet, error) {
			return d.host.Ask(ctx, messages.ProtocolBlock, packet)
		},
	}))(t)
	source := peer.AddrInfo{ID: server.ID(), Addrs: server.Addrs()}
	stranger.connect(t, must(peer.AddrInfoToP2pAddrs(&source))(t)[0].String())
	wantFetched(t, stranger, blocks)

	reader := must(libp2p.New(libp2p.ListenAddrStrings(onTCP)))(t)
	fetching := must(bitswap.Start(reader, bitswap.Config{
		Sources: []peer.AddrInfo{source}, Receiving: count(&received),
	}))(t)
	fetchAll(t, fetching, blocks)
	if sent.Load() < 2*total || received.Load() < total {
		t.Errorf("%d bytes waited to be sent, %d to be received, of %d blocks twice and once",
			sent.Load(), received.Load(), len(blocks))
	}
	for _, end := range []func() error{reader.Close, server.Close} {
		t.Cleanup(func() {
			if err := end(); err != nil {
				t.Error(err)
			}
		})
	}
	fetching.Close()
	serving.Close()
}
