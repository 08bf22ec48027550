package blockstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// Version is the newest format that this package reads, and what it writes.
const Version = 1

// Sizes of what is written, in bytes. All numbers are little-endian.
const (
	fileHeaderSize   = 64 // and so data lies at multiples of 64, which copies faster
	recordHeaderSize = 64
	tombstoneSize    = 24
)

// Names of files.
const (
	formatName   = "format"
	packSuffix   = ".pack"
	indexSuffix  = ".index"
	deadSuffix   = ".dead"
	newSuffix    = ".new" // written but not yet renamed to its place
	numberDigits = 10
)

// The magic numbers at the start of files.
const (
	formatMagic = "NOISEBLK"
	packMagic   = "NOISEPAK"
	indexMagic  = "NOISEIDX"
	deadMagic   = "NOISEDEL"
)

// castagnoli is CRC-32C (RFC 3720, section 12.1), which CPUs compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }

// fileHeader begins every file (the format file has it twice).
//
//	0  8  magic
//	8  4  version
//	12 4  block size
//	16 4  number of the segment or log
//	20 40 zero
//	60 4  CRC-32C of the 60 bytes before
type fileHeader struct {
	magic     string
	version   uint32
	blockSize uint32
	number    uint32
}

func (h fileHeader) encode() []byte {
	p := make([]byte, fileHeaderSize)
	copy(p, h.magic)
	binary.LittleEndian.PutUint32(p[8:], h.version)
	binary.LittleEndian.PutUint32(p[12:], h.blockSize)
	binary.LittleEndian.PutUint32(p[16:], h.number)
	binary.LittleEndian.PutUint32(p[60:], checksum(p[:60]))
	return p
}

// decodeFileHeader returns errNoProof unless p is a whole header of the kind
// that magic names.
func decodeFileHeader(p []byte, magic string) (fileHeader, error) {
	if len(p) < fileHeaderSize || string(p[:8]) != magic ||
		binary.LittleEndian.Uint32(p[60:]) != checksum(p[:60]) {
		return fileHeader{}, errNoProof
	}
	return fileHeader{
		magic:     magic,
		version:   binary.LittleEndian.Uint32(p[8:]),
		blockSize: binary.LittleEndian.Uint32(p[12:]),
		number:    binary.LittleEndian.Uint32(p[16:]),
	}, nil
}

// check refuses what this engine must not touch.
func (h fileHeader) check(name string, blockSize int) error {
	if h.version > Version {
		return fmt.Errorf("%w: %s has version %d, this program reads up to %d",
			port.ErrRepoNewer, name, h.version, Version)
	}
	if h.blockSize != uint32(blockSize) {
		return fmt.Errorf("%w: %s holds blocks of %d bytes, not %d",
			port.ErrBlockSize, name, h.blockSize, blockSize)
	}
	return nil
}

// recordKind says what a slot of a segment holds.
type recordKind uint32

const (
	kindBlock recordKind = 0x4b434c42 // "BLCK"
	// kindHole stands only in index files: the slot holds bytes that were
	// torn before they were durable.
	kindHole recordKind = 0x454c4f48 // "HOLE"
	// kindLost stands only in index files: the slot was durable, and neither
	// copy of its header can be read any more.
	kindLost recordKind = 0x54534f4c // "LOST"
)

// recordHeader stands before each block in a pack, and in the index file.
//
//	0  4  kind
//	4  4  segment
//	8  4  slot
//	12 4  durable: slots of this segment known to be durable when written
//	16 4  block size
//	20 4  CRC-32C of the block
//	24 32 CID
//	56 4  zero
//	60 4  CRC-32C of the 60 bytes before
type recordHeader struct {
	kind    recordKind
	segment uint32
	slot    uint32
	durable uint32
	size    uint32
	crc     uint32
	cid     messages.CID
}

func (h *recordHeader) encode(p []byte) {
	binary.LittleEndian.PutUint32(p[0:], uint32(h.kind))
	binary.LittleEndian.PutUint32(p[4:], h.segment)
	binary.LittleEndian.PutUint32(p[8:], h.slot)
	binary.LittleEndian.PutUint32(p[12:], h.durable)
	binary.LittleEndian.PutUint32(p[16:], h.size)
	binary.LittleEndian.PutUint32(p[20:], h.crc)
	copy(p[24:56], h.cid[:])
	clear(p[56:60])
	binary.LittleEndian.PutUint32(p[60:], checksum(p[:60]))
}

