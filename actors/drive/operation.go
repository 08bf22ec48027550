package drive

import (
	"errors"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// Bounds of one operation. A decision needs a run for every node on its way;
// only a bug or a directory with millions of hidden names comes near.
const (
	runsMax     = 1 << 16
	attemptsMax = 3
)

// operation is a decision on its way: it is run whenever what it lacked has
// come, and in the end, if it changes anything, committed.
type operation struct {
	run     func(v *view) error
	done    func(ctx shell.Ctx, err *messages.Error)
	changes bool // may change names; then it runs alone among such
	lazy    bool // need not be durable when it is answered

	view     *view
	asked    int   // answers that it waits for
	epoch    int   // answers to earlier epochs are void
	failed   error // of the answers so far
	runs     int
	attempts int
}

// operate begins an operation.
func (a *actor) operate(ctx shell.Ctx, op *operation) {
	op.view = newView(a.p, &a.cfg, a.memory)
	a.active = append(a.active, op)
	a.advance(ctx, op)
}

// advance runs an operation until it lacks something or is decided.
func (a *actor) advance(ctx shell.Ctx, op *operation) {
	for {
		if op.runs++; op.runs > runsMax {
			a.end(ctx, op, messages.Errorf(messages.CodeInternal, "a decision that does not end"))
			return
		}
		op.view.begin(a.env.Clock.Now().UTC(), a.next, a.leased)
		err := op.run(op.view)
		if isMissing(err) {
			if op.view.missing.isEmpty() {
				continue
			}
			a.fetch(ctx, op)
			return
		}
		if err != nil {
			a.end(ctx, op, asError(err))
			return
		}
		break
	}
	var changes []port.Change
	if op.changes {
		changes = op.view.txn()
	}
	if changes == nil {
		a.end(ctx, op, nil)
		return
	}
	a.commit(ctx, op, changes)
}

// end takes an operation off and tells its outcome.
func (a *actor) end(ctx shell.Ctx, op *operation, err *messages.Error) {
	for i := range a.active {
		if a.active[i] == op {
			a.active = append(a.active[:i], a.active[i+1:]...)
			break
		}
	}
	op.epoch++
	op.view.publish()
	op.done(ctx, err)
}

// commit writes what an operation decided. From here on everybody sees the
// new rows: whatever is asked of the index later takes effect later.
func (a *actor) commit(ctx shell.Ctx, op *operation, changes []port.Change) {
	for _, c := range changes {
		if c.Op == port.OpMatch {
			continue
		}
		id := rowID{c.Row.Table, string(c.Row.Group), string(c.Row.Key)}
		a.memory.committing(id, c.Value)
		for _, other := range a.active {
			other.view.know(id, c.Value)
		}
	}
	a.noteChanges(changes)
	corr := ctx.NextCorr()
	a.pending[corr] = func(ctx shell.Ctx, reply messages.Reply) {
		a.committed(ctx, op, changes, reply.(messages.IndexCommitted).Err)
	}
	a.env.Index.Commit(corr, port.Txn{Changes: changes, Durable: !op.lazy})
}

func (a *actor) committed(ctx shell.Ctx, op *operation, changes []port.Change, err error) {
	if err == nil {
		a.orphaned(newOrphans(changes), op.view.kept)
		a.next += op.view.allocated
		a.leased = op.view.leased
		a.end(ctx, op, nil)
		return
	}
	// Whether anything was written is not known, and the new rows were shown
	// to everybody: all that is going on starts over. The inode numbers are
	// not used again, since their rows may be there.
	a.next += op.view.allocated
	a.leased = a.next
	a.memory.forgetRows()
	for _, other := range append([]*operation(nil), a.active...) {
		a.restart(ctx, other, other != op)
	}
	conflict := errors.Is(err, port.ErrRowExists) || errors.Is(err, port.ErrRowChanged)
	if op.attempts++; conflict && op.attempts < attemptsMax {
		a.advance(ctx, op)
		return
	}
	a.end(ctx, op, indexError(err))
}

// restart makes an operation forget what it knows.
func (a *actor) restart(ctx shell.Ctx, op *operation, advance bool) {
	op.epoch++
	op.asked, op.failed = 0, nil
	op.view = newView(a.p, &a.cfg, a.memory)
	if advance {
		a.advance(ctx, op)
	}
}

// fetch asks for what an operation lacks.
func (a *actor) fetch(ctx shell.Ctx, op *operation) {
	missing := op.view.missing
	if len(missing.rows) > 0 {
		op.asked++
		a.fetchRows(ctx, op, missing.rows)
	}
	for _, ref := range missing.nodes {
		op.asked++
		epoch := op.epoch
		a.readNode(ctx, ref, func(ctx shell.Ctx, read nodeRead) {
			if op.epoch == epoch {
				op.view.nodes[ref] = read
				a.arrived(ctx, op, nil)
			}
		})
	}
	for _, need := range missing.windows {
		op.asked++
		w := newWindow(need.after, a.cfg.WindowMax)
		op.view.windows[need.directory] = w
		a.fetchWindow(ctx, op, need.directory, w, nil)
	}
}

// arrived notes an answer; after the last one the operation goes on.
func (a *actor) arrived(ctx shell.Ctx, op *operation, err error) {
	if err != nil && op.failed == nil {
		op.failed = err
	}
	if op.asked--; op.asked > 0 {
		return
	}
	if op.failed != nil {
		a.end(ctx, op, asError(op.failed))
		return
	}
	a.advance(ctx, op)
}

func (a *actor) fetchRows(ctx shell.Ctx, op *operation, rows []rowID) {
	epoch := op.epoch
	a.get(ctx, rows, func(ctx shell.Ctx, values [][]byte, err *messages.Error) {
		if op.epoch != epoch {
			return
		}
		if err != nil {
			a.arrived(ctx, op, err)
			return
		}
		for i, value := range values {
			op.view.knowRead(rows[i], value)
		}
		a.arrived(ctx, op, nil)
	})
}

// fetchWindow reads all changed names of a directory, a page at a time.
func (a *actor) fetchWindow(
	ctx shell.Ctx, op *operation, directory uint64, w *window, cursor []byte,
) {
	epoch := op.epoch
	group := []byte(numberKey(directory))
	a.scan(ctx, port.TableDentries, group, cursor, func(ctx shell.Ctx, page messages.IndexScanned) {
		if op.epoch != epoch {
			return
		}
		if page.Err != nil {
			a.arrived(ctx, op, indexError(page.Err))
			return
		}
		if err := w.addPage(page.Rows); err != nil {
			a.arrived(ctx, op, err)
			return
		}
		if page.Next != nil {
			a.fetchWindow(ctx, op, directory, w, page.Next)
			return
		}
		w.finish()
		a.arrived(ctx, op, nil)
	})
}

// get reads rows of the index; nil for those that are not there.
func (a *actor) get(
	ctx shell.Ctx, rows []rowID, then func(shell.Ctx, [][]byte, *messages.Error),
) {
	keys := make([]port.RowKey, len(rows))
	for i, row := range rows {
		keys[i] = row.port()
	}
	corr := ctx.NextCorr()
	a.pending[corr] = func(ctx shell.Ctx, reply messages.Reply) {
		got := reply.(messages.IndexGot)
		if got.Err != nil {
			then(ctx, nil, indexError(got.Err))
			return
		}
		then(ctx, got.Values, nil)
	}
	a.env.Index.Get(corr, keys)
}

// scan reads a page of a group of rows.
func (a *actor) scan(
	ctx shell.Ctx, table port.Table, group, cursor []byte,
	then func(shell.Ctx, messages.IndexScanned),
) {
	corr := ctx.NextCorr()
	a.pending[corr] = func(ctx shell.Ctx, reply messages.Reply) {
		then(ctx, reply.(messages.IndexScanned))
	}
	a.env.Index.Scan(corr, table, group, cursor, a.cfg.ScanRows)
}

// ask sends a command and calls then with its reply, or with the error of
// its Failed.
func (a *actor) ask(
	ctx shell.Ctx, to shell.Ref, command func(messages.Call) messages.Command,
	then func(shell.Ctx, messages.Reply, *messages.Error),
) {
	corr := ctx.NextCorr()
	a.pending[corr] = func(ctx shell.Ctx, reply messages.Reply) {
		if failed, ok := reply.(messages.Failed); ok {
			then(ctx, nil, failed.Err)
			return
		}
		then(ctx, reply, nil)
	}
	ctx.Ask(to, command(messages.Call{Corr: corr}))
}
