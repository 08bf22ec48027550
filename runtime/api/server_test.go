package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds waits that never last unless something hangs.
const patience = time.Minute

// newServed starts a server of a client on a socket of its own.
func newServed(t *testing.T, client node.Client, options Options) (socket string, s *Server) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	listener, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	s = NewServer(client, options)
	served := make(chan error, 1)
	go func() { served <- s.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Shutdown(ctx) // a test may have left a request hanging
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return socket, s
}

func newDialed(t *testing.T, client node.Client, options Options) (*Client, *Server) {
	t.Helper()
	socket, s := newServed(t, client, options)
	dialed, err := Dial(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dialed.Close() })
	return dialed, s
}

// request asks a server's routes without a network.
func request(
	client node.Client, options Options, method, target string, body io.Reader,
) *httptest.ResponseRecorder {
	s := NewServer(client, options)
	defer s.handles.closeAll()
	recorder := httptest.NewRecorder()
	s.http.Handler.ServeHTTP(recorder, httptest.NewRequest(method, target, body))
	return recorder
}

// errorOf decodes a reply that must be an error in JSON.
func errorOf(t *testing.T, recorder *httptest.ResponseRecorder) errorJSON {
	t.Helper()
	var reply struct{ Error *errorJSON }
	if err := json.Unmarshal(recorder.Body.Bytes(), &reply); err != nil || reply.Error == nil {
		t.Fatalf("status %d without a JSON error: %q", recorder.Code, recorder.Body)
	}
	if kind := recorder.Header().Get("Content-Type"); kind != "application/json" {
		t.Errorf("an error of type %q", kind)
	}
	if reply.Error.Text == "" || reply.Error.Code == 0 {
		t.Errorf("an error without words or code: %+v", reply.Error)
	}
	return *reply.Error
}

func TestBadRequests(t *testing.T) {
	const secret = "noisefs:CanaryLinkThatMustNotBeQuotedBack11111"
	link := `"` + secret + `"`
	for _, c := range []struct {
		name, method, target, body string
		status                     int
	}{
		{"NoRoute", "GET", "/", "", 404},
		{"NoSuchVersion", "GET", "/v2/status", "", 404},
		{"WrongMethod", "GET", "/v1/stat", "", 405},
		{"NoBody", "POST", "/v1/stat", "", 400},
		{"NoJSON", "POST", "/v1/stat", secret, 400},
		{"TornJSON", "POST", "/v1/stat", `{"path": "/` + secret, 400},
		{"TwoValues", "POST", "/v1/stat", `{"path":"/"} {}`, 400},
		{"TrailingText", "POST", "/v1/stat", `{"path":"/"} ` + secret, 400},
		{"AnArray", "POST", "/v1/stat", `["/"]`, 400},
		{"UnknownField", "POST", "/v1/stat", `{"path":"/","` + secret + `":1}`, 400},
		{"WrongType", "POST", "/v1/stat", `{"path":1}`, 400},
		{"WrongTypeOfLink", "POST", "/v1/stat", `{"link":{"path":` + link + `}}`, 400},
		{"NoLink", "POST", "/v1/stat", `{"link":` + link + `}`, 400},
		{"MissingLink", "POST", "/v1/import", `{"path":"/x"}`, 400},
		{"MissingLinkToo", "POST", "/v1/unshare", `{}`, 400},
		{"NullLink", "POST", "/v1/unshare", `{"link":null}`, 400},
		{"BadBase64", "POST", "/v1/stat", `{"path":{"base64":"%%"}}`, 400},
		{"UnknownFieldOfName", "POST", "/v1/stat", `{"path":{"base65":"aa"}}`, 400},
		{"Huge", "POST", "/v1/stat", `{"path":"` + strings.Repeat("x", 2<<20) + `"}`, 413},
		{"HugeSpace", "POST", "/v1/stat", `{"path":"/"}` + strings.Repeat(" ", 2<<20), 413},
		{"DeepJSON", "POST", "/v1/stat", strings.Repeat("[", 100_000), 400},
		{"NotThere", "POST", "/v1/stat", `{"path":"/nothing"}`, 404},
		{"BadCID", "GET", "/v1/block/" + secret, "", 400},
		{"NoSuchBlock", "GET", "/v1/block/" + messages.CID{9}.String(), "", 404},
		{"BadMode", "PUT", "/v1/file?mode=99", "", 400},
		{"BadModeTooLarge", "PUT", "/v1/file?mode=17777", "", 400},
		{"BadTime", "PUT", "/v1/file?mtime=yesterday", "", 400},
		{"BadReplace", "PUT", "/v1/file?replace=maybe", "", 400},
		{"UnknownParameter", "PUT", "/v1/file?pth=/x", "", 400},
		{"TornQuery", "PUT", "/v1/file?path=%zz", "", 400},
		{"NoTar", "PUT", "/v1/tree?path=/x", strings.Repeat(secret, 30), 400},
		{"NoHandle", "POST", "/v1/read", `{"handle":"nothing","offset":0,"length":-1}`, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := newFakeClient()
			got := request(client, Options{}, c.method, c.target, strings.NewReader(c.body))
			if got.Code != c.status {
				t.Errorf("got status %d, want %d: %s", got.Code, c.status, got.Body)
			}
			errorOf(t, got)
			if strings.Contains(got.Body.String(), "CanaryLink") {
				t.Errorf("the error quotes the request: %s", got.Body)
			}
			if len(client.files) > 0 {
				t.Errorf("a bad request changed something: %q", client.files)
			}
		})
	}
}

func TestListenRefusesWhatIsNoSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if listener, err := Listen(path); err == nil {
		listener.Close()
		t.Fatal("a file was taken for a stale socket")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "kept" {
		t.Errorf("the file is now %q, %v", text, err)
	}
}

func TestSocketIsTheUsersOwn(t *testing.T) {
	socket, _ := newServed(t, newFakeClient(), Options{})
	info, err := os.Stat(socket)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("got mode %o, want 600", got)
	}
}

func TestDialWithoutDaemon(t *testing.T) {
	dir := t.TempDir()
	if _, err := Dial(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("without a socket: got %v", err)
	}
	stale := filepath.Join(dir, "stale")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale})
	if err != nil {
		t.Fatal(err)
	}
	listener.SetUnlinkOnClose(false)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(t.Context(), stale); !errors.Is(err, ErrNoDaemon) {
		t.Errorf("with a stale socket: got %v", err)
	}
}

// A daemon that is busy is a daemon: whoever took it for none would try to
// open the repository itself.
func TestDialWaitsForBusyDaemon(t *testing.T) {
	socket, _ := newServed(t, newFakeClient(), Options{ConnectionsMax: 1})
	first, err := Dial(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, socket); err == nil || errors.Is(err, ErrNoDaemon) {
		t.Errorf("a busy daemon was taken for none: %v", err)
	}
	_ = first.Close()
	second, err := Dial(t.Context(), socket)
	if err != nil {
		t.Fatalf("the place did not come back: %v", err)
	}
	_ = second.Close()
}

func TestOpenFilesAreBounded(t *testing.T) {
	fake := newFakeClient()
	fake.files["/a"] = []byte("content")
	client, s := newDialed(t, fake, Options{HandlesMax: 2})
	target := messages.Target{Path: "/a"}
	var open []node.File
	for range 2 {
		file, err := client.Open(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, file)
	}
	_, err := client.Open(t.Context(), target)
	if !errors.Is(err, &messages.Error{Code: messages.CodeOverload}) {
		var coded *messages.Error
		if !errors.As(err, &coded) || coded.Code != messages.CodeOverload {
			t.Errorf("a third file: got %v, want too busy", err)
		}
	}
	if got := fake.opened(); got != 2 {
		t.Errorf("%d files are open, want 2: the refused one leaks", got)
	}
	if err := open[0].Close(); err != nil {
		t.Error(err)
	}
	if _, err := client.Open(t.Context(), target); err != nil {
		t.Errorf("after a close: %v", err)
	}
	s.handles.closeAll()
	if got := fake.opened(); got != 0 {
		t.Errorf("%d files are open after all were closed", got)
	}
}

func TestIdleFilesAreClosed(t *testing.T) {
	fake := newFakeClient()
	fake.files["/a"] = []byte("content")
	client, _ := newDialed(t, fake, Options{HandleIdleMax: 10 * time.Millisecond})
	file, err := client.Open(t.Context(), messages.Target{Path: "/a"})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); fake.opened() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a file whose client went away is never closed")
		}
	}
	var coded *messages.Error
	_, err = file.CopyTo(t.Context(), io.Discard, 0, -1)
	if !errors.As(err, &coded) || coded.Code != messages.CodeNotFound {
		t.Errorf("reading it: got %v, want that it is not open", err)
	}
}

// A file that is closed while it is read is read to its end, then closed.
func TestCloseWhileReading(t *testing.T) {
	fake := newFakeClient()
	fake.files["/a"] = []byte("content")
	client, _ := newDialed(t, fake, Options{})
	file, err := client.Open(t.Context(), messages.Target{Path: "/a"})
	if err != nil {
		t.Fatal(err)
	}
	fake.whileReading = func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
		if fake.opened() != 1 {
			t.Error("the file was closed under its reader")
		}
	}
	var got strings.Builder
	if _, err := file.CopyTo(t.Context(), &got, 0, -1); err != nil || got.String() != "content" {
		t.Errorf("got %q, %v", got.String(), err)
	}
	for deadline := time.Now().Add(patience); fake.opened() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the file is never closed")
		}
	}
}

func TestShutdownClosesFiles(t *testing.T) {
	fake := newFakeClient()
	fake.files["/a"] = nil
	client, s := newDialed(t, fake, Options{})
	if _, err := client.Open(t.Context(), messages.Target{Path: "/a"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if got := fake.opened(); got != 0 {
		t.Errorf("%d files are open after shutdown", got)
	}
	if _, err := client.Status(t.Context()); err == nil {
		t.Error("a stopped server answers")
	}
}

func TestStatusOfEveryCode(t *testing.T) {
	for code := messages.CodeInternal; code <= messages.CodeUnavailable; code++ {
		err := messages.Errorf(code, "x")
		if got := httpStatus(err); got < 400 || got > 599 || http.StatusText(got) == "" {
			t.Errorf("%v: status %d", code, got)
		}
		back := toError(err).err()
		var coded *messages.Error
		if !errors.As(back, &coded) || coded.Code != code {
			t.Errorf("%v comes back as %v", code, back)
		}
	}
}
