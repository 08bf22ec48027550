package drive_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/drive"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim"
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

// TestLargeDirectory lists, changes and empties a directory that is several
// windows wide, over a base of many nodes.
func TestLargeDirectory(t *testing.T) {
	s := newSettings(3)
	s.drive.WindowMax = 16
	h := newHouse(t, s)
	root := newDirectory(0o755)
	for i := range 400 {
		root.entries[fmt.Sprintf("f%04d", i*2)] = &item{kind: messages.TypeFile, data: text(i % 70), mode: 0o644}
	}
	if err := actTree("/d", root).do(h); err != nil {
		t.Fatal(err)
	}
	m := newModel()
	m.root.entries["d"] = root
	for i := range 120 {
		for _, act := range []act{
			actPut(fmt.Sprintf("/d/f%04d", i*4+1), i%50), // between two of the base
			actRemove(fmt.Sprintf("/d/f%04d", i*6)),
		} {
			if err := act.do(h); err != nil {
				t.Fatalf("%s: %v", act.name, err)
			}
			act.model(m)
		}
	}
	for _, page := range []int{1, 7, 100, messages.ListMax} {
		var got []string
		for _, info := range h.names(messages.Target{Path: "/d"}, page) {
			got = append(got, info.Name)
		}
		if !slices.Equal(got, root.names()) {
			t.Errorf("pages of %d: %d names, want %d", page, len(got), len(root.names()))
		}
	}
	// Removing all but the last name leaves a long run of hidden names.
	names := root.names()
	for _, name := range names[:len(names)-1] {
		h.must(remove("/d/"+name, false))
	}
	h.refused(messages.CodeNotEmpty, remove("/d", false))
	if got := h.names(messages.Target{Path: "/d"}, 5); len(got) != 1 {
		t.Errorf("%d names are left, want 1", len(got))
	}
	h.must(remove("/d/"+names[len(names)-1], false))
	if got := h.names(messages.Target{Path: "/d"}, 5); len(got) != 0 {
		t.Errorf("%d names are left, want none", len(got))
	}
	h.must(remove("/d", false))
	h.stop()
}

// rows counts the rows that the drive has in the index.
func (h *house) rows() map[port.Table]int {
	h.t.Helper()
	count := map[port.Table]int{}
	scan := func(table port.Table, group []byte) [][]byte {
		rows, next, err := h.index.Scan(table, group, nil, 4096)
		if err != nil || next != nil {
			h.t.Fatalf("scan: %v", err)
		}
		count[table] += len(rows)
		var keys [][]byte
		for _, row := range rows {
			keys = append(keys, row.Key)
		}
		return keys
	}
	scan(port.TableRoots, nil)
	for number := range uint64(500) {
		scan(port.TableDentries, binary.BigEndian.AppendUint64(nil, number))
	}
	scan(port.TableInodes, nil)
	scan(port.TableSettings, []byte("drive/orphans"))
	return count
}

// TestRemovedDirectoriesLeaveNoRows removes a deep tree of changed
// directories, with the power going now and then while it is cleaned away.
func TestRemovedDirectoriesLeaveNoRows(t *testing.T) {
	for cuts := range 6 {
		h := newHouse(t, newSettings(uint64(cuts)))
		before := h.rows()
		for i := range 12 {
			dir := fmt.Sprintf("/d/%d/%d", i%3, i%4)
			h.must(mkdir(dir, true))
			h.mustPut(text(20), fmt.Sprintf("%s/f%d", dir, i))
		}
		putWide(h, "/d/2/wide")
		h.must(remove("/d", true))
		h.refused(messages.CodeNotFound, stat("/d"))
		for range cuts {
			if err := h.world.Run(time.Duration(cuts) * 400 * time.Microsecond); err != nil {
				t.Fatal(err)
			}
			h.crash()
		}
		settle(h)
		after := h.rows()
		if after[port.TableInodes] != 1 || after[port.TableDentries] != 0 ||
			after[port.TableRoots] != before[port.TableRoots] || after[port.TableSettings] != 0 {
			t.Errorf("%d cuts: rows left: %v", cuts, after)
		}
		h.stop()
	}
}

