package store

import (
	"slices"

	"github.com/noisefs/noisefs/messages"
)

// collector frees the blocks that nothing needs, while the node runs. Its
// order is what makes that safe; each step relies on the ones before it:
//
//  1. A mark in the engine: what is written from now on is left alone.
//  2. The randomizer reports pool blocks that are reserved and not yet in a
//     ref, and remembers those it reserves from now on.
//  3. The splitter lists what open streams hold. What it no longer lists is
//     in the index already, since a stream is closed after its root is.
//  4. The drive walks everything that is named or kept as of now.
//  5. Imports are held: a link could name blocks that nothing else needs.
//     Those imported since the walk began are walked too.
//  6. What is stored, not needed and not written since the mark is garbage,
//     unless it is cached, or held for the network under a lease that lives.
//     Page by page the randomizer is asked to retire it from the pool (it
//     keeps what it reserved since step 2), and what it let go is deleted.
//     What a lease keeps is mine no more.
//  7. Imports go on, the walk and the collection end.
//  8. Segments that are mostly dead are rewritten.
//
// Anything unexpected stops the collection where it is: what was deleted
// was garbage, and the rest is left for the next time. A part of the tree
// that cannot be read stops it before anything is deleted, since what lies
// below is unknown.
//
// One request is under way at a time, so a state is just what to do with
// the next answer.
type collector struct {
	command      messages.Collect
	blockSize    int64
	mark         uint64
	writtenSince func(messages.CID, uint64) bool
	standing     func(messages.CID) standing

	then func(answer any) []effect // the state

	needed  *neededSet
	without *neededSet           // what is needed without command.Without, if that is set
	also    []messages.NeededRef // roots that open streams hold

	// What has to be undone at the end.
	begun, held bool
	walk        *messages.WalkID
	releasing   bool
	canceled    bool
	err         *messages.Error // why the collection fails

	page    messages.BlocksListed
	garbage []messages.CID // of the page, ascending
	surplus []messages.CID // of the page: shared, and not needed

	phase       string
	done, total int64
	result      messages.Collected
}

var _ job = (*collector)(nil)

func newCollector(
	command messages.Collect, blockSize int, mark uint64,
	writtenSince func(messages.CID, uint64) bool,
) *collector {
	return &collector{
		command: command, blockSize: int64(blockSize),
		mark: mark, writtenSince: writtenSince,
		standing: func(messages.CID) standing { return standingMine },
		needed:   &neededSet{}, phase: "preparing",
	}
}

func (c *collector) progress() (string, int64, int64) { return c.phase, c.done, c.total }

// cancel takes effect between two batches of the walk, two pages of the
// sweep, or two segments: wherever nothing is half done.
func (c *collector) cancel() { c.canceled = true }

// written keeps blocks that are put while the collection runs: one that was
// there before is not written again, so its age would not save it.
func (c *collector) written(cids []messages.CID) { c.need(cids) }

func (c *collector) step(answer, _ any) []effect {
	if answer == nil {
		c.then = c.onUsage
		return []effect{look{}}
	}
	if failed, ok := answer.(messages.Failed); ok && !c.releasing {
		return c.fail(failed.Err)
	}
	return c.then(answer)
}

// ask asks a sibling and goes on with then.
func (c *collector) ask(
	to string, then func(any) []effect, command func(messages.Call) messages.Command,
) []effect {
	c.then = then
	return []effect{ask{to: to, command: command}}
}

func (c *collector) onUsage(answer any) []effect {
	c.total = answer.(messages.BlocksUsage).Blocks
	c.begun = true // also if the answer is lost: ending what did not begin is harmless
	return c.ask("randomizer", c.onBegun, func(call messages.Call) messages.Command {
		return messages.BeginCollection{Call: call}
	})
}

func (c *collector) onBegun(answer any) []effect {
	c.need(answer.(messages.CollectionBegun).Reserved)
	return c.ask("splitter", c.onInFlight, func(call messages.Call) messages.Command {
		return messages.ListInFlight{Call: call}
	})
}

func (c *collector) onInFlight(answer any) []effect {
	inFlight := answer.(messages.InFlightListed)
	c.need(inFlight.Blocks)
	c.also = inFlight.Refs
	return c.beginWalk(c.command.Without)
}

func (c *collector) beginWalk(without string) []effect {
	c.phase, c.done = "finding what is needed", 0
	return c.ask("drive", c.onWalkBegun, func(call messages.Call) messages.Command {
		return messages.BeginWalk{Call: call, Without: without}
	})
}

