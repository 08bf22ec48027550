package drive_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/drive"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/sim/disk"
)

// named returns the blocks D of refs.
func named(refs []messages.NeededRef) map[messages.CID]bool {
	all := make(map[messages.CID]bool)
	for _, needed := range refs {
		all[needed.Ref.D] = true
	}
	return all
}

// lacks counts the blocks of want that have lacks.
func lacks(have, want map[messages.CID]bool) int {
	n := 0
	for d := range want {
		if !have[d] {
			n++
		}
	}
	return n
}

// putWide stores a tree with a changed name or two in it.
func putWide(h *house, path string) {
	h.t.Helper()
	if err := actTree(path, wideTree()).do(h); err != nil {
		h.t.Fatalf("put -r: %v", err)
	}
	h.must(rename(path+"/f19", path+"/a/moved", false))
	h.must(remove(path+"/f18", false))
}

func TestWalkCountsAndScopes(t *testing.T) {
	h := newHouse(t, newSettings(1))
	putWide(h, "/t")
	h.must(mkdir("/d", false))
	h.mustPut(text(5000), "/d/big")
	all := h.walk(messages.BeginWalk{})
	if len(all.broken) > 0 {
		t.Fatalf("broken: %v", all.broken)
	}
	if all.files != 22 { // 20 + 2 + 1 - the removed one
		t.Errorf("%d files, want 22", all.files)
	}
	tests := []struct {
		path  string
		files uint64
	}{
		{"/t", 21},
		{"/t/a", 2},
		{"/t/b", 1},
		{"/t/b/x", 1},
		{"/t/f03", 1},
		{"/t/a/moved", 1},
		{"/d", 1},
		{"/d/big", 1},
		{"/", 22},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			only := h.walk(messages.BeginWalk{Only: test.path})
			without := h.walk(messages.BeginWalk{Without: test.path})
			if only.files != test.files {
				t.Errorf("%d files there, want %d", only.files, test.files)
			}
			if test.path != "/" && without.files != 22-test.files {
				t.Errorf("%d files without it, want %d", without.files, 22-test.files)
			}
			both := named(append(only.refs, without.refs...))
			if n := lacks(both, named(all.refs)); n > 0 {
				t.Errorf("%d blocks are in neither part", n)
			}
			if n := lacks(named(all.refs), both); n > 0 {
				t.Errorf("%d blocks are in a part and not in the whole", n)
			}
			if test.path == "/" && len(without.refs) > 0 {
				t.Errorf("%d blocks are needed without the root", len(without.refs))
			}
		})
	}
	h.refused(messages.CodeNotFound, beginWalk(messages.BeginWalk{Without: "/none"}))
	h.refused(messages.CodeNotFound, beginWalk(messages.BeginWalk{Only: "/none"}))
	h.refused(messages.CodeInvalid, beginWalk(messages.BeginWalk{Only: "/d", Without: "/d"}))
	h.stop()
}

func beginWalk(begin messages.BeginWalk) func(messages.Call) messages.Command {
	return func(c messages.Call) messages.Command {
		begin.Call = c
		return begin
	}
}

// TestRemoveDryRunTellsTheTruth compares what a dry run says with what a
// removal and a collection then free.
func TestRemoveDryRunTellsTheTruth(t *testing.T) {
	for _, path := range []string{"/t", "/t/a", "/t/b", "/t/f07", "/t/a/moved", "/big"} {
		h := newHouse(t, newSettings(1))
		putWide(h, "/t")
		h.mustPut(text(9000), "/big")
		settle(h)
		collect := func(c messages.Collect) messages.Collected {
			return h.client.Must(store.Role, func(call messages.Call) messages.Command {
				c.Call = call
				return c
			}).(messages.Collected)
		}
		collect(messages.Collect{})
		told := collect(messages.Collect{DryRun: true, Without: path})
		h.must(remove(path, true))
		settle(h)
		freed := collect(messages.Collect{})
		if told.FreedBlocks != freed.FreedBlocks {
			t.Errorf("%s: a dry run tells of %d blocks, %d are freed",
				path, told.FreedBlocks, freed.FreedBlocks)
		}
		h.stop()
	}
}

func settle(h *house) {
	h.t.Helper()
	if err := h.world.Run(time.Second); err != nil {
		h.t.Fatalf("%v", err)
	}
}

