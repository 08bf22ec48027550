package randomizer

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// load reads what the index knows, once: settings, then the reuse pool, then
// candidates. Commands wait for as many candidates as are needed to choose
// well; the scan of the rest goes on beside the work.
func (a *actor) load(ctx shell.Ctx) {
	if a.loading || a.ready {
		return
	}
	a.loading = true
	rows := []port.RowKey{setting(keyMarker), setting(keyCounters)}
	a.get(ctx, rows, func(ctx shell.Ctx, values [][]byte, err error) {
		if err != nil {
			a.loadFailed(ctx, err)
			return
		}
		a.core.generated, a.core.reused, err = decodeCounters(values[1])
		if err != nil {
			a.loadFailed(ctx, err)
			return
		}
		if string(values[0]) != historyMarker || a.cfg.HistoryStale {
			a.purgeCandidates(ctx)
			return
		}
		a.loadReuse(ctx, nil)
	})
}

// purgeCandidates removes all candidates, page by page, and AFTER the last
// writes the marker: the history may lack blocks that stood in slot A, so no
// block from before may stand there again.
func (a *actor) purgeCandidates(ctx shell.Ctx) {
	a.scan(ctx, port.TableCandidates, nil, func(ctx shell.Ctx, page messages.IndexScanned) {
		if page.Err != nil {
			a.loadFailed(ctx, page.Err)
			return
		}
		last := len(page.Rows) == 0
		txn := port.Txn{Durable: last}
		for _, r := range page.Rows {
			key := port.RowKey{Table: port.TableCandidates, Key: r.Key}
			txn.Changes = append(txn.Changes, port.Change{Op: port.OpDelete, Row: key})
		}
		if last {
			txn.Changes = append(txn.Changes, putMarker())
		}
		a.commit(ctx, txn, func(ctx shell.Ctx, err error) {
			switch {
			case err != nil:
				a.loadFailed(ctx, err)
			case last:
				a.env.Log.Info("History of randomizers begins anew")
				a.loadReuse(ctx, nil)
			default:
				a.purgeCandidates(ctx)
			}
		})
	})
}

func (a *actor) loadReuse(ctx shell.Ctx, cursor []byte) {
	a.scan(ctx, port.TableReuse, cursor, func(ctx shell.Ctx, page messages.IndexScanned) {
		for _, r := range page.Rows {
			reusable, err := decodeReusable(r)
			if err != nil {
				page.Err = err
				break
			}
			a.core.reuse.load(reusable)
		}
		switch {
		case page.Err != nil:
			a.loadFailed(ctx, page.Err)
		case page.Next != nil:
			a.loadReuse(ctx, page.Next)
		case a.cfg.reusePermille() == 0:
			a.becomeReady(ctx) // nothing is drawn for slot A
		default:
			a.core.beginScan()
			a.scanCandidates(ctx, nil, 0)
		}
	})
}

// scanCandidates reads candidates into the core, from a cursor on, of which
// seen were read before.
func (a *actor) scanCandidates(ctx shell.Ctx, cursor []byte, seen int) {
	a.scan(ctx, port.TableCandidates, cursor, func(ctx shell.Ctx, page messages.IndexScanned) {
		for _, r := range page.Rows {
			c, err := decodeCandidate(r)
			if err != nil {
				page.Err = err
				break
			}
			a.core.scanned(c)
		}
		seen += len(page.Rows)
		if page.Err != nil {
			a.scanFailed(ctx, page.Err)
			return
		}
		if page.Next == nil {
			a.core.endScan()
		} else {
			a.scanCandidates(ctx, page.Next, seen)
		}
		if !a.ready && (page.Next == nil || seen >= a.cfg.CandidatesReady) {
			a.becomeReady(ctx)
		}
	})
}

// scanFailed goes on with what was read, unless that is not enough to begin.
func (a *actor) scanFailed(ctx shell.Ctx, err error) {
	a.core.endScan()
	if !a.ready {
		a.loadFailed(ctx, err)
		return
	}
	a.env.Log.Warn("Candidates were read in part", "err", failure("scan candidates", err))
}

// refill scans again when few candidates are left and the index has more.
func (a *actor) refill(ctx shell.Ctx) {
	if a.core.scanning || a.cfg.reusePermille() == 0 || !a.core.candidates.wantsRefill() {
		return
	}
	a.core.beginScan()
	a.scanCandidates(ctx, nil, 0)
}

func (a *actor) becomeReady(ctx shell.Ctx) {
	a.ready, a.loading = true, false
	waiting := a.deferred
	a.deferred = nil
	for _, d := range waiting {
		d.handle(ctx, d.caller)
	}
}

// loadFailed fails what waits. The next command tries again, from the start.
func (a *actor) loadFailed(ctx shell.Ctx, err error) {
	a.loading = false
	a.core = newCore(a.cfg, a.env.Entropy.Uint64N)
	waiting := a.deferred
	a.deferred = nil
	for _, d := range waiting {
		a.fail(ctx, d.caller, failure("read the pool", err))
	}
}
