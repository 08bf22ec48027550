package node

import (
	"context"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Edge is how a node is connected with others. Its methods may be called from
// any goroutine.
type Edge interface {
	// Self is the node's own ID.
	Self() messages.NodeID
	// Addresses are the multiaddrs at which others reach it, with /p2p/ID.
	Addresses() []string
	// Connections are those that are open, in no order.
	Connections() []Connection
	// Traffic counts what is open and what has passed, of all peers.
	Traffic() Traffic
	// Invite makes the text of an invitation to the network, good until then.
	Invite(expires time.Time) (string, error)
	// Connect dials a node, and has the membership meet it. Errors are, or
	// wrap, *messages.Error.
	Connect(ctx context.Context, address string) (messages.NodeID, error)
}

// Connection is an open connection with another node.
type Connection struct {
	ID      messages.NodeID
	Address string
	Since   time.Time
	// BytesIn and BytesOut count what came from the node, and what went there,
	// since this one started.
	BytesIn, BytesOut int64
}

// Traffic is what a node has open to others, and what came and went since it
// started, of all protocols.
type Traffic struct {
	Streams           int
	BytesIn, BytesOut int64
}

// NetworkStatus is how a node does among others.
type NetworkStatus struct {
	ID          messages.NodeID `json:"id"`
	Addresses   []string        `json:"addresses"`
	Members     int             `json:"members"` // alive or suspected, this one included
	Connections int             `json:"connections"`
	Streams     int             `json:"streams"`
	// Undialable tells that others say they cannot connect to this node.
	Undialable bool  `json:"undialable"`
	BytesIn    int64 `json:"bytesIn"` // since the node started, as BytesOut
	BytesOut   int64 `json:"bytesOut"`
	// OfferedBytes is what this node holds for others at most.
	OfferedBytes    int64  `json:"offeredBytes"`
	Replicas        int64  `json:"replicas"`        // blocks held for the network
	Watched         int64  `json:"watched"`         // blocks looked after: own ones and replicas
	UnderReplicated int64  `json:"underReplicated"` // of the watched, at the last look
	Waiting         int64  `json:"waiting"`         // pushes and looks
	PushedBlocks    uint64 `json:"pushedBlocks"`
	RepairedBlocks  uint64 `json:"repairedBlocks"`
	FetchedBlocks   uint64 `json:"fetchedBlocks"`
}

// PeerStatus is what a node knows of another member.
type PeerStatus struct {
	ID           messages.NodeID `json:"id"`
	Status       string          `json:"status"` // alive or suspect
	OfferedBytes int64           `json:"offeredBytes"`
	Domain       string          `json:"failureDomain,omitempty"`
	Address      string          `json:"address,omitempty"` // empty: not connected now
	BytesIn      int64           `json:"bytesIn"`
	BytesOut     int64           `json:"bytesOut"`
	// CostSeconds is what one more block is expected to cost, by which peers are
	// chosen.
	CostSeconds float64 `json:"costSeconds"`
	// LatencySeconds is what a block took of late; 0: none was asked for.
	LatencySeconds float64 `json:"latencySeconds"`
	InFlight       int     `json:"inFlight"` // requests for blocks
	Served         uint64  `json:"served"`   // blocks that it gave us
	Failed         uint64  `json:"failed"`   // requests that timed out, and wrong bytes
}

// errAlone tells that a node has no others.
var errAlone = messages.Errorf(messages.CodeUnavailable,
	"this node is alone: run 'noisefs daemon --listen MULTIADDR'")

// edge returns how the node is connected, or why it is not.
func (l *Local) edge() (Edge, error) {
	if l.network == nil || l.network.Edge == nil {
		return nil, errAlone
	}
	return l.network.Edge, nil
}

// Network implements [Client].
func (l *Local) Network(ctx context.Context) (NetworkStatus, error) {
	edge, err := l.edge()
	if err != nil {
		return NetworkStatus{}, err
	}
	listed, err := ask[messages.MembersListed](ctx, l, roleMembership,
		func(call messages.Call) messages.Command { return messages.ListMembers{Call: call} })
	if err != nil {
		return NetworkStatus{}, err
	}
	held, err := ask[messages.ReplicationStatted](ctx, l, roleReplication,
		func(call messages.Call) messages.Command { return messages.StatReplication{Call: call} })
	if err != nil {
		return NetworkStatus{}, err
	}
	fetched, err := ask[messages.FetcherStatted](ctx, l, roleFetcher,
		func(call messages.Call) messages.Command { return messages.StatFetcher{Call: call} })
	if err != nil {
		return NetworkStatus{}, err
	}
	traffic := edge.Traffic()
	own := listed.View.Find(listed.View.Self)
	return NetworkStatus{
		ID: edge.Self(), Addresses: edge.Addresses(), Members: len(listed.View.Members),
		Connections: len(edge.Connections()), Streams: traffic.Streams,
		Undialable: own != nil && own.Undialable,
		BytesIn:    traffic.BytesIn, BytesOut: traffic.BytesOut,
		OfferedBytes: int64(l.network.Membership.CapacityBlocks) * int64(l.params.BlockSize),
		Replicas:     held.Replicas, Watched: held.Watched, UnderReplicated: held.UnderReplicated,
		Waiting: held.Waiting, PushedBlocks: held.PushedBlocks,
		RepairedBlocks: held.RepairedBlocks, FetchedBlocks: fetched.BlocksFetched,
	}, nil
}

// Peers implements [Client].
func (l *Local) Peers(ctx context.Context) ([]PeerStatus, error) {
	edge, err := l.edge()
	if err != nil {
		return nil, err
	}
	listed, err := ask[messages.MembersListed](ctx, l, roleMembership,
		func(call messages.Call) messages.Command { return messages.ListMembers{Call: call} })
	if err != nil {
		return nil, err
	}
	scores, err := ask[messages.PeersStatted](ctx, l, roleScorer,
		func(call messages.Call) messages.Command { return messages.StatPeers{Call: call} })
	if err != nil {
		return nil, err
	}
	scored := make(map[messages.NodeID]messages.PeerScore, len(scores.Peers))
	for _, score := range scores.Peers {
		scored[score.Peer] = score
	}
	connected := make(map[messages.NodeID]Connection)
	for _, connection := range edge.Connections() {
		connected[connection.ID] = connection
	}
	peers := make([]PeerStatus, 0, len(listed.View.Members))
	for _, m := range listed.View.Members {
		if m.ID == listed.View.Self {
			continue
		}
		score, connection := scored[m.ID], connected[m.ID]
		peers = append(peers, PeerStatus{
			ID: m.ID, Status: m.Status.String(), Domain: m.Domain,
			OfferedBytes: int64(m.CapacityBlocks) * int64(l.params.BlockSize),
			Address:      connection.Address,
			BytesIn:      connection.BytesIn, BytesOut: connection.BytesOut,
			CostSeconds: score.Cost.Seconds(), LatencySeconds: score.Latency.Seconds(), InFlight: score.InFlight,
			Served: score.Served, Failed: score.Failed,
		})
	}
	return peers, nil
}

// Connect implements [Client].
func (l *Local) Connect(ctx context.Context, address string) (messages.NodeID, error) {
	edge, err := l.edge()
	if err != nil {
		return messages.NodeID{}, err
	}
	return edge.Connect(ctx, address)
}

// Invite implements [Client].
func (l *Local) Invite(_ context.Context, expires time.Time) (string, error) {
	edge, err := l.edge()
	if err != nil {
		return "", err
	}
	return edge.Invite(expires)
}
