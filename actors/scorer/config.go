package scorer

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Role is the scorer's name among its siblings.
const Role = "scorer"

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("scorer: bad configuration")

// Config tunes and bounds the scorer. [DefaultConfig] is for the internet.
type Config struct {
	// Policy is how a peer is chosen: "adaptive", or for comparison "random",
	// "round-robin", "lowest-rtt" or "two-choices".
	Policy string

	// Draws is how many candidates the adaptive policy compares, 1 or more.
	// More of them find a better peer and send more askers to the same one:
	// of the few holders of a block all may be compared, of a whole network not.
	Draws int

	// ExploreShare is the share of the adaptive policy's choices that are
	// drawn from all candidates, 0 to 1.
	ExploreShare float64

	// Tau is the time constant of the average time per block. Longer wavers
	// less, and remembers a bad spell longer.
	Tau time.Duration

	// ForgetTau is the time constant with which the expected time of a peer
	// that is not asked returns to its prior.
	ForgetTau time.Duration

	// LoadWeight is how much a request that the peer serves for others counts
	// against one of our own in flight, 0 or more. What a peer said is old when
	// it is used, and all who heard it act on it at once: high weights make
	// clients run from one peer to the next together (see TestQuality).
	LoadWeight float64

	// LoadTau is the time constant with which the load that a peer said
	// fades.
	LoadTau time.Duration

	// PenaltyTau is the time constant with which failures are forgotten. Each
	// doubles the cost of a peer while it is fresh.
	PenaltyTau time.Duration

	// BaseService is added to the distance of a peer without samples: the
	// time that a near one takes for a block.
	BaseService time.Duration

	// UnknownTime is expected of a peer of whom nothing is known, as long as
	// nobody has answered.
	UnknownTime time.Duration

	// HedgeMin and HedgeMax bound PeerChoice.HedgeAfter.
	HedgeMin, HedgeMax time.Duration

	// TimeoutFactor times the 95th percentile of the observed times is
	// PeerChoice.Timeout, within TimeoutMin and TimeoutMax.
	TimeoutFactor          float64
	TimeoutMin, TimeoutMax time.Duration

	// PeersMax bounds the peers that are remembered, at about 250 bytes each.
	PeersMax int
}

// DefaultConfig returns settings for nodes on the internet.
func DefaultConfig() Config {
	return Config{
		Policy:        PolicyAdaptive,
		Draws:         8,
		ExploreShare:  0.002,
		Tau:           20 * time.Second,
		ForgetTau:     5 * time.Minute,
		LoadWeight:    0.1,
		LoadTau:       500 * time.Millisecond,
		PenaltyTau:    30 * time.Second,
		BaseService:   20 * time.Millisecond,
		UnknownTime:   200 * time.Millisecond,
		HedgeMin:      10 * time.Millisecond,
		HedgeMax:      2 * time.Second,
		TimeoutFactor: 8,
		TimeoutMin:    4 * time.Second,
		TimeoutMax:    15 * time.Second,
		PeersMax:      512,
	}
}

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	for _, field := range []struct {
		name  string
		value time.Duration
	}{
		{"Tau", c.Tau},
		{"ForgetTau", c.ForgetTau},
		{"LoadTau", c.LoadTau},
		{"PenaltyTau", c.PenaltyTau},
		{"BaseService", c.BaseService},
		{"UnknownTime", c.UnknownTime},
		{"HedgeMin", c.HedgeMin},
		{"TimeoutMin", c.TimeoutMin},
	} {
		if field.value <= 0 {
			return fmt.Errorf("%w: %s is %s, want more than 0", ErrConfig, field.name, field.value)
		}
	}
	switch {
	case newPolicy(c) == nil:
		return fmt.Errorf("%w: there is no policy %q", ErrConfig, c.Policy)
	case c.Draws < 1:
		return fmt.Errorf("%w: Draws is %d, want 1 or more", ErrConfig, c.Draws)
	case !(c.ExploreShare >= 0 && c.ExploreShare <= 1):
		return fmt.Errorf("%w: ExploreShare is %g, want 0 to 1", ErrConfig, c.ExploreShare)
	case !(c.LoadWeight >= 0):
		return fmt.Errorf("%w: LoadWeight is %g, want 0 or more", ErrConfig, c.LoadWeight)
	case c.HedgeMax < c.HedgeMin:
		return fmt.Errorf("%w: HedgeMax is below HedgeMin", ErrConfig)
	case !(c.TimeoutFactor >= 1):
		return fmt.Errorf("%w: TimeoutFactor is %g, want 1 or more", ErrConfig, c.TimeoutFactor)
	case c.TimeoutMax < c.TimeoutMin:
		return fmt.Errorf("%w: TimeoutMax is below TimeoutMin", ErrConfig)
	case c.PeersMax < messages.ChoicesMax:
		return fmt.Errorf("%w: PeersMax is %d, want %d or more",
			ErrConfig, c.PeersMax, messages.ChoicesMax)
	}
	return nil
}
