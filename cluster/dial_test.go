package cluster

import (
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/multiformats/go-multiaddr"
)

// TCP goes before QUIC, and relays after both; who has only these is dialled at
// once.
func TestDialOrder(t *testing.T) {
	const (
		tcp   = "/ip4/192.0.2.1/tcp/4021"
		quic  = "/ip4/192.0.2.1/udp/4021/quic-v1"
		relay = "/ip4/192.0.2.2/tcp/4021" +
			"/p2p/12D3KooWJHAGRC9QmxPjCue18qbcTnCDRQawZHk1y3PApe6WefVG/p2p-circuit"
	)
	var all []multiaddr.Multiaddr
	for _, text := range []string{relay, quic, tcp} {
		all = append(all, multiaddr.StringCast(text))
	}
	ranked := tcpFirst(all)
	slices.SortFunc(ranked, func(a, b network.AddrDelay) int { return int(a.Delay - b.Delay) })
	var got []string
	for _, next := range ranked {
		got = append(got, next.Addr.String())
	}
	if want := []string{tcp, quic, relay}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if alone := tcpFirst(all[:1]); alone[0].Delay >= time.Second {
		t.Errorf("a relay alone waits for %s", alone[0].Delay)
	}
}
