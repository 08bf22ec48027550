package index

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/noisefs/noisefs/messages"
)

// Keys are the two keys of an index, from the vault. They differ, so that
// whoever learns one learns nothing that the other protects.
type Keys struct {
	Names  messages.Secret // keyed hash of groups and keys
	Values messages.Secret // XAES-256-GCM of rows
}

// validate refuses what only a mistake can give: a key that was never set,
// or one key for both.
func (k *Keys) validate() error {
	if k.Names.IsZero() || k.Values.IsZero() || k.Names == k.Values {
		return errors.New("index: need two different keys")
	}
	return nil
}

// Defaults of [Options].
const (
	DefaultCacheBytes    = 32 << 20
	DefaultMemtableBytes = 8 << 20
	DefaultOpenFilesMax  = 256
	DefaultBallastBytes  = 1 << 20
	DefaultFreeBytesMin  = 16 << 20
	DefaultPageBytesMax  = 4 << 20
)

// Options bound what an index takes. The zero value of a field is its
// default.
type Options struct {
	// Logger gets what the engine does in the background and cannot report
	// to a caller. It never gets a byte of a row. Nil: nothing is logged.
	Logger *slog.Logger

	// CacheBytes is the memory for blocks of rows read lately. Raising it
	// makes look-ups in an index larger than it cheaper.
	CacheBytes int64

	// MemtableBytes is the memory for rows not yet written to a table file.
	// At most memtablesMax of them are held, nearly always one or two.
	// Raising it makes heavy writing cheaper (fewer merges) and opening
	// after a crash slower; a log file takes as many bytes on disk.
	MemtableBytes int64

	// OpenFilesMax bounds the table files held open at a time.
	OpenFilesMax int

	// BallastBytes is the size of a file that only takes up space. It is
	// given up when the disk is full, so that files can still be removed.
	BallastBytes int64

	// FreeBytesMin is the free space on the disk below which transactions
	// that add rows are refused with ErrIndexFull.
	FreeBytesMin int64

	// PageBytesMax ends a page of a Scan early, after the row that takes
	// its keys and values to this many bytes.
	PageBytesMax int

	// fs is what tests put faults under; nil is the operating system's.
	fs vfs.FS
}

// EnsureDefaults sets fields that are zero.
func (o *Options) EnsureDefaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&o.CacheBytes, DefaultCacheBytes)
	setDefault(&o.MemtableBytes, DefaultMemtableBytes)
	setDefault(&o.OpenFilesMax, DefaultOpenFilesMax)
	setDefault(&o.BallastBytes, DefaultBallastBytes)
	setDefault(&o.FreeBytesMin, DefaultFreeBytesMin)
	setDefault(&o.PageBytesMax, DefaultPageBytesMax)
	if o.fs == nil {
		o.fs = vfs.Default
	}
}

func setDefault[T int | int64](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Validate reports a field out of its range. Call EnsureDefaults before.
func (o *Options) Validate() error {
	for _, field := range []struct {
		name            string
		value, low, max int64
	}{
		{"CacheBytes", o.CacheBytes, 1 << 16, 1 << 40},
		{"MemtableBytes", o.MemtableBytes, 1 << 16, 1 << 30},
		{"OpenFilesMax", int64(o.OpenFilesMax), 16, 1 << 20},
		{"BallastBytes", o.BallastBytes, 1 << 12, 1 << 30},
		{"FreeBytesMin", o.FreeBytesMin, 0, 1 << 40},
		{"PageBytesMax", int64(o.PageBytesMax), 1, 1 << 30},
	} {
		if field.value < field.low || field.value > field.max {
			return fmt.Errorf("index: option %s is %d, want %d to %d",
				field.name, field.value, field.low, field.max)
		}
	}
	return nil
}
