package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// APIVersion is the version in the paths of requests.
const APIVersion = 1

func (s *Server) version(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, map[string]int{"api": APIVersion})
}

func (s *Server) stat(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[targetJSON](s, w, r)
	if err != nil {
		return err
	}
	info, err := s.client.Stat(r.Context(), request.target())
	if err != nil {
		return err
	}
	return reply(w, toInfo(info))
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[listRequest](s, w, r)
	if err != nil {
		return err
	}
	if request.Limit <= 0 || request.Limit > messages.ListMax {
		request.Limit = messages.ListMax
	}
	entries, more, err := s.client.List(r.Context(), request.target(), string(request.After),
		request.Limit)
	if err != nil {
		return err
	}
	listed := listReply{Entries: make([]infoJSON, 0, len(entries)), More: more}
	for _, entry := range entries {
		listed.Entries = append(listed.Entries, toInfo(entry))
	}
	return reply(w, listed)
}

// change decodes a request, does it, and answers with nothing.
func change[R any](
	s *Server, w http.ResponseWriter, r *http.Request, do func(context.Context, R) error,
) error {
	request, err := decode[R](s, w, r)
	if err != nil {
		return err
	}
	if err := do(r.Context(), request); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) mkdir(w http.ResponseWriter, r *http.Request) error {
	return change(s, w, r, func(ctx context.Context, request pathRequest) error {
		return s.client.MakeDirectory(ctx, string(request.Path), request.Parents)
	})
}

func (s *Server) rename(w http.ResponseWriter, r *http.Request) error {
	return change(s, w, r, func(ctx context.Context, request renameRequest) error {
		return s.client.Rename(ctx, string(request.From), string(request.To), request.Replace)
	})
}

func (s *Server) remove(w http.ResponseWriter, r *http.Request) error {
	return change(s, w, r, func(ctx context.Context, request pathRequest) error {
		return s.client.Remove(ctx, string(request.Path), request.Recursive)
	})
}

func (s *Server) unshare(w http.ResponseWriter, r *http.Request) error {
	return change(s, w, r, func(ctx context.Context, request linkRequest) error {
		if request.Link == nil {
			return messages.Errorf(messages.CodeInvalid, "bad request: the link is missing")
		}
		return s.client.Unshare(ctx, request.Link.Link)
	})
}

func (s *Server) importLink(w http.ResponseWriter, r *http.Request) error {
	return change(s, w, r, func(ctx context.Context, request linkRequest) error {
		if request.Link == nil {
			return messages.Errorf(messages.CodeInvalid, "bad request: the link is missing")
		}
		return s.client.Import(ctx, request.Link.Link, string(request.Path))
	})
}

func (s *Server) share(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[pathRequest](s, w, r)
	if err != nil {
		return err
	}
	link, err := s.client.Share(r.Context(), string(request.Path))
	if err != nil {
		return err
	}
	return reply(w, linkReply{linkText{link}})
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) error {
	status, err := s.client.Status(r.Context())
	if err != nil {
		return err
	}
	return reply(w, status)
}

func (s *Server) counters(w http.ResponseWriter, r *http.Request) error {
	status, err := s.client.Counters(r.Context())
	if err != nil {
		return err
	}
	return reply(w, status)
}

// lines starts a reply of JSON lines.
func lines(w http.ResponseWriter) *json.Encoder {
	stream(w, "application/jsonl")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder
}

func (s *Server) shares(w http.ResponseWriter, r *http.Request) error {
	encoder := lines(w)
	return s.client.Shares(r.Context(), func(share messages.SharedLink) error {
		return encoder.Encode(shareLine{linkText{share.Link}, Text(share.Path), Text(share.Name)})
	})
}

func (s *Server) blocks(w http.ResponseWriter, r *http.Request) error {
	encoder := lines(w)
	return s.client.Blocks(r.Context(), func(cid messages.CID) error {
		return encoder.Encode(cidLine{cid.String()})
	})
}

func (s *Server) block(w http.ResponseWriter, r *http.Request) error {
	cid, err := messages.ParseCID(r.PathValue("cid"))
	if err != nil {
		return messages.Errorf(messages.CodeInvalid, "%v", err)
	}
	data, err := s.client.Block(r.Context(), cid)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/vnd.ipld.raw")
	_, err = w.Write(data)
	return err
}

func (s *Server) verify(w http.ResponseWriter, r *http.Request) error {
	return work(w, func(progress func(node.Progress)) (node.VerifyReport, error) {
		return s.client.Verify(r.Context(), progress)
	})
}

func (s *Server) collect(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[collectRequest](s, w, r)
	if err != nil {
		return err
	}
	options := node.CollectOptions{
		DryRun: request.DryRun, Without: string(request.Without), Purge: request.Purge,
	}
	return work(w, func(progress func(node.Progress)) (node.CollectReport, error) {
		return s.client.Collect(r.Context(), options, progress)
	})
}

// work answers with lines of progress and one of the result or error.
func work[R any](w http.ResponseWriter, do func(func(node.Progress)) (R, error)) error {
	encoder := lines(w)
	controller := http.NewResponseController(w)
	result, err := do(func(p node.Progress) {
		// A client that went away ends the work through the request's context.
		_ = encoder.Encode(workLine[R]{Progress: &p})
		_ = controller.Flush()
	})
	if err != nil {
		return encoder.Encode(workLine[R]{Error: toError(err)})
	}
	return encoder.Encode(workLine[R]{Result: &result})
}
