package bitswap_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/noisefs/noisefs/cluster/bitswap"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// A server of bitswap opens a stream for each block: far more of them are taken
// than libp2p's own limits would, and none is reset.
func TestManyStreamsAreTaken(t *testing.T) {
	const streams = 400
	d := newDepot(t, onTCP)
	p := newProber(t, d.host.Addresses()[0])
	unknown := make(map[cid.Cid]bool)
	for i := range streams {
		c := cidOf(t, messages.CID{byte(i), byte(i >> 8)})
		unknown[c] = true
		msg := message.New(false)
		msg.AddEntry(c, 1, pb.Message_Wantlist_Have, true)
		stream := must(p.host.NewStream(t.Context(), p.to, bitswap.Protocols()...))(t)
		if err := msg.ToNetV1(stream); err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
		t.Cleanup(func() { _ = stream.Reset() }) // it stays open until then
	}
	await(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, m := range p.heard {
			for _, c := range m.DontHaves() {
				delete(unknown, c)
			}
		}
		p.heard = nil
		return len(unknown) == 0
	})
}

// One message of some megabytes names tens of thousands of blocks. The store is
// asked about as many of them as a message may name, and then about the next one.
func TestHugeWantLists(t *testing.T) {
	const most = 100
	last := messages.CID{0, 0, 0, 9}
	var asked atomic.Int64
	askedLast := make(chan int64, 16)
	h := must(libp2p.New(libp2p.ListenAddrStrings(onTCP)))(t)
	l := must(bitswap.Start(h, bitswap.Config{
		Bounds: bitswap.Bounds{EntriesMax: most},
		Ask: func(_ context.Context, packet messages.Packet) (messages.Packet, error) {
			if request, err := wire.DecodeBlockRequest(packet.Head); err == nil && request.CID == last {
				askedLast <- asked.Load()
			}
			asked.Add(1)
			return messages.Packet{}, errors.New("there is no store")
		},
	}))(t)
	t.Cleanup(func() {
		l.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	info := peer.AddrInfo{ID: h.ID(), Addrs: h.Addrs()}
	p := newProber(t, must(peer.AddrInfoToP2pAddrs(&info))(t)[0].String())
	sender := must(p.network.NewMessageSender(t.Context(), p.to, &network.MessageSenderOpts{
		MaxRetries: 1, SendTimeout: time.Minute,
	}))(t)
	huge, next := message.New(true), message.New(false)
	for i := range 50_000 {
		c := cidOf(t, messages.CID{byte(i), byte(i >> 8), byte(i >> 16)})
		huge.AddEntry(c, 1, pb.Message_Wantlist_Block, true)
	}
	next.AddEntry(cidOf(t, last), 1, pb.Message_Wantlist_Have, true)
	for _, m := range []message.BitSwapMessage{huge, next} { // on one stream
		if err := sender.SendMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if n := <-askedLast; n != most {
		t.Errorf("the store was asked about %d blocks of a message, want %d", n, most)
	}
	if err := sender.Reset(); err != nil {
		t.Error(err)
	}
}

// forgetful is a server that takes each block that it was asked for once for
// sent, as boxo's does when a stream is reset.
type forgetful struct {
	network network.BitSwapNetwork
	has     map[cid.Cid]blocks.Block

	mu    sync.Mutex
	asked map[cid.Cid]int
}

var _ network.Receiver = (*forgetful)(nil)

func (f *forgetful) ReceiveMessage(
	ctx context.Context, from peer.ID, incoming message.BitSwapMessage,
) {
	f.mu.Lock()
	defer f.mu.Unlock()
	answer := message.New(false)
	for _, entry := range incoming.Wantlist() {
		f.asked[entry.Cid]++
		if block := f.has[entry.Cid]; block != nil && f.asked[entry.Cid] > 1 && !entry.Cancel {
			answer.AddBlock(block)
		}
	}
	if !answer.Empty() {
		_ = f.network.SendMessage(ctx, from, answer) // it is asked again if that fails
	}
}

func (f *forgetful) ReceiveError(error)       {}
func (f *forgetful) PeerConnected(peer.ID)    {}
func (f *forgetful) PeerDisconnected(peer.ID) {}

// What a server lost is asked for again.
func TestLostBlocksAreAskedForAgain(t *testing.T) {
	want := randomBlocks(5)
	h := must(libp2p.New(libp2p.ListenAddrStrings(onTCP)))(t)
	f := &forgetful{
		network: bsnet.NewFromIpfsHost(h), has: make(map[cid.Cid]blocks.Block),
		asked: make(map[cid.Cid]int),
	}
	for _, block := range want {
		c := cidOf(t, block.CID)
		f.has[c] = must(blocks.NewBlockWithCid(block.Data, c))(t)
	}
	f.network.Start(f)
	t.Cleanup(func() {
		f.network.Stop()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	l := startLane(t, bitswap.Config{
		Sources: []peer.AddrInfo{{ID: h.ID(), Addrs: h.Addrs()}},
		Bounds:  bitswap.Bounds{AgainAfter: 50 * time.Millisecond},
	})
	fetchAll(t, l, want)
	f.mu.Lock()
	defer f.mu.Unlock()
	for c, n := range f.asked {
		if n < 2 {
			t.Errorf("%s was asked for %d times", c, n)
		}
	}
}

func TestBadBounds(t *testing.T) {
	for name, spoil := range map[string]func(*bitswap.Bounds){
		"ManyWants":   func(b *bitswap.Bounds) { b.WantsMax = 513 },
		"NoFetches":   func(b *bitswap.Bounds) { b.FetchesMax = -1 },
		"NoEntries":   func(b *bitswap.Bounds) { b.EntriesMax = -1 },
		"FewStreams":  func(b *bitswap.Bounds) { b.StreamsPerPeer = 64 },
		"LargeBlocks": func(b *bitswap.Bounds) { b.BlockBytes = 4 << 20 },
		"NoTime":      func(b *bitswap.Bounds) { b.MessageTimeout = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			bounds := bitswap.DefaultBounds()
			if err := bounds.Validate(); err != nil {
				t.Fatal(err)
			}
			spoil(&bounds)
			if err := bounds.Validate(); !errors.Is(err, bitswap.ErrConfig) {
				t.Errorf("got %v, want ErrConfig", err)
			}
		})
	}
}
