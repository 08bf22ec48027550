package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash"

	"golang.org/x/crypto/blake2b"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// Lengths of a stored key: table byte, hash of the group, hash of the row.
// 128 bits make a collision of two rows a matter of 2^64 rows; a collision
// would be reported as corruption, since the row seals its group and key.
const (
	nameSize      = 16
	groupKeySize  = 1 + nameSize
	storedKeySize = groupKeySize + nameSize
)

// storedKey is where a row stands in the engine.
type storedKey [storedKeySize]byte

// headerKey is where the header row stands; table 0 is nobody's.
var headerKey storedKey

func (k *storedKey) table() port.Table { return port.Table(k[0]) }

// namer computes stored keys with BLAKE2b-128 in its keyed mode (RFC 7693,
// section 2.9). It remembers the last group, because rows of one group come
// in runs. It is used by one goroutine.
type namer struct {
	mac       hash.Hash
	buf       []byte
	prefix    [groupKeySize]byte
	table     port.Table
	group     []byte
	hasPrefix bool
}

func newNamer(key *messages.Secret) (*namer, error) {
	mac, err := blake2b.New(nameSize, key[:])
	if err != nil {
		return nil, fmt.Errorf("index: keyed hash: %w", err)
	}
	return &namer{mac: mac}, nil
}

// What a hash is taken over begins with one of these, so that a group is
// never mistaken for a row, nor either for the check of the key.
const (
	hashGroup byte = 1
	hashRow   byte = 2
	hashCheck byte = 3
)

// sum appends the keyed hash of (label, table, len(group), group, key).
func (n *namer) sum(dst []byte, label byte, table port.Table, group, key []byte) []byte {
	n.buf = append(n.buf[:0], label, byte(table))
	n.buf = binary.LittleEndian.AppendUint16(n.buf, uint16(len(group)))
	n.buf = append(append(n.buf, group...), key...)
	n.mac.Reset()
	_, _ = n.mac.Write(n.buf) // a hash.Hash never fails
	return n.mac.Sum(dst)
}

// groupPrefix returns what the stored keys of a group begin with.
func (n *namer) groupPrefix(table port.Table, group []byte) [groupKeySize]byte {
	if !n.hasPrefix || n.table != table || !bytes.Equal(n.group, group) {
		n.prefix[0] = byte(table)
		n.sum(n.prefix[:1], hashGroup, table, group, nil)
		n.table, n.group, n.hasPrefix = table, append(n.group[:0], group...), true
	}
	return n.prefix
}

// key returns where row stands.
func (n *namer) key(row port.RowKey) storedKey {
	var k storedKey
	prefix := n.groupPrefix(row.Table, row.Group)
	copy(k[:], prefix[:])
	n.sum(k[:groupKeySize], hashRow, row.Table, row.Group, row.Key)
	return k
}

// check returns a value that only the right key gives; the header holds it,
// so that a wrong key for names is not mistaken for an empty index.
func (n *namer) check() []byte { return n.sum(nil, hashCheck, 0, nil, nil) }
