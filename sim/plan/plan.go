package plan

import (
	"time"

	"github.com/noisefs/noisefs/sim/report"
)

// Plan is a scenario. Times of workloads and faults are counted from the
// start of the measured span, which follows the set-up.
type Plan struct {
	// Name is what reports call the scenario.
	Name string `key:"name" len:"1..60"`
	// Description says what it shows, in a sentence or two.
	Description string `key:"description" len:"0..2000"`

	// Seed is what every draw comes from.
	Seed uint64 `key:"seed"`
	// Nodes is how many nodes there are. Memory and time grow with it.
	Nodes int `key:"nodes" in:"1..20000"`
	// Duration is the measured span.
	Duration time.Duration `key:"duration" in:"1s..720h"`
	// Warmup is how long the network is given before: nodes join, the files
	// of content are stored and spread, and workloads do not run yet.
	Warmup time.Duration `key:"warmup" in:"0s..24h"`
	// Ramp is how long workloads of reads that start at once already run
	// before the measured span: files are opened, caches fill, and popular
	// blocks get their replicas.
	Ramp time.Duration `key:"ramp" in:"0s..24h"`
	// Liveness is how long the network is given at the end, once all faults
	// and all churn are over, to converge. If it does not, that is a violated
	// invariant. 0 leaves this phase out.
	Liveness time.Duration `key:"liveness" in:"0s..24h"`
	// Sample is the interval of the time series.
	Sample time.Duration `key:"sample" in:"100ms..24h"`

	// Network is what lies between the nodes.
	Network Network `key:"network"`
	// Node is what each node has.
	Node Node `key:"node"`
	// Policies are the ways to decide that can be compared.
	Policies Policies `key:"policies"`
	// Timings may be shortened, so that what takes months takes minutes.
	Timings Timings `key:"timings"`
	// Churn is how nodes come and go.
	Churn Churn `key:"churn"`
	// Content is what is stored before the measured span.
	Content Content `key:"content"`

	// Workloads are what users do.
	Workloads []Workload `key:"workloads" len:"0..32"`
	// Faults are what goes wrong, and when.
	Faults []Fault `key:"faults" len:"0..256"`
	// Chaos adds faults at random times; without it there are none.
	Chaos *Chaos `key:"chaos"`
	// Assertions are what must come of it.
	Assertions []Assertion `key:"assertions" len:"0..64"`
}

// Network is what lies between the nodes.
type Network struct {
	// Preset gives latencies, bandwidths and all below that is not set.
	Preset Preset `key:"preset" one:"lan,planetlab,internet,ipfs-2022,stable-servers"`
	// Matrix names a file of round-trip times in ms, node by node, separated
	// by tabs, also gzipped, instead of the preset's latencies. A relative
	// name starts at the folder of the scenario file.
	Matrix string `key:"matrix" len:"1..4096"`
	// Topology is who may connect to whom.
	Topology Topology `key:"topology" one:"full,regional,hub,k-regular"`
	// Degree is the number of neighbours in a k-regular topology.
	Degree int `key:"degree" in:"1..1000"`
	// Undialable is the share of nodes that cannot be dialled; two of them
	// cannot reach each other.
	Undialable *float64 `key:"undialable" in:"0..1"`
	// Jitter is the spread of a packet's delay, as a share of the latency.
	Jitter *float64 `key:"jitter" in:"0..10"`
	// Loss is the loss of packets.
	Loss *Loss `key:"loss"`
	// Duplicate is the share of packets that arrive twice.
	Duplicate *float64 `key:"duplicate" in:"0..0.5"`
	// Reorder is the share of packets that others overtake.
	Reorder *float64 `key:"reorder" in:"0..0.5"`
	// UpBitsPerSecond is the bandwidth of every node's uplink.
	UpBitsPerSecond *float64 `key:"upBitsPerSecond" in:"1e4..1e12"`
	// DownBitsPerSecond is the bandwidth of every node's downlink.
	DownBitsPerSecond *float64 `key:"downBitsPerSecond" in:"1e4..1e12"`
	// ClockSkew bounds how far nodes' clocks are off, either way.
	ClockSkew *time.Duration `key:"clockSkew" in:"0s..24h"`
}

