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

// Of nine holders three are up to no good: one sends something else, one more
// than it was asked for, one nothing. Everything is read in spite of them, and
// who has seen what they do holds it against them, and asks them for clearly less
// than chance would: half of their fair share of well over a hundred requests at
// most. What they do get is for blocks of which all three are the first holders,
// one of 84, and from before they were known.
func TestHostileHolders(t *testing.T) {
	const holders = 9
	net := newTown(t, holders)
	known, knownLink := net.store(net.nodes[0], 1<<20, 5)
	next, nextLink := net.store(net.nodes[0], 8<<20, 5)
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
	hostile := net.nodes[1 : 1+len(lies)]
	for i, r := range hostile {
		r.wire.pretend(lies[i])
	}
	reader := net.move(func(c *config.Config) { c.Network.StorageBytes = 0 })
	net.meet()
	net.takeAsked(reader)
	net.wantFile(reader, knownLink, known)
	if met := sum(net.takeAsked(reader)[1 : 1+len(lies)]); met == 0 {
		t.Error("nobody was fooled: the test shows nothing")
	}
	net.wantFile(reader, nextLink, next)
	asked := net.takeAsked(reader)
	all, theirs := sum(asked), sum(asked[1:1+len(lies)])
	t.Logf("of %d requests hostile holders got %d", all, theirs)
	if all < 100 {
		t.Errorf("%d requests: chance could have decided", all)
	}
	fair := float64(len(lies)) / holders
	if share := float64(theirs) / float64(all); share > fair/2 {
		t.Errorf("hostile holders got %.2f of the requests, and %.2f would be fair", share, fair)
	}
	net.wantCaught(reader, hostile)
}

// takeAsked returns for how many blocks each node was asked by one of them
// since the last time.
func (t *town) takeAsked(by *resident) []int {
	asked := make([]int, len(t.nodes))
	for i, r := range t.nodes {
		for _, q := range r.wire.take() {
			if q.from == by.wire.Self() {
				asked[i]++
			}
		}
	}
	return asked
}

func sum(counts []int) int {
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}

// wantCaught looks into what a node's scorer holds of bad holders: each has failed,
// and nothing of what they sent counts as a block that was served.
func (t *town) wantCaught(reader *resident, bad []*resident) {
	t.tb.Helper()
	peers, err := reader.Peers(t.tb.Context())
	if err != nil {
		t.tb.Fatal(err)
	}
	caught := 0
	for _, peer := range peers {
		if !slices.ContainsFunc(bad, func(r *resident) bool { return r.wire.Self() == peer.ID }) {
			continue
		}
		t.tb.Logf("a bad holder failed %d times, and served %d blocks", peer.Failed, peer.Served)
		if peer.Failed > 0 && peer.Served == 0 {
			caught++
		}
	}
	if caught < len(bad) {
		t.tb.Errorf("%d of %d bad holders were caught", caught, len(bad))
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
