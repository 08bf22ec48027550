package cluster

import (
	"fmt"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"

	"github.com/noisefs/noisefs/messages"
)

// protocols are what nodes speak with each other.
func protocols() []messages.Protocol {
	return []messages.Protocol{
		messages.ProtocolBlock, messages.ProtocolMember, messages.ProtocolReplica,
	}
}

// newResourceManager bounds what peers take: libp2p's own limits, which grow
// with the machine's memory, and ours for the protocols of nodes.
func newResourceManager(b Bounds, extra []messages.Protocol) (network.ResourceManager, error) {
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
	manager, err := rcmgr.NewResourceManager(
		rcmgr.NewFixedLimiter(limits.Build(scaling.AutoScale())), rcmgr.WithMetricsDisabled())
	if err != nil {
		return nil, fmt.Errorf("cluster: limits: %w", err)
	}
	return manager, nil
}
