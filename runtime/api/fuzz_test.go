package api

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// FuzzAPIRequest sends anything to any route. Nothing panics; whatever is
// refused is refused with an error in JSON; and no error tells a link that
// the request held.
func FuzzAPIRequest(f *testing.F) {
	link, err := format.FormatLink(linkOf("/canary"))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []struct{ method, target, body string }{
		{"GET", "/v1/version", ""},
		{"PUT", "/v1/file?path=/a&name=a&mode=644&mtime=2026-01-02T03:04:05Z&replace=true", "data"},
		{"PUT", "/v1/tree?path=/t", ""},
		{"POST", "/v1/tree/read", `{"path":"/"}`},
		{"POST", "/v1/open", `{"path":"/a"}`},
		{"POST", "/v1/read", `{"handle":"x","offset":-1,"length":9}`},
		{"POST", "/v1/close", `{"handle":"x"}`},
		{"POST", "/v1/stat", `{"link":"` + link + `","path":{"base64":"/w=="}}`},
		{"POST", "/v1/list", `{"path":"/","after":"a","limit":-5}`},
		{"POST", "/v1/mkdir", `{"path":"/d","parents":true}`},
		{"POST", "/v1/rename", `{"from":"/a","to":"/b","replace":true}`},
		{"POST", "/v1/remove", `{"path":"/a","recursive":true}`},
		{"POST", "/v1/share", `{"path":"/a"}`},
		{"GET", "/v1/shares", ""},
		{"POST", "/v1/unshare", `{"link":"` + link + `"}`},
		{"POST", "/v1/import", `{"link":"` + link + `x","path":"/a"}`},
		{"GET", "/v1/status", ""},
		{"GET", "/v1/counters", ""},
		{"POST", "/v1/verify", `{}`},
		{"POST", "/v1/collect", `{"dryRun":true,"without":"/a","purge":false}`},
		{"GET", "/v1/blocks", ""},
		{"POST", "/v1/replicas", `{"path":"/a"}`},
		{"POST", "/v1/spread", `{"target":{"path":"/a"},"others":2}`},
		{"GET", "/v1/block/" + messages.CID{1}.String(), ""},
		{"DELETE", "/v1/../v1//file", "{}"},
	} {
		f.Add(seed.method, seed.target, []byte(seed.body))
	}
	f.Fuzz(func(t *testing.T, method, target string, body []byte) {
		parsed, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			t.Skip("the server of net/http lets no such request through")
		}
		r := httptest.NewRequest("GET", "/", bytes.NewReader(body)).WithContext(t.Context())
		r.Method, r.URL, r.RequestURI = method, parsed, target
		fake := newFakeClient()
		fake.files["/a"] = []byte("content")
		s := NewServer(fake, Options{RequestBytesMax: 4096})
		recorder := httptest.NewRecorder()
		s.http.Handler.ServeHTTP(recorder, r)
		s.handles.closeAll()
		if open := fake.opened(); open != 0 {
			t.Errorf("%d files stay open", open)
		}
		if recorder.Code < 400 {
			return
		}
		var reply struct{ Error *errorJSON }
		if err := json.Unmarshal(recorder.Body.Bytes(), &reply); err != nil || reply.Error == nil ||
			reply.Error.Text == "" {
			t.Fatalf("status %d without a JSON error: %q", recorder.Code, recorder.Body)
		}
		if strings.Contains(recorder.Body.String(), link[:len(link)/2]) {
			t.Error("an error tells a link")
		}
	})
}
