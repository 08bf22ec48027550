package randomizer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// errRow reports a row that is none of ours.
var errRow = errors.New("randomizer: malformed row")

// Rows of TableSettings.
const (
	settingsGroup = "randomizer"
	keyMarker     = "history"
	keyCounters   = "counters"
)

// Sizes of row values in bytes.
const (
	candidateRowSize = 8 + len(messages.NodeID{})
	reuseRowSize     = 4 + len(messages.NodeID{})
	countersSize     = 16
)

// historyMarker is the value of the marker row: the history of slot A has
// been complete since it was written. Raising the number makes every history
// written before count as incomplete.
const historyMarker = "1"

func setting(key string) port.RowKey {
	return port.RowKey{Table: port.TableSettings, Group: []byte(settingsGroup), Key: []byte(key)}
}

// row addresses a row that is named by a block. Its tables have one group.
func row(table port.Table, cid messages.CID) port.RowKey {
	return port.RowKey{Table: table, Key: cid[:]}
}

func insertSlotA(a messages.CID) port.Change {
	return port.Change{Op: port.OpInsert, Row: row(port.TableSlotA, a)}
}

func putSlotA(b messages.CID) port.Change {
	return port.Change{Op: port.OpPut, Row: row(port.TableSlotA, b)}
}

func insertPair(a, b messages.CID) port.Change {
	return port.Change{Op: port.OpInsert, Row: pairRow(a, b)}
}

// pairRow is one row for (a, b) and (b, a): the smaller CID stands first.
func pairRow(a, b messages.CID) port.RowKey {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return port.RowKey{Table: port.TablePairs, Key: append(a[:], b[:]...)}
}

func putCandidate(c candidate) port.Change {
	value := make([]byte, 0, candidateRowSize)
	value = binary.BigEndian.AppendUint64(value, uint64(c.stream))
	value = append(value, c.origin[:]...)
	return port.Change{Op: port.OpPut, Row: row(port.TableCandidates, c.cid), Value: value}
}

func deleteCandidate(cid messages.CID) port.Change {
	return port.Change{Op: port.OpDelete, Row: row(port.TableCandidates, cid)}
}

func decodeCandidate(r messages.Row) (candidate, error) {
	if len(r.Key) != messages.CIDSize || len(r.Value) != candidateRowSize {
		return candidate{}, fmt.Errorf("%w: candidate of %d and %d bytes",
			errRow, len(r.Key), len(r.Value))
	}
	return candidate{
		cid:    messages.CID(r.Key),
		stream: messages.StreamID(binary.BigEndian.Uint64(r.Value)),
		origin: messages.NodeID(r.Value[8:]),
	}, nil
}

func putReusable(r *reusable) port.Change {
	value := make([]byte, 0, reuseRowSize)
	value = binary.BigEndian.AppendUint32(value, uint32(r.leased))
	value = append(value, r.origin[:]...)
	return port.Change{Op: port.OpPut, Row: row(port.TableReuse, r.cid), Value: value}
}

func deleteReusable(cid messages.CID) port.Change {
	return port.Change{Op: port.OpDelete, Row: row(port.TableReuse, cid)}
}

// decodeReusable reads a row. All uses that it was leased count as used.
func decodeReusable(r messages.Row) (*reusable, error) {
	if len(r.Key) != messages.CIDSize || len(r.Value) != reuseRowSize {
		return nil, fmt.Errorf("%w: reusable of %d and %d bytes", errRow, len(r.Key), len(r.Value))
	}
	uses := int(binary.BigEndian.Uint32(r.Value))
	return &reusable{
		block: block{cid: messages.CID(r.Key), origin: messages.NodeID(r.Value[4:])},
		uses:  uses, leased: uses, written: uses, committed: true, historied: true,
	}, nil
}

func putCounters(generated, reused uint64) port.Change {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, countersSize), generated)
	value = binary.BigEndian.AppendUint64(value, reused)
	return port.Change{Op: port.OpPut, Row: setting(keyCounters), Value: value}
}

// decodeCounters reads the counters; no row means zero.
func decodeCounters(value []byte) (generated, reused uint64, err error) {
	if value == nil {
		return 0, 0, nil
	}
	if len(value) != countersSize {
		return 0, 0, fmt.Errorf("%w: counters of %d bytes", errRow, len(value))
	}
	return binary.BigEndian.Uint64(value), binary.BigEndian.Uint64(value[8:]), nil
}

func putMarker() port.Change {
	return port.Change{Op: port.OpPut, Row: setting(keyMarker), Value: []byte(historyMarker)}
}
