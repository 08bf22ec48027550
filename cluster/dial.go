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

// relaysAfter is how long a relay waits while the peer itself is tried.
const relaysAfter = time.Second

// tcpFirst ranks the addresses of a peer as libp2p does, except that it tries
// TCP before QUIC, and relays after both.
func tcpFirst(addresses []multiaddr.Multiaddr) []network.AddrDelay {
	var first, rest, relayed []multiaddr.Multiaddr
	for _, address := range addresses {
		if !isDirect(address) {
			relayed = append(relayed, address)
		} else if _, err := address.ValueForProtocol(multiaddr.P_TCP); err == nil {
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
	last := time.Duration(0)
	if len(ranked) > 0 {
		last = relaysAfter
	}
	for _, next := range swarm.DefaultDialRanker(relayed) {
		next.Delay += last
		ranked = append(ranked, next)
	}
	return ranked
}
