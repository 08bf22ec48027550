package drive_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

func hardLink(path string, inode uint64, to string) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.HardLink{Call: c, Path: path, Inode: inode, To: to}
	}
}

func exchange(from, to string) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.Rename{Call: c, From: from, To: to, Exchange: true}
	}
}

func setXattr(path string, inode uint64, change messages.SetXattr) shell.Make {
	return func(c messages.Call) messages.Command {
		change.Call, change.Path, change.Inode = c, path, inode
		return change
	}
}

func removeOpen(path string) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.Remove{Call: c, Path: path, KeepOpen: true}
	}
}

func (h *house) collect() {
	h.t.Helper()
	h.client.Must("store", func(c messages.Call) messages.Command {
		return messages.Collect{Call: c}
	})
}

// leftOver counts the rows that belong to inodes beside their own.
func (h *house) leftOver() int {
	h.t.Helper()
	count := 0
	for _, table := range []port.Table{port.TableInline, port.TableXattrs} {
		rows, _, err := h.index.Scan(table, nil, nil, 100)
		if err != nil {
			h.t.Fatalf("scan: %v", err)
		}
		count += len(rows)
	}
	return count
}

// A file with several names is one file, until the last of them is gone.
func TestHardLinks(t *testing.T) {
	h := newHouse(t, newSettings(90))
	h.must(mkdir("/tree", false))
	h.mustPut(text(3000), "/tree/file")
	link := h.must(share("/tree")).(messages.Shared).Link
	h.must(importLink(link, "/copy"))
	number := h.info("/copy/file").Inode
	h.must(hardLink("/copy/file", number, "/other"))
	h.refused(messages.CodeExists, hardLink("/copy/file", number, "/other"))
	h.refused(messages.CodeNotFound, hardLink("/copy/file", number+1, "/another"))
	h.refused(messages.CodeIsDirectory, hardLink("/copy", h.info("/copy").Inode, "/another"))
	h.change("/other", text(40))
	h.crash()
	for _, path := range []string{"/copy/file", "/other"} {
		got := h.info(path)
		if got.Inode != number || got.Links != 2 || got.Size != 40 {
			t.Errorf("%s: got %+v, want number %d", path, got, number)
		}
	}
	h.must(rename("/other", "/copy/file", true)) // two names of one file: nothing happens
	h.must(remove("/copy", true))
	h.crash()
	h.collect()
	if got := h.cat(messages.Target{Path: "/other"}); !bytes.Equal(got, text(40)) {
		t.Errorf("%d other bytes", len(got))
	}
	if got := h.info("/other").Links; got != 1 {
		t.Errorf("%d links, want 1", got)
	}
	h.must(remove("/other", false))
	if n := h.leftOver(); n > 0 {
		t.Errorf("%d rows are left", n)
	}
	h.stop()
}

func TestExchange(t *testing.T) {
	h := newHouse(t, newSettings(91))
	h.must(mkdir("/tree/in", true))
	h.mustPut(text(3000), "/tree/in/file")
	link := h.must(share("/tree")).(messages.Shared).Link
	h.must(importLink(link, "/copy"))
	h.mustPut(text(10), "/small")
	h.must(exchange("/copy/in", "/small"))
	h.must(exchange("/tree", "/tree"))
	h.refused(messages.CodeInvalid, exchange("/tree", "/tree/in"))
	h.refused(messages.CodeNotFound, exchange("/tree", "/none"))
	h.crash()
	for path, want := range map[string][]byte{"/copy/in": text(10), "/small/file": text(3000)} {
		if got := h.cat(messages.Target{Path: path}); !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes", path, len(got))
		}
	}
	h.stop()
}

