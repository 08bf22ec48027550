package port

import (
	"context"
	"errors"

	"github.com/noisefs/noisefs/messages"
)

// Errors of an [IndexEngine].
var (
	// ErrRowExists: an Insert found the row already there.
	ErrRowExists = errors.New("index: row exists")
	// ErrRowChanged: a Match found another value, or no row.
	ErrRowChanged = errors.New("index: row changed")
	// ErrIndexCorrupt: a row does not prove what it claims.
	ErrIndexCorrupt = errors.New("index: corrupt")
	// ErrIndexClosed: the index was closed.
	ErrIndexClosed = errors.New("index: closed")
	// ErrIndexNewer: the index was written by a newer version.
	ErrIndexNewer = errors.New("index: written by a newer version of NoiseFS")
	// ErrIndexFull: the disk under the index is full.
	ErrIndexFull = errors.New("index: no space left")
	// ErrBadTxn: a request breaks a rule of its type or a bound below.
	ErrBadTxn = errors.New("index: bad request")
)

// Table names a table of the index. All tables are declared in
// runtime/port/tables.go.
type Table uint8

// RowKey addresses a row: rows of one Group are scanned together. At rest
// neither Group nor Key is readable: both are looked up by keyed hash.
type RowKey struct {
	Table Table
	Group []byte // 0..64 bytes; for example a parent directory's inode number
	Key   []byte // 0..512 bytes; for example a name
}

// Op is what a transaction does to one row.
type Op uint8

// The operations of a transaction.
const (
	OpPut    Op = iota + 1 // write, whether or not the row is there
	OpInsert               // write; fail with ErrRowExists if the row is there
	OpDelete               // remove; a missing row is no error
	OpMatch                // fail with ErrRowChanged unless the row has exactly Value (nil: is absent)
)

// Change is one step of a transaction.
type Change struct {
	Op    Op
	Row   RowKey
	Value []byte // up to 1 MiB; OpPut, OpInsert, OpMatch
}

// Txn is a transaction: all conditions (OpInsert, OpMatch) hold against the
// state before it, or nothing is written. A row is named at most once, but
// an OpMatch may name a row beside one other operation on it.
type Txn struct {
	Changes []Change
	// Durable: do not answer before the transaction and every one that was
	// answered earlier survive a power cut. Without it, a power cut may lose
	// a suffix of the transactions, never one from the middle; so may the
	// end of the process. A durable Txn without changes syncs all before it.
	Durable bool
}

// IndexEngine is the local database: rows sealed at rest, found by keyed
// hash. Calls block; all methods may be called from many goroutines.
// Transactions are serializable: the outcome is as if they had run one after
// the other in the order of their answers. PostgreSQL can keep this contract
// with SERIALIZABLE, or with unique keys and row locks.
type IndexEngine interface {
	// Commit applies a transaction. Concurrent durable commits share syncs.
	Commit(txn Txn) error
	// Get returns the values, nil where there is no row (an existing row
	// with an empty value is non-nil). ErrIndexCorrupt.
	Get(keys []RowKey) ([][]byte, error)
	// Scan returns up to limit rows of a group in storage order (which
	// tells nothing), from a cursor (nil: the start), and the cursor of the
	// rest (nil: no more). Rows written or deleted during a scan of several
	// pages may or may not be seen; all others are seen exactly once.
	Scan(table Table, group []byte, cursor []byte, limit int) (rows []messages.Row, next []byte, err error)
	// SizeBytes is what the index takes on disk.
	SizeBytes() int64
	// Verify opens every row and returns how many there are, or the first
	// error, wrapping ErrIndexCorrupt and naming the table. It ends early,
	// with the context's error, when ctx ends.
	Verify(ctx context.Context) (rows int64, err error)
	// Purge rewrites all data, so that deleted rows are gone from the disk.
	Purge() error
	Close() error
}

// Index is the actor's side of an [IndexEngine]. Calls from one incarnation
// of an actor take effect in the order they were made.
type Index interface {
	Commit(corr messages.Corr, txn Txn)                                    // IndexCommitted
	Get(corr messages.Corr, keys []RowKey)                                 // IndexGot
	Scan(corr messages.Corr, table Table, group, cursor []byte, limit int) // IndexScanned
}
