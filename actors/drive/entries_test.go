package drive_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

func setAttributes(path string, number uint64, mode uint32, at time.Time) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.SetAttributes{Call: c, Path: path, Inode: number, Mode: &mode, ModTime: &at}
	}
}

func makeEntry(m messages.MakeEntry) shell.Make {
	return func(c messages.Call) messages.Command {
		m.Call = c
		return m
	}
}

func (h *house) info(path string) messages.Info {
	h.t.Helper()
	return h.must(stat(path)).(messages.Statted).Info
}

func TestEntriesAreMadeWithTheirAttributes(t *testing.T) {
	h := newHouse(t, newSettings(70))
	for path, m := range map[string]messages.MakeEntry{
		"/file": {Type: messages.TypeFile, Mode: 0o600},
		"/dir":  {Type: messages.TypeDirectory, Mode: 0o1777},
		"/link": {Type: messages.TypeSymlink, Mode: 0o777, Target: "../anywhere"},
	} {
		m.Path = path
		h.must(makeEntry(m))
		h.refused(messages.CodeExists, makeEntry(m))
		got := h.info(path)
		if got.Type != m.Type || got.Mode != m.Mode || got.Target != m.Target || got.Size != 0 {
			t.Errorf("%s: got %+v", path, got)
		}
	}
	h.refused(messages.CodeNotFound, makeEntry(messages.MakeEntry{
		Path: "/none/file", Type: messages.TypeFile,
	}))
	h.refused(messages.CodeInvalid, makeEntry(messages.MakeEntry{
		Path: "/bad", Type: messages.TypeSymlink,
	}))
	h.refused(messages.CodeInvalid, makeEntry(messages.MakeEntry{Path: "/bad"}))
	if got := h.cat(messages.Target{Path: "/file"}); len(got) != 0 {
		t.Errorf("an empty file has %d bytes", len(got))
	}
	h.stop()
}

// TestAttributesStayOverPowerCuts goes over a file of its own and one inside of
// what was imported.
func TestAttributesStayOverPowerCuts(t *testing.T) {
	h := newHouse(t, newSettings(71))
	h.must(mkdir("/tree", false))
	h.mustPut(text(3000), "/tree/file")
	link := h.must(share("/tree")).(messages.Shared).Link
	h.must(importLink(link, "/copy"))
	at := time.Unix(1_000_000_000, 5).UTC()
	for _, path := range []string{"/", "/tree", "/tree/file", "/copy", "/copy/file"} {
		before := h.info(path)
		h.refused(messages.CodeNotFound, setAttributes(path, before.Inode+1, 0, at))
		h.must(setAttributes(path, before.Inode, 0o4711, at))
		h.crash()
		after := h.info(path)
		if after.Inode != before.Inode || after.Mode != 0o4711 || !after.ModTime.Equal(at) {
			t.Errorf("%s: got %+v, was number %d", path, after, before.Inode)
		}
	}
	if got := h.cat(messages.Target{Path: "/copy/file"}); !bytes.Equal(got, text(3000)) {
		t.Errorf("%d other bytes", len(got))
	}
	if shared := h.must(statTarget(messages.Target{Link: &link, Path: "file"})); shared.(messages.Statted).
		Info.Mode == 0o4711 {
		t.Error("what was shared has changed")
	}
	h.stop()
}

func TestDirectoriesReplaceEmptyOnes(t *testing.T) {
	h := newHouse(t, newSettings(72))
	h.must(mkdir("/full/in", true))
	h.must(mkdir("/empty", false))
	h.refused(messages.CodeExists, rename("/full", "/empty", false))
	h.refused(messages.CodeNotEmpty, rename("/empty", "/full", true))
	h.must(rename("/full", "/empty", true))
	h.refused(messages.CodeNotFound, stat("/full"))
	h.must(stat("/empty/in"))
	h.stop()
}
