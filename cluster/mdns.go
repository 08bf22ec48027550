package cluster

import (
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
)

// localName is what nodes are called in the DNS of the local network.
const localName = "_noisefs._udp"

var _ mdns.Notifee = (*localDiscovery)(nil)

// localDiscovery finds nodes on the local network.
type localDiscovery struct {
	mdns.Service
	host *Host
}

func (h *Host) discoverLocally() (*localDiscovery, error) {
	d := &localDiscovery{host: h}
	d.Service = mdns.NewMdnsService(h.host, localName, d)
	if err := d.Start(); err != nil {
		return nil, fmt.Errorf("cluster: mdns: %w", err)
	}
	return d, nil
}

// HandlePeerFound implements [mdns.Notifee]. What it says is not proved: the
// address is only tried.
func (d *localDiscovery) HandlePeerFound(info peer.AddrInfo) {
	h := d.host
	id, err := nodeOf(info.ID)
	if err != nil || id == h.self {
		return
	}
	h.host.Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.AddressTTL)
	h.exchanges.found(id)
}
