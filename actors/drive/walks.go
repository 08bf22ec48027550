package drive

import (
	"maps"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// walkIdle is due when nobody continued a walk for Config.WalkIdle.
type walkIdle struct {
	walk messages.WalkID
	uses uint64
}

// walkRun is a walk that is open.
type walkRun struct {
	*walk
	id     messages.WalkID
	owner  shell.Ref    // who began it
	caller shell.Caller // of the ContinueWalk that is not answered yet

	phase  walkPhase
	cursor []byte
	asked  int // answers that it waits for
	failed *messages.Error

	limited  bool                 // to one path or root
	hold     bool                 // imports are put off
	imported []messages.NeededRef // since the walk began
	ended    bool                 // before it had begun
	uses     uint64
	idle     port.Timer
}

// walkPhase tells where a walk's roots come from next.
type walkPhase uint8

const (
	walkInodes  walkPhase = iota // scan the inodes, then
	walkKept                     // the kept links, then
	walkChanged                  // what was written meanwhile
)

// beginWalk opens a walk. Changes are noted from this moment on, and trees
// are asked for their refs at the same moment: what was needed now and still is will be
// visited.
func (a *actor) beginWalk(ctx shell.Ctx, m messages.BeginWalk) {
	caller := ctx.Caller()
	if m.Only != "" && m.Without != "" || m.Root != nil && (m.Only != "" || m.Without != "") {
		ctx.Fail(caller, messages.Errorf(messages.CodeInvalid, "a walk of one thing without another"))
		return
	}
	if len(a.walks)+len(a.beginning) >= a.cfg.WalksMax {
		ctx.Fail(caller, overloaded("walks"))
		return
	}
	w := &walkRun{walk: newWalk(a.p, &a.cfg), owner: caller.Ref}
	a.beginning = append(a.beginning, w)
	begun := func(ctx shell.Ctx, err *messages.Error) {
		a.beginning = slices.DeleteFunc(a.beginning, func(b *walkRun) bool { return b == w })
		if err == nil && w.ended {
			err = messages.Errorf(messages.CodeCanceled, "the walk was ended")
		}
		if err != nil {
			delete(a.walks, w.id)
			ctx.Fail(caller, err)
			a.releaseImports(ctx)
			return
		}
		a.touchWalk(w)
		ctx.Reply(caller, messages.WalkBegun{Answer: caller.Answer(), Walk: w.id})
	}
	a.whenClean(ctx, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil {
			begun(ctx, err)
			return
		}
		a.openWalk(ctx, w, m, begun)
	})
}

// whenClean calls then when the drive is ready and no removed directory is
// left to be cleaned away: what was removed before a walk is not needed.
func (a *actor) whenClean(ctx shell.Ctx, then func(shell.Ctx, *messages.Error)) {
	a.whenReady(ctx, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil || len(a.orphans) == 0 {
			then(ctx, err)
			return
		}
		a.walkWaiting = append(a.walkWaiting, then)
		a.takeTurn(ctx)
	})
}

func (a *actor) openWalk(
	ctx shell.Ctx, w *walkRun, m messages.BeginWalk, begun func(shell.Ctx, *messages.Error),
) {
	a.lastWalk++
	w.id = a.lastWalk
	a.walks[w.id] = w
	switch {
	case m.Root != nil:
		w.limited, w.phase = true, walkChanged
		w.addNeeded(*m.Root)
		begun(ctx, nil)
		return
	case m.Only != "":
		a.limitWalk(ctx, w, m.Only, begun)
		return
	}
	a.addUnnamed(ctx, w, func(ctx shell.Ctx, err *messages.Error) {
		if err == nil && m.Without != "" {
			a.excludeFromWalk(ctx, w, m.Without, begun)
			return
		}
		begun(ctx, err)
	})
}

// unnamed is refs that one stream holds together and no row names yet.
type unnamed struct {
	stream messages.StreamID
	root   *placing // nil: of a tree that is being built
	refs   []messages.NeededRef
}

// addUnnamed adds the refs of trees that are open, and the roots that have no
// row yet, to a walk. A node can be read only when it is durable: their
// streams are synced first. Where that fails the stream is lost, and so is
// the tree that needed it.
func (a *actor) addUnnamed(
	ctx shell.Ctx, w *walkRun, then func(shell.Ctx, *messages.Error),
) {
	all := a.unnamed()
	var failed *messages.Error
	left := 1
	done := func(ctx shell.Ctx) {
		if left--; left == 0 {
			then(ctx, failed)
		}
	}
	for _, u := range all {
		if u.root != nil && u.root.durable {
			w.addNeeded(u.root.ref)
			continue
		}
		left++
		a.ask(ctx, a.splitter, func(call messages.Call) messages.Command {
			return messages.SyncStream{Call: call, Stream: u.stream}
		}, func(ctx shell.Ctx, _ messages.Reply, err *messages.Error) {
			switch {
			case err == nil, u.root != nil && u.root.durable:
				for _, ref := range u.refs {
					w.addNeeded(ref)
				}
			case err.Code == messages.CodeOverload:
				failed = err
			}
			done(ctx)
		})
	}
	done(ctx)
}