// What only a mount keeps stays over power cuts and goes with the entry.
func TestPosixAttributes(t *testing.T) {
	h := newHouse(t, newSettings(92))
	owner := &messages.Owner{UID: 1000, GID: 50}
	h.must(makeEntry(messages.MakeEntry{
		Path: "/dir", Type: messages.TypeDirectory, Mode: 0o2775, Owner: owner,
	}))
	h.must(makeEntry(messages.MakeEntry{
		Path: "/dir/pipe", Type: messages.TypeFile, Mode: 0o600, Special: 0o010000,
		Owner: &messages.Owner{UID: 7, GID: 8},
	}))
	h.mustPut(text(60), "/dir/file")
	number := h.info("/dir/file").Inode
	uid, read := uint32(4_294_967_295), time.Unix(-5, 7).UTC()
	h.must(func(c messages.Call) messages.Command {
		return messages.SetAttributes{
			Call: c, Path: "/dir/file", Inode: number, UID: &uid, AccessTime: &read,
			Before: messages.Owner{UID: 1, GID: 2},
		}
	})
	set := func(name, value string) messages.SetXattr {
		return messages.SetXattr{Xattr: messages.Xattr{Name: name, Value: []byte(value)}}
	}
	h.must(setXattr("/dir/file", number, set("user.b", "two")))
	h.must(setXattr("/dir/file", number, set("user.a", "")))
	again := set("user.a", "x")
	again.Create = true
	h.refused(messages.CodeExists, setXattr("/dir/file", number, again))
	h.refused(messages.CodeNotFound, setXattr("/dir/file", number,
		messages.SetXattr{Xattr: messages.Xattr{Name: "user.c"}, Remove: true}))
	h.refused(messages.CodeNoSpace, setXattr("/dir/file", number,
		set("user.c", string(make([]byte, messages.XattrsMax)))))
	h.crash()
	pipe, file := h.info("/dir/pipe"), h.info("/dir/file")
	if pipe.Special != 0o010000 || *pipe.Owner != (messages.Owner{UID: 7, GID: 50}) {
		t.Errorf("the pipe is %+v of %+v", pipe, pipe.Owner)
	}
	if *file.Owner != (messages.Owner{UID: uid, GID: 2}) || !file.AccessTime.Equal(read) ||
		!file.ModTime.Equal(attributes("n").ModTime) || file.ChangeTime.IsZero() {
		t.Errorf("the file is %+v of %+v", file, file.Owner)
	}
	xattrs := h.must(func(c messages.Call) messages.Command {
		return messages.ReadXattrs{Call: c, Path: "/dir/file", Inode: number}
	}).(messages.XattrsRead).Xattrs
	if got := fmt.Sprintf("%s", xattrs); got != "[{user.a } {user.b two}]" {
		t.Errorf("got %s", got)
	}
	h.refused(messages.CodeInvalid, share("/dir/pipe"))
	link := h.must(share("/dir")).(messages.Shared).Link
	if got := h.names(messages.Target{Link: &link}, 5); len(got) != 1 || got[0].Name != "file" {
		t.Errorf("%d names were shared", len(got))
	}
	h.must(remove("/dir", true))
	h.crash()
	if err := h.world.Run(time.Second); err != nil {
		t.Fatal(err)
	}
	if n := h.leftOver(); n > 0 {
		t.Errorf("%d rows are left", n)
	}
	h.stop()
}

// A removed file that is open is whole until it is released, whatever a collector
// does, and gone after that, or after a restart.
func TestRemovedFilesAreKeptWhileTheyAreOpen(t *testing.T) {
	for _, restart := range []bool{false, true} {
		h := newHouse(t, newSettings(93))
		h.must(mkdir("/tree", false))
		h.mustPut(text(3000), "/tree/inside")
		link := h.must(share("/tree")).(messages.Shared).Link
		h.must(importLink(link, "/copy"))
		h.must(func(c messages.Call) messages.Command { return messages.Unshare{Call: c, Link: link} })
		h.must(remove("/tree", true))
		h.mustPut(text(5000), "/file")
		rows := map[uint64][]byte{
			h.must(removeOpen("/copy/inside")).(messages.NamespaceChanged).Kept: text(3000),
			h.must(removeOpen("/file")).(messages.NamespaceChanged).Kept:        text(5000),
		}
		h.refused(messages.CodeNotFound, stat("/file"))
		h.collect()
		for row, want := range rows {
			claimed := h.must(func(c messages.Call) messages.Command {
				return messages.ClaimFile{Call: c, Row: row}
			}).(messages.FileClaimed)
			if got := h.read(claimed.Content); !bytes.Equal(got, want) {
				t.Errorf("%d bytes, want %d", len(got), len(want))
			}
			h.must(setContent(row, messages.Content{Size: 3, Inline: []byte("new")}))
		}
		if restart {
			h.crash()
		} else {
			for row := range rows {
				h.must(func(c messages.Call) messages.Command {
					return messages.ReleaseFile{Call: c, Row: row}
				})
			}
		}
		if err := h.world.Run(time.Second); err != nil {
			t.Fatal(err)
		}
		for row := range rows {
			h.refused(messages.CodeNotFound, setContent(row, messages.Content{}))
		}
		if n := h.leftOver(); n > 0 {
			t.Errorf("%d rows are left", n)
		}
		h.stop()
	}
}
