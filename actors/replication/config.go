package replication

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/placement"
)

// Role is the replication manager's name among its siblings.
const Role = "replication"

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("replication: bad configuration")

// Policy names how many holders a block is to have.
type Policy string

// The policies.
const (
	PolicyFixed    Policy = "fixed"    // Config.Factor, always
	PolicyAdaptive Policy = "adaptive" // by demand: see [Config.RMin]
)

// Config bounds the replication manager.
type Config struct {
	Policy Policy
	// Factor is the number of holders under [PolicyFixed], 1..16.
	Factor int

	// Under [PolicyAdaptive] a block has
	//
	//	r = clamp(max(RootShare·√d, d/PerHolder), RMin, RMax)
	//
	// holders, where d is how often per hour the network asks for it. RMin
	// is the floor for availability. RootShare follows from minimizing the
	// expected search under a fixed number of copies: Cohen and Shenker,
	// "Replication strategies in unstructured peer-to-peer networks",
	// SIGCOMM 2002. PerHolder is what one holder is to serve of one block,
	// per hour. r falls only when it would do so at twice the demand too.
	RMin, RMax int // 1..16
	RootShare  float64
	PerHolder  float64

	// Slack is how many places beyond the first r of the order are as good as
	// those: a block whose holders are among them is not moved.
	Slack int
	// RanksMax is how far down the order blocks are offered and accepted, up
	// to placement.OrderMax. A node cannot be filled with blocks for which it
	// has no place among them.
	RanksMax int

	// WatchedMax bounds the blocks that are looked after at one time, at
	// about 250 bytes each. ReplicasMax bounds those of others that are held
	// for the network. It is at most half of WatchedMax, and no more own
	// blocks than the other half are held for the network, or required to be
	// held by others, so that what was promised is always watched. Own blocks
	// beyond WatchedMax take turns.
	WatchedMax, ReplicasMax int

	// DisperseDelay is the window over which new blocks leave, each at a time
	// of its own: the longer, the more tuples mix, and the longer a new block
	// has one copy.
	DisperseDelay time.Duration
	// StartDelay is the window over which blocks are looked at after a start,
	// since it is not known which of the own ones had left before it, and who
	// else holds any.
	StartDelay time.Duration
	// LookInterval is about how often each block is looked at.
	LookInterval time.Duration
	// RetryDelay is how soon a replica that is new is looked at, and a look that
	// could not reach the factor is made again; then it doubles up to
	// LookInterval.
	RetryDelay time.Duration
	// RepairDelay is how long an absent holder is waited for. RepairStagger
	// is how much longer each further holder waits than the one before it in
	// the order, so that normally one repairs and the others find it done.
	RepairDelay, RepairStagger time.Duration
	// HotInterval is how often the demand of a block is estimated again that
	// has more than RMin holders. HotStagger is how much later each further
	// holder adds to it than the one before it in the order.
	HotInterval, HotStagger time.Duration
	// DropAbove is the share of ReplicasMax above which replicas are dropped
	// that enough others hold; 0 drops them always.
	DropAbove float64

	// Lease is for how long a block is to be held, and RenewBelow how much of
	// it is left when its end is put off. Ends are rounded up to
	// LeaseQuantum, so that they tell little of when a file was stored, and a
	// restart of its owner makes its holders write anew once a day at most.
	// LeaseMax bounds what others may ask for.
	Lease, RenewBelow, LeaseQuantum, LeaseMax time.Duration

	// LooksMax bounds the looks under way.
	LooksMax int
	// RequestsInFlightMax bounds the requests to others under way, PerPeerMax
	// those to one of them. A push has up to PushBlocksMax blocks of memory.
	RequestsInFlightMax, PerPeerMax int
	OfferBatchMax, PushBlocksMax    int
	// OfferTimeout and PushTimeout are for how long an answer is awaited.
	OfferTimeout, PushTimeout time.Duration

	// MendsMax bounds the damaged blocks that are being had anew at one time.
	MendsMax int

	// InboundMax bounds the requests of others under way, PeerItemsPerMinute
	// the blocks that one of them may offer and push, and PeersMax the nodes
	// that may do so in one minute. A block is offered and pushed, and offered
	// again while it waits: half of PeerItemsPerMinute should be more blocks
	// than a fast link brings in a minute.
	InboundMax, PeerItemsPerMinute, PeersMax int
	// FullDelay is for how long nothing more is accepted after the store had
	// no room.
	FullDelay time.Duration
	// HashCost is what naming one block costs in simulated time.
	HashCost time.Duration
}

