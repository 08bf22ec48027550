package cluster

import (
	"fmt"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"

	"github.com/noisefs/noisefs/cluster/bitswap"
	"github.com/noisefs/noisefs/messages"
)

// protocols are what nodes speak with each other.
func protocols() []messages.Protocol {
	return []messages.Protocol{
		messages.ProtocolBlock, messages.ProtocolMember, messages.ProtocolReplica,
	}
}

// NewResourceManager bounds what peers take: libp2p's own limits, which grow
// with the machine's memory, and ours for the protocols of nodes, and of bitswap,
// which has no more room than others where lane is nil: it is not spoken there.
func NewResourceManager(
	b Bounds, lane *bitswap.Bounds, extra []messages.Protocol,
) (network.ResourceManager, error) {
	scaling := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&scaling)
	limits := rcmgr.PartialLimitConfig{
		System: rcmgr.ResourceLimits{
			Conns:           rcmgr.LimitVal(2 * b.ConnectionsHigh), // trimming takes a moment
			ConnsInbound:    rcmgr.LimitVal(2 * b.ConnectionsHigh),
			ConnsOutbound:   rcmgr.LimitVal(2 * b.ConnectionsHigh),
			Streams:         rcmgr.LimitVal(64 * b.ConnectionsHigh),
			StreamsInbound:  rcmgr.LimitVal(32 * b.ConnectionsHigh),
			StreamsOutbound: rcmgr.LimitVal(32 * b.ConnectionsHigh),
		},
		Protocol:     make(map[protocol.ID]rcmgr.ResourceLimits),
		ProtocolPeer: make(map[protocol.ID]rcmgr.ResourceLimits),
	}
	for _, name := range append(protocols(), extra...) {
		limits.ProtocolPeer[protocol.ID(name)] = rcmgr.ResourceLimits{
			Streams:         rcmgr.LimitVal(2 * b.StreamsPerPeer),
			StreamsInbound:  rcmgr.LimitVal(b.StreamsPerPeer),
			StreamsOutbound: rcmgr.LimitVal(b.StreamsPerPeer),
			Memory:          rcmgr.LimitVal64(b.InboundBytesPerPeer),
		}
		limits.Protocol[protocol.ID(name)] = rcmgr.ResourceLimits{
			Streams:         rcmgr.LimitVal(2*b.LanesMax + 2*b.StreamsPerPeer*b.ConnectionsHigh),
			StreamsInbound:  rcmgr.LimitVal(2 * b.StreamsPerPeer * b.ConnectionsHigh),
			StreamsOutbound: rcmgr.LimitVal(2 * b.LanesMax),
		}
	}
	if lane != nil {
		allowBitswap(&limits, *lane)
	}
	manager, err := rcmgr.NewResourceManager(
		rcmgr.NewFixedLimiter(limits.Build(scaling.AutoScale())), rcmgr.WithMetricsDisabled())
	if err != nil {
		return nil, fmt.Errorf("cluster: limits: %w", err)
	}
	return manager, nil
}

// allowBitswap makes room for the streams of bitswap's servers, which open one
// for each block or so: under libp2p's own limits, which are 64 streams, blocks
// are lost and nobody is told.
func allowBitswap(limits *rcmgr.PartialLimitConfig, b bitswap.Bounds) {
	perPeer := rcmgr.LimitVal(b.StreamsPerPeer)
	for _, name := range bitswap.Protocols() {
		limits.ProtocolPeer[name] = rcmgr.ResourceLimits{
			Streams: 2 * perPeer, StreamsInbound: perPeer, StreamsOutbound: perPeer,
			Memory: rcmgr.LimitVal64(b.InboundBytesPerPeer),
		}
		limits.Protocol[name] = rcmgr.ResourceLimits{
			Streams: 8 * perPeer, StreamsInbound: 4 * perPeer, StreamsOutbound: 4 * perPeer,
			Memory: rcmgr.LimitVal64(4 * b.InboundBytesPerPeer),
		}
	}
	// What a peer may have in all, and what has no protocol yet.
	limits.PeerDefault = rcmgr.ResourceLimits{
		Streams: 4 * perPeer, StreamsInbound: 2 * perPeer, StreamsOutbound: 2 * perPeer,
		Memory: rcmgr.LimitVal64(2 * b.InboundBytesPerPeer),
	}
	limits.Transient = rcmgr.ResourceLimits{
		Streams: 4 * perPeer, StreamsInbound: 2 * perPeer, StreamsOutbound: 2 * perPeer,
	}
}
