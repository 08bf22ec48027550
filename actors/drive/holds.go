package drive

import (
	"maps"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// holdOver is due when an import has waited for a collection too long.
type holdOver struct{ held uint64 }

// heldImport is an import that waits for a collection to end.
type heldImport struct {
	id      uint64
	command messages.Import
	caller  shell.Caller
}

// importLink gives a link a name, now or when a collection has ended. A
// link is the one way in which blocks become needed that nothing needed
// before; all else that a change writes was needed by another row already,
// or is on a stream.
func (a *actor) importLink(ctx shell.Ctx, m messages.Import) {
	if !a.holding() {
		caller := ctx.Caller()
		a.importNow(ctx, m, caller)
		return
	}
	if len(a.held) >= a.cfg.ImportsHeldMax {
		ctx.Fail(ctx.Caller(), overloaded("imports during a collection"))
		return
	}
	a.lastHeld++
	a.held = append(a.held, heldImport{a.lastHeld, m, ctx.Caller()})
	a.env.Clock.After(a.cfg.HoldWait, holdOver{a.lastHeld})
}

// holding reports whether imports are put off: a collector said so, or a
// walk cannot remember more of them.
func (a *actor) holding() bool {
	for _, w := range a.walks {
		if w.hold || len(w.imported)+a.imports >= a.cfg.ImportsHeldMax {
			return true
		}
	}
	return false
}

// importNow imports. A walk that is open when it is committed hears of it.
func (a *actor) importNow(ctx shell.Ctx, m messages.Import, caller shell.Caller) {
	if a.inProgress >= a.cfg.OperationsMax {
		ctx.Fail(caller, overloaded("commands on names"))
		return
	}
	a.inProgress++
	a.imports++
	c := command{a, caller}
	end := func(ctx shell.Ctx, err *messages.Error) {
		a.imports--
		if err != nil {
			c.fail(ctx, err)
		} else {
			a.noteImport(m.Link)
			c.reply(ctx, messages.NamespaceChanged{Answer: caller.Answer()})
		}
		a.importsEnded(ctx)
	}
	a.whenReady(ctx, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil {
			end(ctx, err)
			return
		}
		a.warmLink(ctx, m.Link, func(ctx shell.Ctx) {
			a.changeNames(ctx, func(v *view) error { return v.importLink(m.Link, m.Path) }, end)
		})
	})
}

// warmLink reads a link's root before the import takes its turn, so that a
// root that is far away keeps nobody else waiting.
func (a *actor) warmLink(ctx shell.Ctx, link messages.Link, then func(shell.Ctx)) {
	a.operate(ctx, &operation{
		run: func(v *view) error {
			_, _, err := v.fromLink(link)
			return err
		},
		// Whatever is wrong with the root, the import will say.
		done: func(ctx shell.Ctx, _ *messages.Error) { then(ctx) },
	})
}

func (a *actor) noteImport(link messages.Link) {
	needed := messages.NeededRef{Ref: link.Root, Kind: messages.KindNode}
	for _, id := range slices.Sorted(maps.Keys(a.walks)) {
		a.walks[id].imported = append(a.walks[id].imported, needed)
	}
}

// holdImports begins or ends the putting off of imports. It is answered when
// the imports under way have ended, so that the list is complete.
func (a *actor) holdImports(ctx shell.Ctx, m messages.HoldImports) {
	w := a.walks[m.Walk]
	if w == nil || w.idle == nil {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeNotFound, "there is no such walk"))
		return
	}
	a.touchWalk(w)
	w.hold = m.Hold
	caller := ctx.Caller()
	reply := func(ctx shell.Ctx) {
		ctx.Reply(caller, messages.ImportsHeld{
			Answer: caller.Answer(), Roots: slices.Clone(w.imported),
		})
	}
	if m.Hold && a.imports > 0 {
		a.holdWaiting = append(a.holdWaiting, reply)
		return
	}
	reply(ctx)
	a.releaseImports(ctx)
}

func (a *actor) importsEnded(ctx shell.Ctx) {
	if a.imports > 0 {
		return
	}
	waiting := a.holdWaiting
	a.holdWaiting = nil
	for _, reply := range waiting {
		reply(ctx)
	}
}

// releaseImports goes on with the imports that were put off.
func (a *actor) releaseImports(ctx shell.Ctx) {
	for len(a.held) > 0 && !a.holding() {
		h := a.held[0]
		a.held = a.held[1:]
		a.importNow(ctx, h.command, h.caller)
	}
}

// dropHeld ends the wait of an import.
func (a *actor) dropHeld(ctx shell.Ctx, due holdOver) {
	for i, h := range a.held {
		if h.id == due.held {
			a.held = slices.Delete(a.held, i, i+1)
			ctx.Fail(h.caller, messages.Errorf(messages.CodeOverload,
				"a collection is running; try again later"))
			return
		}
	}
}
