package splitter

import (
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// Role is the splitter's name among its siblings.
const Role = "splitter"

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("splitter: bad configuration")

// windowMin is the smallest window of a stream, in chunks.
const windowMin = 4

// Config bounds the splitter. [DefaultConfig] keeps two cores busy within
// about 100 MiB.
type Config struct {
	// WindowChunks bounds the chunks of one stream between WriteChunk and
	// durable. Each holds one block of memory, two when A is generated.
	// Raising it hides the latency of the disk and costs memory.
	WindowChunks int

	// InFlightChunksMax bounds the windows of all streams together, at least
	// 4 per stream.
	InFlightChunksMax int

	// StreamsMax bounds the open streams; one more is CodeOverload.
	StreamsMax int

	// SealsMax bounds the unanswered SealBlocks of one stream; one more is
	// CodeOverload.
	SealsMax int

	// ReservationsMax is how many reservations of one stream may be under
	// way. With two, one gathers while the other goes to disk.
	ReservationsMax int

	// ReadBatchBlocks is how many blocks one ReadBlocks asks for. Lower lets
	// more be read side by side.
	ReadBatchBlocks int

	// ReadsMax is how many ReadBlocks are under way at one time, less than
	// the cache admits.
	ReadsMax int

	// PutBatchBlocks is how many blocks one PutBlocks gathers while others
	// are being sealed; the last tuple may bring two more.
	PutBatchBlocks int

	// PutsMax is how many PutBlocks are under way at one time, no more than
	// the store admits. They share a sync.
	PutsMax int

	// KeptBlocksMax is how many blocks B are kept in memory, since they
	// recur. It should exceed the randomizer's active blocks.
	KeptBlocksMax int

	// HeldRefsMax bounds the refs of one stream that are in no durable node
	// yet, about 250 bytes each; over it the stream fails with CodeOverload.
	HeldRefsMax int

	// Foreign says that blocks of others may serve as randomizers: the store
	// is told to keep each that was not generated here just now. Once set it
	// stays set, as long as such blocks are in the pool.
	Foreign bool
}

// DefaultConfig returns the bounds of a home node.
func DefaultConfig() Config {
	return Config{
		WindowChunks: 128, InFlightChunksMax: 1024, StreamsMax: 64, SealsMax: 16,
		ReservationsMax: 2, ReadBatchBlocks: 16, ReadsMax: 32, PutBatchBlocks: 32,
		PutsMax: 32, KeptBlocksMax: 192, HeldRefsMax: 1 << 16,
	}
}

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	for _, field := range []struct {
		name              string
		value, least, top int
	}{
		// Holes run ahead by half of the builder's window: see holesAhead.
		{"WindowChunks", c.WindowChunks, windowMin, format.BuilderWindow / 4},
		{"StreamsMax", c.StreamsMax, 1, 1 << 16},
		{"InFlightChunksMax", c.InFlightChunksMax, windowMin * c.StreamsMax, 1 << 24},
		{"SealsMax", c.SealsMax, 1, 1 << 12},
		{"ReservationsMax", c.ReservationsMax, 1, 64},
		{"ReadBatchBlocks", c.ReadBatchBlocks, 1, messages.LoadMax},
		{"ReadsMax", c.ReadsMax, 1, 1 << 12},
		{"PutsMax", c.PutsMax, 1, 1 << 12},
		{"PutBatchBlocks", c.PutBatchBlocks, 1, 1 << 12},
		{"KeptBlocksMax", c.KeptBlocksMax, 0, 1 << 16},
		{"HeldRefsMax", c.HeldRefsMax, 1, 1 << 24},
	} {
		if field.value < field.least || field.value > field.top {
			return fmt.Errorf("%w: %s is %d, want %d..%d",
				ErrConfig, field.name, field.value, field.least, field.top)
		}
	}
	return nil
}
