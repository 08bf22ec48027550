package store

import (
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// claims lets one piece of work at a time change whether a block is stored
// and why: a put must not meet a deletion of the same block half way.
// Whatever claims its blocks is bounded elsewhere, and lets go of them.
type claims struct {
	taken   map[messages.CID]struct{}
	waiting []claim // in the order they came
}

// claim waits for its blocks.
type claim struct {
	cids []messages.CID
	then func(ctx shell.Ctx, distinct []messages.CID)
}

func (c *claims) has(cid messages.CID) bool {
	_, ok := c.taken[cid]
	return ok
}

// take claims blocks, now or when they are free, and then goes on with each
// of them named once.
func (c *claims) take(ctx shell.Ctx, next claim) {
	if slices.ContainsFunc(next.cids, c.has) {
		c.waiting = append(c.waiting, next)
		return
	}
	c.begin(ctx, next)
}

func (c *claims) begin(ctx shell.Ctx, next claim) {
	if c.taken == nil {
		c.taken = make(map[messages.CID]struct{})
	}
	distinct := make([]messages.CID, 0, len(next.cids))
	for _, cid := range next.cids {
		if !c.has(cid) {
			c.taken[cid] = struct{}{}
			distinct = append(distinct, cid)
		}
	}
	next.then(ctx, distinct)
}

// release lets go of blocks, and goes on with who waited for them. A later
// claim may overtake an earlier one whose blocks are not all free.
func (c *claims) release(ctx shell.Ctx, cids []messages.CID) {
	for _, cid := range cids {
		delete(c.taken, cid)
	}
	for {
		i := slices.IndexFunc(c.waiting, func(w claim) bool {
			return !slices.ContainsFunc(w.cids, c.has)
		})
		if i < 0 {
			return
		}
		next := c.waiting[i]
		c.waiting = slices.Delete(c.waiting, i, i+1)
		c.begin(ctx, next)
	}
}