func (c *collector) onWalkBegun(answer any) []effect {
	id := answer.(messages.WalkBegun).Walk
	c.walk = &id
	return c.continueWalk(c.onWalked, c.also)
}

// continueWalk goes on with the walk, also below the given roots, whose own
// blocks are needed too.
func (c *collector) continueWalk(then func(any) []effect, also []messages.NeededRef) []effect {
	c.needRefs(also)
	walk := *c.walk
	return c.ask("drive", then, func(call messages.Call) messages.Command {
		return messages.ContinueWalk{Call: call, Walk: walk, Also: also}
	})
}

func (c *collector) onWalked(answer any) []effect {
	more, err := c.walked(answer)
	switch {
	case err != nil:
		return c.fail(err)
	case more:
		return c.continueWalk(c.onWalked, nil)
	case c.command.Without != "" && c.without == nil:
		// What was found so far is needed without the path. Now all of it.
		c.without, c.needed = c.needed, &neededSet{}
		return c.endWalk(func(any) []effect { return c.beginWalk("") })
	case c.command.DryRun:
		return c.sweep()
	}
	c.held = true
	return c.holdImports(true, c.onHeld)
}

// walked takes in a batch of a walk, and tells whether more comes.
func (c *collector) walked(answer any) (more bool, err *messages.Error) {
	batch := answer.(messages.WalkContinued)
	if c.canceled {
		return false, canceled()
	}
	if len(batch.Broken) > 0 {
		return false, messages.Errorf(messages.CodeCorrupt,
			"nothing was deleted, since what is needed cannot all be read: %s",
			batch.Broken[0].Reason)
	}
	c.needRefs(batch.Refs)
	c.done += int64(len(batch.Refs))
	return !batch.Done, nil
}

func (c *collector) holdImports(hold bool, then func(any) []effect) []effect {
	walk := *c.walk
	return c.ask("drive", then, func(call messages.Call) messages.Command {
		return messages.HoldImports{Call: call, Walk: walk, Hold: hold}
	})
}

func (c *collector) onHeld(answer any) []effect {
	roots := answer.(messages.ImportsHeld).Roots
	if len(roots) == 0 {
		return c.sweep()
	}
	return c.continueWalk(c.onImportsWalked, roots)
}

func (c *collector) onImportsWalked(answer any) []effect {
	more, err := c.walked(answer)
	switch {
	case err != nil:
		return c.fail(err)
	case more:
		return c.continueWalk(c.onImportsWalked, nil)
	}
	return c.sweep()
}

func (c *collector) sweep() []effect {
	c.phase, c.done = "sweeping", 0
	return c.list(messages.CID{})
}

func (c *collector) list(after messages.CID) []effect {
	c.then = c.onListed
	return []effect{list{after: after}}
}

func (c *collector) onListed(answer any) []effect {
	if c.canceled {
		return c.fail(canceled())
	}
	c.page = answer.(messages.BlocksListed)
	c.garbage, c.surplus = nil, nil
	for _, cid := range c.page.CIDs {
		switch {
		case c.isGarbage(cid):
			c.garbage = append(c.garbage, cid)
		case c.isSurplus(cid):
			c.surplus = append(c.surplus, cid)
		case c.standing(cid) != standingOthers && (c.without == nil || c.without.has(cid)):
			c.result.Needed++
		}
	}
	switch {
	case len(c.garbage) == 0 && len(c.surplus) == 0:
		return c.nextPage()
	case c.command.DryRun:
		c.result.FreedBlocks += int64(len(c.garbage))
		c.result.FreedBytes += int64(len(c.garbage)) * c.blockSize
		return c.nextPage()
	}
	// Held already: asked again so that a drive that restarted since, and
	// forgot, says so before anything more is deleted.
	return c.holdImports(true, c.onStillHeld)
}

// isGarbage tells whether a stored block may go: with command.Without,
// whether it could go for that path's sake.
func (c *collector) isGarbage(cid messages.CID) bool {
	return c.standing(cid) == standingMine && c.isUnneeded(cid)
}

// isSurplus tells whether a block stays, but not for this node's own files.
func (c *collector) isSurplus(cid messages.CID) bool {
	return c.standing(cid) == standingShared && c.isUnneeded(cid)
}

