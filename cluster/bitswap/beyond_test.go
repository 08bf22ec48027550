package bitswap_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

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
