package network

import (
	"errors"
	"fmt"
	"time"
)

// ErrOptions reports options that make no sense.
var ErrOptions = errors.New("network: bad options")

// Options are what the network is like. The zero value is a wire without
// delay, bounds or loss. Presets have filled-in ones.
type Options struct {
	// Seed is what every draw comes from.
	Seed uint64
	// Latency between places; nil: none.
	Latency *Matrix
	// Jitter is the mean of what is added to the latency of a packet, as a
	// share of it. What is added is exponentially distributed, so no packet
	// is ahead of its latency. At most 10.
	Jitter float64
	// Loss is the probability that the path loses a frame.
	Loss float64
	// Duplicate is the probability that a datagram arrives twice.
	Duplicate float64
	// Reorder is the probability that a datagram is held back for up to
	// ReorderDelay.
	Reorder      float64
	ReorderDelay time.Duration
	// Scale is how many bytes a byte of a block is billed as, so that worlds
	// of small blocks load the links as large ones do. 0 means 1.
	Scale int64
	// QueueBytes bounds the bulk of datagrams that waits at an access link;
	// more is lost. 0 means QueueBytesDefault. Raising it makes delay of loss.
	QueueBytes int64
	// StreamBytes is the same for streams, whose data wait in the buffers of
	// the two ends: more fails at the sender, and is lost at the receiver. 0
	// means StreamBytesDefault.
	StreamBytes int64
	// DialTimeout is how long it takes to give up a node that does not
	// answer; 0 means DialTimeoutDefault.
	DialTimeout time.Duration
	// DialRounds is how many round trips a connection takes that is not
	// there yet: 4 for TCP, protocol choice, Noise and yamux, 2 for QUIC
	// [general knowledge of libp2p]. 0: connections cost nothing, and none
	// are kept account of.
	DialRounds int
	// Topology is who may connect to whom.
	Topology Topology
	// GossipDegree is the number of neighbours in the mesh of a gossip
	// topic; 0 means GossipDegreeDefault.
	GossipDegree int
	// GossipCopies is how often a node gets, and sends on, each gossip
	// message; 0 means GossipCopiesDefault.
	GossipCopies int
	// GossipBurst is how many messages an author may have spread at once, and
	// GossipEvery how long it takes until it may spread one more: what is
	// beyond that, its neighbours hear and do not pass on. 0: all is passed on.
	GossipBurst int
	GossipEvery time.Duration
	// NodesMax bounds the nodes; 0 means NodesMaxDefault.
	NodesMax int
}

// Defaults of [Options].
const (
	// QueueBytesDefault is 1 MiB: 0.4 s at 20 Mbit/s, the bloated buffer of
	// a common home router.
	QueueBytesDefault = 1 << 20
	// StreamBytesDefault is 64 MiB, 512 blocks.
	StreamBytesDefault = 64 << 20
	// DialTimeoutDefault is go-libp2p's for addresses nearby
	// (p2p/net/swarm, defaultDialTimeoutLocal); far ones take 15 s there.
	DialTimeoutDefault = 5 * time.Second
	// GossipDegreeDefault is gossipsub's D.
	// Source: libp2p/specs, pubsub/gossipsub/gossipsub-v1.0.md, parameters.
	GossipDegreeDefault = 6
	// GossipCopiesDefault lies between D/2 (each link of the mesh carries a
	// message once) and D-1 (everybody sends it to all others).
	GossipCopiesDefault = 4
	// NodesMaxDefault is ten times what the simulator is meant for.
	NodesMaxDefault = 100_000
)

// Link is how a node is connected.
type Link struct {
	// Place is the node's row in Options.Latency.
	Place int
	// Region groups nodes for [Regional] topologies and for reports.
	Region int
	// Up and Down are the rates of the access link in bits per second; 0:
	// endless.
	Up, Down int64
	// Delay is what the access link adds to the latency, each way.
	Delay time.Duration
	// Burst is loss at the access link that comes in bursts.
	Burst Burst
	// Undialable nodes cannot be connected to from outside, as behind most
	// home routers: two of them cannot reach each other.
	Undialable bool
	// Hub makes the node one that others may connect to in the topologies
	// [Regional] and [Hubs].
	Hub bool
}

// Burst is a Gilbert–Elliott model in time: a link is good or bad for
// exponentially distributed times and loses frames with a probability of
// its own in each state. The zero value loses nothing.
// Source: Elliott, "Estimates of error rates for codes on burst-noise
// channels", Bell System Technical Journal 42(5), 1963.
type Burst struct {
	Good, Bad         time.Duration // mean times in the states; 0: always good
	GoodLoss, BadLoss float64
}

