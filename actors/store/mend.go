package store

import (
	"errors"

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