// TestWalkFindsWhatMoves moves names out of the way of a walk that is under
// way: out of a tree whose row was scanned and whose nodes are being read,
// into rows that the scan has passed.
func TestWalkFindsWhatMoves(t *testing.T) {
	for after := range 12 {
		s := newSettings(uint64(after))
		s.disk = disk.Costs{Operation: time.Millisecond}
		s.drive.ScanRows = 1 + after%3
		h := newHouse(t, s)
		h.must(mkdir("/z/0", true))
		// The tree has the last row of the scan, and a changed name, so that
		// the walk leaves out what its names hide; and so many nodes that
		// its last names can go before the walk comes to them.
		root := wideTree()
		for i := range 60 {
			root.entries[fmt.Sprintf("g%02d", i)] = &item{kind: messages.TypeFile, data: text(60), mode: 0o644}
		}
		root.entries["x"], root.entries["y"] = root.entries["a"], root.entries["b"]
		root.entries["z"] = &item{kind: messages.TypeFile, data: text(500), mode: 0o644}
		if err := actTree("/t", root).do(h); err != nil {
			t.Fatal(err)
		}
		h.must(remove("/t/f18", false))
		needed := named(h.walk(messages.BeginWalk{}).refs)
		h.crash() // so that no node is in memory
		id := h.beginWalk(messages.BeginWalk{})
		running := h.client.Start(drive.Role, func(c messages.Call) messages.Command {
			return messages.ContinueWalk{Call: c, Walk: id}
		})
		if err := h.world.Run(time.Duration(after) * 5 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		h.must(rename("/t/z", "/z/z", false))
		h.must(rename("/t/y", "/z/b", false))
		h.must(rename("/t/x", "/z/0/x", false))
		h.must(remove("/t", true))
		h.must(rename("/z/b", "/z/0/b", false))
		batch := running.Wait().(messages.WalkContinued)
		if !batch.Done {
			rest := h.continueWalk(id)
			batch.Refs = append(batch.Refs, rest.refs...)
		}
		h.endWalk(id)
		now := named(h.walk(messages.BeginWalk{}).refs)
		if len(now) == 0 || lacks(needed, now) > 0 {
			t.Fatalf("the test is broken: %d blocks are needed now", len(now))
		}
		if n := lacks(named(batch.Refs), now); n > 0 {
			t.Errorf("after %d: the walk missed %d of %d blocks", after, n, len(now))
		}
		h.stop()
	}
}

// TestWalkChangesOverTheBound makes more changes than a walk notes.
func TestWalkChangesOverTheBound(t *testing.T) {
	s := newSettings(5)
	s.drive.WalkChangesMax = 2
	h := newHouse(t, s)
	putWide(h, "/t")
	id := h.beginWalk(messages.BeginWalk{})
	for i := range 5 {
		h.must(rename("/t/a/x", "/t/x", false))
		h.must(rename("/t/x", "/t/a/x", false))
		h.must(mkdir(fmt.Sprintf("/d%d", i), false))
	}
	h.must(rename("/t/b", "/b", false))
	h.must(remove("/t", true))
	got := h.continueWalk(id)
	h.endWalk(id)
	if n := lacks(named(got.refs), named(h.walk(messages.BeginWalk{}).refs)); n > 0 {
		t.Errorf("the walk missed %d blocks", n)
	}
	h.stop()
}

// TestWalkReportsBrokenNodes deletes each node of a tree in turn.
func TestWalkReportsBrokenNodes(t *testing.T) {
	h := newHouse(t, newSettings(6))
	putWide(h, "/t")
	settle(h)
	nodes := 0
	for _, needed := range h.walk(messages.BeginWalk{}).refs {
		if needed.Kind != messages.KindNode {
			continue
		}
		nodes++
		data, err := h.engine.Get(needed.Ref.D, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.engine.Delete([]messages.CID{needed.Ref.D}); err != nil {
			t.Fatal(err)
		}
		h.crash() // which empties all caches
		got := h.walk(messages.BeginWalk{})
		if len(got.broken) != 1 || got.broken[0].Block != needed.Ref.D {
			t.Errorf("a walk without a node reports %v", got.broken)
		}
		block := messages.Block{CID: needed.Ref.D, Data: data}
		if err := h.engine.Put([]messages.Block{block}); err != nil {
			t.Fatal(err)
		}
	}
	if nodes < 4 {
		t.Fatalf("the tree has only %d nodes", nodes)
	}
	h.stop()
}

func TestWalkBounds(t *testing.T) {
	h := newHouse(t, newSettings(7))
	first := h.beginWalk(messages.BeginWalk{})
	h.beginWalk(messages.BeginWalk{})
	h.refused(messages.CodeOverload, beginWalk(messages.BeginWalk{}))
	h.endWalk(first)
	h.endWalk(first) // ending it again is no error
	third := h.beginWalk(messages.BeginWalk{})
	h.refused(messages.CodeNotFound, func(c messages.Call) messages.Command {
		return messages.ContinueWalk{Call: c, Walk: first}
	})
	// Nobody continues them: they are dropped, and there is room again.
	if err := h.world.Run(2 * time.Hour); err != nil {
		t.Fatal(err)
	}
	h.refused(messages.CodeNotFound, func(c messages.Call) messages.Command {
		return messages.ContinueWalk{Call: c, Walk: third}
	})
	h.beginWalk(messages.BeginWalk{})
	h.beginWalk(messages.BeginWalk{})
	h.stop()
}

func TestWalkScopeBound(t *testing.T) {
	s := newSettings(8)
	s.drive.WalkInodesMax = 3
	h := newHouse(t, s)
	for i := range 5 {
		h.must(mkdir(fmt.Sprintf("/d/%d", i), true))
	}
	h.refused(messages.CodeOverload, beginWalk(messages.BeginWalk{Only: "/d"}))
	h.refused(messages.CodeOverload, beginWalk(messages.BeginWalk{Without: "/d"}))
	h.walk(messages.BeginWalk{Only: "/d/1"})
	h.stop()
}

// TestWalkSeesOpenTrees begins a walk with a tree in every stage.
func TestWalkSeesOpenTrees(t *testing.T) {
	root := wideTree()
	root.entries["zbig"] = &item{kind: messages.TypeFile, data: text(9000), mode: 0o644}
	root.entries["zmany"] = newDirectory(0o755)
	for i := range 30 {
		root.entries["zmany"].entries[fmt.Sprintf("f%02d", i)] = &item{kind: messages.TypeFile, data: text(400), mode: 0o644}
	}
	steps := 0
	for stop := 1; stop == 1 || steps >= stop-1; stop++ {
		h := newHouse(t, newSettings(10))
		steps = 0
		b := h.openTree()
		var seen, stored map[messages.CID]bool
		look := func() {
			if steps++; steps != stop {
				return
			}
			settle(h)
			got := h.walk(messages.BeginWalk{})
			if len(got.broken) > 0 {
				t.Fatalf("step %d: broken: %v", stop, got.broken)
			}
			seen, stored = named(got.refs), h.stored()
		}
		b.directory(h, root, look)
		look()
		if _, err := b.finish(h, "n", 0o755, messages.Place{Path: "/t"}); err != nil {
			t.Fatalf("finish: %v", err)
		}
		// What the finished tree needs and was stored by then, the walk
		// named. Blocks that were stored later are newer than its mark.
		for d := range named(h.walk(messages.BeginWalk{}).refs) {
			if stored[d] && !seen[d] {
				t.Errorf("step %d: the walk missed block %s", stop, d.Short())
			}
		}
		h.stop()
	}
	if steps < 40 {
		t.Fatalf("only %d steps", steps)
	}
}

func (h *house) stored() map[messages.CID]bool {
	h.t.Helper()
	all := make(map[messages.CID]bool)
	after := messages.CID{}
	for {
		cids, more := h.engine.List(after, 4096)
		for _, cid := range cids {
			all[cid] = true
			after = cid
		}
		if !more {
			return all
		}
	}
}

func TestImportsAreHeld(t *testing.T) {
	h := newHouse(t, newSettings(11))
	link, err := h.put(text(900), "n", messages.Place{})
	if err != nil {
		t.Fatal(err)
	}
	id := h.beginWalk(messages.BeginWalk{})
	h.must(importLink(link, "/one"))
	held := h.hold(id, true)
	if len(held.Roots) != 1 || held.Roots[0].Ref != link.Root {
		t.Errorf("%d roots were imported since the walk began, want 1", len(held.Roots))
	}
	waiting := h.client.Start(drive.Role, importLink(link, "/two"))
	settle(h)
	if waiting.Done() {
		t.Fatal("an import was not put off")
	}
	h.must(mkdir("/other-changes-go-on", false))
	for i := range 3 {
		h.client.Start(drive.Role, importLink(link, fmt.Sprintf("/more%d", i)))
	}
	h.refused(messages.CodeOverload, importLink(link, "/too-many"))
	h.hold(id, false)
	if failed, ok := waiting.Wait().(messages.Failed); ok {
		t.Errorf("the import that was put off failed: %v", failed.Err)
	}
	h.must(stat("/two"))
	h.hold(id, true)
	waiting = h.client.Start(drive.Role, importLink(link, "/three"))
	if err := h.world.Run(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	failed, ok := waiting.Wait().(messages.Failed)
	if !ok || failed.Err.Code != messages.CodeOverload {
		t.Error("an import waits for a collection without end")
	}
	waiting = h.client.Start(drive.Role, importLink(link, "/four"))
	h.endWalk(id)
	if failed, ok := waiting.Wait().(messages.Failed); ok {
		t.Errorf("the end of the walk did not release the import: %v", failed.Err)
	}
	h.refused(messages.CodeNotFound, func(c messages.Call) messages.Command {
		return messages.HoldImports{Call: c, Walk: id, Hold: true}
	})
	h.stop()
}

func (h *house) hold(id messages.WalkID, hold bool) messages.ImportsHeld {
	h.t.Helper()
	return h.must(func(c messages.Call) messages.Command {
		return messages.HoldImports{Call: c, Walk: id, Hold: hold}
	}).(messages.ImportsHeld)
}
