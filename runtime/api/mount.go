package api

import (
	"context"
	"net/http"

	"github.com/noisefs/noisefs/messages"
)

// mountRequest names a folder of the daemon's system by its absolute path.
type mountRequest struct {
	Dir     Text `json:"dir"`
	Options Text `json:"options,omitempty"`
}

func (s *Server) mount(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[mountRequest](s, w, r)
	if err != nil {
		return err
	}
	if s.options.Mount == nil {
		return messages.Errorf(messages.CodeUnavailable, "this node cannot mount")
	}
	if err := s.options.Mount(string(request.Dir), string(request.Options)); err != nil {
		// Who asks is told why, as the user that the daemon is.
		return messages.Errorf(messages.CodeInvalid, "%v", err)
	}
	return nil
}

// Mount has the daemon mount its drive on a folder, and returns when that is
// done. The drive stays mounted until the daemon stops or it is unmounted.
func (c *Client) Mount(ctx context.Context, dir, options string) error {
	return c.post(ctx, "/v1/mount", mountRequest{Text(dir), Text(options)}, nil)
}
