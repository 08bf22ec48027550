package store

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// loading is how far the store is with getting to know why blocks are kept.
// What changes that waits until it is done.
type loading struct {
	scanning, scanned bool
	// swept: the deletions that an earlier incarnation had under way are done.
	swept   bool
	waiting []func(shell.Ctx, *messages.Error) // bounded by what may be under way
}

func (l *loading) done() bool { return l.scanned && l.swept }

// whenLoaded goes on when it is known why blocks are kept, or cannot be.
func (a *actor) whenLoaded(ctx shell.Ctx, then func(shell.Ctx, *messages.Error)) {
	if a.loading.done() {
		then(ctx, nil)
		return
	}
	a.loading.waiting = append(a.loading.waiting, then)
	a.load(ctx)
}

// load reads the rows of port.TableKept. More of them than Config.KeptMax
// are loaded all the same: an earlier, larger bound let them in.
func (a *actor) load(ctx shell.Ctx) {
	switch {
	case a.loading.scanned || a.loading.scanning:
	case a.index == nil:
		a.loading.scanned = true
	default:
		a.loading.scanning = true
		a.kept = newKeptTable()
		a.scanKept(ctx, nil)
	}
}

func (a *actor) scanKept(ctx shell.Ctx, cursor []byte) {
	corr := a.expect(ctx, func(ctx shell.Ctx, answer any) {
		page := answer.(messages.IndexScanned)
		err := page.Err
		for _, row := range page.Rows {
			var cid messages.CID
			var k kept
			if cid, k, err = decodeKept(row); err != nil {
				break
			}
			a.kept.set(cid, k)
		}
		switch {
		case err != nil:
			a.loading.scanning = false
			a.goOn(ctx, failure("read why blocks are kept", err))
		case page.Next != nil:
			a.scanKept(ctx, page.Next)
		default:
			a.loading.scanning, a.loading.scanned = false, true
			a.loaded(ctx)
		}
	})
	a.index.Scan(corr, tableKept, nil, cursor, keptPage)
}

// loaded goes on with who waited, if that was the last thing to wait for.
func (a *actor) loaded(ctx shell.Ctx) {
	if a.loading.done() {
		a.goOn(ctx, nil)
	}
}

func (a *actor) goOn(ctx shell.Ctx, err *messages.Error) {
	waiting := a.loading.waiting
	a.loading.waiting = nil
	for _, then := range waiting {
		then(ctx, err)
	}
	a.beginJob(ctx)
}

// expect returns an id to ask a port or a sibling with, whose answer goes to
// then.
func (a *actor) expect(ctx shell.Ctx, then func(shell.Ctx, any)) messages.Corr {
	corr := ctx.NextCorr()
	a.expected[corr] = then
	return corr
}