// unnamed lists what no row names, as it is now.
func (a *actor) unnamed() []unnamed {
	var all []unnamed
	for _, p := range a.placing {
		all = append(all, unnamed{p.stream, p, []messages.NeededRef{p.ref}})
	}
	builds := make([]*treeBuild, 0, len(a.trees)+1)
	for _, id := range slices.Sorted(maps.Keys(a.trees)) {
		builds = append(builds, a.trees[id])
	}
	if a.sharing != nil {
		builds = append(builds, a.sharing)
	}
	for _, t := range builds {
		u := unnamed{stream: t.stream}
		t.refs(func(ref messages.NeededRef) { u.refs = append(u.refs, ref) })
		if len(u.refs) > 0 {
			all = append(all, u)
		}
	}
	return all
}

// touchWalk puts off the end of a walk that nobody uses.
func (a *actor) touchWalk(w *walkRun) {
	if w.idle != nil {
		w.idle.Stop()
	}
	w.uses++
	w.idle = a.env.Clock.After(a.cfg.WalkIdle, walkIdle{w.id, w.uses})
}

func (a *actor) dropIdleWalk(ctx shell.Ctx, due walkIdle) {
	w := a.walks[due.walk]
	if w == nil || w.uses != due.uses {
		return
	}
	if !w.caller.IsZero() {
		a.touchWalk(w)
		return
	}
	a.env.Log.Warn("a walk that nobody continued was ended")
	delete(a.walks, w.id)
	a.releaseImports(ctx)
}

// continueWalk goes on until there is a batch, or the end.
func (a *actor) continueWalk(ctx shell.Ctx, m messages.ContinueWalk) {
	w := a.walks[m.Walk]
	switch {
	case w == nil || w.idle == nil:
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeNotFound, "there is no such walk"))
		return
	case !w.caller.IsZero():
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeInvalid,
			"a walk takes one command at a time"))
		return
	}
	w.caller = ctx.Caller()
	a.touchWalk(w)
	for _, needed := range m.Also {
		w.addNeeded(needed)
	}
	a.pumpWalk(ctx, w)
}

// endWalk forgets a walk.
func (a *actor) endWalk(ctx shell.Ctx, m messages.EndWalk) {
	if w := a.walks[m.Walk]; w != nil && w.idle != nil {
		a.forgetWalk(ctx, w)
	}
	ctx.Reply(ctx.Caller(), messages.WalkEnded{Answer: ctx.Caller().Answer()})
	a.releaseImports(ctx)
}

// endWalks forgets what the asker began, and perhaps knows no more of.
func (a *actor) endWalks(ctx shell.Ctx) {
	owner := ctx.Caller().Ref
	for _, w := range a.beginning {
		w.ended = w.ended || w.owner == owner
	}
	for _, id := range slices.Sorted(maps.Keys(a.walks)) {
		if w := a.walks[id]; w.owner == owner && w.idle != nil {
			a.forgetWalk(ctx, w)
		}
	}
	ctx.Reply(ctx.Caller(), messages.WalksEnded{Answer: ctx.Caller().Answer()})
	a.releaseImports(ctx)
}

func (a *actor) forgetWalk(ctx shell.Ctx, w *walkRun) {
	delete(a.walks, w.id)
	w.idle.Stop()
	if !w.caller.IsZero() {
		ctx.Fail(w.caller, messages.Errorf(messages.CodeCanceled, "the walk was ended"))
	}
}

// pumpWalk answers the caller if there is enough, and otherwise reads on.
func (a *actor) pumpWalk(ctx shell.Ctx, w *walkRun) {
	if w.caller.IsZero() || a.walks[w.id] != w {
		return
	}
	for w.failed == nil && len(w.refs) < messages.WalkBatch {
		if len(w.stack) > 0 && w.asked < a.cfg.WalkReadsMax {
			a.readForWalk(ctx, w, w.pop())
			continue
		}
		if w.asked > 0 {
			return
		}
		if !a.feedWalk(ctx, w) {
			break
		}
		return
	}
	if w.failed != nil && w.asked > 0 {
		return
	}
	caller := w.caller
	w.caller = shell.Caller{}
	if w.failed != nil {
		err := w.failed
		w.failed = nil
		ctx.Fail(caller, err)
		return
	}
	reply := w.batch()
	reply.Answer = caller.Answer()
	reply.Done = len(w.refs) == 0 && len(w.stack) == 0 && w.asked == 0 && w.isThrough()
	ctx.Reply(caller, reply)
}

// isThrough reports whether no more roots come.
func (w *walkRun) isThrough() bool {
	return w.phase == walkChanged && len(w.changed) == 0 && !w.tooMany
}

