package api

import (
	"archive/tar"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// putOptions reads what a PUT says in its URL: name, path, replace, mode
// (octal) and mtime (RFC 3339). All may be left out, and nothing else may be
// there: a misspelt path would store a file without a name.
func putOptions(r *http.Request) (node.PutOptions, error) {
	options := node.PutOptions{
		Attributes: messages.Attributes{Mode: 0o644, ModTime: time.Now().UTC()},
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return options, messages.Errorf(messages.CodeInvalid, "the query cannot be read")
	}
	for key, values := range query {
		if !slices.Contains([]string{"name", "path", "replace", "mode", "mtime"}, key) ||
			len(values) > 1 {
			return options, messages.Errorf(messages.CodeInvalid,
				"the query has name, path, replace, mode and mtime, each once")
		}
	}
	options.Name, options.Place.Path = query.Get("name"), query.Get("path")
	switch query.Get("replace") {
	case "", "false":
	case "true":
		options.Place.Replace = true
	default:
		return options, messages.Errorf(messages.CodeInvalid, "replace is true or false")
	}
	if text := query.Get("mode"); text != "" {
		mode, err := strconv.ParseUint(text, 8, 12)
		if err != nil {
			return options, messages.Errorf(messages.CodeInvalid, "mode is octal, up to 7777")
		}
		options.Attributes.Mode = uint32(mode)
	}
	if text := query.Get("mtime"); text != "" {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return options, messages.Errorf(messages.CodeInvalid, "mtime is a time as in RFC 3339")
		}
		options.Attributes.ModTime = at.UTC()
	}
	return options, nil
}

func (s *Server) putFile(w http.ResponseWriter, r *http.Request) error {
	options, err := putOptions(r)
	if err != nil {
		return err
	}
	link, err := s.client.PutFile(r.Context(), r.Body, options)
	if err != nil {
		return bodyError(err)
	}
	return reply(w, linkReply{linkText{link}})
}

func (s *Server) putTree(w http.ResponseWriter, r *http.Request) error {
	options, err := putOptions(r)
	if err != nil {
		return err
	}
	link, err := s.client.PutTree(r.Context(), tarSource{tar.NewReader(r.Body)}, options)
	if err != nil {
		return bodyError(err)
	}
	return reply(w, linkReply{linkText{link}})
}

// bodyError words the error of a sender that went away, or that sent no tar.
func bodyError(err error) error {
	if errors.Is(err, tar.ErrHeader) {
		return messages.Errorf(messages.CodeInvalid, "the body is no tar stream")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &messages.Error{
			Code: messages.CodeCanceled, Text: "the sender stopped before the end", Err: err,
		}
	}
	return err
}

func (s *Server) open(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[targetJSON](s, w, r)
	if err != nil {
		return err
	}
	file, err := s.client.Open(r.Context(), request.target())
	if err != nil {
		return err
	}
	handle, err := s.handles.add(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	return reply(w, openReply{Handle: handle, Info: toInfo(file.Info())})
}

func (s *Server) read(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[readRequest](s, w, r)
	if err != nil {
		return err
	}
	file, done, err := s.handles.use(request.Handle)
	if err != nil {
		return err
	}
	defer done()
	stream(w, "application/octet-stream")
	_, err = file.CopyTo(r.Context(), w, request.Offset, request.Length)
	return err
}

func (s *Server) closeHandle(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[readRequest](s, w, r)
	if err != nil {
		return err
	}
	s.handles.remove(request.Handle)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) readTree(w http.ResponseWriter, r *http.Request) error {
	request, err := decode[targetJSON](s, w, r)
	if err != nil {
		return err
	}
	stream(w, "application/x-tar")
	sink := tarSink{tar.NewWriter(w)}
	if err := s.client.ReadTree(r.Context(), request.target(), sink); err != nil {
		return err
	}
	return sink.w.Close()
}
