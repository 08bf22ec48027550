package drive_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/actors/drive"
	"github.com/noisefs/noisefs/actors/reader"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim/memindex"
)

// act is one change of a script, and what it makes of the model.
type act struct {
	name  string
	do    func(h *house) *messages.Error
	model func(m *model)
}

func actMkdir(path string) act {
	return act{"mkdir " + path, func(h *house) *messages.Error {
		_, err := h.result(mkdir(path, true))
		return err
	}, func(m *model) { m.mkdir(path, true) }}
}

func actRename(from, to string) act {
	return act{"rename " + from, func(h *house) *messages.Error {
		_, err := h.result(rename(from, to, true))
		return err
	}, func(m *model) { m.rename(from, to, true) }}
}

func actRemove(path string) act {
	return act{"remove " + path, func(h *house) *messages.Error {
		_, err := h.result(remove(path, true))
		return err
	}, func(m *model) { m.remove(path, true) }}
}

func actPut(path string, size int) act {
	return act{"put " + path, func(h *house) *messages.Error {
		_, err := h.put(text(size), "n", messages.Place{Path: path, Replace: true})
		return err
	}, func(m *model) {
		m.place(path, &item{kind: messages.TypeFile, data: text(size), mode: attributes("n").Mode}, true)
	}}
}

func actTree(path string, root *item) act {
	return act{"put -r " + path, func(h *house) *messages.Error {
		reply, err := h.resultOf(splitter.Role, func(c messages.Call) messages.Command {
			return messages.OpenStream{Call: c, ChildrenMax: h.params.Fanout()}
		})
		if err != nil {
			return err
		}
		b := &treeClient{stream: reply.(messages.StreamOpened).Stream}
		if reply, err = h.result(func(c messages.Call) messages.Command {
			return messages.OpenTree{Call: c, Stream: b.stream}
		}); err != nil {
			return err
		}
		b.tree = reply.(messages.TreeOpened).Tree
		b.inline = true
		b.directory(h, root, func() {})
		_, err = b.finish(h, "n", root.mode, messages.Place{Path: path})
		return err
	}, func(m *model) { m.place(path, root.clone(), false) }}
}

// actShare shares a path; the model does not change.
func actShare(path string) act {
	return act{"share " + path, func(h *house) *messages.Error {
		_, err := h.result(share(path))
		return err
	}, func(*model) {}}
}

// wideTree is a directory with enough in it to need several nodes.
func wideTree() *item {
	root := newDirectory(0o700)
	for i := range 20 {
		name := fmt.Sprintf("f%02d", i)
		root.entries[name] = &item{kind: messages.TypeFile, data: text(i * 25), mode: 0o644}
	}
	for _, name := range []string{"a", "b"} {
		root.entries[name] = newDirectory(0o755)
		root.entries[name].entries["x"] = &item{kind: messages.TypeFile, data: text(100), mode: 0o600}
		root.entries[name].entries["y"] = &item{kind: messages.TypeSymlink, target: "x", mode: 0o777}
	}
	return root
}

// script touches every sort of change.
func script() []act {
	return []act{
		actMkdir("/d/e"), actPut("/d/f", 300), actTree("/t", wideTree()),
		actRename("/t/a/x", "/d/e/x"), actPut("/t/b/x", 3000), actRemove("/t/f03"),
		actShare("/t"), actRename("/t/b", "/d/b"), actRemove("/d/f"), actTree("/d/u", wideTree()),
		actRename("/d", "/t/d"), actShare("/t/d/u/f07"), actRemove("/t/d/u/a"),
		actMkdir("/t/d/u/new"), actRemove("/t"), actPut("/last", 10),
	}
}

