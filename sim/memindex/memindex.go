package memindex

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strings"
	"sync"
	"time"

	"github.com/RaduBerinde/btreemap"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

const (
	treeDegree = 32
	// rowOverheadBytes is what a row takes on disk beside its group, key
	// and value: the stored key, nonce, tag, lengths and some padding.
	rowOverheadBytes = 33 + 24 + 16 + 7 + 32
	// pageBytesMax ends a page of a scan early, as the real engine does.
	pageBytesMax = 4 << 20
)

// rowKey is a row's place in the tree. The hash stands before the key, so
// that rows of a group come in an order that tells nothing, as they do when
// names are looked up by keyed hash.
type rowKey struct {
	table port.Table
	group string
	hash  uint64
	key   string
}

func makeRowKey(k port.RowKey) rowKey {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte{byte(k.Table), byte(len(k.Group))})
	_, _ = sum.Write(k.Group)
	_, _ = sum.Write(k.Key)
	return rowKey{k.Table, string(k.Group), sum.Sum64(), string(k.Key)}
}

func (k rowKey) compare(other rowKey) int {
	return cmp.Or(
		cmp.Compare(k.table, other.table), strings.Compare(k.group, other.group),
		cmp.Compare(k.hash, other.hash), strings.Compare(k.key, other.key))
}

func (k rowKey) size(value []byte) int64 {
	return int64(rowOverheadBytes + len(k.group) + len(k.key) + len(value))
}

// undo takes back one change: value is what was there, nil if nothing was.
type undo struct {
	key   rowKey
	value []byte
}

// disk is what outlives an open index.
type disk struct {
	rows  *btreemap.BTreeMap[rowKey, []byte]
	bytes int64
	// pending are the transactions that a power cut may lose, oldest first.
	pending [][]undo
}

var _ port.IndexEngine = (*Index)(nil)

// Index is an open simulated index. It is safe for use from many goroutines.
type Index struct {
	options Options

	mu      sync.Mutex
	disk    *disk
	closed  bool
	dead    bool
	failure error // an earlier commit failed; nothing is written any more
	faults  []Fault
	cutIn   int // commits until the power goes; -1: never
	cost    time.Duration
	synced  bool // the current bill has a sync in it
}

// New returns an empty index.
func New(options Options) *Index {
	d := &disk{rows: btreemap.New[rowKey, []byte](treeDegree, rowKey.compare)}
	return open(d, options)
}

func open(d *disk, options Options) *Index {
	if options.PendingMax == 0 {
		options.PendingMax = DefaultPendingMax
	}
	return &Index{options: options, disk: d, cutIn: -1}
}

// Commit implements [port.IndexEngine].
func (x *Index) Commit(txn port.Txn) error {
	if err := txn.Check(); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return port.ErrIndexClosed
	}
	if x.failure != nil {
		return x.failure
	}
	if x.full() && !frees(txn) {
		return fmt.Errorf("%w: %d bytes are in use", port.ErrIndexFull, x.disk.bytes)
	}
	if err := x.check(txn); err != nil {
		return err
	}
	fault := x.nextFault()
	if fault != nil && !fault.Applied {
		return x.fail(fault.Err)
	}
	x.apply(txn)
	x.bill(x.options.Costs.Commit + time.Duration(len(txn.Changes))*x.options.Costs.Change)
	if x.cutIn == 0 {
		// In the middle: it may or may not be among what survives.
		x.cut()
		return port.ErrIndexClosed
	}
	x.cutIn = max(x.cutIn-1, -1)
	if fault != nil {
		return x.fail(fault.Err)
	}
	if txn.Durable {
		x.disk.pending = nil
		x.billSync()
	}
	return nil
}

