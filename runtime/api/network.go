package api

import (
	"context"
	"net/http"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// connectRequest names a node by its multiaddr with /p2p/ID.
type connectRequest struct {
	Address string `json:"address"`
}

type connectReply struct {
	ID messages.NodeID `json:"id"`
}

type inviteRequest struct {
	Expires time.Time `json:"expires"`
}

type inviteReply struct {
	Invite string `json:"invite"`
}

type peersReply struct {
	Peers []node.PeerStatus `json:"peers"`
}

func (s *Server) network(w http.ResponseWriter, r *http.Request) error {
	status, err := s.client.Network(r.Context())
	if err != nil {
		return err
	}
	return reply(w, status)
}

func (s *Server) peers(w http.ResponseWriter, r *http.Request) error {
	peers, err := s.client.Peers(r.Context())
	if err != nil {
		return err
	}
	return reply(w, peersReply{peers})
}

func (s *Server) connect(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[connectRequest](s, w, r)
	if err != nil {
		return err
	}
	id, err := s.client.Connect(r.Context(), request.Address)
	if err != nil {
		return err
	}
	return reply(w, connectReply{id})
}

func (s *Server) invite(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[inviteRequest](s, w, r)
	if err != nil {
		return err
	}
	text, err := s.client.Invite(r.Context(), request.Expires)
	if err != nil {
		return err
	}
	return reply(w, inviteReply{text})
}

// Network implements [node.Client].
func (c *Client) Network(ctx context.Context) (node.NetworkStatus, error) {
	var status node.NetworkStatus
	err := c.do(ctx, http.MethodGet, "/v1/network", nil, &status)
	return status, err
}

// Peers implements [node.Client].
func (c *Client) Peers(ctx context.Context) ([]node.PeerStatus, error) {
	var listed peersReply
	err := c.do(ctx, http.MethodGet, "/v1/network/peers", nil, &listed)
	return listed.Peers, err
}

// Connect implements [node.Client].
func (c *Client) Connect(ctx context.Context, address string) (messages.NodeID, error) {
	var connected connectReply
	err := c.do(ctx, http.MethodPost, "/v1/network/connect", connectRequest{address}, &connected)
	return connected.ID, err
}

// Invite implements [node.Client].
func (c *Client) Invite(ctx context.Context, expires time.Time) (string, error) {
	var invited inviteReply
	err := c.do(ctx, http.MethodPost, "/v1/network/invite", inviteRequest{expires}, &invited)
	return invited.Invite, err
}
