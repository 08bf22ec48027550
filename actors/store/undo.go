package store

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// undo ends what an earlier incarnation may have left in the middle of a
// collection. Where there is nothing to end, or nobody there, this fails
// harmlessly.
//
// The order matters. A deletion may still be under way: one of nothing that
// comes after it is done when it is. Only then may the others forget what is
// gone, and only then may imports go on. A job that is started meanwhile
// waits for the end of it.
func (a *actor) undo(ctx shell.Ctx) {
	corr := ctx.NextCorr()
	a.undoing[corr] = func(ctx shell.Ctx) {
		a.loading.swept = true
		a.tellGone(ctx, messages.ForgetBlocks{All: true})
		a.undoWith(ctx, "drive", func(call messages.Call) messages.Command {
			return messages.EndWalks{Call: call}
		})
		a.loaded(ctx)
	}
	a.blocks.Delete(corr, nil)
	a.undoWith(ctx, "randomizer", func(call messages.Call) messages.Command {
		return messages.EndCollection{Call: call}
	})
}

func (a *actor) undoWith(
	ctx shell.Ctx, role string, command func(messages.Call) messages.Command,
) {
	corr := ctx.NextCorr()
	a.undoing[corr] = func(shell.Ctx) {}
	ctx.Ask(a.sibling(role), command(messages.Call{Corr: corr}))
}

// answered goes on with undo, or else with the job.
func (a *actor) answered(ctx shell.Ctx, answer messages.Reply) {
	then, ok := a.undoing[answer.Correlation()]
	if !ok {
		a.stepJob(ctx, answer)
		return
	}
	delete(a.undoing, answer.Correlation())
	then(ctx)
	a.beginJob(ctx)
}

// tellGone tells those who keep blocks in memory, or what was opened of
// them, that blocks are stored no more. It comes BEFORE imports go on.
func (a *actor) tellGone(ctx shell.Ctx, gone messages.ForgetBlocks) {
	for _, role := range []string{"cache", "reader", "drive"} {
		ctx.Tell(a.sibling(role), gone)
	}
	if a.cfg.Network && len(gone.CIDs) > 0 {
		ctx.Tell(a.sibling("replication"), messages.BlocksGone{CIDs: gone.CIDs})
	}
}