// DefaultConfig is a good configuration.
func DefaultConfig() Config {
	return Config{
		Policy: PolicyAdaptive, Factor: 3,
		RMin: 3, RMax: 16, RootShare: 0.08, PerHolder: 1800,
		Slack: 2, RanksMax: 24,
		WatchedMax: 1 << 20, ReplicasMax: 1 << 18,
		DisperseDelay: 30 * time.Second, StartDelay: time.Hour, LookInterval: 6 * time.Hour,
		RetryDelay: time.Minute, RepairDelay: 15 * time.Minute, RepairStagger: time.Minute,
		HotInterval: 10 * time.Second, HotStagger: 2 * time.Second, DropAbove: 0.9,
		Lease: 365 * 24 * time.Hour, RenewBelow: 330 * 24 * time.Hour,
		LeaseQuantum: 24 * time.Hour, LeaseMax: 2 * 365 * 24 * time.Hour,
		LooksMax: 512, RequestsInFlightMax: 32, PerPeerMax: 2,
		OfferBatchMax: 64, PushBlocksMax: 4,
		OfferTimeout: 10 * time.Second, PushTimeout: time.Minute, MendsMax: 8,
		InboundMax: 64, PeerItemsPerMinute: 1 << 16, PeersMax: 4096,
		FullDelay: 10 * time.Minute, HashCost: 100 * time.Microsecond,
	}
}

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	if c.Policy != PolicyFixed && c.Policy != PolicyAdaptive {
		return fmt.Errorf("%w: Policy is %q, want %q or %q",
			ErrConfig, c.Policy, PolicyFixed, PolicyAdaptive)
	}
	for _, bound := range []struct {
		name          string
		got, min, max int
	}{
		{"Factor", c.Factor, 1, factorMax},
		{"RMin", c.RMin, 1, factorMax},
		{"RMax", c.RMax, c.RMin, factorMax},
		{"Slack", c.Slack, 0, placement.OrderMax},
		{"RanksMax", c.RanksMax, max(c.Factor, c.RMax) + c.Slack, placement.OrderMax},
		{"WatchedMax", c.WatchedMax, 2, math.MaxInt32},
		{"ReplicasMax", c.ReplicasMax, 0, c.WatchedMax / 2},
		{"LooksMax", c.LooksMax, 1, math.MaxInt32},
		{"RequestsInFlightMax", c.RequestsInFlightMax, 1, math.MaxInt32},
		{"PerPeerMax", c.PerPeerMax, 1, c.RequestsInFlightMax},
		{"OfferBatchMax", c.OfferBatchMax, 1, min(wire.ReplicaItemsMax, messages.LoadMax)},
		{"PushBlocksMax", c.PushBlocksMax, 1, messages.PacketBlocksMax},
		{"MendsMax", c.MendsMax, 1, math.MaxInt32},
		{"InboundMax", c.InboundMax, 1, math.MaxInt32},
		{"PeerItemsPerMinute", c.PeerItemsPerMinute, 1, math.MaxInt32},
		{"PeersMax", c.PeersMax, 1, math.MaxInt32},
	} {
		if bound.got < bound.min || bound.got > bound.max {
			return fmt.Errorf("%w: %s is %d, want %d to %d",
				ErrConfig, bound.name, bound.got, bound.min, bound.max)
		}
	}
	return c.validateTimes()
}

func (c Config) validateTimes() error {
	for _, bound := range []struct {
		name     string
		got, min time.Duration
	}{
		{"DisperseDelay", c.DisperseDelay, 0},
		{"StartDelay", c.StartDelay, 0},
		{"LookInterval", c.LookInterval, c.RetryDelay},
		{"RetryDelay", c.RetryDelay, tick},
		{"RepairDelay", c.RepairDelay, 0},
		{"RepairStagger", c.RepairStagger, 0},
		{"HotInterval", c.HotInterval, tick},
		{"HotStagger", c.HotStagger, 0},
		{"LeaseQuantum", c.LeaseQuantum, time.Second},
		{"Lease", c.Lease, c.LeaseQuantum},
		{"RenewBelow", c.RenewBelow, 0},
		{"LeaseMax", c.LeaseMax, c.Lease},
		{"OfferTimeout", c.OfferTimeout, 1},
		{"PushTimeout", c.PushTimeout, 1},
		{"FullDelay", c.FullDelay, 0},
		{"HashCost", c.HashCost, 0},
	} {
		if bound.got < bound.min || bound.got > 100*365*24*time.Hour {
			return fmt.Errorf("%w: %s is %s, want %s to a century",
				ErrConfig, bound.name, bound.got, bound.min)
		}
	}
	for _, rate := range []struct {
		name          string
		got, min, max float64
	}{
		{"RootShare", c.RootShare, 0, 1e6},
		{"PerHolder", c.PerHolder, 1, 1e12},
		{"DropAbove", c.DropAbove, 0, 1},
	} {
		if !(rate.got >= rate.min && rate.got <= rate.max) { // refuses NaN too
			return fmt.Errorf("%w: %s is %v, want %v to %v",
				ErrConfig, rate.name, rate.got, rate.min, rate.max)
		}
	}
	return nil
}
