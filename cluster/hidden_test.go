package cluster_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
)

// Of two nodes that listen nowhere one reads what the other one stored, through
// the third, which has none of it.
func TestBlocksThroughARelay(t *testing.T) {
	net := &town{tb: t}
	relay := net.move(func(c *config.Config) {
		c.Network.RelayService, c.Network.StorageBytes = "on", 0
	})
	hidden := net.move(func(c *config.Config) { c.Network.Relay = "on" })
	reader := net.move(func(c *config.Config) {
		c.Network.Relay, c.Network.StorageBytes = "on", 0
	})
	net.meet()
	data := noise(2<<20, 1)
	link, err := hidden.PutFile(t.Context(), bytes.NewReader(data), node.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	net.await(func() bool { // it has offered all of it, and holds it as nobody else can
		held := net.status(hidden)
		return held.Watched > 0 && held.Replicas == held.Watched
	})
	net.await(func() bool {
		return strings.Contains(strings.Join(hidden.wire.Addresses(), " "), "/p2p-circuit")
	})
	net.wantFile(reader, link, data)
	for _, q := range hidden.wire.take() {
		if q.from != reader.wire.Self() {
			t.Errorf("%s asked, too", q.from)
		}
	}
	if held := net.status(relay).Replicas; held != 0 {
		t.Errorf("the relay holds %d blocks", held)
	}
	for _, peer := range reader.wire.Peers() {
		if peer.ID == hidden.wire.Self() && !strings.Contains(peer.Address, "/p2p-circuit") {
			t.Errorf("they are connected by %s: the test shows nothing", peer.Address)
		}
	}
}
