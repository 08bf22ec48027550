package membership

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/placement"
)

// Role is the membership's name among its siblings.
const Role = "membership"

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("membership: bad configuration")

// nearMax is how many members are kept on each side of this node on the ring
// whatever else is dropped: enough to compute the order of every block that
// this node may be a holder of.
const nearMax = placement.Neighbourhood

// Config says who this node is to others, and bounds the membership.
type Config struct {
	// Seeds are nodes to join through while this one is alone, and to look
	// for now and then while they are missing.
	Seeds []messages.NodeID
	// CapacityBlocks is how many blocks this node offers to hold for others.
	CapacityBlocks uint64
	// Domain names what this node fails together with; "" names nothing.
	Domain string
	// Undialable says that this node cannot be connected to from outside, until
	// messages.ReachFound says otherwise.
	Undialable bool
	// Tell are the roles of the siblings that are sent ViewChanged.
	Tell []string

	// ProbeInterval is how often one member is asked whether it is there. A
	// shorter one finds the dead sooner and costs a packet more each way.
	ProbeInterval time.Duration
	// ProbeTimeout is how long a member has to answer; others that are asked
	// to reach it have twice as long, so ProbeInterval is at least thrice this.
	ProbeTimeout time.Duration
	// IndirectProbes is how many others are asked to reach a member that did
	// not answer.
	IndirectProbes int
	// HealthMax bounds by how much a node that has reason to doubt itself
	// slows down: ProbeInterval and ProbeTimeout are multiplied by at most
	// HealthMax+1 (Lifeguard's local health multiplier).
	HealthMax int

	// SuspicionMult sets how long a suspected member may take to refute when
	// enough others suspect it too: SuspicionMult * max(1, log10(members)) *
	// ProbeInterval. SuspicionMult-2 others are enough.
	SuspicionMult int
	// SuspicionMaxMult multiplies that time when nobody else suspects it.
	SuspicionMaxMult int
	// RetransmitMult sets how often news is passed on: RetransmitMult *
	// ceil(log10(members+1)) times.
	RetransmitMult int
	// UpdatesPerPacket bounds the news on each packet.
	UpdatesPerPacket int

	// DeadRetain is how long the dead and those that left are remembered, so
	// that late news does not bring them back.
	DeadRetain time.Duration
	// DeadProbeInterval is how often one of the dead is asked, so that the
	// halves of a parted network find each other when they can.
	DeadProbeInterval time.Duration

	// SyncInterval is how often everything is compared with one member. After
	// a join, or when somebody came back from the dead, it begins at SyncFirst
	// and doubles.
	SyncInterval, SyncFirst time.Duration
	// SyncPageMembers bounds the members in one answer of that.
	SyncPageMembers int
	// SyncsMax bounds the comparisons that this node has begun and not ended.
	SyncsMax int

	// MembersMax bounds the members that are known, the dead among them. Each
	// costs about 250 bytes. See the package comment for who is kept.
	MembersMax int
	// CandidatesMax bounds the nodes that discovery met and that wait to be
	// asked.
	CandidatesMax int
	// RelaysMax bounds the probes under way on behalf of others.
	RelaysMax int
	// PacketsInMax bounds the packets handled per ProbeInterval; more are
	// dropped.
	PacketsInMax int
	// LeaveFanout is how many members are told when this node leaves.
	LeaveFanout int

	// JoinInterval is how soon a lone node asks the seeds again; it doubles up
	// to JoinIntervalMax.
	JoinInterval, JoinIntervalMax time.Duration

	// ViewInterval is how often the view may change for the siblings.
	ViewInterval time.Duration
	// CoordinateInterval is how often it may change for coordinates alone.
	CoordinateInterval time.Duration
	// UptimeHalfLife is how long ago being up counts half.
	UptimeHalfLife time.Duration
}

// Defaults returns what suits a node at home, without seeds or capacity.
func Defaults() Config {
	return Config{
		ProbeInterval: 5 * time.Second, ProbeTimeout: time.Second,
		IndirectProbes: 3, HealthMax: 4,
		SuspicionMult: 4, SuspicionMaxMult: 6, RetransmitMult: 4, UpdatesPerPacket: 24,
		DeadRetain: 24 * time.Hour, DeadProbeInterval: 30 * time.Second,
		SyncInterval: 2 * time.Minute, SyncFirst: 5 * time.Second,
		SyncPageMembers: 200, SyncsMax: 4,
		MembersMax: 4096, CandidatesMax: 64, RelaysMax: 64, PacketsInMax: 4096, LeaveFanout: 16,
		JoinInterval: time.Second, JoinIntervalMax: 30 * time.Second,
		ViewInterval: time.Second, CoordinateInterval: 30 * time.Second,
		UptimeHalfLife: 7 * 24 * time.Hour,
	}
}

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	for _, number := range []struct {
		name            string
		value, min, max int
	}{
		{"Seeds", len(c.Seeds), 0, 1024},
		{"Domain", len(c.Domain), 0, messages.DomainMax},
		{"IndirectProbes", c.IndirectProbes, 0, 16},
		{"HealthMax", c.HealthMax, 0, 64},
		{"SuspicionMult", c.SuspicionMult, 1, 64},
		{"SuspicionMaxMult", c.SuspicionMaxMult, 1, 64},
		{"RetransmitMult", c.RetransmitMult, 1, 32},
		{"UpdatesPerPacket", c.UpdatesPerPacket, 1, wire.MemberNewsMax - 2},
		{"SyncPageMembers", c.SyncPageMembers, 1, wire.MemberClaimsMax - 2},
		{"SyncsMax", c.SyncsMax, 1, 64},
		{"MembersMax", c.MembersMax, 2*nearMax + 64, 1 << 20},
		{"CandidatesMax", c.CandidatesMax, 0, 1 << 16},
		{"RelaysMax", c.RelaysMax, 0, 1 << 16},
		{"PacketsInMax", c.PacketsInMax, 1, 1 << 24},
		{"LeaveFanout", c.LeaveFanout, 1, 1024},
	} {
		if number.value < number.min || number.value > number.max {
			return fmt.Errorf("%w: %s is %d, want %d to %d",
				ErrConfig, number.name, number.value, number.min, number.max)
		}
	}
	for _, span := range []struct {
		name       string
		value, min time.Duration
	}{
		{"ProbeTimeout", c.ProbeTimeout, time.Millisecond},
		{"ProbeInterval", c.ProbeInterval, 3 * c.ProbeTimeout},
		{"DeadRetain", c.DeadRetain, c.ProbeInterval},
		{"DeadProbeInterval", c.DeadProbeInterval, c.ProbeInterval},
		{"SyncFirst", c.SyncFirst, c.ProbeInterval},
		{"SyncInterval", c.SyncInterval, c.SyncFirst},
		{"JoinInterval", c.JoinInterval, time.Millisecond},
		{"JoinIntervalMax", c.JoinIntervalMax, c.JoinInterval},
		{"ViewInterval", c.ViewInterval, time.Millisecond},
		{"CoordinateInterval", c.CoordinateInterval, c.ViewInterval},
		{"UptimeHalfLife", c.UptimeHalfLife, time.Minute},
	} {
		if span.value < span.min {
			return fmt.Errorf("%w: %s is %v, want %v or more",
				ErrConfig, span.name, span.value, span.min)
		}
	}
	return nil
}
