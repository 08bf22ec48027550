package popularity

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages/wire"
)

// Role is the popularity's name among its siblings.
const Role = "popularity"

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("popularity: bad configuration")

// windowMax is the longest window that a summary can name.
const windowMax = wire.DemandWindowSecondsMax * time.Second

// Config shapes the summaries and bounds the state. All members of a network
// have the same Window, Depth, Width, CellMax and CellMeanMax: a summary that
// does not fit them is refused.
type Config struct {
	// Window is how long requests are counted for one summary, in whole
	// seconds. Lowering it costs gossip, and noise: each window has its own.
	Window time.Duration

	// Depth (1 to wire.DemandDepthMax) is how many rows a sketch has, and
	// Width (2 or more) how many cells a row. A summary is Depth·Width bytes,
	// and every member receives one of every other in each window; this node
	// keeps up to EpochsMax+2 sketches of 2·Depth·Width bytes. A wider sketch
	// has fewer blocks to a cell; a deeper one has fewer wrong estimates, and
	// noise that grows with Depth. What a node serves in a window should be
	// less than Width·CellMeanMax/2 blocks, and what all serve together less
	// than Width·10,000: beyond that, cells are clipped.
	Depth, Width int

	// CellMax (1 to 127) bounds what a summary says of one cell, noise aside.
	// Raising it lets a holder say more of a popular block, and a liar too.
	CellMax int
	// CellMeanMax (1 to 127) bounds the mean size of a summary's cells, noise
	// included: at least twice that of the noise.
	CellMeanMax int

	// Epsilon (above 0) is how much a summary may tell of one request: adding
	// or removing a request multiplies the odds of any summary by no more
	// than exp(Epsilon). Raising it makes less noise. Above about 20·Depth
	// there is none.
	Epsilon float64

	// EpochsMax (2 or more) is of how many windows the summaries are kept.
	EpochsMax int
	// EpochDecay (above 0, up to 1) is what a window weighs against the next.
	EpochDecay float64
	// Margin is how many standard deviations of the noise an estimate must
	// exceed to be more than 0. Raising it hides more of what is little asked
	// for; at 2 about one block in 20,000 that nobody asks for seems wanted.
	Margin float64
	// AuthorsMax bounds the members whose summaries are told apart, 16 bytes
	// and some each; more are refused until older ones have aged.
	AuthorsMax int

	// HotMax bounds the blocks whose rates are followed closely.
	HotMax int
	// HotHalfLife is how fast these rates forget.
	HotHalfLife time.Duration
	// HotInterval is how often HotBlocks is sent at most.
	HotInterval time.Duration
	// HotPerHourMin (above 0) is the rate from which on a block is told of.
	HotPerHourMin float64
	// TellHot has the roles of the siblings that are sent HotBlocks.
	TellHot []string
}

// DefaultConfig returns the settings of the public network: summaries of 8 KiB
// every 10 minutes. With 1,000 members that is 14 KB/s that each receives
// at least. Of blocks that are asked for 2,000 times an hour about half are
// seen in the noise of so many, of those asked for twice as often all.
func DefaultConfig() Config {
	return Config{
		Window: 10 * time.Minute, Depth: 4, Width: 2048, CellMax: 127, CellMeanMax: 16,
		Epsilon: 1, EpochsMax: 3, EpochDecay: 0.5, Margin: 2, AuthorsMax: 16 << 10,
		HotMax: 32, HotHalfLife: 30 * time.Second, HotInterval: 5 * time.Second,
		HotPerHourMin: 360, TellHot: []string{"replication"},
	}
}

// SmallConfig is DefaultConfig with summaries of 768 bytes, for simulations of
// many nodes: one takes 1.5 KiB to keep, and about 2 µs to merge.
func SmallConfig() Config {
	cfg := DefaultConfig()
	cfg.Depth, cfg.Width = 3, 256
	return cfg
}

// sumMax bounds the sum of the sizes of a summary's cells.
func (c Config) sumMax() int { return c.CellMeanMax * c.Depth * c.Width }

// noiseSize is the mean size of the noise of a cell. One request changes one
// cell of each row by 1, so Depth is the sensitivity.
func (c Config) noiseSize() float64 { return noiseSize(noiseBase(c.Epsilon, c.Depth)) }

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrConfig}, args...)...)
	}
	switch {
	case c.Window < time.Second || c.Window%time.Second != 0 || c.Window > windowMax:
		return wrong("Window is %v, want 1s to %v in whole seconds", c.Window, windowMax)
	case c.Depth < 1 || c.Depth > wire.DemandDepthMax:
		return wrong("Depth is %d, want 1 to %d", c.Depth, wire.DemandDepthMax)
	case c.Width < 2 || c.Depth*c.Width > wire.DemandCellsMax:
		return wrong("Width is %d, want 2 to %d", c.Width, wire.DemandCellsMax/c.Depth)
	case c.CellMax < 1 || c.CellMax > 255-2*wire.DemandZero:
		return wrong("CellMax is %d, want 1 to %d", c.CellMax, 255-2*wire.DemandZero)
	case !(c.Epsilon > 0):
		return wrong("Epsilon is %v, want more than 0", c.Epsilon)
	case c.CellMeanMax < 1 || c.CellMeanMax > 127:
		return wrong("CellMeanMax is %d, want 1 to 127", c.CellMeanMax)
	case float64(c.CellMeanMax) < 2*c.noiseSize():
		return wrong("CellMeanMax is %d, want twice the mean size of the noise, %.2f",
			c.CellMeanMax, c.noiseSize())
	case c.EpochsMax < 2:
		return wrong("EpochsMax is %d, want 2 or more", c.EpochsMax)
	case !(c.EpochDecay > 0 && c.EpochDecay <= 1):
		return wrong("EpochDecay is %v, want more than 0, up to 1", c.EpochDecay)
	case !(c.Margin >= 0):
		return wrong("Margin is %v, want 0 or more", c.Margin)
	case c.AuthorsMax < 1:
		return wrong("AuthorsMax is %d, want 1 or more", c.AuthorsMax)
	case c.HotMax < 1:
		return wrong("HotMax is %d, want 1 or more", c.HotMax)
	case c.HotHalfLife <= 0:
		return wrong("HotHalfLife is %v, want more than 0", c.HotHalfLife)
	case c.HotInterval < time.Second:
		return wrong("HotInterval is %v, want 1s or more", c.HotInterval)
	case !(c.HotPerHourMin > 0):
		return wrong("HotPerHourMin is %v, want more than 0", c.HotPerHourMin)
	}
	return nil
}

// rules are what follows from a configuration. They are immutable, and shared
// by all incarnations.
type rules struct {
	cfg    Config
	noise  *noise
	limits *limits
}

func newRules(cfg Config) *rules {
	return &rules{cfg, newNoise(noiseBase(cfg.Epsilon, cfg.Depth)), newLimits(cfg)}
}