func (x *Index) full() bool {
	return x.options.BytesMax > 0 && x.disk.bytes >= x.options.BytesMax
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
func (x *Index) check(txn port.Txn) error {
	for _, c := range txn.Changes {
		if c.Op != port.OpInsert && c.Op != port.OpMatch {
			continue
		}
		_, value, ok := x.disk.rows.Get(makeRowKey(c.Row))
		switch {
		case c.Op == port.OpInsert && ok:
			return fmt.Errorf("%w: table %d", port.ErrRowExists, c.Row.Table)
		case c.Op == port.OpMatch && (ok != (c.Value != nil) || !bytes.Equal(value, c.Value)):
			return fmt.Errorf("%w: table %d", port.ErrRowChanged, c.Row.Table)
		}
	}
	return nil
}

// apply writes the changes, and how to take them back.
func (x *Index) apply(txn port.Txn) {
	d := x.disk
	var undos []undo
	for _, c := range txn.Changes {
		if c.Op == port.OpMatch {
			continue
		}
		key := makeRowKey(c.Row)
		if c.Op == port.OpDelete {
			undos = append(undos, undo{key, d.set(key, nil)})
		} else {
			undos = append(undos, undo{key, d.set(key, append([]byte{}, c.Value...))})
		}
	}
	if undos == nil {
		return
	}
	d.pending = append(d.pending, undos)
	if over := len(d.pending) - x.options.PendingMax; over > 0 {
		d.pending = append([][]undo{}, d.pending[over:]...)
	}
}

// set writes a row, or removes it if value is nil, and returns what was
// there, nil if nothing was.
func (d *disk) set(key rowKey, value []byte) (old []byte) {
	var ok bool
	if value == nil {
		_, old, ok = d.rows.Delete(key)
	} else {
		_, old, ok = d.rows.ReplaceOrInsert(key, value)
		d.bytes += key.size(value)
	}
	if !ok {
		return nil
	}
	d.bytes -= key.size(old)
	return old
}

// Get implements [port.IndexEngine].
func (x *Index) Get(keys []port.RowKey) ([][]byte, error) {
	if len(keys) > port.IndexGetRowsMax {
		return nil, fmt.Errorf("%w: %d keys", port.ErrBadTxn, len(keys))
	}
	for _, key := range keys {
		if err := key.Check(); err != nil {
			return nil, err
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, port.ErrIndexClosed
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		if _, value, ok := x.disk.rows.Get(makeRowKey(key)); ok {
			values[i] = append([]byte{}, value...)
		}
	}
	x.bill(time.Duration(len(keys)) * x.options.Costs.Get)
	return values, nil
}

// cursorHashSize is what a cursor begins with: the hash of the last row,
// after which comes its key.
const cursorHashSize = 8

// Scan implements [port.IndexEngine]. A cursor holds the last row's place;
// unlike the real engine's it shows its key.
func (x *Index) Scan(
	table port.Table, group []byte, cursor []byte, limit int,
) (rows []messages.Row, next []byte, err error) {
	if err := (port.RowKey{Table: table, Group: group}).Check(); err != nil {
		return nil, nil, err
	}
	if port.HistoryTable(table) || limit <= 0 {
		return nil, nil, fmt.Errorf("%w: scan of table %d, %d rows", port.ErrBadTxn, table, limit)
	}
	from := btreemap.GE(rowKey{table: table, group: string(group)})
	if cursor != nil {
		last, ok := parseCursor(table, group, cursor)
		if !ok {
			return nil, nil, fmt.Errorf("%w: cursor of another scan", port.ErrBadTxn)
		}
		from = btreemap.GT(last)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return nil, nil, port.ErrIndexClosed
	}
	total := 0
	var last rowKey
	for key, value := range x.disk.rows.Ascend(from, btreemap.Max[rowKey]()) {
		if key.table != table || key.group != string(group) {
			break
		}
		if len(rows) == limit || total >= pageBytesMax {
			next = append(binary.BigEndian.AppendUint64(nil, last.hash), last.key...)
			break
		}
		rows = append(rows, messages.Row{Key: []byte(key.key), Value: append([]byte{}, value...)})
		total += len(key.key) + len(value)
		last = key
	}
	x.bill(x.options.Costs.Scan + time.Duration(len(rows))*x.options.Costs.ScanRow)
	return rows, next, nil
}

// parseCursor returns the row that a cursor names. The hash proves that it
// is one of this group.
func parseCursor(table port.Table, group, cursor []byte) (rowKey, bool) {
	if len(cursor) < cursorHashSize {
		return rowKey{}, false
	}
	key := makeRowKey(port.RowKey{Table: table, Group: group, Key: cursor[cursorHashSize:]})
	return key, key.hash == binary.BigEndian.Uint64(cursor)
}

// SizeBytes implements [port.IndexEngine]: an estimate of what the real
// engine would take.
func (x *Index) SizeBytes() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.disk.bytes + rowOverheadBytes
}

// Verify implements [port.IndexEngine]. It counts rows: there is nothing
// that could be damaged.
func (x *Index) Verify(ctx context.Context) (int64, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.closed:
		return 0, port.ErrIndexClosed
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	rows := x.disk.rows.Len()
	x.bill(x.options.Costs.Scan + time.Duration(rows)*x.options.Costs.ScanRow)
	return int64(rows), nil
}

// Purge implements [port.IndexEngine]. Deleted rows are gone already; what
// is left of it is that everything is durable after.
func (x *Index) Purge() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.closed:
		return port.ErrIndexClosed
	case x.failure != nil:
		return x.failure
	}
	x.disk.pending = nil
	x.bill(time.Duration(x.disk.rows.Len()) * x.options.Costs.Change)
	x.billSync()
	return nil
}

// Close implements [port.IndexEngine].
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return port.ErrIndexClosed
	}
	x.closed = true
	if x.failure == nil {
		x.disk.pending = nil
	}
	return x.failure
}
