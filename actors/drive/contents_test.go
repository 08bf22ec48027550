package drive_test

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

func claim(path string, inode uint64) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.ClaimFile{Call: c, Path: path, Inode: inode}
	}
}

func setContent(row uint64, content messages.Content) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.SetContent{
			Call: c, Row: row, Content: content, ModTime: time.Unix(1_000_000_000, 9).UTC(),
		}
	}
}

func (h *house) claim(path string) messages.FileClaimed {
	h.t.Helper()
	return h.must(claim(path, h.info(path).Inode)).(messages.FileClaimed)
}

// change gives the file at a path other bytes.
func (h *house) change(path string, data []byte) {
	h.t.Helper()
	row := h.claim(path).Row
	stream := h.openStream()
	defer h.closeStream(stream)
	content, err := h.content(stream, data)
	if err != nil {
		h.t.Fatalf("content: %v", err)
	}
	h.must(setContent(row, content))
}

// TestContentChanges goes over an empty file, a small one, one with a root and one
// inside of what was imported, and changes each to small and large content.
func TestContentChanges(t *testing.T) {
	h := newHouse(t, newSettings(80))
	h.must(makeEntry(messages.MakeEntry{Path: "/empty", Type: messages.TypeFile, Mode: 0o600}))
	h.mustPut(text(5000), "/large")
	h.must(mkdir("/tree", false))
	h.mustPut(text(60), "/tree/small")
	h.mustPut(text(4000), "/tree/large")
	link := h.must(share("/tree")).(messages.Shared).Link
	h.must(importLink(link, "/copy"))
	paths := []string{"/empty", "/large", "/copy/small", "/copy/large", "/tree/large"}
	for round, size := range []int{100, 3000, 0, 512, 513} {
		for _, path := range paths {
			before := h.info(path)
			want := text(size + round)
			h.change(path, want)
			after := h.info(path)
			if after.Inode != before.Inode || after.Mode != before.Mode ||
				after.Size != uint64(len(want)) || after.ModTime.Unix() != 1_000_000_000 {
				t.Errorf("%s: got %+v, was %+v", path, after, before)
			}
		}
		h.crash()
		for _, path := range paths {
			if got := h.cat(messages.Target{Path: path}); !bytes.Equal(got, text(size+round)) {
				t.Errorf("%s: %d bytes after a power cut, want %d", path, len(got), size+round)
			}
		}
		h.client.Must("store", func(c messages.Call) messages.Command {
			return messages.Collect{Call: c}
		})
	}
	for path, want := range map[string][]byte{"small": text(60), "large": text(4000)} {
		if got := h.cat(messages.Target{Link: &link, Path: path}); !bytes.Equal(got, want) {
			t.Errorf("what was shared as %s has changed", path)
		}
	}
	h.stop()
}

// What was claimed stays the same file under another name, and none when it is
// removed. Nothing is left of its content then.
func TestClaimedFilesAreMovedAndRemoved(t *testing.T) {
	h := newHouse(t, newSettings(81))
	h.mustPut(text(3000), "/file")
	h.must(mkdir("/d", false))
	row := h.claim("/file").Row
	small := messages.Content{Size: 3, Inline: []byte("new")}
	h.must(rename("/file", "/d/moved", false))
	h.must(setContent(row, small))
	if got := h.cat(messages.Target{Path: "/d/moved"}); string(got) != "new" {
		t.Errorf("got %q", got)
	}
	h.must(remove("/d", true))
	h.crash() // so that it is cleaned away
	if err := h.world.Run(time.Second); err != nil {
		t.Fatal(err)
	}
	h.refused(messages.CodeNotFound, setContent(row, small))
	rows, _, err := h.index.Scan(port.TableInline, nil, nil, 10)
	if err != nil || len(rows) > 0 {
		t.Errorf("%d rows of content are left, %v", len(rows), err)
	}
	h.stop()
}

func TestContentIsRefused(t *testing.T) {
	h := newHouse(t, newSettings(82))
	h.mustPut(text(100), "/file")
	h.must(mkdir("/d", false))
	h.refused(messages.CodeIsDirectory, claim("/d", h.info("/d").Inode))
	h.refused(messages.CodeNotFound, claim("/file", h.info("/d").Inode))
	h.refused(messages.CodeNotFound, claim("/none", 5))
	row := h.claim("/file").Row
	for what, content := range map[string]messages.Content{
		"more inline than there may be": {Size: 600, Inline: text(600)},
		"another size than is inline":   {Size: 5, Inline: text(6)},
		"a size and nothing":            {Size: 5},
	} {
		if _, err := h.result(setContent(row, content)); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	h.refused(messages.CodeInvalid, setContent(1, messages.Content{}))
	if got := h.cat(messages.Target{Path: "/file"}); !bytes.Equal(got, text(100)) {
		t.Errorf("the file has %d other bytes", len(got))
	}
	h.stop()
}

// changeFile changes content as a mount does.
func (m *machine) changeFile(rt *rapid.T) {
	path := m.path("path")
	there, code := m.model.find(splitNames(path))
	var number uint64 = 1
	switch {
	case code != 0:
	case there.isDir():
		code = messages.CodeIsDirectory
	case there.kind != messages.TypeFile:
		code = messages.CodeInvalid
	}
	if there != nil {
		number = m.info(path).Inode
	}
	data := m.bytes("size")
	reply, err := m.result(claim(path, number))
	m.agree("claim "+path, err, code)
	if err != nil {
		return
	}
	stream := m.openStream()
	defer m.closeStream(stream)
	content, err := m.content(stream, data)
	if err == nil {
		_, err = m.result(setContent(reply.(messages.FileClaimed).Row, content))
	}
	m.agree("content of "+path, err, 0)
	changed := *there
	changed.data = data
	dir, name, _ := m.model.parent(splitNames(path))
	dir.entries[name] = &changed
}
