package cluster

import (
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/messages"
)

// Choice is about what a node can find out by itself.
type Choice int

const (
	Auto   Choice = iota // as it is found out
	Always               // it is known, or wanted
	Never                // it is not wanted
)

// relayBufferBytes is what a relay reads at one time, of each direction of a
// circuit: a block in eight pieces.
const relayBufferBytes = 16 << 10

// relayService carries what others say to nodes that they cannot dial (circuit
// relay version 2 of libp2p). Both ends speak through it as encrypted as without.
type relayService struct {
	host    host.Host
	bounds  Bounds
	running *relay.Relay // nil: not now
}

// run starts it, or ends it; what it carries ends with it.
func (s *relayService) run(wanted bool) error {
	var err error
	switch {
	case wanted == (s.running != nil):
		return nil
	case wanted:
		s.running, err = relay.New(s.host, relay.WithResources(s.resources()),
			relay.WithACL(nodesAlone{s.host}), relay.WithReservationAddressFilter(isDirect))
	default:
		err = s.running.Close()
		s.running = nil
	}
	if err != nil {
		return fmt.Errorf("cluster: relay: %w", err)
	}
	return nil
}

func (s *relayService) resources() relay.Resources {
	r := relay.DefaultResources()
	r.Limit = &relay.RelayLimit{Duration: s.bounds.CircuitTime, Data: s.bounds.CircuitBytesMax}
	r.MaxReservations = s.bounds.ReservationsMax
	r.MaxReservationsPerIP = min(r.MaxReservationsPerIP, s.bounds.ReservationsMax)
	r.MaxReservationsPerASN = min(r.MaxReservationsPerASN, s.bounds.ReservationsMax)
	r.MaxCircuits = s.bounds.CircuitsPerPeer
	r.BufferSize = relayBufferBytes
	return r
}

// nodesAlone keeps the relay for nodes of NoiseFS: no others can be reached
// through it.
type nodesAlone struct{ host host.Host }

var _ relay.ACLFilter = nodesAlone{}

// AllowReserve implements [relay.ACLFilter].
func (n nodesAlone) AllowReserve(id peer.ID, _ multiaddr.Multiaddr) bool {
	spoken, err := n.host.Peerstore().SupportsProtocols(id, protocol.ID(messages.ProtocolMember))
	return err == nil && len(spoken) > 0
}

// AllowConnect implements [relay.ACLFilter]. Whoever is dialled has reserved.
func (nodesAlone) AllowConnect(peer.ID, multiaddr.Multiaddr, peer.ID) bool { return true }

// isDirect reports whether an address does not lead through a relay.
func isDirect(address multiaddr.Multiaddr) bool {
	_, err := address.ValueForProtocol(multiaddr.P_CIRCUIT)
	return err != nil
}

// defaults of what a relay gives: enough that a circuit carries a night's worth
// of what one node reads from another, and little enough that none is for ever.
const (
	defaultCircuitBytes = 1 << 30
	defaultCircuitTime  = time.Hour
)
