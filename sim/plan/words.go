package plan

// Preset names a calibrated network.
type Preset string

// Presets.
const (
	PresetLAN           Preset = "lan"
	PresetPlanetLab     Preset = "planetlab"
	PresetInternet      Preset = "internet"
	PresetIPFS2022      Preset = "ipfs-2022"
	PresetStableServers Preset = "stable-servers"
)

// Topology names who may connect to whom.
type Topology string

// Topologies.
const (
	TopologyFull     Topology = "full"
	TopologyRegional Topology = "regional"
	TopologyHub      Topology = "hub"
	TopologyKRegular Topology = "k-regular"
)

// Domains names what fails together.
type Domains string

// Failure domains.
const (
	DomainsNone   Domains = "none"
	DomainsRegion Domains = "region"
)

// PeerPolicy names how peers are chosen.
type PeerPolicy string

// Peer policies.
const (
	PeersAdaptive   PeerPolicy = "adaptive"
	PeersRandom     PeerPolicy = "random"
	PeersRoundRobin PeerPolicy = "round-robin"
	PeersLowestRTT  PeerPolicy = "lowest-rtt"
	PeersTwoChoices PeerPolicy = "two-choices"
)

// ReplicationPolicy names how many copies a block gets.
type ReplicationPolicy string

// Replication policies.
const (
	ReplicationAdaptive ReplicationPolicy = "adaptive"
	ReplicationFixed    ReplicationPolicy = "fixed"
)

// CachePolicy names where nodes keep what they read.
type CachePolicy string

// Cache policies.
const (
	CacheNone   CachePolicy = "none"
	CacheMemory CachePolicy = "memory"
	CacheDisk   CachePolicy = "disk"
)

// ChurnModel names where sessions come from.
type ChurnModel string

// Churn models.
const (
	ChurnNone     ChurnModel = "none"
	ChurnIPFS2022 ChurnModel = "ipfs-2022"
	ChurnStable   ChurnModel = "stable"
	ChurnSessions ChurnModel = "sessions"
)

// WorkloadKind names what users do.
type WorkloadKind string

// Workloads.
const (
	WorkReads      WorkloadKind = "reads"
	WorkUploads    WorkloadKind = "uploads"
	WorkStreaming  WorkloadKind = "streaming"
	WorkFlashCrowd WorkloadKind = "flash-crowd"
	WorkDelete     WorkloadKind = "delete"
	WorkOwnerAway  WorkloadKind = "owner-away"
)

// FaultKind names what goes wrong.
type FaultKind string

// Faults.
const (
	FaultCrash     FaultKind = "crash"
	FaultRestart   FaultKind = "restart"
	FaultMassacre  FaultKind = "massacre"
	FaultPartition FaultKind = "partition"
	FaultSlow      FaultKind = "slow"
	FaultDiskFull  FaultKind = "disk-full"
	FaultCorrupt   FaultKind = "corrupt"
	FaultLiar      FaultKind = "liar"
	FaultObservers FaultKind = "observers"
)

// Lie names what a liar does.
type Lie string

// Lies.
const (
	LieFalseHolder Lie = "false-holder"
	LieWrongBytes  Lie = "wrong-bytes"
	LieGossipFlood Lie = "gossip-flood"
	LieInflation   Lie = "popularity-inflation"
	LieTaker       Lie = "taker"
)

// kind says which keys one kind of workload or fault takes, besides those
// that every kind takes.
type kind struct {
	name string
	// words say what it does.
	words string
	// needs are the keys it cannot do without; "a|b" is exactly one of both.
	needs, takes []string
}

// workloadKinds are the kinds of workloads. All take kind, start and stop.
var workloadKinds = []kind{
	{
		"reads", "each node reads single random blocks of files, drawn by popularity",
		[]string{"rate"},
		[]string{"zipf", "share"},
	},
	{"uploads", "nodes store new files", []string{"rate"}, []string{"share"}},
	{
		"streaming", "nodes read files from end to end",
		[]string{"rate"},
		[]string{"zipf", "share", "bitsPerSecond"},
	},
	{
		"flash-crowd", "one file becomes factor times as popular as rate alone makes it",
		[]string{"rate", "file", "factor"},
		[]string{"zipf", "over"},
	},
	{
		"delete", "owners delete a share of the files, spread evenly from start to stop",
		[]string{"share"},
		nil,
	},
	{
		"owner-away", "a share of the owners leaves at start and is back at stop",
		[]string{"share"},
		nil,
	},
}

// faultKinds are the kinds of faults. All take kind and at.
var faultKinds = []kind{
	{
		"crash", "nodes lose power, with what was not synced; they boot again after for",
		[]string{"node|share"},
		[]string{"for"},
	},
	{
		"restart", "nodes stop properly and start again after for",
		[]string{"node|share"},
		[]string{"for"},
	},
	{"massacre", "nodes go at once and for good", []string{"share"}, nil},
	{
		"partition", "the chosen nodes are cut off from the others",
		[]string{"region|share"},
		[]string{"oneWay", "for"},
	},
	{
		"slow", "nodes answer and send factor times as slowly",
		[]string{"node|share", "factor"},
		[]string{"for"},
	},
	{"disk-full", "disks have no room left", []string{"node|share"}, []string{"for"}},
	{"corrupt", "stored blocks rot", []string{"node|share", "blocks"}, nil},
	{"liar", "nodes break the rules", []string{"node|share", "lie"}, []string{"for"}},
	{
		"observers", "nodes collude: they keep the rules and log what they are asked",
		[]string{"share"},
		nil,
	},
}
