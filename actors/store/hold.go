package store

import (
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

const (
	tableKept = port.TableKept
	keptPage  = 1024 // rows of one scan
	dropMax   = 4096 // DropReplicas.CIDs
)

// hold is a HoldReplicas that is being answered.
type hold struct {
	caller shell.Caller
	blocks []messages.Block
	origin messages.NodeID
	until  uint32
	cids   []messages.CID
	held   []bool           // in the order asked
	next   []kept           // the entries of those that are held
	fresh  []messages.Block // that have to be stored
	more   int64            // blocks that will be kept for the network alone
}

func (a *actor) onHold(ctx shell.Ctx, m messages.HoldReplicas) {
	if refused := a.refuseHold(m); refused != nil {
		ctx.Fail(ctx.Caller(), refused)
		return
	}
	h := &hold{
		caller: ctx.Caller(), blocks: m.Blocks, origin: m.Origin, until: secondsOf(m.Until),
		cids: cidsOf(m.Blocks),
	}
	a.changes++
	a.whenLoaded(ctx, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil {
			a.changes--
			ctx.Fail(h.caller, err)
			return
		}
		a.claims.take(ctx, claim{h.cids, func(ctx shell.Ctx, distinct []messages.CID) {
			if len(distinct) < len(h.cids) {
				a.endHold(ctx, h, messages.Errorf(messages.CodeInvalid, "a block stands there twice"))
				return
			}
			a.ifStored(ctx, h.cids, func(ctx shell.Ctx, stored []bool) { a.planHold(ctx, h, stored) })
		}})
	})
}

// refuseHold says what is wrong with a HoldReplicas, if anything.
func (a *actor) refuseHold(m messages.HoldReplicas) *messages.Error {
	if n := len(m.Blocks); n == 0 || n > messages.LoadMax {
		return messages.Errorf(messages.CodeInvalid,
			"%d blocks to hold, want 1 to %d", n, messages.LoadMax)
	}
	for _, b := range m.Blocks {
		if b.Data != nil && len(b.Data) != a.blockSize {
			return messages.Errorf(messages.CodeInvalid,
				"a block of %d bytes, want %d", len(b.Data), a.blockSize)
		}
	}
	return a.refuseChange()
}

// refuseChange says why no change of what is kept may begin, or nil.
func (a *actor) refuseChange() *messages.Error {
	switch {
	case a.index == nil:
		return messages.Errorf(messages.CodeInvalid, "a store without an index keeps no replicas")
	case a.changes >= a.cfg.ChangesMax:
		return messages.Errorf(messages.CodeOverload,
			"%d changes of what is kept are waiting already", a.changes)
	}
	return nil
}

// planHold decides what is held, and finds room for it.
func (a *actor) planHold(ctx shell.Ctx, h *hold, stored []bool) {
	h.held, h.next = make([]bool, len(h.blocks)), make([]kept, len(h.blocks))
	rows := 0
	for i, b := range h.blocks {
		if h.held[i] = stored[i] || b.Data != nil; !h.held[i] {
			continue
		}
		old := a.kept.entries[b.CID]
		h.next[i] = a.kept.held(b.CID, h.until, stored[i])
		if h.next[i].why == whyReplica && old.why != whyReplica {
			h.more++
		}
		if old.why == 0 {
			rows++
		}
		if !stored[i] {
			h.fresh = append(h.fresh, b)
		}
	}
	if refused := a.replicaRoom(ctx, h.more, rows); refused != nil {
		h.more = 0
		a.endHold(ctx, h, refused)
		return
	}
	a.holding += h.more
	a.enqueuePut(ctx, h.fresh, false, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil {
			a.endHold(ctx, h, err)
			return
		}
		a.commitHold(ctx, h)
	})
}

