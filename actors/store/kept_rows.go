package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// errRow reports a row of port.TableKept that is none of ours.
var errRow = errors.New("store: malformed row")

// keptRowSize is the size of a row's value: why, and the end of the lease.
const keptRowSize = 1 + 4

func keptRow(cid messages.CID) port.RowKey {
	return port.RowKey{Table: port.TableKept, Key: cid[:]}
}

func putKept(cid messages.CID, k kept) port.Change {
	value := append(make([]byte, 0, keptRowSize), byte(k.why))
	value = binary.BigEndian.AppendUint32(value, k.until)
	return port.Change{Op: port.OpPut, Row: keptRow(cid), Value: value}
}

func deleteKept(cid messages.CID) port.Change {
	return port.Change{Op: port.OpDelete, Row: keptRow(cid)}
}

func decodeKept(r messages.Row) (messages.CID, kept, error) {
	if len(r.Key) != messages.CIDSize || len(r.Value) != keptRowSize {
		return messages.CID{}, kept{}, fmt.Errorf("%w: %d and %d bytes",
			errRow, len(r.Key), len(r.Value))
	}
	k := kept{why: why(r.Value[0]), until: binary.BigEndian.Uint32(r.Value[1:])}
	if k.why < whyCached || k.why > whyShared {
		return messages.CID{}, kept{}, fmt.Errorf("%w: kept for reason %d", errRow, k.why)
	}
	return messages.CID(r.Key), k, nil
}