// TestOneFileOfAPackIsSharedAlone reads what the link of a packed file opens.
func TestOneFileOfAPackIsSharedAlone(t *testing.T) {
	h := newHouse(t, newSettings(4))
	if err := actTree("/t", wideTree()).do(h); err != nil {
		t.Fatal(err)
	}
	before := h.must(stat("/t/f09")).(messages.Statted)
	if before.Content.Pack == nil {
		t.Fatal("the file is not packed")
	}
	link := h.must(share("/t/f09")).(messages.Shared).Link
	after := h.must(statTarget(messages.Target{Link: &link})).(messages.Statted)
	if after.Content.Pack != nil || !bytes.Equal(after.Content.Inline, text(9*25)) {
		t.Error("the link opens more than the file")
	}
	if after.Info.Name != "f09" || after.Info.Mode != before.Info.Mode {
		t.Error("the link lost the name or the mode")
	}
	listed := h.must(func(c messages.Call) messages.Command {
		return messages.ListShares{Call: c, Limit: 10}
	}).(messages.SharesListed)
	if len(listed.Shares) != 1 || listed.Shares[0].Path != "/t/f09" || listed.Shares[0].Link != link {
		t.Errorf("%d shares are listed, want this one", len(listed.Shares))
	}
	h.must(unshare(link))
	h.refused(messages.CodeNotFound, unshare(link))
	h.stop()
}

func TestSharesOfTheSame(t *testing.T) {
	h := newHouse(t, newSettings(5))
	put := h.mustPut(text(800), "/f")
	if got := h.must(share("/f")).(messages.Shared).Link; got != put {
		t.Error("a file with a root of its own got another")
	}
	if err := actTree("/t", wideTree()).do(h); err != nil {
		t.Fatal(err)
	}
	first := h.must(share("/t")).(messages.Shared).Link
	if got := h.must(share("/t")).(messages.Shared).Link; got != first {
		t.Error("an unchanged tree got another root")
	}
	h.must(remove("/t/f03", false))
	if got := h.must(share("/t")).(messages.Shared).Link; got == first {
		t.Error("a changed tree kept its root")
	}
	all := h.must(share("/")).(messages.Shared).Link
	h.must(importLink(all, "/copy"))
	h.must(stat("/copy/t/f04"))
	h.refused(messages.CodeNotFound, stat("/copy/t/f03"))
	wrong := first
	wrong.Kind = messages.LinkFile
	h.refused(messages.CodeInvalid, importLink(wrong, "/wrong"))
	wrong = first
	wrong.Root.Key[0] ^= 1
	h.refused(messages.CodeCorrupt, importLink(wrong, "/wrong"))
	h.refused(messages.CodeCorrupt, statTarget(messages.Target{Link: &wrong}))
	wrong.Root.D[0] ^= 1
	h.refused(messages.CodeNotFound, importLink(wrong, "/wrong"))
	h.refused(messages.CodeNotFound, unshare(wrong))
	h.stop()
}

func TestTreeCommands(t *testing.T) {
	h := newHouse(t, newSettings(6))
	add := func(tree messages.TreeID, name string, content messages.Content) shell.Make {
		return func(c messages.Call) messages.Command {
			return messages.AddEntry{Call: c, Tree: tree, Entry: messages.Entry{
				Name: name, Type: messages.TypeFile, Content: content,
			}}
		}
	}
	b := h.openTree()
	h.must(add(b.tree, "b", messages.Content{}))
	h.refused(messages.CodeInvalid, add(b.tree, "a", messages.Content{}))
	h.must(add(b.tree, "c", messages.Content{})) // a refusal changes nothing
	h.refused(messages.CodeNotFound, add(99, "x", messages.Content{}))
	for range 3 {
		h.openTree()
	}
	h.refused(messages.CodeOverload, func(c messages.Call) messages.Command {
		return messages.OpenTree{Call: c, Stream: 1}
	})
	abandon := func(c messages.Call) messages.Command {
		return messages.AbandonTree{Call: c, Tree: b.tree}
	}
	h.must(abandon)
	h.must(abandon)
	h.refused(messages.CodeNotFound, add(b.tree, "d", messages.Content{}))

	// A stream that is gone fails the tree, and the tree says so for ever.
	b = h.openTree()
	h.closeStream(b.stream)
	var failed bool
	for i := range 10 {
		content := messages.Content{Inline: bytes.Repeat([]byte{byte(i), 7}, 256)}
		_, err := h.result(add(b.tree, fmt.Sprintf("f%d", i), content))
		failed = failed || err != nil
	}
	if _, err := b.finish(h, "", 0, messages.Place{}); err == nil {
		t.Error("a tree without a stream was finished")
	}
	if failed {
		h.refused(messages.CodeNotFound, add(b.tree, "z", messages.Content{}))
	}
	h.stop()
}

