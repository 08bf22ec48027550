package fetcher

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Role is the fetcher's name among its siblings.
const Role = "fetcher"

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("fetcher: bad configuration")

// Config bounds the fetcher.
type Config struct {
	// Width is how many of those that should hold a block are asked first,
	// 1 or more: the likely number of its holders. Less crowds them, more
	// asks some in vain.
	Width int

	// TriedMax bounds the peers that are asked for one block, Width to
	// messages.CandidatesMax - 1. It should be as many as the places at which
	// a block may be held (replication.Config.RanksMax): one that was stored
	// in one part of a parted network is far down the order of the whole.
	TriedMax int

	// InFlightMax bounds the requests under way, those for which a peer is
	// being chosen included. Each holds a block of memory in the end.
	InFlightMax int

	// InFlightPerPeerMax bounds the requests under way to one peer.
	InFlightPerPeerMax int

	// AsksMax bounds the FetchBlocks being answered; one more is CodeOverload.
	AsksMax int

	// BlocksMax bounds the blocks of these, messages.FetchMax or more. Blocks
	// that have come stay in memory until their ask is complete.
	BlocksMax int

	// FetchTimeout is how long one FetchBlocks may take.
	FetchTimeout time.Duration

	// HedgeShare bounds hedges as a share of the other requests, 0 to 1; 0
	// never hedges.
	HedgeShare float64

	// HedgeBurst bounds how many hedges may be saved up.
	HedgeBurst int

	// LateAfter is after how long a request takes too long: then somebody else
	// is asked too, hedge or not. It should be much more than a block takes
	// from a good holder, and little of FetchTimeout.
	LateAfter time.Duration

	// BusyWait is the pause before peers that were busy, or silent, are asked
	// again; it doubles with each of at most BusyRounds times, which should
	// add up to about half of FetchTimeout.
	BusyWait   time.Duration
	BusyRounds int

	// JoinWait is for how long after its start the node may not know yet who is
	// there: a block that nobody had waits that long for another view. It
	// should be several times membership.Config.ViewInterval.
	JoinWait time.Duration

	// ToldMax bounds the blocks of which is remembered who was asked for them,
	// at about 150 bytes each, so that nobody is asked for another member of the
	// same tuple later. It should be more than BlocksMax.
	ToldMax int

	// BeyondTimeout is how long those who are no members may take for a block
	// that no member had; 0: they are not asked. They learn what is read here.
	BeyondTimeout time.Duration

	// HashCost is the time to hash one block, in the simulation alone.
	HashCost time.Duration
}

// DefaultConfig returns settings for a node that streams at 100 Mbit/s from
// peers 200 ms away.
func DefaultConfig() Config {
	return Config{
		Width:              3,
		TriedMax:           24,
		InFlightMax:        64,
		InFlightPerPeerMax: 16,
		AsksMax:            256,
		BlocksMax:          1024,
		FetchTimeout:       30 * time.Second,
		HedgeShare:         0.05,
		HedgeBurst:         8,
		LateAfter:          3 * time.Second,
		BusyWait:           250 * time.Millisecond,
		BusyRounds:         6,
		JoinWait:           10 * time.Second,
		ToldMax:            2048,
		HashCost:           100 * time.Microsecond,
	}
}

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	switch {
	case c.Width < 1:
		return fmt.Errorf("%w: Width is %d, want 1 or more", ErrConfig, c.Width)
	case c.TriedMax < c.Width || c.TriedMax > messages.CandidatesMax-1:
		return fmt.Errorf("%w: TriedMax is %d, want %d to %d",
			ErrConfig, c.TriedMax, c.Width, messages.CandidatesMax-1)
	case c.InFlightMax < 1:
		return fmt.Errorf("%w: InFlightMax is %d, want 1 or more", ErrConfig, c.InFlightMax)
	case c.InFlightPerPeerMax < 1:
		return fmt.Errorf("%w: InFlightPerPeerMax is %d, want 1 or more",
			ErrConfig, c.InFlightPerPeerMax)
	case c.AsksMax < 1:
		return fmt.Errorf("%w: AsksMax is %d, want 1 or more", ErrConfig, c.AsksMax)
	case c.BlocksMax < messages.FetchMax:
		return fmt.Errorf("%w: BlocksMax is %d, want %d or more",
			ErrConfig, c.BlocksMax, messages.FetchMax)
	case c.FetchTimeout <= 0:
		return fmt.Errorf("%w: FetchTimeout is %s, want more than 0", ErrConfig, c.FetchTimeout)
	case !(c.HedgeShare >= 0 && c.HedgeShare <= 1):
		return fmt.Errorf("%w: HedgeShare is %g, want 0 to 1", ErrConfig, c.HedgeShare)
	case c.HedgeBurst < 1:
		return fmt.Errorf("%w: HedgeBurst is %d, want 1 or more", ErrConfig, c.HedgeBurst)
	case c.LateAfter <= 0:
		return fmt.Errorf("%w: LateAfter is %s, want more than 0", ErrConfig, c.LateAfter)
	case c.BusyWait <= 0:
		return fmt.Errorf("%w: BusyWait is %s, want more than 0", ErrConfig, c.BusyWait)
	case c.BusyRounds < 0 || c.BusyRounds > busyRoundsMax:
		return fmt.Errorf("%w: BusyRounds is %d, want 0 to %d",
			ErrConfig, c.BusyRounds, busyRoundsMax)
	case c.JoinWait < 0:
		return fmt.Errorf("%w: JoinWait is %s, want 0 or more", ErrConfig, c.JoinWait)
	case c.ToldMax < 2:
		return fmt.Errorf("%w: ToldMax is %d, want 2 or more", ErrConfig, c.ToldMax)
	case c.BeyondTimeout < 0:
		return fmt.Errorf("%w: BeyondTimeout is %s, want 0 or more", ErrConfig, c.BeyondTimeout)
	case c.HashCost < 0:
		return fmt.Errorf("%w: HashCost is %s, want 0 or more", ErrConfig, c.HashCost)
	}
	return nil
}

// busyRoundsMax keeps the last pause within sense.
const busyRoundsMax = 16
