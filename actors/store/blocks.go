package store

import (
	"errors"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// look asks the engine for its usage, unless it is being asked.
func (a *actor) look(ctx shell.Ctx) {
	if a.room.looking() {
		return
	}
	a.room.look()
	corr := ctx.NextCorr()
	a.usages[corr] = shell.Caller{}
	a.blocks.Usage(corr)
}

func (a *actor) onUsage(ctx shell.Ctx, m messages.BlocksUsage) {
	caller, ok := a.usages[m.Corr]
	if !ok {
		a.stepJob(ctx, m)
		return
	}
	delete(a.usages, m.Corr)
	if caller.IsZero() {
		a.room.looked(m)
		a.startPuts(ctx)
		return
	}
	a.reads--
	ctx.Reply(caller, messages.StoreStatted{
		Answer:     caller.Answer(),
		Blocks:     m.Blocks,
		BlockBytes: m.DiskBytes,
		FreeBytes:  m.FreeBytes,
		QuotaBytes: a.cfg.QuotaBytes,

		Replicas: a.kept.replicas, CachedBlocks: a.kept.cached,
		ServedBlocks: a.served.blocks, AbsentAnswers: a.served.absent,
		BusyAnswers: a.served.busy, BadRequests: a.served.malformed,
		RottenReplicas: a.served.rotten,
		MendedBlocks:   a.mended,
	})
}

func (a *actor) onStat(ctx shell.Ctx) {
	if a.refuseRead(ctx) {
		return
	}
	corr := ctx.NextCorr()
	a.usages[corr] = ctx.Caller()
	a.blocks.Usage(corr)
}

// refuseRead counts a read, or refuses it when too many wait.
func (a *actor) refuseRead(ctx shell.Ctx) bool {
	if a.reads >= a.cfg.LoadsMax {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeOverload,
			"%d reads of the store are waiting already", a.reads))
		return true
	}
	a.reads++
	return false
}

func (a *actor) onLoad(ctx shell.Ctx, m messages.LoadBlocks) {
	if n := len(m.CIDs); n == 0 || n > messages.LoadMax {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeInvalid,
			"a load asks for %d blocks, want 1 to %d", n, messages.LoadMax))
		return
	}
	if a.refuseRead(ctx) {
		return
	}
	for _, cid := range m.CIDs {
		a.kept.read(cid)
	}
	corr := ctx.NextCorr()
	a.loads[corr] = ctx.Caller()
	a.blocks.Get(corr, m.CIDs, m.Checked)
}

func (a *actor) onGot(ctx shell.Ctx, m messages.BlocksGot) {
	caller, ok := a.loads[m.Corr]
	if !ok {
		a.stepJob(ctx, m)
		return
	}
	delete(a.loads, m.Corr)
	loaded := messages.BlocksLoaded{Answer: caller.Answer(), Blocks: m.Blocks}
	if m.Errs != nil {
		loaded.Blocks, loaded.Errs = withErrors(m)
	}
	a.salvage(ctx, loaded, func(ctx shell.Ctx) {
		a.reads--
		ctx.Reply(caller, loaded)
	})
}

// withErrors maps the errors of an answer; a block that is not stored is no
// error but one without Data.
func withErrors(m messages.BlocksGot) ([]messages.Block, []*messages.Error) {
	blocks := make([]messages.Block, len(m.Blocks))
	errs := make([]*messages.Error, len(m.Blocks))
	for i, b := range m.Blocks {
		switch err := m.Errs[i]; {
		case err == nil:
			blocks[i] = b
		case errors.Is(err, port.ErrBlockNotFound):
			blocks[i] = messages.Block{CID: b.CID}
		default:
			blocks[i] = messages.Block{CID: b.CID}
			errs[i] = failure("read block "+b.CID.String(), err)
		}
	}
	return blocks, errs
}

func (a *actor) onList(ctx shell.Ctx, m messages.ListStored) {
	if m.Limit < 1 || m.Limit > listMax {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeInvalid,
			"a list of %d blocks, want 1 to %d", m.Limit, listMax))
		return
	}
	if a.refuseRead(ctx) {
		return
	}
	corr := ctx.NextCorr()
	a.lists[corr] = ctx.Caller()
	a.blocks.List(corr, m.After, m.Limit)
}

func (a *actor) onListed(ctx shell.Ctx, m messages.BlocksListed) {
	caller, ok := a.lists[m.Corr]
	if !ok {
		a.stepJob(ctx, m)
		return
	}
	delete(a.lists, m.Corr)
	a.reads--
	ctx.Reply(caller, messages.StoredListed{
		Answer: caller.Answer(), CIDs: m.CIDs, More: m.More,
	})
}
