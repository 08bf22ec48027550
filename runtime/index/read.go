package index

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// Get implements [port.IndexEngine]. All rows are read as of one moment.
func (x *Index) Get(keys []port.RowKey) ([][]byte, error) {
	if len(keys) > port.IndexGetRowsMax {
		return nil, fmt.Errorf("%w: %d keys, at most %d",
			port.ErrBadTxn, len(keys), port.IndexGetRowsMax)
	}
	for _, key := range keys {
		if err := key.Check(); err != nil {
			return nil, err
		}
	}
	e, err := x.acquire()
	if err != nil {
		return nil, err
	}
	defer x.gate.RUnlock()
	names, err := newNamer(&x.keys.Names)
	if err != nil {
		return nil, err
	}
	var from pebble.Reader = e.db
	if len(keys) > 1 {
		snapshot := e.db.NewSnapshot()
		defer func() { _ = snapshot.Close() }()
		from = snapshot
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		if values[i], err = e.get(from, names.key(key), key); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// get returns the value of one row, nil when there is none.
func (e *engine) get(from pebble.Reader, at storedKey, key port.RowKey) ([]byte, error) {
	sealed, closer, err := from.Get(at[:])
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("index: get: %w", engineError(err))
	}
	defer func() { _ = closer.Close() }()
	if port.HistoryTable(key.Table) {
		return []byte{}, nil
	}
	row, err := e.sealer.open(&at, sealed)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(row.group, key.Group) || !bytes.Equal(row.key, key.Key) {
		return nil, fmt.Errorf("%w: a row of table %d has another name",
			port.ErrIndexCorrupt, key.Table)
	}
	return row.value, nil
}

// Scan implements [port.IndexEngine]. The cursor is the stored key of the
// last row returned, so a page begins where the last one ended whatever was
// written or deleted in between. A page may be shorter than limit without
// being the last ([Options.PageBytesMax]). History tables keep no keys and
// cannot be scanned: ErrBadTxn.
func (x *Index) Scan(
	table port.Table, group []byte, cursor []byte, limit int,
) (rows []messages.Row, next []byte, err error) {
	if err := checkScan(table, group, limit); err != nil {
		return nil, nil, err
	}
	e, err := x.acquire()
	if err != nil {
		return nil, nil, err
	}
	defer x.gate.RUnlock()
	names, err := newNamer(&x.keys.Names)
	if err != nil {
		return nil, nil, err
	}
	prefix := names.groupPrefix(table, group)
	lower := prefix[:]
	if cursor != nil {
		if len(cursor) != storedKeySize || !bytes.HasPrefix(cursor, prefix[:]) {
			return nil, nil, fmt.Errorf("%w: cursor of another scan", port.ErrBadTxn)
		}
		lower = append(bytes.Clone(cursor), 0) // the next key there can be
	}
	iter, err := e.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: after(prefix[:])})
	if err != nil {
		return nil, nil, fmt.Errorf("index: scan: %w", engineError(err))
	}
	rows, next, err = e.page(iter, group, limit, x.opts.PageBytesMax)
	if closeErr := iter.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("index: scan: %w", engineError(closeErr))
	}
	if err != nil {
		return nil, nil, err
	}
	return rows, next, nil
}

func checkScan(table port.Table, group []byte, limit int) error {
	if err := (port.RowKey{Table: table, Group: group}).Check(); err != nil {
		return err
	}
	if port.HistoryTable(table) {
		return fmt.Errorf("%w: table %d keeps no keys to scan", port.ErrBadTxn, table)
	}
	if limit <= 0 {
		return fmt.Errorf("%w: scan of %d rows", port.ErrBadTxn, limit)
	}
	return nil
}

// page reads rows until limit or bytesMax is reached.
func (e *engine) page(
	iter *pebble.Iterator, group []byte, limit, bytesMax int,
) (rows []messages.Row, next []byte, err error) {
	var last storedKey
	total := 0
	for ok := iter.First(); ok; ok = iter.Next() {
		if len(rows) == limit || total >= bytesMax {
			return rows, last[:], iter.Error()
		}
		at, sealed, err := stored(iter)
		if err != nil {
			return nil, nil, err
		}
		row, err := e.sealer.open(&at, sealed)
		if err != nil {
			return nil, nil, err
		}
		if !bytes.Equal(row.group, group) {
			return nil, nil, fmt.Errorf("%w: a row of table %d has another group",
				port.ErrIndexCorrupt, at.table())
		}
		rows = append(rows, messages.Row{Key: row.key, Value: row.value})
		total += len(row.key) + len(row.value)
		last = at
	}
	if err := iter.Error(); err != nil {
		return nil, nil, fmt.Errorf("index: scan: %w", engineError(err))
	}
	return rows, nil, nil
}

// stored returns the stored key and the value under an iterator.
func stored(iter *pebble.Iterator) (at storedKey, value []byte, err error) {
	if len(iter.Key()) != storedKeySize {
		return at, nil, fmt.Errorf("%w: a stored key of %d bytes",
			port.ErrIndexCorrupt, len(iter.Key()))
	}
	value, err = iter.ValueAndErr()
	if err != nil {
		return at, nil, fmt.Errorf("index: read: %w", engineError(err))
	}
	return storedKey(iter.Key()), value, nil
}

// after returns the first key behind all keys with a prefix. A prefix that
// is all 0xff has none, and no bound; table 255 is not in use.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
