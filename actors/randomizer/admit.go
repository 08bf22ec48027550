package randomizer

import (
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// examineCost is what the simulation bills for testing one block.
const examineCost = 500 * time.Microsecond

// receiveAdmit tests blocks of others, in one piece of work, looks up whether
// they are known, and makes the rest candidates.
func (a *actor) receiveAdmit(ctx shell.Ctx, m messages.AdmitBlocks) {
	if len(m.Blocks) == 0 || len(m.Blocks) > admitMax {
		a.invalid(ctx, "%d blocks to admit, want 1..%d", len(m.Blocks), admitMax)
		return
	}
	if m.Origin == (messages.NodeID{}) {
		a.invalid(ctx, "blocks to admit without an origin")
		return
	}
	if a.examiner == nil {
		a.examiner = newExaminer(a.params.BlockSize)
	}
	examiner, blocks := a.examiner, m.Blocks
	work := func() any {
		refused := make([]string, len(blocks))
		for i, b := range blocks {
			refused[i] = examiner.examine(b.Data)
		}
		return refused
	}
	a.whenReady(ctx, func(ctx shell.Ctx, caller shell.Caller) {
		corr := ctx.NextCorr()
		a.answers[corr] = func(ctx shell.Ctx, answer any) {
			done := answer.(messages.WorkDone)
			if done.Err != nil {
				err := fmt.Errorf("%w: %v", errWork, done.Err)
				a.fail(ctx, caller, failure("examine blocks", err))
				return
			}
			a.admitUnknown(ctx, caller, m, done.Result.([]string))
		}
		a.env.Workers.Do(corr, time.Duration(len(blocks))*examineCost, work)
	})
}

// admitUnknown refuses what is in the pool or in the history, or stands twice
// in one command.
func (a *actor) admitUnknown(
	ctx shell.Ctx, caller shell.Caller, m messages.AdmitBlocks, refused []string,
) {
	tables := []port.Table{port.TableSlotA, port.TableCandidates, port.TableReuse}
	rows := make([]port.RowKey, 0, len(tables)*len(m.Blocks))
	seen := make(map[messages.CID]bool)
	for i, b := range m.Blocks {
		if seen[b.CID] && refused[i] == "" {
			refused[i] = refusedKnown
		}
		seen[b.CID] = true
		for _, table := range tables {
			rows = append(rows, row(table, b.CID))
		}
	}
	a.get(ctx, rows, func(ctx shell.Ctx, values [][]byte, err error) {
		if err != nil {
			a.fail(ctx, caller, failure("admit blocks", err))
			return
		}
		var admitted []candidate
		txn := port.Txn{}
		for i, b := range m.Blocks {
			for k := range tables {
				if values[i*len(tables)+k] != nil && refused[i] == "" {
					refused[i] = refusedKnown
				}
			}
			if refused[i] == "" {
				c := candidate{cid: b.CID, origin: m.Origin}
				admitted = append(admitted, c)
				txn.Changes = append(txn.Changes, putCandidate(c))
			}
		}
		a.admit(ctx, caller, txn, admitted, refused)
	})
}

func (a *actor) admit(
	ctx shell.Ctx, caller shell.Caller, txn port.Txn, admitted []candidate, refused []string,
) {
	reply := messages.BlocksAdmitted{Answer: caller.Answer(), Refused: refused}
	if len(admitted) == 0 {
		a.reply(ctx, caller, reply)
		return
	}
	a.commit(ctx, txn, func(ctx shell.Ctx, err error) {
		if err != nil {
			a.fail(ctx, caller, failure("admit blocks", err))
			return
		}
		for _, c := range admitted {
			a.core.collection.note(c.cid)
			a.core.candidates.add(c)
		}
		a.reply(ctx, caller, reply)
	})
}