// readForWalk reads a node and visits it.
func (a *actor) readForWalk(ctx shell.Ctx, w *walkRun, item walkItem) {
	if node, ok := a.memory.node(item.ref); ok {
		if hidden := w.visit(item, node); hidden != nil {
			a.filterForWalk(ctx, w, hidden)
		}
		return
	}
	w.asked++
	a.readNode(ctx, item.ref, func(ctx shell.Ctx, read nodeRead) {
		w.asked--
		if read.err != nil {
			w.fail(item, read.err)
		} else if hidden := w.visit(item, read.node); hidden != nil {
			a.filterForWalk(ctx, w, hidden)
			return
		}
		a.pumpWalk(ctx, w)
	})
}

// filterForWalk visits those entries of a base that no changed name hides. A
// directory that was removed since its inode was read is not visited: its
// changed names are being cleaned away, and then hide nothing.
func (a *actor) filterForWalk(ctx shell.Ctx, w *walkRun, f *filter) {
	w.asked++
	rows := make([]rowID, 0, len(f.entries)+2)
	for _, entry := range f.entries {
		rows = append(rows, dentryRow(f.item.hide, entry.Name))
	}
	rows = append(rows, inodeRow(f.item.hide), orphanRow(f.item.hide))
	a.get(ctx, rows, func(ctx shell.Ctx, values [][]byte, err *messages.Error) {
		w.asked--
		if err != nil {
			w.failed = err
		} else {
			w.visitVisible(f, values)
		}
		a.pumpWalk(ctx, w)
	})
}

// visitVisible visits entries of a directory. rows has what their names,
// then the directory's inode, then its row among the orphans have.
func (w *walkRun) visitVisible(f *filter, rows [][]byte) {
	names, isThere, isOrphan := rows[:len(f.entries)], rows[len(f.entries)], rows[len(f.entries)+1]
	if isThere == nil || isOrphan != nil {
		return
	}
	item := f.item
	item.hide = 0
	visible := f.entries[:0:0]
	for i, entry := range f.entries {
		if names[i] == nil {
			visible = append(visible, entry)
		}
	}
	w.visitEntries(item, visible)
}

// feedWalk reads more roots; false when there are none.
func (a *actor) feedWalk(ctx shell.Ctx, w *walkRun) bool {
	switch w.phase {
	case walkInodes:
		a.scanForWalk(ctx, w, port.TableInodes)
	case walkKept:
		a.scanForWalk(ctx, w, port.TableRoots)
	case walkChanged:
		if w.tooMany {
			return a.rescan(ctx, w)
		}
		rows := w.takeChanged(a.cfg.ScanRows)
		if len(rows) == 0 {
			return false
		}
		w.asked++
		a.get(ctx, rows, func(ctx shell.Ctx, values [][]byte, err *messages.Error) {
			w.asked--
			for i := range values {
				err = w.addOrFail(rows[i], values[i], err)
			}
			w.failed = err
			a.pumpWalk(ctx, w)
		})
	}
	return true
}

// addOrFail adds a row unless something went wrong before.
func (w *walkRun) addOrFail(row rowID, value []byte, err *messages.Error) *messages.Error {
	if err != nil {
		return err
	}
	if bad := w.addRow(row, value); bad != nil {
		return asError(bad)
	}
	return nil
}

// rescan begins the scans anew: more rows were changed than were noted.
func (a *actor) rescan(ctx shell.Ctx, w *walkRun) bool {
	if w.scansBegun++; w.scansBegun >= attemptsMax {
		w.failed = messages.Errorf(messages.CodeOverload,
			"the drive changes faster than it can be walked")
		a.pumpWalk(ctx, w)
		return true
	}
	w.tooMany, w.phase, w.cursor = false, walkInodes, nil
	clear(w.isChanged)
	w.changed = nil
	return a.feedWalk(ctx, w)
}

// scanForWalk reads a page of the rows that name roots.
func (a *actor) scanForWalk(ctx shell.Ctx, w *walkRun, table port.Table) {
	w.asked++
	a.scan(ctx, table, nil, w.cursor, func(ctx shell.Ctx, page messages.IndexScanned) {
		w.asked--
		if page.Err != nil {
			w.failed = indexError(page.Err)
			a.pumpWalk(ctx, w)
			return
		}
		var err *messages.Error
		for _, row := range page.Rows {
			err = w.addOrFail(rowID{table, "", string(row.Key)}, row.Value, err)
		}
		w.failed = err
		if w.cursor = page.Next; w.cursor == nil {
			w.phase++
		}
		a.pumpWalk(ctx, w)
	})
}

// noteChanges tells the walks of rows that are written.
func (a *actor) noteChanges(changes []port.Change) {
	if len(a.walks) == 0 {
		return
	}
	rows := changedRows(changes)
	for _, id := range slices.Sorted(maps.Keys(a.walks)) {
		if w := a.walks[id]; !w.limited {
			for _, row := range rows {
				w.note(row)
			}
		}
	}
}
