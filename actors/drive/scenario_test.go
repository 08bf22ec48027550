package drive_test

import (
	"bytes"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

func text(n int) []byte { return bytes.Repeat([]byte("all work and no play. "), n/22+1)[:n] }

func TestStoreStatAndRead(t *testing.T) {
	h := newHouse(t, newSettings(1))
	for _, size := range []int{0, 1, 300, 512, 513, 1024, 5000, 40_000} {
		path := "/file"
		link, err := h.put(text(size), "suggested", messages.Place{Path: path, Replace: true})
		if err != nil {
			t.Fatalf("put %d bytes: %v", size, err)
		}
		statted := h.must(stat(path)).(messages.Statted)
		if statted.Info.Size != uint64(size) || statted.Info.Name != "file" {
			t.Errorf("stat says %d bytes, want %d", statted.Info.Size, size)
		}
		if statted.Info.Attributes != attributes("suggested") {
			t.Errorf("attributes are %+v", statted.Info.Attributes)
		}
		if got := h.read(statted.Content); !bytes.Equal(got, text(size)) {
			t.Errorf("%d bytes come back different", size)
		}
		if got := h.cat(messages.Target{Link: &link}); !bytes.Equal(got, text(size)) {
			t.Errorf("%d bytes come back different through the link", size)
		}
	}
	h.stop()
}

func TestRefusals(t *testing.T) {
	h := newHouse(t, newSettings(2))
	h.must(mkdir("/dir", false))
	h.mustPut(text(10), "/dir/secret")
	h.mustPut(text(10), "/secret")
	h.refused(messages.CodeExists, mkdir("/dir", false))
	h.refused(messages.CodeExists, mkdir("/secret", true))
	h.refused(messages.CodeExists, mkdir("/", false))
	h.refused(messages.CodeNotFound, mkdir("/secret1/b", false))
	h.refused(messages.CodeNotDirectory, mkdir("/secret/b", true))
	h.refused(messages.CodeInvalid, mkdir("/secret/..", true))
	h.refused(messages.CodeNotFound, stat("/secret1"))
	h.refused(messages.CodeNotDirectory, stat("/secret/x"))
	h.refused(messages.CodeNotDirectory, list(messages.Target{Path: "/secret"}, "", 1))
	h.refused(messages.CodeInvalid, list(messages.Target{Path: "/"}, "", 0))
	h.refused(messages.CodeInvalid, list(messages.Target{Path: "/"}, "", messages.ListMax+1))
	h.refused(messages.CodeNotEmpty, remove("/dir", false))
	h.refused(messages.CodeInvalid, remove("/", true))
	h.refused(messages.CodeNotFound, remove("/secret1", true))
	h.refused(messages.CodeInvalid, rename("/", "/x", false))
	h.refused(messages.CodeInvalid, rename("/dir", "/dir/sub", false))
	h.refused(messages.CodeExists, rename("/dir/secret", "/secret", false))
	h.refused(messages.CodeExists, rename("/dir", "/secret", true))
	h.refused(messages.CodeExists, rename("/secret", "/dir", true))
	h.refused(messages.CodeNotFound, rename("/secret1", "/x", true))
	h.refused(messages.CodeNotFound, rename("/secret", "/none/x", true))
	if _, err := h.put(nil, "n", messages.Place{Path: "/dir", Replace: true}); err == nil ||
		err.Code != messages.CodeExists {
		t.Errorf("a file on a directory: %v", err)
	}
	if _, err := h.put(nil, "n", messages.Place{Path: "/secret"}); err == nil ||
		err.Code != messages.CodeExists {
		t.Errorf("a file on a file: %v", err)
	}
	h.must(rename("/secret", "/secret", false))
	h.must(rename("/dir/secret", "/secret", true))
	h.must(remove("/dir", false))
	h.stop()
}