// replicaRoom makes room for replicas and rows, or says why there is none.
func (a *actor) replicaRoom(ctx shell.Ctx, more int64, rows int) *messages.Error {
	if rows > 0 {
		over := int64(len(a.kept.entries) + rows - a.cfg.KeptMax)
		evicted := a.kept.evict(over, a.claims.has)
		a.shed(ctx, evicted, whyCached)
		a.shed(ctx, a.kept.expire(over-int64(len(evicted)), a.now(), a.claims.has), whyReplica)
	}
	if more > 0 {
		over := a.kept.replicas + a.holding + more - a.cfg.ReplicaBytesMax/int64(a.blockSize)
		a.shed(ctx, a.kept.expire(over, a.now(), a.claims.has), whyReplica)
	}
	if rows > 0 && len(a.kept.entries)+rows > a.cfg.KeptMax ||
		more > 0 && (a.kept.replicas+a.holding+more)*int64(a.blockSize) > a.cfg.ReplicaBytesMax {
		return messages.Errorf(messages.CodeQuota,
			"what is offered to the network is taken: %d replicas are held", a.kept.replicas)
	}
	return nil
}

// commitHold makes the leases durable, AFTER the blocks are: what a crash
// leaves in between is a block that nothing needs.
func (a *actor) commitHold(ctx shell.Ctx, h *hold) {
	var changes []port.Change
	for i, cid := range h.cids {
		if h.held[i] && h.next[i] != a.kept.entries[cid] {
			changes = append(changes, putKept(cid, h.next[i]))
		}
	}
	a.commit(ctx, changes, true, func(ctx shell.Ctx, err error) {
		for i, cid := range h.cids {
			switch {
			case !h.held[i]:
			case err == nil:
				a.kept.set(cid, h.next[i])
			case a.kept.entries[cid].why == 0:
				a.kept.set(cid, kept{why: whyUnsure})
			}
		}
		if err != nil {
			a.endHold(ctx, h, failure("write leases", err))
			return
		}
		a.endHold(ctx, h, nil)
		a.offer(ctx, h)
	})
}

func (a *actor) endHold(ctx shell.Ctx, h *hold, err *messages.Error) {
	a.changes--
	a.holding -= h.more
	a.claims.release(ctx, h.cids)
	if err != nil {
		ctx.Fail(h.caller, err)
		return
	}
	ctx.Reply(h.caller, messages.ReplicasHeld{Answer: h.caller.Answer(), Held: h.held})
}

// offer lets the randomizer choose what others pushed, unless it has enough
// to examine.
func (a *actor) offer(ctx shell.Ctx, h *hold) {
	n := len(h.fresh)
	if n == 0 || h.origin == (messages.NodeID{}) || a.offered+n > a.cfg.OfferedMax {
		return
	}
	a.offered += n
	corr := a.expect(ctx, func(shell.Ctx, any) { a.offered -= n })
	ctx.Ask(a.sibling("randomizer"), messages.AdmitBlocks{
		Call: messages.Call{Corr: corr}, Blocks: h.fresh, Origin: h.origin,
	})
}

func (a *actor) onDrop(ctx shell.Ctx, m messages.DropReplicas) {
	caller := ctx.Caller()
	refused := a.refuseChange()
	if n := len(m.CIDs); n == 0 || n > dropMax {
		refused = messages.Errorf(messages.CodeInvalid,
			"%d leases to end, want 1 to %d", n, dropMax)
	}
	if refused != nil {
		ctx.Fail(caller, refused)
		return
	}
	a.changes++
	a.whenLoaded(ctx, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil {
			a.changes--
			ctx.Fail(caller, err)
			return
		}
		a.claims.take(ctx, claim{m.CIDs, func(ctx shell.Ctx, cids []messages.CID) {
			a.drop(ctx, caller, cids)
		}})
	})
}

