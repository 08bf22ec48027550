package api

import (
	"context"
	"net/http"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// spreadRequest asks for that many other holders of a target.
type spreadRequest struct {
	Target targetJSON `json:"target"`
	Others int        `json:"others"`
}

func (s *Server) replicas(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[targetJSON](s, w, r)
	if err != nil {
		return err
	}
	encoder := lines(w)
	return s.client.Replicas(r.Context(), request.target(), func(b node.BlockReplicas) error {
		return encoder.Encode(b)
	})
}

func (s *Server) spread(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[spreadRequest](s, w, r)
	if err != nil {
		return err
	}
	return work(w, func(progress func(node.Progress)) (struct{}, error) {
		err := s.client.Spread(r.Context(), request.Target.target(), request.Others, progress)
		return struct{}{}, err
	})
}

// Replicas implements [node.Client].
func (c *Client) Replicas(
	ctx context.Context, target messages.Target, each func(node.BlockReplicas) error,
) error {
	response, err := c.send(ctx, http.MethodPost, "/v1/replicas", jsonBody(toTarget(target)))
	if err != nil {
		return err
	}
	return eachLine(response, each)
}

// Spread implements [node.Client].
func (c *Client) Spread(
	ctx context.Context, target messages.Target, others int, progress func(node.Progress),
) error {
	request := spreadRequest{toTarget(target), others}
	_, err := runWork[struct{}](ctx, c, "/v1/spread", request, progress)
	return err
}
