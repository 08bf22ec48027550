package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/proto"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// reservations keeps a place at some of the nodes that this one is connected
// with, and that are relays, so that others can reach it through them.
//
// libp2p's own AutoRelay does the same for the public internet alone: it drops
// the private addresses of relays, by which the nodes of a company, a virtual
// private network or a house reach each other.
type reservations struct {
	host    host.Host
	bounds  Bounds
	emitter event.Emitter // of the addresses, to the host
	held    map[peer.ID]reservation
	refused map[peer.ID]time.Time // when to ask again; of connected peers alone
	told    []multiaddr.Multiaddr // what the host was told last
}

// reservation is a place at a relay.
type reservation struct {
	renew time.Time
	addrs []multiaddr.Multiaddr // through which this node is reached
}

const (
	// reserveTimeout bounds how long a relay may take to answer.
	reserveTimeout = 10 * time.Second
	// refusedFor is when a relay that gave no place is asked again, in
	// Bounds.RelayCheck: others may have left, or it knows by now that a node of
	// NoiseFS asks.
	refusedFor = 6
)

func newReservations(h host.Host, b Bounds) (*reservations, error) {
	emitter, err := h.EventBus().Emitter(new(event.EvtAutoRelayAddrsUpdated))
	if err != nil {
		return nil, fmt.Errorf("cluster: reservations: %w", err)
	}
	return &reservations{
		host: h, bounds: b, emitter: emitter,
		held: make(map[peer.ID]reservation), refused: make(map[peer.ID]time.Time),
	}, nil
}

// keep renews what is held, and asks for more places while there are fewer than
// Bounds.RelaysMax; when they are not wanted, they are left to expire.
func (r *reservations) keep(ctx context.Context, wanted bool) error {
	now := time.Now()
	for id := range r.refused {
		if r.connection(id) == nil {
			delete(r.refused, id)
		}
	}
	for id, place := range r.held {
		if !wanted || r.connection(id) == nil {
			r.drop(id)
		} else if !now.Before(place.renew) && !r.reserve(ctx, id) {
			r.drop(id)
		}
	}
	if wanted {
		for _, id := range r.host.Network().Peers() { // in no order, which spreads them
			if len(r.held) >= r.bounds.RelaysMax {
				break
			}
			if _, has := r.held[id]; !has && r.isRelay(id) && !r.refused[id].After(now) {
				r.reserve(ctx, id)
			}
		}
	}
	return r.tell()
}

// connection is one to a peer that does not lead through a relay itself; nil:
// there is none.
func (r *reservations) connection(id peer.ID) network.Conn {
	for _, connection := range r.host.Network().ConnsToPeer(id) {
		if isDirect(connection.RemoteMultiaddr()) {
			return connection
		}
	}
	return nil
}

func (r *reservations) isRelay(id peer.ID) bool {
	spoken, err := r.host.Peerstore().SupportsProtocols(id, proto.ProtoIDv2Hop)
	return err == nil && len(spoken) > 0 && r.connection(id) != nil
}

// reserve asks a relay for a place, or to hold the one that it gave.
func (r *reservations) reserve(ctx context.Context, id peer.ID) bool {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "relay"), reserveTimeout)
	defer cancel()
	got, err := client.Reserve(ctx, r.host, peer.AddrInfo{ID: id})
	now := time.Now()
	through := r.connection(id)
	if err != nil || through == nil {
		r.refused[id] = now.Add(refusedFor * r.bounds.RelayCheck)
		return false
	}
	place := reservation{renew: now.Add(got.Expiration.Sub(now) / 2)}
	near := manet.IsIPLoopback(through.RemoteMultiaddr())
	circuit := multiaddr.StringCast("/p2p-circuit")
	for _, address := range got.Addrs {
		// The relay's loopback is of use to nobody on another machine.
		if isDirect(address) && (near || !manet.IsIPLoopback(address)) {
			place.addrs = append(place.addrs, address.Encapsulate(circuit))
		}
	}
	r.held[id] = place
	r.host.ConnManager().Protect(id, "relay")
	return true
}

func (r *reservations) drop(id peer.ID) {
	delete(r.held, id)
	r.host.ConnManager().Unprotect(id, "relay")
}

// close tells the host nothing more.
func (r *reservations) close() error { return r.emitter.Close() }

// addressesMax bounds the addresses through relays that others are told.
const addressesMax = 16

// tell says to the host through which addresses it is reached, when they change.
func (r *reservations) tell() error {
	var addresses []multiaddr.Multiaddr
	for _, place := range r.held {
		addresses = append(addresses, place.addrs...)
	}
	slices.SortFunc(addresses, multiaddr.Multiaddr.Compare)
	addresses = addresses[:min(len(addresses), addressesMax)]
	if slices.EqualFunc(addresses, r.told, multiaddr.Multiaddr.Equal) {
		return nil
	}
	r.told = addresses
	err := r.emitter.Emit(event.EvtAutoRelayAddrsUpdated{RelayAddrs: slices.Clone(addresses)})
	if err != nil {
		return fmt.Errorf("cluster: reservations: %w", err)
	}
	return nil
}