// Loss is the loss of packets.
type Loss struct {
	// Rate is the share of packets that are lost.
	Rate float64 `key:"rate" in:"0..0.5"`
	// Burst is the mean number of packets lost in a row; at 1 losses are
	// independent.
	Burst float64 `key:"burst" in:"1..1000"`
}

// Node is what each node has.
type Node struct {
	// BlockBytes is the size of a block in memory. Links and disks are billed
	// 128 KiB for it, whatever it is.
	BlockBytes int `key:"blockBytes" one:"1024,2048,4096"`
	// StorageBlocks is how many blocks of others a node offers to hold.
	StorageBlocks int `key:"storageBlocks" in:"0..1000000"`
	// CacheBlocks is how many blocks a node keeps in memory because they were
	// read.
	CacheBlocks int `key:"cacheBlocks" in:"0..1000000"`
	// Domains is what fails together, and so gets one copy of a block only:
	// none, or the nodes of a region.
	Domains Domains `key:"domains" one:"none,region"`
	// Profile is how often a block in the pool is used again.
	Profile string `key:"profile" one:"balanced,strict,thrifty"`
}

// Policies are the ways to decide that can be compared.
type Policies struct {
	// Peers is how the one to ask is chosen among the holders of a block.
	Peers PeerPolicy `key:"peers" one:"adaptive,random,round-robin,lowest-rtt,two-choices"`
	// Replication is how many copies a block gets: by its popularity, or
	// factor.
	Replication ReplicationPolicy `key:"replication" one:"adaptive,fixed"`
	// Factor is the number of copies under fixed replication.
	Factor int `key:"factor" in:"1..16"`
	// Cache is where nodes keep what they read: nowhere, in memory, or on
	// disk as well.
	Cache CachePolicy `key:"cache" one:"none,memory,disk"`
}

// Timings are durations inside nodes. At 0 a node has its own default.
type Timings struct {
	// Lease is how long a holder promises to keep a block.
	Lease time.Duration `key:"lease" in:"0s..3650d"`
	// RepairDelay is how long a lost holder is waited for.
	RepairDelay time.Duration `key:"repairDelay" in:"0s..30d"`
	// LookInterval is the time between two looks at a block's holders.
	LookInterval time.Duration `key:"lookInterval" in:"0s..30d"`
	// DisperseDelay bounds how long a new block waits before it is spread.
	DisperseDelay time.Duration `key:"disperseDelay" in:"0s..24h"`
	// PopularityWindow is the time between two summaries of demand.
	PopularityWindow time.Duration `key:"popularityWindow" in:"0s..24h"`
	// ProbeInterval is the time between two probes of other members.
	ProbeInterval time.Duration `key:"probeInterval" in:"0s..1h"`
}

// Churn is how nodes come and go.
type Churn struct {
	// Model is where the lengths of sessions and absences come from: nobody
	// leaves, measured IPFS peers of 2022 (half of the peers stay under 2 h, a
	// tenth is always on), stable servers, or the keys below.
	Model ChurnModel `key:"model" one:"none,ipfs-2022,stable,sessions"`
	// MedianSession is the median time that a node stays (model sessions).
	MedianSession time.Duration `key:"medianSession" in:"1s..365d"`
	// MedianAbsence is the median time that it is away (model sessions).
	MedianAbsence time.Duration `key:"medianAbsence" in:"1s..365d"`
	// Sigma is the spread of both, that of a log-normal distribution.
	Sigma float64 `key:"sigma" in:"0..5"`
	// OnShare is the share of nodes that are always on (model sessions).
	OnShare float64 `key:"onShare" in:"0..1"`
}

// Content is what is stored before the measured span.
type Content struct {
	// Files is how many files there are, spread evenly over the owners.
	Files int `key:"files" in:"0..100000"`
	// Owners is the share of nodes that own files.
	Owners float64 `key:"owners" in:"0..1"`
	// BlocksPerFile is the length of files, also of those that are uploaded.
	BlocksPerFile Lengths `key:"blocksPerFile"`
}

