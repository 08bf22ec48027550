package cluster

import (
	"context"
	"fmt"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/cluster/bitswap"
	"github.com/noisefs/noisefs/messages"
)

// speakBitswap makes this node one of IPFS.
func (h *Host) speakBitswap() error {
	sources, err := parseSources(h.config.Sources)
	if err != nil {
		return err
	}
	h.bitswap, err = bitswap.Start(h.host, bitswap.Config{
		Sources: sources,
		Bounds:  bitswap.Bounds{BlockBytes: h.config.Bounds.BlockBytesMax},
		Ask: func(ctx context.Context, packet messages.Packet) (messages.Packet, error) {
			return h.Ask(ctx, messages.ProtocolBlock, packet)
		},
	})
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return nil
}

// ValidSource says what is wrong with a multiaddr of a node of IPFS.
func ValidSource(text string) error {
	_, err := parseSources([]string{text})
	return err
}

// parseSources reads addresses of nodes of IPFS, whose keys may be of any kind.
func parseSources(texts []string) ([]peer.AddrInfo, error) {
	var all []multiaddr.Multiaddr
	for _, text := range texts {
		address, err := multiaddr.NewMultiaddr(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrAddress, text, err)
		}
		all = append(all, address)
	}
	infos, err := peer.AddrInfosFromP2pAddrs(all...)
	if err != nil {
		return nil, fmt.Errorf("%w: of a node of IPFS: %w", ErrAddress, err)
	}
	return infos, nil
}
