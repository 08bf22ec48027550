package store

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// shed deletes blocks that make room for others, and whose entries are gone
// already. Nobody else has claimed them. The rows go BEFORE the blocks, and
// not durably: a row that comes back after a power cut names a block that is
// not there, and is soon shed again.
func (a *actor) shed(ctx shell.Ctx, cids []messages.CID, was why) {
	a.shedThen(ctx, cids, was, func(shell.Ctx) {})
}

// shedThen sheds, and goes on whether or not it could.
func (a *actor) shedThen(
	ctx shell.Ctx, cids []messages.CID, was why, then func(ctx shell.Ctx),
) {
	if len(cids) == 0 {
		then(ctx)
		return
	}
	a.claims.take(ctx, claim{cids, func(ctx shell.Ctx, cids []messages.CID) {
		a.commit(ctx, deletesOf(cids), false, func(ctx shell.Ctx, err error) {
			if err != nil {
				for _, cid := range cids {
					a.kept.set(cid, kept{why: whyUnsure})
				}
				a.claims.release(ctx, cids)
				then(ctx)
				return
			}
			a.deleteBlocks(ctx, cids, was, func(ctx shell.Ctx, _ *messages.Error) {
				a.claims.release(ctx, cids) // what was not deleted is garbage
				then(ctx)
			})
		})
	}})
}

// deleteBlocks deletes claimed blocks that were replicas or cached, and tells
// who may still count on them.
func (a *actor) deleteBlocks(
	ctx shell.Ctx, cids []messages.CID, was why, then func(ctx shell.Ctx, err *messages.Error),
) {
	if len(cids) == 0 {
		then(ctx, nil)
		return
	}
	corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
		ctx.Tell(a.sibling("cache"), messages.ForgetBlocks{CIDs: cids})
		if a.cfg.OfferedMax > 0 && was == whyReplica {
			ctx.Tell(a.sibling("randomizer"), messages.RandomizersLost{CIDs: cids})
		}
		if err := answer.(messages.BlocksDeleted).Err; err != nil {
			then(ctx, failure("delete blocks", err))
			return
		}
		a.deadBytes += int64(len(cids)) * int64(a.blockSize)
		a.compactSome(ctx)
		then(ctx, nil)
	})
	a.blocks.Delete(corr, cids)
}

// relieveBlocks is how many blocks are deleted at a time, at least, when the
// disk or the quota is full: one by one they would free no segment.
const relieveBlocks = 64

// relieve makes room on the disk at the expense of what nobody was promised.
// It reports whether that is under way: then startPuts is called again.
func (a *actor) relieve(ctx shell.Ctx, bytes int64) bool {
	if a.relieving || a.compacting || a.room.looking() {
		return true
	}
	n, was := max(relieveBlocks, bytes/int64(a.blockSize)), whyReplica
	cids := a.kept.expire(n, a.now(), a.claims.has)
	for turn := 0; turn < 2 && len(cids) == 0; turn++ { // the second is for what was wanted
		cids, was = a.kept.evict(n, a.claims.has), whyCached
	}
	if len(cids) == 0 {
		return false
	}
	a.relieving = true
	a.shedThen(ctx, cids, was, func(ctx shell.Ctx) {
		a.relieving = false
		if !a.compacting {
			a.compacting = true
			a.compactNext(ctx)
		}
	})
	return true
}

// compactSome gives space back to the disk after much was deleted outside of
// a collection, one segment at a time.
func (a *actor) compactSome(ctx shell.Ctx) {
	if a.compacting || a.cfg.CompactBytes == 0 || a.deadBytes < a.cfg.CompactBytes {
		return
	}
	a.compacting, a.deadBytes = true, 0
	a.compactNext(ctx)
}

func (a *actor) compactNext(ctx shell.Ctx) {
	corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
		if compacted := answer.(messages.BlocksCompacted); compacted.More && compacted.Err == nil {
			a.compactNext(ctx)
			return
		}
		a.compacting = false
		a.look(ctx)
		a.compactSome(ctx)
	})
	a.blocks.Compact(corr, a.cfg.CompactDeadShare)
}

// removeGarbage deletes what a collection found, unless somebody came to
// need it meanwhile.
func (a *actor) removeGarbage(ctx shell.Ctx, e remove) {
	a.claims.take(ctx, claim{e.cids, func(ctx shell.Ctx, cids []messages.CID) {
		var dead, rows []messages.CID
		for _, cid := range cids {
			if !e.still(cid) {
				continue
			}
			dead = append(dead, cid)
			if _, ok := a.kept.entries[cid]; ok {
				rows = append(rows, cid)
			}
		}
		end := func(ctx shell.Ctx, gone []messages.CID, err *messages.Error) {
			a.claims.release(ctx, cids)
			a.perform(ctx, a.job.step(removed{cids: gone, err: err}, nil))
		}
		a.commit(ctx, deletesOf(rows), true, func(ctx shell.Ctx, err error) {
			if err != nil {
				end(ctx, nil, failure("write that blocks are not kept", err))
				return
			}
			for _, cid := range rows {
				a.kept.remove(cid)
			}
			corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
				if err := answer.(messages.BlocksDeleted).Err; err != nil {
					end(ctx, dead, failure("delete blocks", err))
					return
				}
				end(ctx, dead, nil)
			})
			a.blocks.Delete(corr, dead)
		})
	}})
}

// disown makes durable that blocks are held for the network and for nothing
// else, unless somebody came to need them meanwhile.
func (a *actor) disown(ctx shell.Ctx, e disown) {
	a.claims.take(ctx, claim{e.cids, func(ctx shell.Ctx, cids []messages.CID) {
		var given []messages.CID
		var changes []port.Change
		for _, cid := range cids {
			if k := a.kept.entries[cid]; k.why == whyShared && e.still(cid) {
				k.why = whyReplica
				given = append(given, cid)
				changes = append(changes, putKept(cid, k))
			}
		}
		a.commit(ctx, changes, true, func(ctx shell.Ctx, err error) {
			answer := removed{cids: given}
			if err != nil {
				answer = removed{err: failure("write that blocks are not needed", err)}
			}
			// Also if it failed: whoever needs one of them writes so anew.
			for _, cid := range given {
				k := a.kept.entries[cid]
				k.why = whyReplica
				a.kept.set(cid, k)
			}
			if a.cfg.Network && len(answer.cids) > 0 {
				ctx.Tell(a.sibling("replication"), messages.BlocksGone{CIDs: answer.cids})
			}
			a.claims.release(ctx, cids)
			a.perform(ctx, a.job.step(answer, nil))
		})
	}})
}
