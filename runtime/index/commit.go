package index

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/noisefs/noisefs/runtime/port"
)

// condition is what must hold of one row before a transaction.
type condition struct {
	at     storedKey
	op     port.Op // OpInsert: absent; OpMatch: has exactly value
	value  []byte
	absent bool // OpMatch of nil
}

// Commit implements [port.IndexEngine].
//
// When it returns an error of the disk (not ErrRowExists, ErrRowChanged,
// ErrBadTxn, nor ErrIndexFull while the index can be written again later),
// the transaction may or may not be there after the index is opened again.
func (x *Index) Commit(txn port.Txn) error {
	if err := txn.Check(); err != nil {
		return err
	}
	x.writers.RLock()
	defer x.writers.RUnlock()
	e, err := x.acquire()
	if err != nil {
		return err
	}
	defer x.gate.RUnlock()

	// Hashing and sealing are most of the work and need no lock.
	batch := e.db.NewBatch()
	conditions, err := x.stage(e, batch, txn)
	if err != nil {
		return errors.Join(err, batch.Close())
	}
	if batch.Empty() {
		if !txn.Durable {
			return errors.Join(x.check(e, conditions), batch.Close())
		}
		// Nothing to write, but all that was answered must be made durable.
		if err := batch.LogData(nil, nil); err != nil {
			return errors.Join(engineError(err), batch.Close())
		}
	}
	if err := x.apply(e, batch, conditions, txn); err != nil {
		return errors.Join(err, batch.Close())
	}
	// The critical section is over: others check and apply while this waits
	// for the sync, and the engine syncs once for all who wait.
	if txn.Durable {
		if err := batch.SyncWait(); err != nil {
			return fmt.Errorf("index: commit: %w", engineError(err))
		}
	}
	if err := e.guard.failed(); err != nil {
		return err
	}
	if txn.Durable {
		e.mark.advance(uint64(batch.SeqNum()) + uint64(batch.Count()))
	}
	if err := batch.Close(); err != nil {
		return fmt.Errorf("index: commit: %w", engineError(err))
	}
	return nil
}

// stage fills batch with the sealed changes and returns the conditions, both
// in the order of stored keys: the engine takes sorted rows faster, and its
// log does not tell the order they were given in.
func (x *Index) stage(e *engine, batch *pebble.Batch, txn port.Txn) ([]condition, error) {
	names, err := newNamer(&x.keys.Names)
	if err != nil {
		return nil, err
	}
	type step struct {
		at storedKey
		*port.Change
	}
	steps := make([]step, len(txn.Changes))
	for i := range txn.Changes {
		steps[i] = step{names.key(txn.Changes[i].Row), &txn.Changes[i]}
	}
	slices.SortFunc(steps, func(a, b step) int { return bytes.Compare(a.at[:], b.at[:]) })
	nonces := make([]byte, nonceSize*len(steps))
	_, _ = rand.Read(nonces) // never fails
	w := rowWriter{to: e, batch: batch}
	var conditions []condition
	for i, c := range steps {
		switch c.Op {
		case port.OpMatch:
			conditions = append(conditions, condition{c.at, c.Op, c.Value, c.Value == nil})
			continue
		case port.OpDelete:
			if err := batch.Delete(c.at[:], nil); err != nil {
				return nil, fmt.Errorf("index: commit: %w", engineError(err))
			}
			continue
		case port.OpInsert:
			conditions = append(conditions, condition{at: c.at, op: c.Op})
		}
		row := &plainRow{c.Row.Group, c.Row.Key, c.Value}
		if port.HistoryTable(c.Row.Table) {
			row = nil
		}
		if err := w.set(&c.at, nonces[i*nonceSize:(i+1)*nonceSize], row); err != nil {
			return nil, err
		}
	}
	return conditions, nil
}

// apply checks the conditions and applies the batch, with no other
// transaction in between. It does not wait for the sync.
func (x *Index) apply(
	e *engine, batch *pebble.Batch, conditions []condition, txn port.Txn,
) error {
	x.commit.Lock()
	defer x.commit.Unlock()
	if err := e.guard.failed(); err != nil {
		return err
	}
	if err := x.space.admit(int64(batch.Len()), frees(txn)); err != nil {
		return err
	}
	if err := x.check(e, conditions); err != nil {
		return err
	}
	var err error
	if txn.Durable {
		err = e.db.ApplyNoSyncWait(batch, pebble.Sync)
	} else {
		err = e.db.Apply(batch, pebble.NoSync)
	}
	if err != nil {
		return fmt.Errorf("index: commit: %w", engineError(err))
	}
	return nil
}

// frees tells a transaction that removes rows and adds none. A full disk
// refuses all others.
func frees(txn port.Txn) bool {
	deletes := false
	for _, c := range txn.Changes {
		if c.Op == port.OpInsert {
			return false
		}
		deletes = deletes || c.Op == port.OpDelete
	}
	return deletes || len(txn.Changes) == 0
}

// check reports the first condition that does not hold.
func (x *Index) check(e *engine, conditions []condition) error {
	for i := range conditions {
		if err := conditions[i].check(e); err != nil {
			return err
		}
	}
	return nil
}

func (c *condition) check(e *engine) error {
	sealed, closer, err := e.db.Get(c.at[:])
	if errors.Is(err, pebble.ErrNotFound) {
		if c.op == port.OpInsert || c.absent {
			return nil
		}
		return fmt.Errorf("%w: no row in table %d", port.ErrRowChanged, c.at.table())
	}
	if err != nil {
		return fmt.Errorf("index: look up: %w", engineError(err))
	}
	if c.op == port.OpInsert {
		err = fmt.Errorf("%w: table %d", port.ErrRowExists, c.at.table())
	} else {
		err = c.match(e, sealed)
	}
	return errors.Join(err, closer.Close())
}

// match compares a row that is there with the value an OpMatch wants.
func (c *condition) match(e *engine, sealed []byte) error {
	var value []byte
	if !port.HistoryTable(c.at.table()) {
		row, err := e.sealer.open(&c.at, sealed)
		if err != nil {
			return err
		}
		value = row.value
	}
	if c.absent || !bytes.Equal(value, c.value) {
		return fmt.Errorf("%w: table %d", port.ErrRowChanged, c.at.table())
	}
	return nil
}
