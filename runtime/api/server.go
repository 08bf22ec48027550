package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/shell"
)

// Options bound a [Server].
type Options struct {
	ConnectionsMax  int           // open connections; more wait to be accepted
	RequestBytesMax int64         // of a JSON request
	HandlesMax      int           // files open over the API
	HandleIdleMax   time.Duration // an unused open file is closed after this
	Log             *slog.Logger  // nil discards
	// Mount mounts the drive on a folder, with options as mount(8) has them.
	// nil: this server cannot.
	Mount func(dir, options string) error
}

// EnsureDefaults replaces zero fields by defaults.
func (o *Options) EnsureDefaults() {
	if o.ConnectionsMax <= 0 {
		o.ConnectionsMax = 256
	}
	if o.RequestBytesMax <= 0 {
		o.RequestBytesMax = 1 << 20
	}
	if o.HandlesMax <= 0 {
		o.HandlesMax = 1024
	}
	if o.HandleIdleMax <= 0 {
		o.HandleIdleMax = 10 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

const (
	// headerTimeout bounds the time a client takes to send a request's header.
	headerTimeout = 30 * time.Second
	// idleTimeout is how long a connection may lie idle: it keeps one of
	// ConnectionsMax places.
	idleTimeout = 2 * time.Minute
)

// Server serves a client over a unix socket.
type Server struct {
	client  node.Client
	options Options
	handles *handles
	http    *http.Server
}

// NewServer makes a server of client, which stays the caller's to close.
func NewServer(client node.Client, options Options) *Server {
	options.EnsureDefaults()
	s := &Server{
		client: client, options: options,
		handles: newHandles(options.HandlesMax, options.HandleIdleMax),
	}
	s.http = &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(options.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// Listen makes the socket at path, with mode 0600 in a folder of mode 0700.
// A socket that a dead daemon left there is replaced: the caller holds the
// repository's lock, so no live one can be.
func Listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	info, err := os.Lstat(path)
	if err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("api: %s is there and no socket", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("api: %w", err)
		}
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("api: %w", err), listener.Close())
	}
	return listener, nil
}

// Serve answers requests until Shutdown.
func (s *Server) Serve(listener net.Listener) error {
	err := s.http.Serve(newLimitListener(listener, s.options.ConnectionsMax))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting, lets requests under way end until ctx does, then
// cuts them off.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	s.handles.closeAll()
	return err
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(http.ResponseWriter, *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			tracked := &trackingWriter{ResponseWriter: w}
			defer s.recoverPanic()
			if err := f(tracked, r); err != nil {
				s.fail(tracked, r, err)
			}
		})
	}
	handle("GET /v1/version", s.version)
	handle("PUT /v1/file", s.putFile)
	handle("PUT /v1/tree", s.putTree)
	handle("POST /v1/tree/read", s.readTree)
	handle("POST /v1/open", s.open)
	handle("POST /v1/read", s.read)
	handle("POST /v1/close", s.closeHandle)
	handle("POST /v1/stat", s.stat)
	handle("POST /v1/list", s.list)
	handle("POST /v1/mkdir", s.mkdir)
	handle("POST /v1/rename", s.rename)
	handle("POST /v1/remove", s.remove)
	handle("POST /v1/share", s.share)
	handle("GET /v1/shares", s.shares)
	handle("POST /v1/unshare", s.unshare)
	handle("POST /v1/import", s.importLink)
	handle("GET /v1/status", s.status)
	handle("GET /v1/counters", s.counters)
	handle("POST /v1/verify", s.verify)
	handle("POST /v1/collect", s.collect)
	handle("GET /v1/blocks", s.blocks)
	handle("GET /v1/block/{cid}", s.block)
	handle("GET /v1/network", s.network)
	handle("GET /v1/network/peers", s.peers)
	handle("POST /v1/network/connect", s.connect)
	handle("POST /v1/network/invite", s.invite)
	handle("POST /v1/replicas", s.replicas)
	handle("POST /v1/spread", s.spread)
	handle("POST /v1/mount", s.mount)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			s.refuse(w, r, mux)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// refuse answers a request that no route takes as every error is answered,
// with the status and headers that the mux has for it.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, mux *http.ServeMux) {
	verdict := &statusWriter{header: w.Header(), status: http.StatusNotFound}
	mux.ServeHTTP(verdict, r)
	s.options.Log.Debug("Request refused", "status", verdict.status)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(verdict.status)
	_ = json.NewEncoder(w).Encode(map[string]*errorJSON{"error": {
		Code: messages.CodeInvalid, Text: "no such request: " + http.StatusText(verdict.status),
	}})
}

// statusWriter takes the status and headers of a reply and drops its body.
type statusWriter struct {
	header http.Header
	status int
}

func (w *statusWriter) Header() http.Header         { return w.header }
func (w *statusWriter) WriteHeader(status int)      { w.status = status }
func (w *statusWriter) Write(p []byte) (int, error) { return len(p), nil }

// recoverPanic turns a panic into a cut connection and a log line of our own:
// net/http would log the value, which may hold a link.
func (s *Server) recoverPanic() {
	value := recover()
	if value == nil {
		return
	}
	text, at := shell.DescribePanic(value)
	s.options.Log.Error("Request panicked", "panic", text, "at", at)
	panic(http.ErrAbortHandler)
}

// trackingWriter remembers whether the reply has begun.
type trackingWriter struct {
	http.ResponseWriter
	begun bool
}

func (w *trackingWriter) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *trackingWriter) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush.
func (w *trackingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// fail answers with an error: as the reply, or as the trailer of a stream
// that has begun.
func (s *Server) fail(w *trackingWriter, r *http.Request, err error) {
	s.options.Log.Debug("Request failed", "route", r.Pattern, "status", httpStatus(err))
	switch {
	case w.begun && w.Header().Get("Trailer") == errorTrailer:
		w.Header().Set(errorTrailer, trailerText(err))
		return
	case w.begun: // cut it off, so that nobody takes it for whole
		panic(http.ErrAbortHandler)
	}
	w.Header().Del("Trailer")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(httpStatus(err))
	_ = json.NewEncoder(w).Encode(map[string]*errorJSON{"error": toError(err)})
}

// decode reads a JSON request within the bound.
func decode[R any](s *Server, w http.ResponseWriter, r *http.Request) (R, error) {
	var request R
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, s.options.RequestBytesMax))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return request, badRequest(err, plainJSONError(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return request, badRequest(err, "more than one value")
	}
	return request, nil
}

// badRequest says what is wrong with a request, without quoting it.
func badRequest(err error, what string) *messages.Error {
	wrong := &messages.Error{Code: messages.CodeInvalid, Text: "bad request: " + what}
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		wrong.Text = "bad request"
		wrong.Err = size // for its status
	}
	return wrong
}

// plainJSONError words a decoding error without quoting the input, which may
// hold a link.
func plainJSONError(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("no JSON at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Sprintf("wrong type of value for %q", kind.Field)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return "a field is unknown or makes no sense"
}

// stream begins a reply that may fail after it began. Its failure is told in
// a trailer, which has to be announced BEFORE the first byte: a short reply
// would be sent without.
func stream(w http.ResponseWriter, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Trailer", errorTrailer)
}

func reply(w http.ResponseWriter, value any) error {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
