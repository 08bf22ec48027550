package index

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/noisefs/noisefs/runtime/port"
)

// Verify implements [port.IndexEngine]. It reads every block of every table
// file that holds a row, opens each row, and proves that it stands where its
// name puts it. A history row has nothing to open: the engine's checksum is
// all that vouches for it.
func (x *Index) Verify(ctx context.Context) (rows int64, err error) {
	e, err := x.acquire()
	if err != nil {
		return 0, err
	}
	defer x.gate.RUnlock()
	err = e.each(&x.keys, func(*storedKey, *plainRow) error {
		rows++
		return ctx.Err()
	})
	return rows, err
}

// each visits all rows but the header in storage order. row is nil for a
// history row. What the callback gets is valid during the call.
func (e *engine) each(keys *Keys, visit func(at *storedKey, row *plainRow) error) error {
	names, err := newNamer(&keys.Names)
	if err != nil {
		return err
	}
	iter, err := e.db.NewIter(&pebble.IterOptions{LowerBound: append(headerKey[:], 0)})
	if err != nil {
		return fmt.Errorf("index: read all: %w", engineError(err))
	}
	for ok := iter.First(); ok && err == nil; ok = iter.Next() {
		err = e.visit(iter, names, visit)
	}
	if err == nil {
		err = engineError(iter.Error())
	}
	if closeErr := iter.Close(); err == nil {
		err = engineError(closeErr)
	}
	if err != nil {
		return fmt.Errorf("index: read all: %w", err)
	}
	return nil
}

func (e *engine) visit(
	iter *pebble.Iterator, names *namer, visit func(*storedKey, *plainRow) error,
) error {
	at, sealed, err := stored(iter)
	if err != nil {
		return err
	}
	if port.HistoryTable(at.table()) {
		if len(sealed) != 0 {
			return fmt.Errorf("%w: a row of table %d has a value",
				port.ErrIndexCorrupt, at.table())
		}
		return visit(&at, nil)
	}
	row, err := e.sealer.open(&at, sealed)
	if err != nil {
		return err
	}
	name := port.RowKey{Table: at.table(), Group: row.group, Key: row.key}
	if names.key(name) != at {
		return fmt.Errorf("%w: a row of table %d stands in the wrong place",
			port.ErrIndexCorrupt, at.table())
	}
	return visit(&at, &row)
}
