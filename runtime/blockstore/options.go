package blockstore

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
)

// Defaults and bounds.
const (
	// DefaultBlockSize is the one size that production admits, in bytes.
	DefaultBlockSize = 131072
	// DefaultSegmentBytes is the length at which a segment ends: 128 MiB.
	DefaultSegmentBytes = 128 << 20
	// DefaultOpenFiles bounds the files kept open for reading.
	DefaultOpenFiles = 256

	blockSizeMin = 64
	blockSizeMax = 16 << 20

	// reserveSlack is the part of the default reserve that is meant for
	// tombstones and index files; the rest is room to rewrite a segment.
	reserveSlack = 8 << 20

	// groupBlocksMax bounds the blocks of one group commit, unless a single
	// Put is larger.
	groupBlocksMax = 512
	// moveBlocksMax bounds the blocks that compaction holds in memory, and
	// for which it keeps deletions waiting, at a time.
	moveBlocksMax = 64
	// damagesMax bounds the findings that are kept for Check.
	damagesMax = 1000
	// logRewriteMin is the number of tombstones below which the log is not
	// worth rewriting.
	logRewriteMin = 4096
)

// Errors of this package, beside those of port.BlockEngine.
var (
	errBadOptions = errors.New("blockstore: invalid options")
	errNoProof    = errors.New("blockstore: bytes do not prove themselves")
)

// Options configure an [Engine]. The zero value of each field is its default.
type Options struct {
	// BlockSize is the size of every block in bytes. A store is made with
	// one size and opens with no other. Default 131,072.
	BlockSize int
	// SegmentBytes is the greatest length of a pack file. Raising it makes
	// fewer files, and compaction in larger steps. At least one record.
	// Default 128 MiB.
	SegmentBytes int64
	// Reserve is how many bytes Put leaves free on the disk, so that Delete
	// and Compact can still work when it is full. Default SegmentBytes plus
	// 8 MiB; negative: none.
	Reserve int64
	// OpenFiles bounds the pack files held open for reading. Default 256.
	OpenFiles int
	// Shuffle permutes n things by swaps; it hides which blocks belong to
	// one tuple. Default: uniform, from crypto/rand.
	Shuffle func(n int, swap func(i, j int))
	// MustExist refuses an empty disk with port.ErrBlockCorrupt, instead of
	// making a new store on it: the caller knows that there was one.
	MustExist bool
	// Log receives repairs and failures. Default: nothing is logged.
	Log *slog.Logger
}

// EnsureDefaults returns o with zero fields replaced.
func (o Options) EnsureDefaults() Options {
	if o.BlockSize == 0 {
		o.BlockSize = DefaultBlockSize
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if o.Reserve == 0 {
		o.Reserve = o.SegmentBytes + reserveSlack
	}
	o.Reserve = max(o.Reserve, 0)
	if o.OpenFiles == 0 {
		o.OpenFiles = DefaultOpenFiles
	}
	if o.Shuffle == nil {
		o.Shuffle = shuffleSecretly
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Validate reports options that cannot work.
func (o Options) Validate() error {
	switch {
	case o.BlockSize < blockSizeMin || o.BlockSize > blockSizeMax:
		return fmt.Errorf("%w: block size %d is not in %d..%d",
			errBadOptions, o.BlockSize, blockSizeMin, blockSizeMax)
	case o.SegmentBytes < fileHeaderSize+o.recordBytes():
		return fmt.Errorf("%w: a segment of %d bytes holds no record",
			errBadOptions, o.SegmentBytes)
	case o.SegmentBytes/o.recordBytes() > 1<<24:
		return fmt.Errorf("%w: a segment of %d bytes holds too many records",
			errBadOptions, o.SegmentBytes)
	case o.OpenFiles < 1:
		return fmt.Errorf("%w: %d open files", errBadOptions, o.OpenFiles)
	}
	return nil
}

// recordBytes is the length of a record in a pack.
func (o Options) recordBytes() int64 { return recordHeaderSize + int64(o.BlockSize) }

// slotsMax is the number of records that a full segment holds.
func (o Options) slotsMax() uint32 {
	return uint32((o.SegmentBytes - fileHeaderSize) / o.recordBytes())
}

// shuffleSecretly is the Fisher-Yates shuffle with numbers of crypto/rand.
// The bias of reducing 64 random bits modulo n < 2^32 is below 2^-32.
func shuffleSecretly(n int, swap func(i, j int)) {
	var word [8]byte
	for i := n - 1; i > 0; i-- {
		_, _ = rand.Read(word[:]) // never fails: without entropy it stops the process
		swap(i, int(binary.LittleEndian.Uint64(word[:])%uint64(i+1)))
	}
}
