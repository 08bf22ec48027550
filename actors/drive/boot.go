package drive

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// bootState tells how far the drive is.
type bootState uint8

const (
	bootNone bootState = iota // the next command tries again
	bootRunning
	bootDone
)

// whenReady calls then once the drive knows its root, its lease and its
// orphans, or with the error of reading them.
func (a *actor) whenReady(ctx shell.Ctx, then func(shell.Ctx, *messages.Error)) {
	if a.boot == bootDone {
		then(ctx, nil)
		return
	}
	a.early = append(a.early, then)
	if a.boot == bootNone {
		a.bootUp(ctx)
	}
}

// closeLeftOpen closes the streams and handles of an earlier incarnation that
// ended in the middle of a share. Where there are none, or nobody is there
// yet, it comes to nothing.
func (a *actor) closeLeftOpen(ctx shell.Ctx) {
	ignore := func(shell.Ctx, messages.Reply, *messages.Error) {}
	a.ask(ctx, a.splitter, func(call messages.Call) messages.Command {
		return messages.CloseStreams{Call: call}
	}, ignore)
	a.ask(ctx, a.reader, func(call messages.Call) messages.Command {
		return messages.CloseContents{Call: call}
	}, ignore)
}

// bootUp reads what the drive needs before the first command, and makes the
// root directory of a new drive.
func (a *actor) bootUp(ctx shell.Ctx) {
	a.boot = bootRunning
	var lease []byte
	a.operate(ctx, &operation{
		changes: true,
		run: func(v *view) error {
			root, err := v.row(inodeRow(rootInode))
			value, err2 := v.row(leaseRow())
			if err != nil || err2 != nil {
				return errMissing
			}
			if lease = value; root == nil {
				lease = encodeLease(rootInode + 1)
				return v.makeRoot()
			}
			return nil
		},
		done: func(ctx shell.Ctx, err *messages.Error) {
			if err == nil {
				err = a.takeLease(lease)
			}
			if err != nil {
				a.booted(ctx, err)
				return
			}
			a.orphans = nil
			a.findOrphans(ctx, nil)
		},
	})
}

// takeLease begins a new lease: what an earlier incarnation leased and did
// not use is skipped.
func (a *actor) takeLease(lease []byte) *messages.Error {
	next, err := decodeLease(lease)
	if err != nil {
		return asError(err)
	}
	a.next, a.leased = next, next
	return nil
}

// findOrphans reads which removed directories are not cleaned away yet.
func (a *actor) findOrphans(ctx shell.Ctx, cursor []byte) {
	a.scan(ctx, port.TableSettings, []byte(orphansGroup), cursor,
		func(ctx shell.Ctx, page messages.IndexScanned) {
			if page.Err != nil {
				a.booted(ctx, indexError(page.Err))
				return
			}
			for _, row := range page.Rows {
				ino, err := decodeNumber(row.Key)
				if err != nil {
					a.booted(ctx, asError(err))
					return
				}
				a.orphans = append(a.orphans, ino)
			}
			if page.Next != nil {
				a.findOrphans(ctx, page.Next)
				return
			}
			a.booted(ctx, nil)
		})
}

// booted ends bootUp.
func (a *actor) booted(ctx shell.Ctx, err *messages.Error) {
	a.boot = bootDone
	if err != nil {
		a.boot = bootNone
		a.env.Log.Error("the drive cannot read its index", "code", err.Code.String())
	}
	early := a.early
	a.early = nil
	for _, then := range early {
		then(ctx, err)
	}
	if err == nil {
		a.takeTurn(ctx)
	}
}

// cleanOrphans takes away a batch of the last orphan: the last first, so that
// the list grows with the depth of what was removed, not with its breadth.
func (a *actor) cleanOrphans(ctx shell.Ctx) {
	ino := a.orphans[len(a.orphans)-1]
	corr := ctx.NextCorr()
	a.pending[corr] = func(ctx shell.Ctx, reply messages.Reply) {
		page := reply.(messages.IndexScanned)
		if page.Err != nil {
			a.cleaned(ctx, ino, false, indexError(page.Err))
			return
		}
		last := page.Next == nil
		op := &operation{changes: true, lazy: true}
		op.run = func(v *view) error {
			for _, row := range page.Rows {
				v.knowRead(dentryRow(ino, string(row.Key)), row.Value)
			}
			return v.cleanOrphan(ino, page.Rows, last)
		}
		op.done = func(ctx shell.Ctx, err *messages.Error) { a.cleaned(ctx, ino, last, err) }
		a.operate(ctx, op)
	}
	a.env.Index.Scan(corr, port.TableDentries, []byte(numberKey(ino)), nil, a.cfg.ScanRows)
}

// cleaned ends cleanOrphans. What cannot be cleaned now is found again after
// a restart; meanwhile it only takes space.
func (a *actor) cleaned(ctx shell.Ctx, ino uint64, last bool, err *messages.Error) {
	if err != nil {
		a.env.Log.Warn("a removed directory cannot be cleaned away", "code", err.Code.String())
		a.orphans = nil
	} else if last {
		a.dropOrphan(ino)
	}
	if len(a.orphans) == 0 {
		waiting := a.walkWaiting
		a.walkWaiting = nil
		for _, then := range waiting {
			then(ctx, err)
		}
	}
	a.release(ctx)
}

func (a *actor) dropOrphan(ino uint64) {
	for i := range a.orphans {
		if a.orphans[i] == ino {
			a.orphans = append(a.orphans[:i], a.orphans[i+1:]...)
			return
		}
	}
}