// TestOverload sends more commands at one time than are let in; each gets
// its reply all the same.
func TestOverload(t *testing.T) {
	s := newSettings(7)
	s.drive.OperationsMax = 5
	h := newHouse(t, s)
	settle(h)
	var all []*sim.Pending
	for i := range 40 {
		path := fmt.Sprintf("/d%d", i)
		all = append(all, h.client.Start(drive.Role, mkdir(path, false)))
		all = append(all, h.client.Start(drive.Role, stat(path)))
	}
	made, refused := 0, 0
	for _, pending := range all {
		switch m := pending.Wait().(type) {
		case messages.NamespaceChanged:
			made++
		case messages.Failed:
			if m.Err.Code == messages.CodeOverload {
				refused++
			}
		}
	}
	if made < 5 || refused == 0 {
		t.Errorf("%d were made, %d refused", made, refused)
	}
	if got := h.names(messages.Target{Path: "/"}, 100); len(got) != made {
		t.Errorf("%d directories are there, %d were acknowledged", len(got), made)
	}
	h.must(mkdir("/after", false))
	h.stop()
}

// TestChangesAtOneTimeTakeTurns lets many commands want the same name.
func TestChangesAtOneTimeTakeTurns(t *testing.T) {
	h := newHouse(t, newSettings(8))
	if err := actTree("/t", wideTree()).do(h); err != nil {
		t.Fatal(err)
	}
	var all []*sim.Pending
	for i := range 20 {
		all = append(all,
			h.client.Start(drive.Role, rename("/t/f05", fmt.Sprintf("/moved%d", i), false)),
			h.client.Start(drive.Role, list(messages.Target{Path: "/t"}, "", 100)))
	}
	moved := 0
	for i, pending := range all {
		switch m := pending.Wait().(type) {
		case messages.NamespaceChanged:
			moved++
		case messages.Failed:
			if m.Err.Code != messages.CodeNotFound || i%2 == 1 {
				t.Errorf("command %d failed: %v", i, m.Err)
			}
		case messages.Listed:
			if n := len(m.Entries); n != 22 && n != 21 {
				t.Errorf("a listing shows %d entries", n)
			}
		}
	}
	if moved != 1 {
		t.Errorf("one file was moved %d times", moved)
	}
	h.stop()
}

// TestOneSeedOneTrace runs the script twice.
func TestOneSeedOneTrace(t *testing.T) {
	run := func(seed uint64) uint64 {
		h := newHouse(t, newSettings(seed))
		runScript(h, func() { t.Fatal("nothing should fail") })
		h.walk(messages.BeginWalk{})
		h.stop()
		return h.world.TraceHash()
	}
	if a, b := run(1), run(1); a != b {
		t.Errorf("one seed gave two traces: %x and %x", a, b)
	}
	if run(1) == run(2) {
		t.Error("two seeds gave one trace")
	}
}

// TestStoreWithoutRoom fails the blocks, not the index.
func TestStoreWithoutRoom(t *testing.T) {
	h := newHouse(t, newSettings(9))
	h.must(mkdir("/d", false))
	h.disk.SetCapacity(1)
	if _, err := h.put(text(700), "n", messages.Place{Path: "/d/f"}); err == nil ||
		err.Code != messages.CodeNoSpace {
		t.Errorf("a full disk: %v, want CodeNoSpace", err)
	}
	if err := actTree("/d/t", wideTree()).do(h); err == nil || err.Code != messages.CodeNoSpace {
		t.Errorf("a full disk: %v, want CodeNoSpace", err)
	}
	if got := h.names(messages.Target{Path: "/d"}, 10); len(got) != 0 {
		t.Errorf("%d names of what was not stored", len(got))
	}
	h.disk.SetCapacity(0)
	h.mustPut(text(700), "/d/f")
	h.stop()
}
