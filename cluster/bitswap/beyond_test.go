package bitswap_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/cluster/bitswap"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
)

// answers collects what a port of a node answers.
type answers struct {
	mu  sync.Mutex
	all map[messages.Corr]messages.RequestAnswered
}

func (a *answers) deliver(msg any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	answered := msg.(messages.RequestAnswered)
	a.all[answered.Corr] = answered
}

func (a *answers) await(tb testing.TB, corr messages.Corr) messages.RequestAnswered {
	tb.Helper()
	var answered messages.RequestAnswered
	await(tb, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		var ok bool
		answered, ok = a.all[corr]
		return ok
	})
	return answered
}

// What the fetcher asks of nobody in particular is asked of the peers of IPFS
// that were named, and answered as a node would answer.
func TestRequestsBeyondTheNodes(t *testing.T) {
	source, stranger := newIPFS(t, onTCP), newIPFS(t, onTCP)
	blocks := randomBlocks(1)
	source.add(t, blocks)
	h := newHost(t, onTCP, source.address(t))
	stranger.connect(t, h.Addresses()[0])
	heard := &answers{all: make(map[messages.Corr]messages.RequestAnswered)}
	joined := h.Join(heard.deliver)
	request := func(corr messages.Corr, head []byte) messages.RequestAnswered {
		joined.Request(corr, messages.NodeID{}, messages.ProtocolBlock,
			messages.Packet{Head: head}, 20*time.Second)
		return heard.await(t, corr)
	}
	got := request(1, wire.BlockRequest{CID: blocks[0].CID}.Append(nil))
	response, err := wire.DecodeBlockResponse(got.Packet.Head)
	if got.Err != nil || err != nil || response.Status != wire.BlockServed ||
		len(got.Packet.Blocks) != 1 || !bytes.Equal(got.Packet.Blocks[0], blocks[0].Data) {
		t.Errorf("got %+v with %d blocks, %v, %v", response, len(got.Packet.Blocks), got.Err, err)
	}
	got = request(2, wire.BlockRequest{CID: messages.CID{1}}.Append(nil))
	response, err = wire.DecodeBlockResponse(got.Packet.Head)
	if got.Err != nil || err != nil || response.Status != wire.BlockAbsent {
		t.Errorf("got %+v, %v, %v of a block that nobody has", response, got.Err, err)
	}
	if got = request(3, []byte{0xff}); !errors.Is(got.Err, port.ErrUnreachable) {
		t.Errorf("got %v of a request that is none", got.Err)
	}
	if wantBlocks, wantHaves, _ := stranger.wanted(); wantBlocks+wantHaves != 0 {
		t.Error("a peer that was not named heard of it")
	}
}

// An actor that ends leaves nothing under way beyond the network: there is room
// for what its next incarnation asks.
func TestRequestsBeyondEndWithTheirPort(t *testing.T) {
	silent := must(libp2p.New(libp2p.ListenAddrStrings(onTCP)))(t)
	t.Cleanup(func() {
		if err := silent.Close(); err != nil {
			t.Error(err)
		}
	})
	f := &forgetful{network: bsnet.NewFromIpfsHost(silent), asked: make(map[cid.Cid]int)}
	f.network.Start(f)
	t.Cleanup(f.network.Stop)
	info := peer.AddrInfo{ID: silent.ID(), Addrs: silent.Addrs()}
	h := startHost(t, cluster.Config{
		Listen:        []string{onTCP},
		Sources:       []string{must(peer.AddrInfoToP2pAddrs(&info))(t)[0].String()},
		BitswapBounds: bitswap.Bounds{FetchesMax: 1},
	})
	heard := &answers{all: make(map[messages.Corr]messages.RequestAnswered)}
	corr := messages.Corr(0)
	request := func(from port.Joined, timeout time.Duration) {
		corr++
		head := wire.BlockRequest{CID: messages.CID{byte(corr)}}.Append(nil)
		from.Request(corr, messages.NodeID{}, messages.ProtocolBlock,
			messages.Packet{Head: head}, timeout)
	}
	ends := h.Join(heard.deliver)
	request(ends, time.Hour)
	await(t, func() bool { // until the first one has taken all the room
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.asked) > 0
	})
	next := h.Join(heard.deliver)
	request(next, time.Millisecond)
	if err := heard.await(t, corr).Err; !errors.Is(err, port.ErrUnreachable) {
		t.Fatalf("got %v while there is no room", err)
	}
	ends.Close()
	await(t, func() bool {
		request(next, 10*time.Millisecond)
		return errors.Is(heard.await(t, corr).Err, port.ErrTimeout)
	})
}
