package port

import "fmt"

// Bounds of an [IndexEngine]. Over a bound is ErrBadTxn.
const (
	IndexGroupBytesMax = 64       // RowKey.Group
	IndexKeyBytesMax   = 512      // RowKey.Key
	IndexValueBytesMax = 1 << 20  // Change.Value
	TxnChangesMax      = 1 << 16  // changes of one Txn
	TxnBytesMax        = 64 << 20 // groups, keys and values of one Txn together
	IndexGetRowsMax    = 1 << 16  // keys of one Get
)

// Check returns ErrBadTxn unless the key addresses a row of a table.
func (k RowKey) Check() error {
	switch {
	case k.Table == 0:
		return fmt.Errorf("%w: no table", ErrBadTxn)
	case len(k.Group) > IndexGroupBytesMax:
		return fmt.Errorf("%w: group of %d bytes, at most %d",
			ErrBadTxn, len(k.Group), IndexGroupBytesMax)
	case len(k.Key) > IndexKeyBytesMax:
		return fmt.Errorf("%w: key of %d bytes, at most %d",
			ErrBadTxn, len(k.Key), IndexKeyBytesMax)
	}
	return nil
}

// Check returns ErrBadTxn if the transaction breaks a rule that can be seen
// without looking at rows: an unknown operation, a bound, a value where none
// is kept, a row that is named twice. Every engine applies it before it
// looks at anything else, so that all refuse the same transactions.
func (t Txn) Check() error {
	if len(t.Changes) > TxnChangesMax {
		return fmt.Errorf("%w: %d changes, at most %d", ErrBadTxn, len(t.Changes), TxnChangesMax)
	}
	type row struct {
		table      Table
		group, key string
	}
	total := 0
	written := make(map[row]bool, len(t.Changes))
	matched := make(map[row]bool)
	for _, c := range t.Changes {
		if err := c.check(); err != nil {
			return err
		}
		total += len(c.Row.Group) + len(c.Row.Key) + len(c.Value)
		seen := written
		if c.Op == OpMatch {
			seen = matched
		}
		r := row{c.Row.Table, string(c.Row.Group), string(c.Row.Key)}
		if seen[r] {
			return fmt.Errorf("%w: a row of table %d is named twice", ErrBadTxn, c.Row.Table)
		}
		seen[r] = true
	}
	if total > TxnBytesMax {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrBadTxn, total, TxnBytesMax)
	}
	return nil
}

func (c Change) check() error {
	if err := c.Row.Check(); err != nil {
		return err
	}
	switch c.Op {
	case OpPut, OpInsert, OpMatch:
		if len(c.Value) > IndexValueBytesMax {
			return fmt.Errorf("%w: value of %d bytes, at most %d",
				ErrBadTxn, len(c.Value), IndexValueBytesMax)
		}
	case OpDelete:
	default:
		return fmt.Errorf("%w: unknown operation %d", ErrBadTxn, c.Op)
	}
	if HistoryTable(c.Row.Table) && len(c.Value) > 0 {
		return fmt.Errorf("%w: table %d keeps no values", ErrBadTxn, c.Row.Table)
	}
	return nil
}
