package randomizer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// errWork reports work that panicked.
var errWork = errors.New("randomizer: work failed")

const (
	// generateCost is what the simulation bills for one generated block.
	generateCost = 150 * time.Microsecond
	// conflictsMax is how often one transaction is tried again because the
	// index knew a block or a pair that memory did not.
	conflictsMax = 4
)

// request is a ReserveTuples.
type request struct {
	caller shell.Caller
	stream messages.StreamID
	count  int
}

// batch is the requests that are reserved in one transaction.
type batch struct {
	requests  []*request
	tuples    []*tuple // of the requests, in order
	working   int      // pieces of work under way
	failed    error
	conflicts int
}

func (a *actor) receiveReserve(ctx shell.Ctx, m messages.ReserveTuples) {
	if m.Count < 1 || m.Count > messages.ReserveMax || m.Stream == 0 {
		a.invalid(ctx, "%d tuples to reserve, want 1..%d of a stream",
			m.Count, messages.ReserveMax)
		return
	}
	if a.core.reserved+a.requested+m.Count > a.cfg.ReservedMax {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeOverload,
			"%d tuples are reserved and not committed", a.core.reserved+a.requested))
		return
	}
	a.whenReady(ctx, func(ctx shell.Ctx, caller shell.Caller) {
		a.requests = append(a.requests, &request{caller, m.Stream, m.Count})
		a.requested += m.Count
		a.pump(ctx)
	})
}

// pump starts transactions for the requests that wait, as many as are
// allowed. One is generated at a time, so that a generated B has its name
// before another batch uses it, and the next may be generated while earlier
// ones are on their way to disk.
func (a *actor) pump(ctx shell.Ctx) {
	for !a.generating && len(a.batches) < a.cfg.TransactionsMax && len(a.requests) > 0 {
		k := &batch{}
		var generate []*block
		for len(a.requests) > 0 {
			r := a.requests[0]
			if len(k.tuples) > 0 && len(k.tuples)+r.count > a.cfg.TransactionTuples {
				break
			}
			tuples, missing := a.core.plan(r.stream, r.count)
			k.requests = append(k.requests, r)
			k.tuples = append(k.tuples, tuples...)
			generate = append(generate, missing...)
			a.requests = a.requests[1:]
			a.requested -= r.count
		}
		a.batches = append(a.batches, k)
		a.generating = true
		a.generate(ctx, k, generate, func(ctx shell.Ctx) {
			a.generating = false
			if k.failed == nil {
				a.core.named(k.tuples)
			}
			a.reserve(ctx, k)
			a.pump(ctx)
		})
	}
	a.refill(ctx)
}

// generate fills the blocks with random bytes and names them, then goes on.
func (a *actor) generate(
	ctx shell.Ctx, k *batch, blocks []*block, then func(ctx shell.Ctx),
) {
	if len(blocks) == 0 {
		then(ctx)
		return
	}
	entropy, size := a.env.Entropy, a.params.BlockSize
	for part := range slices.Chunk(blocks, a.cfg.GenerateBlocks) {
		count := len(part)
		work := func() any {
			made := make([]messages.Block, count)
			for i := range made {
				data := make([]byte, size)
				entropy.Fill(data)
				made[i] = messages.Block{CID: format.Name(data), Data: data}
			}
			return made
		}
		corr := ctx.NextCorr()
		k.working++
		a.answers[corr] = func(ctx shell.Ctx, answer any) {
			done := answer.(messages.WorkDone)
			if done.Err != nil {
				k.failed = fmt.Errorf("%w: %v", errWork, done.Err)
			} else {
				for i, b := range done.Result.([]messages.Block) {
					part[i].cid, part[i].data = b.CID, b.Data
				}
			}
			if k.working--; k.working == 0 {
				then(ctx)
			}
		}
		a.env.Workers.Do(corr, time.Duration(count)*generateCost, work)
	}
}

// reserve makes the tuples of a batch durable, and AFTER that replies.
func (a *actor) reserve(ctx shell.Ctx, k *batch) {
	if k.failed != nil {
		a.endBatch(ctx, k, k.failed)
		return
	}
	booking := a.core.book(k.tuples)
	txn := port.Txn{Changes: booking.changes, Durable: true}
	a.commit(ctx, txn, func(ctx shell.Ctx, err error) {
		switch {
		case err == nil:
			a.core.booked(booking)
			a.endBatch(ctx, k, nil)
		case errors.Is(err, port.ErrRowExists) && k.conflicts < conflictsMax:
			a.core.unbook(booking)
			k.conflicts++
			a.resolve(ctx, k)
		default:
			a.core.unbook(booking)
			a.endBatch(ctx, k, err)
		}
	})
}

// resolve finds the tuples whose block or pair the index knows already,
// which means that memory was wrong, generates another A for each, and tries
// again. Nothing was written, and nothing is ever used twice.
func (a *actor) resolve(ctx shell.Ctx, k *batch) {
	rows := make([]port.RowKey, 0, 2*len(k.tuples))
	for _, t := range k.tuples {
		rows = append(rows, row(port.TableSlotA, t.a.cid), pairRow(t.a.cid, t.b.cid))
	}
	a.get(ctx, rows, func(ctx shell.Ctx, values [][]byte, err error) {
		if err != nil {
			a.endBatch(ctx, k, err)
			return
		}
		var known []messages.CID
		var generate []*block
		for i, t := range k.tuples {
			if values[2*i] != nil || values[2*i+1] != nil {
				known = append(known, t.a.cid)
				generate = append(generate, a.core.replaceA(t))
			}
		}
		if len(known) > 0 {
			a.env.Log.Warn("Randomizers were used before and leave the pool",
				"blocks", len(known))
			a.drop(ctx, known)
		}
		a.generate(ctx, k, generate, func(ctx shell.Ctx) {
			a.core.named(k.tuples)
			a.reserve(ctx, k)
		})
	})
}

// endBatch answers the requests of a batch.
func (a *actor) endBatch(ctx shell.Ctx, k *batch, err error) {
	i := slices.Index(a.batches, k)
	a.batches = slices.Delete(a.batches, i, i+1)
	tuples := k.tuples
	for _, r := range k.requests {
		if err != nil {
			a.fail(ctx, r.caller, failure("reserve tuples", err))
			continue
		}
		reserved := make([]messages.ReservedTuple, r.count)
		for i, t := range tuples[:r.count] {
			reserved[i] = messages.ReservedTuple{
				A: messages.Randomizer{CID: t.a.cid, Data: t.a.data},
				B: messages.Randomizer{CID: t.b.cid, Data: t.b.data},
			}
			t.a.data = nil // the asker has it
		}
		tuples = tuples[r.count:]
		a.reply(ctx, r.caller, messages.TuplesReserved{
			Answer: r.caller.Answer(), Tuples: reserved,
		})
	}
	if err != nil {
		for _, t := range k.tuples {
			a.core.void(t)
		}
	}
	a.pump(ctx)
}

// cancelRequests fails the requests of a stream that are not planned yet.
func (a *actor) cancelRequests(ctx shell.Ctx, id messages.StreamID) {
	kept := a.requests[:0]
	for _, r := range a.requests {
		if r.stream != id {
			kept = append(kept, r)
			continue
		}
		a.requested -= r.count
		a.fail(ctx, r.caller, messages.Errorf(messages.CodeCanceled, "the stream ended"))
	}
	clear(a.requests[len(kept):])
	a.requests = kept
}

// plannedTuples returns the tuples of all batches under way.
func (a *actor) plannedTuples() []*tuple {
	var all []*tuple
	for _, k := range a.batches {
		all = append(all, k.tuples...)
	}
	return all
}