// drop ends leases, and deletes what was held for nothing else. The rows go
// BEFORE the blocks: what a crash leaves in between is garbage.
func (a *actor) drop(ctx shell.Ctx, caller shell.Caller, cids []messages.CID) {
	var ending, dead []messages.CID
	for _, cid := range cids {
		switch a.kept.entries[cid].why {
		case whyReplica:
			dead = append(dead, cid)
			ending = append(ending, cid)
		case whyShared:
			ending = append(ending, cid)
		}
	}
	end := func(ctx shell.Ctx) {
		a.changes--
		a.claims.release(ctx, cids)
	}
	a.commit(ctx, deletesOf(ending), true, func(ctx shell.Ctx, err error) {
		if err != nil {
			end(ctx)
			ctx.Fail(caller, failure("end leases", err))
			return
		}
		for _, cid := range ending {
			a.kept.remove(cid)
		}
		a.deleteBlocks(ctx, dead, whyReplica, func(ctx shell.Ctx, err *messages.Error) {
			end(ctx)
			dropped := messages.ReplicasDropped{Answer: caller.Answer()}
			if err == nil { // else they are garbage now: the leases have ended
				dropped.FreedBlocks = int64(len(dead))
			}
			ctx.Reply(caller, dropped)
		})
	})
}

func (a *actor) onListKept(ctx shell.Ctx, m messages.ListKept) {
	caller := ctx.Caller()
	if m.Limit < 1 || m.Limit > listMax {
		ctx.Fail(caller, messages.Errorf(messages.CodeInvalid,
			"a list of %d blocks, want 1 to %d", m.Limit, listMax))
		return
	}
	if a.refuseRead(ctx) {
		return
	}
	a.whenLoaded(ctx, func(ctx shell.Ctx, err *messages.Error) {
		if err != nil {
			a.reads--
			ctx.Fail(caller, err)
			return
		}
		corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
			a.reads--
			ctx.Reply(caller, a.keptOf(caller.Answer(), answer.(messages.BlocksListed)))
		})
		a.blocks.List(corr, m.After, m.Limit)
	})
}

// keptOf tells why stored blocks are kept.
func (a *actor) keptOf(answer messages.Answer, page messages.BlocksListed) messages.KeptListed {
	listed := messages.KeptListed{Answer: answer, More: page.More && len(page.CIDs) > 0}
	if listed.More {
		listed.Last = page.CIDs[len(page.CIDs)-1]
	}
	for _, cid := range page.CIDs {
		k := a.kept.entries[cid]
		if k.why == whyCached {
			continue
		}
		b := messages.KeptBlock{
			CID: cid, Mine: k.why != whyReplica, Replica: k.why == whyReplica || k.why == whyShared,
		}
		if b.Replica {
			b.Until = time.Unix(int64(k.until), 0).UTC()
		}
		listed.Blocks = append(listed.Blocks, b)
	}
	return listed
}

// ifStored asks which blocks are stored.
func (a *actor) ifStored(
	ctx shell.Ctx, cids []messages.CID, then func(ctx shell.Ctx, stored []bool),
) {
	corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
		then(ctx, answer.(messages.BlocksHad).Has)
	})
	a.blocks.Has(corr, cids)
}

// commit writes rows, if there is anything to write.
func (a *actor) commit(
	ctx shell.Ctx, changes []port.Change, durable bool, then func(ctx shell.Ctx, err error),
) {
	if len(changes) == 0 {
		then(ctx, nil)
		return
	}
	corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
		then(ctx, answer.(messages.IndexCommitted).Err)
	})
	a.index.Commit(corr, port.Txn{Changes: changes, Durable: durable})
}

func deletesOf(cids []messages.CID) []port.Change {
	changes := make([]port.Change, 0, len(cids))
	for _, cid := range cids {
		changes = append(changes, deleteKept(cid))
	}
	return changes
}

func cidsOf(blocks []messages.Block) []messages.CID {
	cids := make([]messages.CID, 0, len(blocks))
	for _, b := range blocks {
		cids = append(cids, b.CID)
	}
	return slices.Clip(cids)
}

// now is the time in the seconds that leases are counted in.
func (a *actor) now() uint32 { return uint32(max(0, a.clock.Now().Unix())) }
