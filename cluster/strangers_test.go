package cluster_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/port"
)

// Of seven holders three are up to no good: one sends something else, one more
// than it was asked for, one nothing. Everything is read in spite of them, and
// who has seen what they do does not ask them more.
func TestHostileHolders(t *testing.T) {
	net := newTown(t, 7)
	var files [2]struct {
		data []byte
		link messages.Link
	}
	for i := range files {
		files[i].data, files[i].link = net.store(net.nodes[0], 1<<20, 5)
	}
	junk := make([]byte, format.Production().BlockSize)
	served := wire.BlockResponse{Status: wire.BlockServed}.Append(nil)
	lies := []lie{
		func(messages.Packet) (messages.Packet, bool) {
			return messages.Packet{Head: served, Blocks: [][]byte{junk}}, true
		},
		func(truth messages.Packet) (messages.Packet, bool) {
			truth.Blocks = append(slices.Clone(truth.Blocks), junk)
			return truth, true
		},
		func(truth messages.Packet) (messages.Packet, bool) { return truth, false },
	}
	for i, l := range lies {
		net.nodes[1+i].wire.pretend(l)
	}
	reader := net.move(func(c *config.Config) { c.Network.StorageBytes = 0 })
	net.meet()
	share := func() float64 {
		hostile, all := 0, 0
		for i, r := range net.nodes {
			n := len(r.wire.take())
			if all += n; i >= 1 && i <= len(lies) {
				hostile += n
			}
		}
		return float64(hostile) / float64(max(1, all))
	}
	share()
	net.wantFile(reader, files[0].link, files[0].data)
	before := share()
	net.wantFile(reader, files[1].link, files[1].data)
	after := share()
	t.Logf("hostile holders got %.2f of the requests, and later %.2f", before, after)
	if before == 0 {
		t.Error("nobody was fooled: the test shows nothing")
	}
	if after > before+0.1 { // some 30 requests each time: chance has its part
		t.Error("they are asked more than before")
	}
}

// Whoever asks around learns nothing of what a node stored or read for itself:
// blocks of its own, and blocks that it has in its cache, are answered like
// blocks that nobody ever saw.
func TestProbingOverTheFastLane(t *testing.T) {
	net := newTown(t, 3)
	data, link := net.store(net.nodes[1], 512<<10, 2)
	private := net.move(func(c *config.Config) { c.Network.StorageBytes = 0 })
	net.meet()
	net.wantFile(private, link, data) // has it in its cache now
	own, err := private.PutFile(t.Context(), bytes.NewReader(noise(300<<10, 0)), node.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stranger, heard := newStranger(t, private)
	probe := func(cid messages.CID) messages.RequestAnswered {
		stranger.Request(1, private.wire.Self(), messages.ProtocolBlock,
			messages.Packet{Head: wire.BlockRequest{CID: cid}.Append(nil)}, time.Minute)
		return <-heard
	}
	wantAbsent := func(what string, cid messages.CID) {
		t.Helper()
		got := probe(cid)
		response, err := wire.DecodeBlockResponse(got.Packet.Head)
		if got.Err != nil || err != nil || response.Status != wire.BlockAbsent ||
			len(got.Packet.Blocks) != 0 {
			t.Errorf("of %s: %+v with %d blocks, %v, %v",
				what, response, len(got.Packet.Blocks), got.Err, err)
		}
	}
	wantAbsent("an unknown block", messages.CID{1, 2, 3})
	for _, root := range []messages.BlockRef{link.Root, own.Root} {
		for _, cid := range root.Tuple() {
			if _, err := private.Block(t.Context(), cid); err != nil {
				t.Fatalf("the node itself does not have it: %v", err)
			}
			wantAbsent("a block that it has for itself", cid)
		}
	}
}

// newStranger is a host without a node behind it, which knows one node.
func newStranger(t *testing.T, of *resident) (port.Joined, <-chan messages.RequestAnswered) {
	t.Helper()
	host, err := cluster.Start(cluster.Config{
		Seed: messages.Secret{9, 9, 9}, Listen: []string{"/ip4/127.0.0.1/tcp/0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := host.Connect(context.Background(), of.wire.Addresses()[0]); err != nil {
		t.Fatal(err)
	}
	heard := make(chan messages.RequestAnswered, 1)
	return host.Join(func(msg any) {
		if m, ok := msg.(messages.RequestAnswered); ok {
			heard <- m
		}
	}), heard
}
