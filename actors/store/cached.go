package store

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// onKeepCached keeps blocks that were fetched, as far as there is room under
// the cache quota. It is an offer: nobody waits, and it is dropped whenever
// keeping them would be work beyond the bounds.
func (a *actor) onKeepCached(ctx shell.Ctx, m messages.KeepCached) {
	if a.cachedRoom() <= 0 || len(m.Blocks) > messages.LoadMax ||
		a.caching >= a.cfg.CachesMax || !a.loading.done() || a.index == nil {
		return
	}
	var blocks []messages.Block
	for _, b := range m.Blocks {
		_, known := a.kept.entries[b.CID]
		if !known && !a.claims.has(b.CID) && len(b.Data) == a.blockSize {
			blocks = append(blocks, b)
		}
	}
	if len(blocks) == 0 {
		return
	}
	a.caching++
	a.claims.take(ctx, claim{cidsOf(blocks), func(ctx shell.Ctx, cids []messages.CID) {
		end := func(ctx shell.Ctx) {
			a.caching--
			a.claims.release(ctx, cids)
		}
		if len(cids) < len(blocks) {
			end(ctx) // a block stands there twice
			return
		}
		a.ifStored(ctx, cids, func(ctx shell.Ctx, stored []bool) {
			a.cache(ctx, unstored(blocks, stored), end)
		})
	}})
}

// unstored leaves out what is stored: without an entry it is mine, and must
// never become something that is evicted.
func unstored(blocks []messages.Block, stored []bool) []messages.Block {
	var out []messages.Block
	for i, b := range blocks {
		if !stored[i] {
			out = append(out, b)
		}
	}
	return out
}

// cachedRoom is how many blocks may be cached, those that are included.
func (a *actor) cachedRoom() int64 { return a.cfg.CacheBytesMax / int64(a.blockSize) }

// cache stores blocks and then writes why, not durably: what a power cut
// leaves in between is a block that nothing needs.
func (a *actor) cache(ctx shell.Ctx, blocks []messages.Block, end func(shell.Ctx)) {
	more := int64(len(blocks))
	over := max(a.kept.cached+a.cachedComing+more-a.cachedRoom(),
		int64(len(a.kept.entries)+len(blocks)-a.cfg.KeptMax))
	if over > 0 {
		evicted := a.kept.evict(min(over, dropMax), a.claims.has)
		a.shed(ctx, evicted, whyCached)
		if int64(len(evicted)) < over {
			end(ctx)
			return
		}
	}
	a.cachedComing += more
	done := func(ctx shell.Ctx) {
		a.cachedComing -= more
		end(ctx)
	}
	a.enqueuePut(ctx, blocks, true, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil {
			done(ctx)
			return
		}
		var changes []port.Change
		for _, b := range blocks {
			changes = append(changes, putKept(b.CID, kept{why: whyCached}))
		}
		a.commit(ctx, changes, false, func(ctx shell.Ctx, err error) {
			entry := kept{why: whyCached}
			if err != nil {
				entry.why = whyUnsure
			}
			for _, b := range blocks {
				a.kept.set(b.CID, entry)
			}
			done(ctx)
		})
	})
}
