package index

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/noisefs/noisefs/runtime/port"
)

// purgeBatchBytes is how much Purge writes at a time.
const purgeBatchBytes = 1 << 20

// Purge implements [port.IndexEngine]. It writes every live row, sealed
// anew, into a new directory under a new generation, makes that the current
// one, and removes the old: compacting in place would leave deleted rows in
// old logs, and in tables that have yet to be merged. Commits wait
// meanwhile, reads go on. It needs room for a second copy; without it, it
// returns port.ErrIndexFull and changes nothing. Interrupted at any point, the index is whole in
// its old or its new form, and the next Open removes the other.
//
// What a file system or a disk keeps of removed files is beyond it.
func (x *Index) Purge() error {
	x.writers.Lock()
	defer x.writers.Unlock()
	g := newGeneration()
	fresh, err := x.rewrite(g)
	if err != nil {
		return fmt.Errorf("index: purge: %w", err)
	}
	x.gate.Lock()
	defer x.gate.Unlock()
	if x.engine == nil { // closed meanwhile
		return abandon(fresh, port.ErrIndexClosed)
	}
	return x.replace(fresh, g)
}

// replace makes fresh the current generation and removes the old one. The
// caller holds both locks.
func (x *Index) replace(fresh *engine, g generation) error {
	old := x.engine
	if err := writePointer(x.opts.fs, x.dir, g); err != nil {
		// It may or may not point to the new one after a power cut. Both
		// hold the same rows, and so that it stays like that, nothing is
		// written to either before the index is opened again.
		old.guard.freeze(err)
		return errors.Join(fmt.Errorf("index: purge: %w", engineError(err)), fresh.close())
	}
	x.engine = fresh
	if err := old.close(); err != nil {
		return err
	}
	if err := x.opts.fs.RemoveAll(old.dir); err != nil {
		return fmt.Errorf("index: purge: remove the old generation: %w", engineError(err))
	}
	return nil
}

// abandon removes an engine that did not become current.
func abandon(fresh *engine, err error) error {
	return errors.Join(err, fresh.close(), fresh.guard.FS.RemoveAll(fresh.dir))
}

// rewrite copies all rows into a new engine, durably. Nothing commits
// meanwhile: the caller holds writers.
func (x *Index) rewrite(g generation) (*engine, error) {
	old, err := x.acquire()
	if err != nil {
		return nil, err
	}
	defer x.gate.RUnlock()
	if err := old.guard.failed(); err != nil {
		return nil, err
	}
	fresh, err := x.createEngine(g)
	if err != nil {
		return nil, err
	}
	c := copier{rowWriter{to: fresh, batch: fresh.db.NewBatch()}, x.space}
	err = old.each(&x.keys, c.copy)
	if err == nil {
		err = c.flush(pebble.Sync)
	}
	if err == nil {
		var flushed bool
		if flushed, err = fresh.settle(); err == nil && !flushed {
			err = port.ErrIndexFull
		}
	}
	if err != nil {
		return nil, abandon(fresh, err)
	}
	return fresh, nil
}

// copier writes the rows of one engine into another.
type copier struct {
	rowWriter
	space *space
}

func (c *copier) copy(at *storedKey, row *plainRow) error {
	if err := c.set(at, newNonce(), row); err != nil {
		return err
	}
	if c.batch.Len() < purgeBatchBytes {
		return nil
	}
	return c.flush(pebble.NoSync)
}

func (c *copier) flush(sync *pebble.WriteOptions) error {
	// A full disk is found here, or the engine would wait for space.
	if err := c.space.admit(int64(c.batch.Len()), false); err != nil {
		return err
	}
	if err := c.to.db.Apply(c.batch, sync); err != nil {
		return engineError(err)
	}
	if err := c.batch.Close(); err != nil {
		return engineError(err)
	}
	c.batch = c.to.db.NewBatch()
	return c.to.guard.failed()
}
