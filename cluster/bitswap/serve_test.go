package bitswap_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

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
			held := randomBlocks(200)
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