// decodeRecordHeader returns errNoProof unless p is the header of exactly
// this slot: a header that was moved or copied elsewhere proves nothing.
func decodeRecordHeader(p []byte, segment, slot uint32, blockSize int) (recordHeader, error) {
	if len(p) < recordHeaderSize || binary.LittleEndian.Uint32(p[60:]) != checksum(p[:60]) {
		return recordHeader{}, errNoProof
	}
	h := recordHeader{
		kind:    recordKind(binary.LittleEndian.Uint32(p[0:])),
		segment: binary.LittleEndian.Uint32(p[4:]),
		slot:    binary.LittleEndian.Uint32(p[8:]),
		durable: binary.LittleEndian.Uint32(p[12:]),
		size:    binary.LittleEndian.Uint32(p[16:]),
		crc:     binary.LittleEndian.Uint32(p[20:]),
		cid:     messages.CID(p[24:56]),
	}
	known := h.kind == kindBlock || h.kind == kindHole || h.kind == kindLost
	if !known || h.segment != segment || h.slot != slot ||
		h.durable > slot || h.size != uint32(blockSize) {
		return recordHeader{}, errNoProof
	}
	return h, nil
}

// tombstoneKind says what an entry of a log is for.
type tombstoneKind uint32

const (
	// kindDead: the record in this slot is deleted. The entries of one
	// deletion have the place of the first of them as their durable count.
	kindDead tombstoneKind = 0x44414544 // "DEAD"
	// kindDeadMarked is the same, and the entry before this deletion's first
	// is a mark. So an unreadable mark is known to have been no more.
	kindDeadMarked tombstoneKind = 0x4d414544 // "DEAM"
	// kindMark: nothing but the durable count.
	kindMark tombstoneKind = 0x4b52414d // "MARK"
)

// tombstone is an entry of a log.
//
//	0  4  kind
//	4  4  segment
//	8  4  slot
//	12 4  durable: entries of this log known to be durable when written
//	16 4  place of this entry in the log, from 0
//	20 4  CRC-32C of the 20 bytes before
type tombstone struct {
	kind    tombstoneKind
	segment uint32
	slot    uint32
	durable uint32
	place   uint32
}

func (t *tombstone) encode(p []byte) {
	binary.LittleEndian.PutUint32(p[0:], uint32(t.kind))
	binary.LittleEndian.PutUint32(p[4:], t.segment)
	binary.LittleEndian.PutUint32(p[8:], t.slot)
	binary.LittleEndian.PutUint32(p[12:], t.durable)
	binary.LittleEndian.PutUint32(p[16:], t.place)
	binary.LittleEndian.PutUint32(p[20:], checksum(p[:20]))
}

// decodeTombstone returns errNoProof unless p is the entry at that place.
func decodeTombstone(p []byte, place uint32) (tombstone, error) {
	if len(p) < tombstoneSize || binary.LittleEndian.Uint32(p[20:]) != checksum(p[:20]) {
		return tombstone{}, errNoProof
	}
	t := tombstone{
		kind:    tombstoneKind(binary.LittleEndian.Uint32(p[0:])),
		segment: binary.LittleEndian.Uint32(p[4:]),
		slot:    binary.LittleEndian.Uint32(p[8:]),
		durable: binary.LittleEndian.Uint32(p[12:]),
		place:   binary.LittleEndian.Uint32(p[16:]),
	}
	known := t.kind == kindDead || t.kind == kindMark || t.kind == kindDeadMarked && t.durable > 0
	if !known || t.place != place || t.durable > place {
		return tombstone{}, errNoProof
	}
	return t, nil
}

// fileName is the name of a numbered file.
func fileName(number uint32, suffix string) string {
	return fmt.Sprintf("%0*d%s", numberDigits, number, suffix)
}

// fileNumber is the number in a name made by fileName.
func fileNumber(name, suffix string) (uint32, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != numberDigits {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), err == nil && fileName(uint32(n), suffix) == name
}