// holds compares what is at a path with the model, and says where they
// differ. Actors may be interrupted meanwhile.
func holds(h *house, want *item, path string) error {
	h.t.Helper()
	if path != "/" {
		if _, err := h.result(stat(path)); err != nil && err.Code != messages.CodeRestarted {
			return fmt.Errorf("stat %s: %w", path, err)
		}
	}
	statted := h.patient(drive.Role, stat(path)).(messages.Statted)
	if statted.Info.Type != want.kind || statted.Info.Mode != want.mode {
		return fmt.Errorf("%s is a %s of mode %o", path, statted.Info.Type, statted.Info.Mode)
	}
	if want.kind == messages.TypeFile {
		if statted.Info.Size != uint64(len(want.data)) {
			return fmt.Errorf("%s has %d bytes", path, statted.Info.Size)
		}
		if got := readPatiently(h, statted.Content); string(got) != string(want.data) {
			return fmt.Errorf("%s has other bytes", path)
		}
	}
	if !want.isDir() {
		return nil
	}
	listed := h.patient(drive.Role, list(messages.Target{Path: path}, "", 1000)).(messages.Listed)
	if len(listed.Entries) != len(want.entries) || listed.More {
		return fmt.Errorf("%s has %d entries, want %d", path, len(listed.Entries), len(want.entries))
	}
	for _, name := range want.names() {
		if err := holds(h, want.entries[name], path+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

// readPatiently reads a small file; the handle is lost with its reader.
func readPatiently(h *house, content messages.Content) []byte {
	h.t.Helper()
	for range 10 {
		reply, err := h.resultOf(reader.Role, func(c messages.Call) messages.Command {
			return messages.OpenContent{Call: c, Content: content}
		})
		if err != nil {
			continue
		}
		handle := reply.(messages.ContentOpened).Handle
		reply, err = h.resultOf(reader.Role, func(c messages.Call) messages.Command {
			return messages.ReadRange{Call: c, Handle: handle, Length: 1 << 16}
		})
		if err != nil {
			continue
		}
		h.resultOf(reader.Role, func(c messages.Call) messages.Command {
			return messages.CloseContent{Call: c, Handle: handle}
		})
		var all []byte
		for _, part := range reply.(messages.RangeRead).Parts {
			all = append(all, part.Data...)
		}
		return all
	}
	h.t.Fatalf("the reader is interrupted again and again")
	return nil
}

// checkOneOf expects the drive to be as before or as after a change that was
// not acknowledged, and returns which.
func checkOneOf(h *house, before, after *item) *item {
	h.t.Helper()
	errBefore := holds(h, before, "/")
	if errBefore == nil {
		return before
	}
	errAfter := holds(h, after, "/")
	if errAfter == nil {
		return after
	}
	h.t.Fatalf("neither before (%v) nor after (%v)", errBefore, errAfter)
	return nil
}

// runScript runs the script; each act that fails is followed by repair and a
// look at what it left, and is tried again.
func runScript(h *house, repair func()) {
	h.t.Helper()
	m := newModel()
	for _, act := range script() {
		for attempt := 0; ; attempt++ {
			before := m.root.clone()
			after := &model{m.root.clone()}
			act.model(after)
			err := act.do(h)
			if err == nil {
				m.root = after.root
				break
			}
			if attempt == 3 {
				h.t.Fatalf("%s fails again and again: %v", act.name, err)
			}
			repair()
			if m.root = checkOneOf(h, before, after.root); m.root == after.root {
				break
			}
		}
	}
	if err := holds(h, m.root, "/"); err != nil {
		h.t.Fatalf("in the end: %v", err)
	}
}

func TestScript(t *testing.T) {
	h := newHouse(t, newSettings(3))
	runScript(h, func() { t.Fatal("nothing should fail") })
	h.stop()
}

// TestPowerCutAtEveryCommit cuts the power in the middle of each transaction
// of the script in turn.
func TestPowerCutAtEveryCommit(t *testing.T) {
	for n := 0; ; n++ {
		h := newHouse(t, newSettings(uint64(n)))
		h.index.CutPowerAt(n)
		cut := false
		runScript(h, func() {
			cut = true
			h.crash()
		})
		h.stop()
		if !cut {
			if n < 30 {
				t.Fatalf("the script has only %d commits", n)
			}
			return
		}
	}
}

// TestIndexFailsAtAnyCommit lets one commit fail, whether or not it took
// effect, and the index with it until the node is restarted.
func TestIndexFailsAtAnyCommit(t *testing.T) {
	for n := range 60 {
		for _, applied := range []bool{false, true} {
			h := newHouse(t, newSettings(uint64(n)))
			h.index.Inject(memindex.Fault{
				After: n, Err: errors.New("index: broken"), Applied: applied,
			})
			runScript(h, h.crash)
			h.stop()
		}
	}
}

// TestIndexFullAtAnyCommit is the failure after which the index goes on, so
// that the drive goes on with it.
func TestIndexFullAtAnyCommit(t *testing.T) {
	for n := range 60 {
		h := newHouse(t, newSettings(uint64(n)))
		h.index.Inject(memindex.Fault{After: n, Err: port.ErrIndexFull})
		runScript(h, func() {})
		h.stop()
	}
}

func TestIndexFullIsNoSpace(t *testing.T) {
	h := newHouse(t, newSettings(4))
	h.must(mkdir("/a", false))
	h.mustPut(text(9), "/a/f")
	h.index.SetBytesMax(1)
	h.refused(messages.CodeNoSpace, mkdir("/b", false))
	h.refused(messages.CodeNotFound, stat("/b"))
	h.must(remove("/a/f", false)) // needs no room
	h.refused(messages.CodeNotFound, stat("/a/f"))
	h.index.SetBytesMax(0)
	h.must(mkdir("/b", false))
	h.stop()
}

// TestPanicsAnywhere panics a drive, splitter or reader at random points of
// the script. Every command is answered, or the client's wait fails.
func TestPanicsAnywhere(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newSettings(rapid.Uint64().Draw(rt, "seed"))
		s.panics = true
		h := newHouse(rt, s)
		roles := []string{"drive", splitter.Role, reader.Role}
		for range rapid.IntRange(1, 3).Draw(rt, "panics") {
			role := rapid.SampledFrom(roles).Draw(rt, "role")
			n := rapid.IntRange(1, 1500).Draw(rt, "at")
			if rapid.Bool().Draw(rt, "after") {
				h.world.PanicAfter(role, n)
			} else {
				h.world.PanicAt(role, n)
			}
		}
		runScript(h, func() {})
		h.stop()
	})
}

// TestCorruptRows damages each row in turn: the drive says so, or does not
// need the row; it never panics, and goes on.
func TestCorruptRows(t *testing.T) {
	group := func(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }
	groups := []port.RowKey{
		{Table: port.TableInodes},
		{Table: port.TableRoots},
		{Table: port.TableSettings, Group: []byte("drive")},
	}
	for number := range uint64(12) {
		groups = append(groups, port.RowKey{Table: port.TableDentries, Group: group(number)})
	}
	build := func() *house {
		h := newHouse(t, newSettings(1))
		putWide(h, "/t")
		h.must(share("/t/a"))
		return h
	}
	h := build()
	var rows []port.RowKey
	for _, g := range groups {
		found, _, err := h.index.Scan(g.Table, g.Group, nil, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range found {
			rows = append(rows, port.RowKey{Table: g.Table, Group: g.Group, Key: row.Key})
		}
	}
	h.stop()
	corrupt := 0
	for _, row := range rows {
		for _, value := range [][]byte{{}, {0xff}, {1 << 3, 0}} {
			h := build()
			err := h.index.Commit(port.Txn{Durable: true, Changes: []port.Change{
				{Op: port.OpPut, Row: row, Value: value},
			}})
			if err != nil {
				t.Fatal(err)
			}
			h.crash()
			for _, ask := range []shell.Make{
				stat("/t/a/moved"), stat("/t/f05"), list(messages.Target{Path: "/t/a"}, "", 9),
				list(messages.Target{Path: "/t"}, "", 9), mkdir("/t/new", false), share("/t"),
				func(c messages.Call) messages.Command { return messages.ListShares{Call: c, Limit: 9} },
				func(c messages.Call) messages.Command { return messages.BeginWalk{Call: c} },
				func(c messages.Call) messages.Command { return messages.ContinueWalk{Call: c, Walk: 1} },
				remove("/t", true),
			} {
				if _, err := h.result(ask); err != nil && err.Code == messages.CodeCorrupt {
					corrupt++
				} else if err != nil && err.Code != messages.CodeNotFound {
					t.Errorf("a bad row of table %d: %v", row.Table, err)
				}
			}
			h.stop()
		}
	}
	if corrupt < 3*len(rows) {
		t.Errorf("%d answers name a bad row, of %d rows", corrupt, len(rows))
	}
}
