package reader

import (
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/messages"
)

// Role is the reader's name among its siblings.
const Role = "reader"

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("reader: bad configuration")

// tupleSize is how many stored blocks one block is made of.
const tupleSize = 3

// Config bounds the reader. A chunk is one block of memory.
type Config struct {
	// HandlesMax bounds the handles that are open at one time.
	HandlesMax int

	// ReadsMax bounds the ReadRange commands that are not answered yet. Each
	// may hold [messages.ReadRangeMax] bytes and two chunks.
	ReadsMax int

	// UnsealsMax bounds the UnsealBlock commands that are not answered yet.
	UnsealsMax int

	// BatchChunks is how many blocks are opened from one ask of the cache,
	// 1..21. Raising it saves messages; the first block of a batch waits for
	// the last one to be loaded.
	BatchChunks int

	// BatchesMax bounds the batches under way, 2 or more; read-ahead leaves
	// at least a quarter of them to reads that somebody waits for. Each
	// takes up to four chunks of memory per block: D, A, B and the result.
	BatchesMax int

	// ReadAheadMax bounds how many chunks past the last read of a handle are
	// opened early; 0 turns read-ahead off. A seek wastes up to this many.
	ReadAheadMax int

	// ReadAheadBytesMax bounds the opened bytes kept for handles, in whole
	// chunks, beside what reads under way hold.
	ReadAheadBytesMax int64

	// UnsealedBlocksMax bounds the opened nodes and pack chunks that are
	// kept, in chunks of memory. 0 keeps none.
	UnsealedBlocksMax int
}

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	for _, bound := range []struct {
		name          string
		got, min, max int64
	}{
		{"HandlesMax", int64(c.HandlesMax), 1, 1 << 30},
		{"ReadsMax", int64(c.ReadsMax), 1, 1 << 30},
		{"UnsealsMax", int64(c.UnsealsMax), 1, 1 << 30},
		{"BatchChunks", int64(c.BatchChunks), 1, messages.LoadMax / tupleSize},
		{"BatchesMax", int64(c.BatchesMax), 2, 1 << 20},
		{"ReadAheadMax", int64(c.ReadAheadMax), 0, 1 << 20},
		{"ReadAheadBytesMax", c.ReadAheadBytesMax, 0, 1 << 50},
		{"UnsealedBlocksMax", int64(c.UnsealedBlocksMax), 0, 1 << 30},
	} {
		if bound.got < bound.min || bound.got > bound.max {
			return fmt.Errorf("%w: %s is %d, want %d to %d",
				ErrConfig, bound.name, bound.got, bound.min, bound.max)
		}
	}
	return nil
}
