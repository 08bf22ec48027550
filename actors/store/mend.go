package store

import (
	"errors"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// onMend puts right bytes in the place of damaged copies, one block at a time:
// few are damaged. It is an offer, as KeepCached is.
func (a *actor) onMend(ctx shell.Ctx, m messages.MendBlocks) {
	for _, b := range m.Blocks {
		if a.caching >= a.cfg.CachesMax || !a.loading.done() || len(b.Data) != a.blockSize {
			return
		}
		a.caching++
		a.claims.take(ctx, claim{[]messages.CID{b.CID}, func(ctx shell.Ctx, cids []messages.CID) {
			a.mend(ctx, b, func(ctx shell.Ctx) {
				a.caching--
				a.claims.release(ctx, cids)
			})
		}})
	}
}

// mend looks at the copy that is stored. One that is damaged is deleted BEFORE
// the right bytes are written, since the engine keeps one copy of a block. A
// crash in between costs nothing but the copy: it was of no use to anybody.
func (a *actor) mend(ctx shell.Ctx, b messages.Block, end func(shell.Ctx)) {
	cids := []messages.CID{b.CID}
	corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
		got := answer.(messages.BlocksGot)
		switch {
		case got.Errs == nil || got.Errs[0] == nil:
			end(ctx)
		case errors.Is(got.Errs[0], port.ErrBlockCorrupt):
			corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
				if answer.(messages.BlocksDeleted).Err != nil {
					end(ctx)
					return
				}
				a.rewrite(ctx, b, end)
			})
			a.blocks.Delete(corr, cids)
		case errors.Is(got.Errs[0], port.ErrBlockNotFound) && a.kept.serves(b.CID):
			a.rewrite(ctx, b, end)
		default:
			end(ctx)
		}
	})
	a.blocks.Get(corr, cids, true)
}

func (a *actor) rewrite(ctx shell.Ctx, b messages.Block, end func(shell.Ctx)) {
	a.enqueuePut(ctx, []messages.Block{b}, false, func(ctx shell.Ctx, err *messages.Error) {
		if err == nil {
			a.mended++
		}
		end(ctx)
	})
}

// salvage looks at what failed its check in a load: it may be that the bytes
// beside a block rotted, and not the block. Those whose bytes prove their CIDs
// are put into loaded, and written anew.
func (a *actor) salvage(
	ctx shell.Ctx, loaded messages.BlocksLoaded, then func(ctx shell.Ctx),
) {
	var cids []messages.CID
	var at []int // in loaded
	for i, err := range loaded.Errs {
		if err != nil && err.Code == messages.CodeCorrupt {
			cids, at = append(cids, loaded.Blocks[i].CID), append(at, i)
		}
	}
	if len(cids) == 0 {
		then(ctx)
		return
	}
	corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
		blocks := answer.(messages.BlocksGot).Blocks
		corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
			done := answer.(messages.WorkDone)
			if done.Err != nil {
				panic(done.Err) // a bug: naming bytes cannot fail
			}
			wrong := done.Result.([]messages.CID)
			var whole []messages.Block
			for i, b := range blocks {
				if !slices.Contains(wrong, b.CID) {
					loaded.Blocks[at[i]], loaded.Errs[at[i]] = b, nil
					whole = append(whole, b)
				}
			}
			a.onMend(ctx, messages.MendBlocks{Blocks: whole})
			then(ctx)
		})
		a.workers.Do(corr, time.Duration(len(blocks))*hashCostPerBlock, func() any {
			return misnamed(blocks)
		})
	})
	a.blocks.Get(corr, cids, false)
}
