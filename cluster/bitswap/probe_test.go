package bitswap_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	libp2pnet "github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	"google.golang.org/protobuf/proto"

	"github.com/noisefs/noisefs/messages"
)

// prober speaks bitswap by hand, and keeps what it is told.
type prober struct {
	host    host.Host
	network network.BitSwapNetwork
	to      peer.ID

	mu    sync.Mutex
	heard []message.BitSwapMessage
}

var _ network.Receiver = (*prober)(nil)

func newProber(tb testing.TB, address string) *prober {
	tb.Helper()
	h := must(libp2p.New(libp2p.NoListenAddrs,
		libp2p.ResourceManager(&libp2pnet.NullResourceManager{})))(tb) // it may do anything
	p := &prober{host: h, network: bsnet.NewFromIpfsHost(h)}
	p.network.Start(p)
	tb.Cleanup(func() {
		p.network.Stop()
		if err := h.Close(); err != nil {
			tb.Error(err)
		}
	})
	info := must(peer.AddrInfoFromP2pAddr(must(multiaddr.NewMultiaddr(address))(tb)))(tb)
	if err := h.Connect(context.Background(), *info); err != nil {
		tb.Fatal(err)
	}
	p.to = info.ID
	return p
}

func (p *prober) ReceiveMessage(_ context.Context, _ peer.ID, m message.BitSwapMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = append(p.heard, m)
}

func (p *prober) ReceiveError(error)       {}
func (p *prober) PeerConnected(peer.ID)    {}
func (p *prober) PeerDisconnected(peer.ID) {}

// probe asks for one block, and returns all that is said to it: the bytes on
// the wire, but for the name of the block.
func (p *prober) probe(
	tb testing.TB, id messages.CID, kind pb.Message_Wantlist_WantType,
) []byte {
	tb.Helper()
	p.mu.Lock()
	p.heard = nil
	p.mu.Unlock()
	msg := message.New(true) // a full list: earlier wants are forgotten
	msg.AddEntry(cidOf(tb, id), 1, kind, true)
	if err := p.network.SendMessage(context.Background(), p.to, msg); err != nil {
		tb.Fatal(err)
	}
	await(tb, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.heard) > 0
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	var said []byte
	for _, m := range p.heard {
		said = append(said, must(proto.Marshal(m.ToProtoV1()))(tb)...)
	}
	return bytes.ReplaceAll(said, id[:], make([]byte, len(id)))
}

// Whoever asks around learns nothing of what this node has for itself: own,
// cached and unknown blocks are answered with the same bytes, and without a
// look at the disk, by which they could take longer.
func TestProbing(t *testing.T) {
	d := newDepot(t, onTCP)
	own, cached, unknown := randomBlocks(4), randomBlocks(4), randomBlocks(4)
	held := randomBlocks(4)
	d.put(own)
	d.cache(cached)
	d.hold(held)
	p := newProber(t, d.host.Addresses()[0])
	kinds := []pb.Message_Wantlist_WantType{pb.Message_Wantlist_Have, pb.Message_Wantlist_Block}
	for _, kind := range kinds {
		d.engine.looks.Store(0)
		want := p.probe(t, unknown[0].CID, kind)
		for i, block := range slices.Concat(own, cached, unknown) {
			got := p.probe(t, block.CID, kind)
			if !slices.Equal(got, want) {
				t.Errorf("%s, block %d: got %x, want %x", kind, i, got, want)
			}
		}
		if n := d.engine.looks.Load(); n != 0 {
			t.Errorf("%s: %d looks at the disk", kind, n)
		}
		for _, block := range held {
			if got := p.probe(t, block.CID, kind); slices.Equal(got, want) {
				t.Errorf("%s: a replica is answered like an unknown block", kind)
			}
		}
	}
	if n := d.engine.looks.Load(); n != int64(len(held)) {
		t.Errorf("%d looks at the disk for %d replicas", n, len(held))
	}
}
