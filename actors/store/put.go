package store

import (
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// ownPut is a PutBlocks that is being answered.
type ownPut struct {
	caller shell.Caller
	blocks []messages.Block
	keep   []messages.CID
	cids   []messages.CID // of both
}

func (a *actor) onPut(ctx shell.Ctx, m messages.PutBlocks) {
	caller := ctx.Caller()
	switch {
	case len(m.Blocks) == 0 && len(m.Keep) == 0:
		ctx.Reply(caller, messages.BlocksStored{Answer: caller.Answer()})
		return
	case len(m.Blocks) > a.cfg.PutBlocksMax || len(m.Keep) > messages.KeepMax:
		ctx.Fail(caller, messages.Errorf(messages.CodeInvalid,
			"a put of %d blocks that keeps %d, at most %d and %d",
			len(m.Blocks), len(m.Keep), a.cfg.PutBlocksMax, messages.KeepMax))
		return
	case len(a.owning) >= a.cfg.PutsMax:
		ctx.Fail(caller, messages.Errorf(messages.CodeOverload,
			"%d puts are waiting already", a.cfg.PutsMax))
		return
	}
	for _, b := range m.Blocks {
		if len(b.Data) != a.blockSize {
			ctx.Fail(caller, messages.Errorf(messages.CodeInvalid,
				"a block of %d bytes, want %d", len(b.Data), a.blockSize))
			return
		}
	}
	p := &ownPut{
		caller: caller, blocks: m.Blocks, keep: m.Keep,
		cids: append(cidsOf(m.Blocks), m.Keep...),
	}
	a.owning = append(a.owning, p)
	if a.job != nil {
		a.job.written(p.cids)
	}
	a.whenLoaded(ctx, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil {
			a.endOwn(ctx, p, err)
			return
		}
		a.claims.take(ctx, claim{p.cids, func(ctx shell.Ctx, distinct []messages.CID) {
			p.cids = distinct
			a.ownStored(ctx, p, func(ctx shell.Ctx, err *messages.Error) {
				a.claims.release(ctx, p.cids)
				a.endOwn(ctx, p, err)
			})
		}})
	})
}

// ownStored stores the blocks of a put, and AFTER that makes durable that
// they and those to be kept are mine.
func (a *actor) ownStored(
	ctx shell.Ctx, p *ownPut, end func(ctx shell.Ctx, err *messages.Error),
) {
	put := func(ctx shell.Ctx) {
		a.enqueuePut(ctx, p.blocks, false, func(ctx shell.Ctx, err *messages.Error) {
			if err != nil {
				end(ctx, err)
				return
			}
			a.own(ctx, p.cids, end)
		})
	}
	if len(p.keep) == 0 {
		put(ctx)
		return
	}
	a.ifStored(ctx, p.keep, func(ctx shell.Ctx, stored []bool) {
		if slices.Contains(stored, false) {
			end(ctx, messages.Errorf(messages.CodeNotFound,
				"a block that is to be kept is not stored any more"))
			return
		}
		put(ctx)
	})
}

// own makes durable that stored blocks are needed by this node's own files.
// It is needed only for those that were kept for another reason.
func (a *actor) own(
	ctx shell.Ctx, cids []messages.CID, then func(ctx shell.Ctx, err *messages.Error),
) {
	var changes []port.Change
	for _, cid := range cids {
		switch next, remove, change := a.kept.owned(cid); {
		case remove:
			changes = append(changes, deleteKept(cid))
		case change:
			changes = append(changes, putKept(cid, next))
		}
	}
	a.commit(ctx, changes, true, func(ctx shell.Ctx, err error) {
		if err != nil {
			then(ctx, failure("write that blocks are needed", err))
			return
		}
		for _, cid := range cids {
			switch next, remove, change := a.kept.owned(cid); {
			case remove:
				a.kept.remove(cid)
			case change:
				a.kept.set(cid, next)
			}
		}
		then(ctx, nil)
	})
}

func (a *actor) endOwn(ctx shell.Ctx, p *ownPut, err *messages.Error) {
	i := slices.Index(a.owning, p)
	a.owning = slices.Delete(a.owning, i, i+1)
	if err != nil {
		ctx.Fail(p.caller, err)
		return
	}
	ctx.Reply(p.caller, messages.BlocksStored{Answer: p.caller.Answer()})
	if a.cfg.Network {
		ctx.Tell(a.sibling("replication"), messages.BlocksWritten{CIDs: p.cids})
	}
}

// enqueuePut stores blocks when there is room, and goes on when they are
// durable or refused; for spare ones nothing else has to make room. Who calls
// it has bounded how many may wait.
func (a *actor) enqueuePut(
	ctx shell.Ctx, blocks []messages.Block, spare bool,
	then func(ctx shell.Ctx, err *messages.Error),
) {
	if len(blocks) == 0 {
		then(ctx, nil)
		return
	}
	a.waiting = append(a.waiting, put{
		blocks: blocks, then: then, spare: spare,
		bytes: int64(len(blocks)) * (int64(a.blockSize) + a.cfg.RecordOverheadBytes),
		asked: a.room.asked,
	})
	a.startPuts(ctx)
}

// startPuts starts those that wait, in order, as far as there is room. A put
// that finds none waits until those under way have ended, then for a look at
// the engine, and is refused only when that shows no room either.
func (a *actor) startPuts(ctx shell.Ctx) {
	for len(a.waiting) > 0 {
		p := a.waiting[0]
		if !a.room.known() {
			return // Start has asked
		}
		refused := a.room.refusal(p.bytes)
		switch {
		case refused == nil:
		case a.room.inFlight > 0:
			return // onPutDone comes here again
		case !a.room.final(p.asked):
			a.look(ctx)
			return
		case !p.spare && a.relieve(ctx, p.bytes):
			return // its end comes here again
		}
		a.waiting[0] = put{}
		a.waiting = a.waiting[1:]
		if refused != nil {
			p.then(ctx, refused) // may add to those that wait
			continue
		}
		a.startPut(ctx, p)
	}
	a.waiting = nil
}

func (a *actor) startPut(ctx shell.Ctx, p put) {
	corr := ctx.NextCorr()
	a.room.begin(p.bytes)
	a.puts[corr] = p
	a.blocks.Put(corr, p.blocks)
}

// onPutDone goes on with who waited for a put.
func (a *actor) onPutDone(ctx shell.Ctx, m messages.BlocksPut) {
	p := a.puts[m.Corr]
	delete(a.puts, m.Corr)
	a.room.end(p.bytes)
	var err *messages.Error
	if m.Err != nil {
		err = failure("store blocks", m.Err)
	}
	p.then(ctx, err)
	if m.Err != nil || a.room.putBytes >= a.cfg.RefreshBytes {
		a.look(ctx)
	}
	a.startPuts(ctx)
}
