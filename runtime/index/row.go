package index

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/cockroachdb/pebble/v2"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// The plaintext of a row: three lengths, three strings, zeros.
const (
	rowHeadSize = 1 + 2 + 4 // len(group), len(key), len(value), little endian
	rowPadMin   = 64        // plaintexts have a multiple of this many bytes
)

// generationSize is the length of an index generation: random, drawn anew
// whenever all rows are rewritten.
const generationSize = 16

type generation [generationSize]byte

// sealDomain opens the additional data of every row, and its last byte is
// the version of the row format.
const sealDomain = "noisefs index row\x00\x00"

// additionalData is what a row's tag vouches for beside its plaintext:
// format, generation and the place where it stands, table included.
func additionalData(dst []byte, g generation, key *storedKey) []byte {
	dst = append(dst, sealDomain...)
	dst = append(dst, g[:]...)
	return append(dst, key[:]...)
}

// additionalDataSize is the length of additionalData.
const additionalDataSize = len(sealDomain) + generationSize + storedKeySize

// paddedSize rounds the size of a plaintext up, so that the length of a
// sealed row tells little about the length of the name in it: to a multiple
// of 64 bytes, and from 1 KiB on to a multiple of an eighth of the largest
// power of two within, which adds at most 12.5 %.
func paddedSize(n int) int {
	step := rowPadMin
	if eighth := 1 << (bits.Len(uint(n)) - 1) / 8; eighth > step {
		step = eighth
	}
	return (n + step - 1) / step * step
}

// encodeRow appends the plaintext of a row to dst. The lengths are within
// the bounds of package port: [port.Txn.Check] has seen them.
func encodeRow(dst, group, key, value []byte) []byte {
	start := len(dst)
	dst = append(dst, byte(len(group)))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(key)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(value)))
	dst = append(append(append(dst, group...), key...), value...)
	used := len(dst) - start
	return append(dst, make([]byte, paddedSize(used)-used)...)
}

// plainRow is a row in the clear; the slices point into its plaintext.
type plainRow struct{ group, key, value []byte }

// decodeRow reads what encodeRow wrote, and nothing else.
func decodeRow(plaintext []byte) (plainRow, error) {
	var r plainRow
	if len(plaintext) < rowHeadSize {
		return r, fmt.Errorf("%w: row of %d bytes", port.ErrIndexCorrupt, len(plaintext))
	}
	groupLen := int(plaintext[0])
	keyLen := int(binary.LittleEndian.Uint16(plaintext[1:]))
	valueLen := int(binary.LittleEndian.Uint32(plaintext[3:]))
	if groupLen > port.IndexGroupBytesMax || keyLen > port.IndexKeyBytesMax ||
		valueLen > port.IndexValueBytesMax {
		return r, fmt.Errorf("%w: row with a length out of bounds", port.ErrIndexCorrupt)
	}
	used := rowHeadSize + groupLen + keyLen + valueLen
	if len(plaintext) != paddedSize(used) {
		return r, fmt.Errorf("%w: row of the wrong length", port.ErrIndexCorrupt)
	}
	for _, b := range plaintext[used:] {
		if b != 0 {
			return r, fmt.Errorf("%w: row with bad padding", port.ErrIndexCorrupt)
		}
	}
	rest := plaintext[rowHeadSize:]
	r.group, rest = rest[:groupLen:groupLen], rest[groupLen:]
	r.key, rest = rest[:keyLen:keyLen], rest[keyLen:]
	r.value = rest[:valueLen:valueLen]
	return r, nil
}

// sealer seals and opens rows of one generation. It is safe for use from
// many goroutines.
type sealer struct {
	aead       *xaes
	generation generation
}

// newSealer makes the sealer of a generation.
func newSealer(values *messages.Secret, g generation) (*sealer, error) {
	aead, err := newXAES(values)
	if err != nil {
		return nil, fmt.Errorf("index: cipher: %w", err)
	}
	return &sealer{aead: aead, generation: g}, nil
}

// seal appends the sealed row to dst. nonce is fresh and random. scratch is
// working memory for the plaintext and comes back, perhaps grown.
func (s *sealer) seal(dst, scratch, nonce []byte, at *storedKey, row *plainRow,
) (sealed, grown []byte, err error) {
	scratch = encodeRow(scratch[:0], row.group, row.key, row.value)
	var data [additionalDataSize]byte
	sealed, err = s.aead.seal(dst, nonce, scratch, additionalData(data[:0], s.generation, at))
	return sealed, scratch, err
}

// rowWriter seals rows into a batch of an engine. It is used by one
// goroutine.
type rowWriter struct {
	to              *engine
	batch           *pebble.Batch
	sealed, scratch []byte
}

// set writes the row that stands at the given place; nil is a history row.
func (w *rowWriter) set(at *storedKey, nonce []byte, row *plainRow) (err error) {
	w.sealed = w.sealed[:0]
	if row != nil {
		w.sealed, w.scratch, err = w.to.sealer.seal(w.sealed, w.scratch, nonce, at, row)
		if err != nil {
			return fmt.Errorf("index: seal: %w", err)
		}
	}
	if err := w.batch.Set(at[:], w.sealed, nil); err != nil {
		return fmt.Errorf("index: write: %w", engineError(err))
	}
	return nil
}

// open returns the row that stands at the given place. The result points
// into memory of its own.
func (s *sealer) open(at *storedKey, sealed []byte) (plainRow, error) {
	var data [additionalDataSize]byte
	plaintext, err := s.aead.open(nil, sealed, additionalData(data[:0], s.generation, at))
	if err != nil {
		return plainRow{}, fmt.Errorf("%w: a row of table %d does not open",
			port.ErrIndexCorrupt, at.table())
	}
	row, err := decodeRow(plaintext)
	if err != nil {
		return plainRow{}, fmt.Errorf("table %d: %w", at.table(), err)
	}
	return row, nil
}
