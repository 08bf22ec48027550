package cluster

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/cluster/bitswap"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
)

// speakBitswap makes this node one of IPFS.
func (h *Host) speakBitswap() error {
	sources, err := parseSources(h.config.Sources)
	if err != nil {
		return err
	}
	h.bitswap, err = bitswap.Start(h.host, bitswap.Config{
		Sources: sources, Bounds: h.config.BitswapBounds,
		// What IPFS is served waits for what members are; what is fetched from
		// it, somebody reads.
		Sending:   pace(h.exchanges.up, messages.ProtocolReplica),
		Receiving: pace(h.exchanges.down, messages.ProtocolBlock),
		Ask: func(ctx context.Context, packet messages.Packet) (messages.Packet, error) {
			return h.Ask(ctx, messages.ProtocolBlock, packet)
		},
	})
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	return nil
}

// pace has bitswap keep to the bounds of a direction, in the class of a
// protocol.
func pace(s *shaper, class messages.Protocol) bitswap.Pace {
	if s == nil {
		return nil
	}
	return func(ctx context.Context, with peer.ID, bytes int) error {
		id, err := nodeOf(with)
		if err != nil {
			id = sha256.Sum256([]byte(with)) // its key is of another kind
		}
		return s.share(ctx, id, class).take(bytes)
	}
}

// requestBeyond answers a request for a block that is for nobody of the nodes,
// with what peers of IPFS say.
func (h *Host) requestBeyond(
	p *Port, corr messages.Corr, packet messages.Packet, timeout time.Duration,
) {
	x, begun := h.exchanges, time.Now()
	answer := func(response messages.Packet, err error) {
		x.mu.Lock()
		ended := x.closed || p.closed
		x.mu.Unlock()
		if !ended {
			p.answer(messages.RequestAnswered{
				Answer: messages.Answer{Corr: corr}, Packet: response,
				Took: time.Since(begun), Err: err,
			})
		}
	}
	request, err := wire.DecodeBlockRequest(packet.Head)
	if err != nil || h.bitswap == nil || request.Presence {
		answer(messages.Packet{}, port.ErrUnreachable)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed || p.closed {
		return
	}
	x.wait.Go(func() {
		ctx, cancel := context.WithTimeout(p.ended, timeout)
		defer cancel()
		answer(h.fetchBeyond(ctx, request.CID))
	})
}

// fetchBeyond asks peers of IPFS for a block, and says it as a node would.
func (h *Host) fetchBeyond(ctx context.Context, cid messages.CID) (messages.Packet, error) {
	data, err := h.bitswap.Fetch(ctx, cid)
	switch {
	case err == nil:
		head := wire.BlockResponse{Status: wire.BlockServed}.Append(nil)
		return messages.Packet{Head: head, Blocks: [][]byte{data}}, nil
	case errors.Is(err, bitswap.ErrAbsent):
		return messages.Packet{Head: wire.BlockResponse{Status: wire.BlockAbsent}.Append(nil)}, nil
	case ctx.Err() != nil:
		return messages.Packet{}, port.ErrTimeout
	}
	return messages.Packet{}, port.ErrUnreachable
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