func (c *collector) isUnneeded(cid messages.CID) bool {
	if c.writtenSince(cid, c.mark) {
		return false
	}
	if c.without != nil {
		return c.needed.has(cid) && !c.without.has(cid)
	}
	return !c.needed.has(cid)
}

func (c *collector) onStillHeld(any) []effect {
	if len(c.surplus) == 0 {
		return c.retire()
	}
	c.then = c.onDisowned
	return []effect{disown{cids: c.surplus, still: c.isSurplus}}
}

func (c *collector) onDisowned(answer any) []effect {
	if err := answer.(removed).err; err != nil {
		return c.fail(err)
	}
	return c.retire()
}

func (c *collector) retire() []effect {
	if len(c.garbage) == 0 {
		return c.nextPage()
	}
	garbage := c.garbage
	return c.ask("randomizer", c.onRetired, func(call messages.Call) messages.Command {
		return messages.RetireBlocks{Call: call, CIDs: garbage}
	})
}

func (c *collector) onRetired(answer any) []effect {
	var dead []messages.CID
	for _, cid := range answer.(messages.BlocksRetired).CIDs {
		if _, asked := slices.BinarySearchFunc(c.garbage, cid, messages.CID.Compare); !asked {
			return c.fail(messages.Errorf(messages.CodeInternal,
				"a block was retired that is not garbage"))
		}
		if c.isGarbage(cid) { // it may have been put again meanwhile
			dead = append(dead, cid)
		}
	}
	c.result.Needed += int64(len(c.garbage) - len(dead))
	if len(dead) == 0 {
		return c.nextPage()
	}
	c.garbage = dead
	c.then = c.onDeleted
	return []effect{remove{cids: dead, still: c.isGarbage}}
}

func (c *collector) onDeleted(answer any) []effect {
	done := answer.(removed)
	gone := []effect{forget{cids: done.cids}} // some are, even if not all
	if done.err != nil {
		return append(gone, c.fail(done.err)...)
	}
	c.result.FreedBlocks += int64(len(done.cids))
	c.result.Needed += int64(len(c.garbage) - len(done.cids))
	return append(gone, c.nextPage()...)
}

func (c *collector) nextPage() []effect {
	c.done += int64(len(c.page.CIDs))
	if !c.page.More || len(c.page.CIDs) == 0 {
		return c.release()
	}
	return c.list(c.page.CIDs[len(c.page.CIDs)-1])
}

// fail gives up: what is held is released, and then the error is answered.
func (c *collector) fail(err *messages.Error) []effect {
	c.err = err
	return c.release()
}

// release undoes what was begun, one step at a time. A sibling that fails
// here has restarted and forgotten what there was to undo.
func (c *collector) release() []effect {
	c.releasing = true
	next := func(any) []effect { return c.release() }
	switch {
	case c.held:
		c.held = false
		return c.holdImports(false, next)
	case c.walk != nil:
		return c.endWalk(next)
	case c.begun:
		c.begun = false
		return c.ask("randomizer", next, func(call messages.Call) messages.Command {
			return messages.EndCollection{Call: call}
		})
	case c.err != nil:
		return []effect{finish{err: c.err}}
	case c.command.DryRun:
		return c.finish()
	}
	c.phase, c.done, c.total = "compacting", 0, 0
	c.then = c.onCompacted
	return []effect{compact{}}
}

func (c *collector) endWalk(then func(any) []effect) []effect {
	walk := *c.walk
	c.walk = nil
	return c.ask("drive", then, func(call messages.Call) messages.Command {
		return messages.EndWalk{Call: call, Walk: walk}
	})
}

func (c *collector) onCompacted(answer any) []effect {
	compacted := answer.(messages.BlocksCompacted)
	if compacted.Err != nil {
		return []effect{finish{err: failure("compact segments", compacted.Err)}}
	}
	c.done++
	c.result.FreedBytes += compacted.FreedBytes
	if c.canceled {
		return []effect{finish{err: canceled()}}
	}
	if compacted.More {
		return []effect{compact{}}
	}
	return c.finish()
}

func (c *collector) finish() []effect {
	return []effect{finish{reply: func(answer messages.Answer) messages.Reply {
		c.result.Answer = answer
		return c.result
	}}}
}

func (c *collector) need(cids []messages.CID) {
	for _, cid := range cids {
		c.needed.add(cid)
	}
}

func (c *collector) needRefs(refs []messages.NeededRef) {
	for _, r := range refs {
		for _, cid := range r.Ref.Tuple() {
			c.needed.add(cid)
		}
	}
}
