package cluster

import (
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/multiformats/go-multiaddr"
)

// tcpAhead is how long QUIC waits while TCP is tried. A block over QUIC costs
// three times the CPU.
const tcpAhead = 300 * time.Millisecond

// tcpFirst ranks the addresses of a peer as libp2p does, except that it tries
// TCP before QUIC.
func tcpFirst(addresses []multiaddr.Multiaddr) []network.AddrDelay {
	var first, rest []multiaddr.Multiaddr
	for _, address := range addresses {
		if _, err := address.ValueForProtocol(multiaddr.P_TCP); err == nil {
			first = append(first, address)
		} else {
			rest = append(rest, address)
		}
	}
	ranked := swarm.DefaultDialRanker(first)
	for _, next := range swarm.DefaultDialRanker(rest) {
		if len(first) > 0 {
			next.Delay += tcpAhead
		}
		ranked = append(ranked, next)
	}
	return ranked
}
