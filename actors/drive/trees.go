package drive

import (
	"errors"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
)

// packCost is what packing a small file costs in the simulation.
const packCost = 50 * time.Microsecond

// treeBuild is a tree being built, by a client or for a share.
type treeBuild struct {
	*tree
	stream messages.StreamID
	ended  bool // answers still to come are dropped
	err    *messages.Error

	// A step may want more sealed than the splitter takes at one time.
	unsent []sealWork
	sent   int // and not answered yet

	// caller waits for its EntryAdded, since the tree is full.
	caller shell.Caller
	// finished is called with the root, or with what went wrong.
	finished func(ctx shell.Ctx, ref messages.BlockRef, err *messages.Error)
	// resumed is called, for a share, whenever the tree may take more.
	resumed func(ctx shell.Ctx)
}

// openTree begins a tree of a client.
func (a *actor) openTree(ctx shell.Ctx, m messages.OpenTree) {
	if len(a.trees) >= a.cfg.TreesMax {
		ctx.Fail(ctx.Caller(), overloaded("trees"))
		return
	}
	a.lastTree++
	a.trees[a.lastTree] = &treeBuild{tree: newTree(a.p, &a.cfg), stream: m.Stream}
	ctx.Reply(ctx.Caller(), messages.TreeOpened{
		Answer: ctx.Caller().Answer(), Tree: a.lastTree,
	})
}

// findTree returns a client's tree, or answers why it cannot go on.
func (a *actor) findTree(ctx shell.Ctx, id messages.TreeID) *treeBuild {
	t := a.trees[id]
	switch {
	case t == nil:
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeNotFound, "there is no such tree"))
	case t.err != nil:
		ctx.Fail(ctx.Caller(), t.err)
	case !t.caller.IsZero() || t.finished != nil:
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeInvalid,
			"a tree takes one command at a time"))
	default:
		return t
	}
	return nil
}

// stepTree does a step of a client's tree. The answer waits while the tree
// is full: that is what keeps a fast client from growing it.
func (a *actor) stepTree(
	ctx shell.Ctx, id messages.TreeID, do func(t *tree) (treeWork, error),
) {
	t := a.findTree(ctx, id)
	if t == nil {
		return
	}
	work, err := do(t.tree)
	var refused *messages.Error
	if errors.As(err, &refused) { // and nothing was changed
		ctx.Fail(ctx.Caller(), refused)
		return
	}
	t.caller = ctx.Caller()
	a.perform(ctx, t, work, err)
}

// abandonTree forgets a tree. Who still waits for it is answered; a root
// that is being placed already is placed.
func (a *actor) abandonTree(ctx shell.Ctx, m messages.AbandonTree) {
	if t := a.trees[m.Tree]; t != nil {
		delete(a.trees, m.Tree)
		t.ended = true
		a.failTree(ctx, t, messages.Errorf(messages.CodeCanceled, "the tree was abandoned"))
	}
	ctx.Reply(ctx.Caller(), messages.TreeAbandoned{Answer: ctx.Caller().Answer()})
}

// finishTree ends a client's tree. Unless the command makes no sense, the
// tree is gone then, whatever comes of it.
func (a *actor) finishTree(ctx shell.Ctx, m messages.FinishTree) {
	t := a.findTree(ctx, m.Tree)
	if t == nil {
		return
	}
	if _, err := splitPath(m.Place.Path, a.cfg.PathDepthMax); err != nil {
		ctx.Fail(ctx.Caller(), err)
		return
	}
	work, err := t.finish(m.Name, m.Attributes)
	var refused *messages.Error
	if errors.As(err, &refused) {
		ctx.Fail(ctx.Caller(), refused)
		return
	}
	caller := ctx.Caller()
	end := func(ctx shell.Ctx, link messages.Link, err *messages.Error) {
		t.ended = true
		delete(a.trees, m.Tree)
		if err != nil {
			ctx.Fail(caller, err)
			return
		}
		ctx.Reply(caller, messages.RootStored{Answer: caller.Answer(), Link: link})
	}
	t.finished = func(ctx shell.Ctx, ref messages.BlockRef, err *messages.Error) {
		link := messages.Link{Kind: messages.LinkDirectory, Root: ref}
		if err != nil {
			end(ctx, link, err)
			return
		}
		i := inode{kind: messages.TypeDirectory, Attributes: m.Attributes}
		i.base.ref = &ref
		a.whenReady(ctx, func(ctx shell.Ctx, err *messages.Error) {
			if err != nil {
				a.placed(ref)
				end(ctx, link, err)
				return
			}
			a.placeRoot(ctx, i, link, m.Name, m.Place, func(ctx shell.Ctx, err *messages.Error) {
				end(ctx, link, err)
			})
		})
	}
	a.perform(ctx, t, work, err)
}