func (b Burst) varies() bool { return b.Good > 0 && b.Bad > 0 }

// Slowness is what is wrong with a node that answers and sends slowly: the
// others have it for a bad peer, while it reads as well as ever, but for the
// delay. The zero value is nothing.
type Slowness struct {
	Factor float64       // how many times longer its uplink takes; 0 means 1
	Delay  time.Duration // added to the latency, each way
}

// TopologyKind tells which nodes may connect.
type TopologyKind uint8

// The topologies.
const (
	Full     TopologyKind = iota // everybody to everybody
	Regional                     // within a region; hubs to hubs anywhere
	Hubs                         // everybody to hubs, and to nobody else
	KRegular                     // everybody to K others
)

// Topology is who may connect to whom.
type Topology struct {
	Kind TopologyKind
	// K is the degree of KRegular: even, below Nodes. The graph is a
	// circulant one: each node connects to those K/2 drawn distances away on
	// a ring, either way.
	K int
	// Nodes is how many nodes KRegular has; further ones connect to nobody.
	Nodes int
}

// Validate reports the first thing that makes no sense, as [ErrOptions].
func (o Options) Validate() error {
	for _, p := range []struct {
		name  string
		value float64
	}{{"loss", o.Loss}, {"duplicate", o.Duplicate}, {"reorder", o.Reorder}} {
		if !(p.value >= 0 && p.value <= 1) {
			return fmt.Errorf("%w: %s is %v, want a probability", ErrOptions, p.name, p.value)
		}
	}
	if !(o.Jitter >= 0 && o.Jitter <= 10) {
		return fmt.Errorf("%w: jitter is %v, want 0 to 10", ErrOptions, o.Jitter)
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"reorder delay", int64(o.ReorderDelay)},
		{"scale", o.Scale},
		{"queue bytes", o.QueueBytes},
		{"stream bytes", o.StreamBytes},
		{"dial timeout", int64(o.DialTimeout)},
		{"dial rounds", int64(o.DialRounds)},
		{"gossip degree", int64(o.GossipDegree)},
		{"gossip copies", int64(o.GossipCopies)},
		{"gossip burst", int64(o.GossipBurst)},
		{"gossip every", int64(o.GossipEvery)},
		{"nodes", int64(o.NodesMax)},
	} {
		if n.value < 0 {
			return fmt.Errorf("%w: %s below 0", ErrOptions, n.name)
		}
	}
	if o.GossipDegree == 1 {
		return fmt.Errorf("%w: a gossip mesh of degree 1 reaches nobody", ErrOptions)
	}
	return o.Topology.validate()
}

func (t Topology) validate() error {
	switch t.Kind {
	case Full, Regional, Hubs:
		return nil
	case KRegular:
		if t.K < 2 || t.K%2 != 0 || t.K >= t.Nodes {
			return fmt.Errorf("%w: %d-regular with %d nodes; want an even degree below the nodes",
				ErrOptions, t.K, t.Nodes)
		}
		return nil
	}
	return fmt.Errorf("%w: topology %d", ErrOptions, t.Kind)
}

// ensureDefaults fills in what was left out.
func (o *Options) ensureDefaults() {
	o.Scale = max(1, o.Scale)
	for _, f := range []struct {
		value *int64
		def   int64
	}{{&o.QueueBytes, QueueBytesDefault}, {&o.StreamBytes, StreamBytesDefault}} {
		if *f.value == 0 {
			*f.value = f.def
		}
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = DialTimeoutDefault
	}
	if o.GossipDegree == 0 {
		o.GossipDegree = GossipDegreeDefault
	}
	if o.GossipCopies == 0 {
		o.GossipCopies = GossipCopiesDefault
	}
	if o.NodesMax == 0 {
		o.NodesMax = NodesMaxDefault
	}
}

// validate checks a link against the places there are.
func (l Link) validate(places int) error {
	switch {
	case l.Place < 0 || l.Place >= max(1, places):
		return fmt.Errorf("%w: place %d of %d", ErrOptions, l.Place, places)
	case l.Up < 0 || l.Down < 0:
		return fmt.Errorf("%w: a rate below 0", ErrOptions)
	case l.Delay < 0 || l.Burst.Good < 0 || l.Burst.Bad < 0:
		return fmt.Errorf("%w: a time below 0", ErrOptions)
	case !(l.Burst.GoodLoss >= 0 && l.Burst.GoodLoss <= 1),
		!(l.Burst.BadLoss >= 0 && l.Burst.BadLoss <= 1):
		return fmt.Errorf("%w: burst loss %v and %v, want probabilities",
			ErrOptions, l.Burst.GoodLoss, l.Burst.BadLoss)
	}
	return nil
}