// Lengths is a log-normal distribution, cut off at max.
type Lengths struct {
	// Median is the median, in blocks.
	Median float64 `key:"median" in:"1..10000"`
	// Sigma is the spread; at 0 all are alike.
	Sigma float64 `key:"sigma" in:"0..5"`
	// Max is the greatest, in blocks.
	Max int `key:"max" in:"1..10000"`
}

// Workload is what users do. Which keys a kind takes is told with the kinds.
type Workload struct {
	// Kind is what they do.
	Kind WorkloadKind `key:"kind" len:"1..60"`
	// Rate is how often, per node and second.
	Rate float64 `key:"rate" in:"0.000001..1000"`
	// Zipf is the exponent of the popularity of files; at 0 all are alike.
	Zipf float64 `key:"zipf" in:"0..3"`
	// Start is when it begins.
	Start time.Duration `key:"start" in:"0s..720h"`
	// Stop is when it ends; 0 is the end of the measured span.
	Stop time.Duration `key:"stop" in:"0s..720h"`
	// File is the file it is about, by number, from 0.
	File *int `key:"file" in:"0..99999"`
	// Factor is how many times as popular the file becomes.
	Factor float64 `key:"factor" in:"1..1000000"`
	// Over is how long that takes, from start.
	Over time.Duration `key:"over" in:"0s..24h"`
	// Share is the share of nodes that take part, or of the files.
	Share float64 `key:"share" in:"0..1"`
	// BitsPerSecond is how fast a stream is consumed; 0 is as fast as it comes.
	BitsPerSecond float64 `key:"bitsPerSecond" in:"0..1e12"`
}

// Fault is what goes wrong. Which keys a kind takes is told with the kinds.
type Fault struct {
	// At is when it happens.
	At time.Duration `key:"at" in:"0s..720h"`
	// Kind is what happens.
	Kind FaultKind `key:"kind" len:"1..60"`
	// Node is the node it happens to, by number, from 0.
	Node *int `key:"node" in:"0..19999"`
	// Share is the share of nodes it happens to; they are drawn.
	Share float64 `key:"share" in:"0..1"`
	// Region names the nodes it happens to.
	Region string `key:"region" one:"north-america,europe,south-america,asia-pacific,japan,australia"`
	// OneWay cuts off only what the chosen nodes send.
	OneWay bool `key:"oneWay"`
	// For is how long it lasts; 0 is to the end of the measured span.
	For time.Duration `key:"for" in:"0s..720h"`
	// Factor is how many times as slow.
	Factor float64 `key:"factor" in:"1..10000"`
	// Blocks is how many stored blocks of each chosen node rot.
	Blocks int `key:"blocks" in:"1..100000"`
	// Lie is what liars do: say that they hold every block, serve wrong bytes,
	// flood gossip, claim to be asked for a block all the time, or take what
	// is pushed to them and never serve it.
	Lie Lie `key:"lie" one:"false-holder,wrong-bytes,gossip-flood,popularity-inflation,taker"`
}

// Chaos adds faults at random times, for random nodes and spans.
type Chaos struct {
	// Every is the mean time between two faults.
	Every time.Duration `key:"every" in:"100ms..24h"`
	// For bounds how long each lasts.
	For time.Duration `key:"for" in:"100ms..24h"`
	// ShareMax bounds the share of nodes that one fault harms, and the share
	// of nodes that are down at one time.
	ShareMax float64 `key:"shareMax" in:"0..0.9"`
	// Kinds are the kinds that are drawn from.
	Kinds []FaultKind `key:"kinds" len:"1..16" one:"crash,partition,slow,disk-full,corrupt"`
}

// Assertion demands something of a figure. A figure that the run did not
// measure fails it.
type Assertion struct {
	// Metric names the figure.
	Metric report.Figure `key:"metric" len:"1..60"`
	// Op compares the figure, on its left, to value.
	Op string `key:"op" one:">=,<=,>,<,=="`
	// Value is what it is compared to, in the figure's unit.
	Value float64 `key:"value" in:"-1e18..1e18"`
}