// perform sends what a step of a tree wants done, and answers whoever waits
// and need not any more.
func (a *actor) perform(ctx shell.Ctx, t *treeBuild, work treeWork, err error) {
	if err != nil {
		a.failTree(ctx, t, asError(err))
		return
	}
	for _, pack := range work.packs {
		a.sealPacked(ctx, t, pack)
	}
	t.unsent = append(t.unsent, work.seals...)
	a.sealNext(ctx, t)
	if t.root != nil && t.finished != nil {
		finished := t.finished
		t.finished = func(shell.Ctx, messages.BlockRef, *messages.Error) {}
		a.syncRoot(ctx, t.stream, *t.root, finished)
		return
	}
	if t.isFull() {
		return
	}
	if caller := t.caller; !caller.IsZero() {
		t.caller = shell.Caller{}
		ctx.Reply(caller, messages.EntryAdded{Answer: caller.Answer()})
	}
	if t.resumed != nil {
		t.resumed(ctx)
	}
}

// failTree ends the building of a tree. A client's stays, to tell it why,
// until it is abandoned or finished.
func (a *actor) failTree(ctx shell.Ctx, t *treeBuild, err *messages.Error) {
	t.err = err
	if caller := t.caller; !caller.IsZero() {
		t.caller = shell.Caller{}
		ctx.Fail(caller, err)
	}
	if finished := t.finished; finished != nil {
		t.finished = nil
		finished(ctx, messages.BlockRef{}, err)
	}
}

// isOver reports whether nothing that still comes for the tree matters.
func (t *treeBuild) isOver() bool { return t.ended || t.err != nil }

// sealPacked compresses and seals a small file off the actor.
func (a *actor) sealPacked(ctx shell.Ctx, t *treeBuild, work packWork) {
	var key messages.Secret
	a.env.Entropy.Fill(key[:])
	p, corr := a.p, ctx.NextCorr()
	a.pending[corr] = func(ctx shell.Ctx, reply messages.Reply) {
		if t.isOver() {
			return
		}
		switch result := reply.(messages.WorkDone).Result.(type) {
		case format.Packed:
			next, err := t.packed(work.file, key, result)
			a.perform(ctx, t, next, err)
		case error:
			a.failTree(ctx, t, asError(result))
		default:
			a.failTree(ctx, t, asError(reply.(messages.WorkDone).Err))
		}
	}
	a.env.Workers.Do(corr, packCost, func() any {
		packed, err := format.SealPacked(p, key, work.plaintext)
		if err != nil {
			return err
		}
		return packed
	})
}

// sealNext has the splitter seal pack chunks and nodes, as many at one time
// as it takes of one stream.
func (a *actor) sealNext(ctx shell.Ctx, t *treeBuild) {
	for len(t.unsent) > 0 && t.sent < a.cfg.SealsMax {
		work := t.unsent[0]
		t.unsent[0] = sealWork{}
		t.unsent = t.unsent[1:]
		a.sealTreeBlock(ctx, t, work)
	}
}

func (a *actor) sealTreeBlock(ctx shell.Ctx, t *treeBuild, work sealWork) {
	t.sent++
	a.ask(ctx, a.splitter, func(call messages.Call) messages.Command {
		return messages.SealBlock{
			Call: call, Stream: t.stream, Kind: work.kind, Level: work.level, Data: work.data,
		}
	}, func(ctx shell.Ctx, reply messages.Reply, err *messages.Error) {
		t.sent--
		if t.isOver() {
			return
		}
		if err != nil {
			a.failTree(ctx, t, err)
			return
		}
		next, failed := t.sealed(work.job, reply.(messages.BlockSealed).Ref)
		a.perform(ctx, t, next, failed)
	})
}
