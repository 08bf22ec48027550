package randomizer

import (
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/messages"
)

// Role is the randomizer's name among its siblings.
const Role = "randomizer"

// The profiles: how often slot A is filled from the pool.
const (
	ProfileBalanced = "balanced" // 9 of 10
	ProfileThrifty  = "thrifty"  // 49 of 50
	ProfileStrict   = "strict"   // never: the tuples of this node form a forest
)

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("randomizer: bad configuration")

// Config is the randomizer's policy and bounds. [DefaultConfig] has values
// that meet the storage figures.
type Config struct {
	// Profile is ProfileBalanced, ProfileThrifty or ProfileStrict.
	Profile string

	// HistoryStale says that the index was rebuilt or restored, so that its
	// history of slot A may lack blocks. Set it for one start.
	HistoryStale bool

	// UsesMax is how many tuples a block serves in slot B. Raising it saves
	// blocks and makes each serve, and hang on, more files.
	UsesMax int

	// SpacingTuples is how many consecutive tuples of a stream never share a
	// block in slot B. It must be more than 64, since nodes stand between
	// the chunks of a stream.
	SpacingTuples int

	// ActiveMax is how many blocks serve in slot B at one time, more than
	// SpacingTuples. Raising it makes a file touch more distinct blocks.
	ActiveMax int

	// SparesMax is how many blocks wait to serve in slot B.
	SparesMax int

	// CandidatesMax bounds the candidates for slot A in memory, about 150
	// bytes each. The index may hold more.
	CandidatesMax int

	// CandidatesReady is how many candidates are scanned before the first
	// choice after a start; the rest is scanned while work goes on.
	CandidatesReady int

	// ScanRows is the page size of scans, in rows.
	ScanRows int

	// StreamsMax bounds the streams whose recent blocks are remembered. The
	// stream that was idle longest is forgotten when one more begins.
	StreamsMax int

	// ReservedMax bounds the tuples that are reserved and not committed,
	// about 300 bytes each; one more is CodeOverload.
	ReservedMax int

	// WaitingMax bounds the commands that wait or are worked on; one more is
	// CodeOverload.
	WaitingMax int

	// TransactionTuples bounds the tuples of one transaction.
	TransactionTuples int

	// TransactionsMax is how many reservations may be on their way to disk.
	TransactionsMax int

	// CollectionBlocksMax bounds the blocks that are remembered during a
	// collection, about 20 bytes each; over it, RetireBlocks is CodeOverload.
	CollectionBlocksMax int

	// GenerateBlocks is how many blocks one piece of work generates. Lower
	// spreads a batch over more cores and costs more messages.
	GenerateBlocks int
}

// DefaultConfig returns the balanced profile with the bounds of a home node.
func DefaultConfig() Config {
	return Config{
		Profile: ProfileBalanced, UsesMax: 64, SpacingTuples: 72, ActiveMax: 160,
		SparesMax: 64, CandidatesMax: 1 << 16, CandidatesReady: 1 << 12, ScanRows: 1 << 10,
		StreamsMax: 256, ReservedMax: 1 << 14, WaitingMax: 1 << 10,
		TransactionTuples: 512, TransactionsMax: 2, CollectionBlocksMax: 1 << 20,
		GenerateBlocks: 4,
	}
}

// Figures of the profiles and bounds of Config.
const (
	reusePermilleBalanced = 900
	reusePermilleThrifty  = 980
	spacingMin            = 65
	scanRowsMax           = 1 << 14
)

// reusePermille is the probability, in thousandths, that slot A is filled
// from the pool.
func (c Config) reusePermille() uint64 {
	switch c.Profile {
	case ProfileBalanced:
		return reusePermilleBalanced
	case ProfileThrifty:
		return reusePermilleThrifty
	}
	return 0
}

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	switch c.Profile {
	case ProfileBalanced, ProfileThrifty, ProfileStrict:
	default:
		return fmt.Errorf("%w: Profile is %q, want balanced, thrifty or strict",
			ErrConfig, c.Profile)
	}
	for _, field := range []struct {
		name              string
		value, least, top int
	}{
		{"UsesMax", c.UsesMax, 1, 1 << 16},
		{"SpacingTuples", c.SpacingTuples, spacingMin, 1 << 16},
		{"ActiveMax", c.ActiveMax, c.SpacingTuples + 1, 1 << 16},
		{"SparesMax", c.SparesMax, 0, 1 << 16},
		{"CandidatesMax", c.CandidatesMax, 1, 1 << 26},
		{"CandidatesReady", c.CandidatesReady, 1, 1 << 26},
		{"ScanRows", c.ScanRows, 1, scanRowsMax},
		{"StreamsMax", c.StreamsMax, 1, 1 << 20},
		{"ReservedMax", c.ReservedMax, messages.ReserveMax, 1 << 24},
		{"WaitingMax", c.WaitingMax, 1, 1 << 20},
		{"TransactionTuples", c.TransactionTuples, messages.ReserveMax, 1 << 13},
		{"TransactionsMax", c.TransactionsMax, 1, 1 << 8},
		{"CollectionBlocksMax", c.CollectionBlocksMax, 1, 1 << 28},
		{"GenerateBlocks", c.GenerateBlocks, 1, messages.ReserveMax},
	} {
		if field.value < field.least || field.value > field.top {
			return fmt.Errorf("%w: %s is %d, want %d..%d",
				ErrConfig, field.name, field.value, field.least, field.top)
		}
	}
	return nil
}
