package bitswap_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/cluster/bitswap"
	"github.com/noisefs/noisefs/messages"
)

// A node of IPFS that knows nothing of NoiseFS fetches what a node holds for
// the network.
func TestIPFSFetchesReplicas(t *testing.T) {
	for name, listen := range map[string]string{
		"TCP": onTCP, "QUIC": "/ip4/127.0.0.1/udp/0/quic-v1",
	} {
		t.Run(name, func(t *testing.T) {
			d, stranger := newDepot(t, listen), newIPFS(t, listen)
			held := randomBlocks(many(200))
			d.hold(held)
			stranger.connect(t, d.host.Addresses()[0])
			wantFetched(t, stranger, held)
		})
	}
}

// wantFetched fetches blocks in one session.
func wantFetched(t *testing.T, i *ipfs, want []messages.Block) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	missing := make(map[cid.Cid][]byte)
	var wanted []cid.Cid
	for _, block := range want {
		c := cidOf(t, block.CID)
		wanted = append(wanted, c)
		missing[c] = block.Data
	}
	got := must(i.node.NewSession(ctx).GetBlocks(ctx, wanted))(t)
	for block := range got {
		data, ok := missing[block.Cid()]
		if !ok || !bytes.Equal(data, block.RawData()) {
			t.Fatalf("got %s, which is not it", block.Cid())
		}
		delete(missing, block.Cid())
	}
	if len(missing) > 0 {
		t.Fatalf("%d blocks of %d did not come", len(missing), len(want))
	}
}

// A peer that asks and does not read is disconnected, and others are served.
func TestWhoDoesNotReadIsDisconnected(t *testing.T) {
	d := newDepotWith(t, onTCP, bitswap.Bounds{MessageTimeout: time.Second, Senders: 1})
	held := randomBlocks(256)
	d.hold(held)
	deaf := must(libp2p.New(libp2p.NoListenAddrs))(t)
	t.Cleanup(func() {
		if err := deaf.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range bitswap.Protocols() {
		deaf.SetStreamHandler(name, func(network.Stream) {}) // and reads nothing
	}
	info := must(peer.AddrInfoFromP2pAddr(must(multiaddr.NewMultiaddr(d.host.Addresses()[0]))(t)))(t)
	if err := deaf.Connect(context.Background(), *info); err != nil {
		t.Fatal(err)
	}
	msg := message.New(true)
	for _, block := range held {
		msg.AddEntry(cidOf(t, block.CID), 1, pb.Message_Wantlist_Block, true)
	}
	stream := must(deaf.NewStream(context.Background(), info.ID, bitswap.Protocols()...))(t)
	if err := msg.ToNetV1(stream); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return deaf.Network().Connectedness(info.ID) != network.Connected })
	stranger := newIPFS(t, onTCP)
	stranger.connect(t, d.host.Addresses()[0])
	wantFetched(t, stranger, held[:20])
}

// What is no message, or announces too much, ends the stream before memory is
// taken for it; so does one that never ends.
func TestBadMessagesEndTheStream(t *testing.T) {
	d := newDepotWith(t, onTCP, bitswap.Bounds{MessageTimeout: 500 * time.Millisecond})
	held := randomBlocks(1)
	d.hold(held)
	bad := must(libp2p.New(libp2p.NoListenAddrs))(t)
	t.Cleanup(func() {
		if err := bad.Close(); err != nil {
			t.Error(err)
		}
	})
	info := must(peer.AddrInfoFromP2pAddr(must(multiaddr.NewMultiaddr(d.host.Addresses()[0]))(t)))(t)
	if err := bad.Connect(context.Background(), *info); err != nil {
		t.Fatal(err)
	}
	for name, sent := range map[string][]byte{
		"TooLarge": binary.AppendUvarint(nil, 5<<20),
		"Garbage":  append(binary.AppendUvarint(nil, 100), bytes.Repeat([]byte{0xff}, 100)...),
		"NoLength": bytes.Repeat([]byte{0xff}, 20),
		"Endless":  append(binary.AppendUvarint(nil, 4<<20), make([]byte, 1000)...),
	} {
		t.Run(name, func(t *testing.T) {
			stream := must(bad.NewStream(context.Background(), info.ID, bitswap.Protocols()...))(t)
			if _, err := stream.Write(sent); err != nil {
				t.Fatal(err)
			}
			if err := stream.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			_, err := io.Copy(io.Discard, stream)
			if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("got %v, want that the stream was reset", err)
			}
		})
	}
	stranger := newIPFS(t, onTCP)
	stranger.connect(t, d.host.Addresses()[0])
	wantFetched(t, stranger, held)
}
