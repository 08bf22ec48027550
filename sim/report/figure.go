package report

import (
	"fmt"
	"math"
	"slices"
)

// Figure names a number that a run measures.
type Figure string

// The figures of a run. [All] says what each means.
const (
	Reads                Figure = "reads"
	ReadFailures         Figure = "readFailures"
	Availability         Figure = "availability"
	MeanSeconds          Figure = "meanSeconds"
	P50Seconds           Figure = "p50Seconds"
	P99Seconds           Figure = "p99Seconds"
	P999Seconds          Figure = "p999Seconds"
	Uploads              Figure = "uploads"
	UploadFailures       Figure = "uploadFailures"
	UploadP99Seconds     Figure = "uploadP99Seconds"
	Streams              Figure = "streams"
	StreamStallShare     Figure = "streamStallShare"
	StreamBytesPerSecond Figure = "streamBytesPerSecond"
	BytesMoved           Figure = "bytesMoved"
	BytesPerUsefulByte   Figure = "bytesPerUsefulByte"
	BytesStored          Figure = "bytesStored"
	BytesFreed           Figure = "bytesFreed"
	ReplicasMean         Figure = "replicasMean"
	ReplicasHot          Figure = "replicasHot"
	ReplicasCold         Figure = "replicasCold"
	UnderReplicated      Figure = "underReplicated"
	BlocksLost           Figure = "blocksLost"
	RepairBytes          Figure = "repairBytes"
	GossipBytes          Figure = "gossipBytes"
	GossipPerNodeSecond  Figure = "gossipBytesPerNodeSecond"
	LoadGini             Figure = "loadGini"
	Utilisation          Figure = "utilisation"
	Hedges               Figure = "hedges"
	HedgeShare           Figure = "hedgeShare"
	RefusedBlocks        Figure = "refusedBlocks"
	Inflation            Figure = "inflation"
	ViewError            Figure = "viewError"
	ConvergeSeconds      Figure = "convergeSeconds"
	GroupingOdds         Figure = "groupingOdds"
	GroupingChance       Figure = "groupingChance"
	NamingOdds           Figure = "namingOdds"
	NamingChance         Figure = "namingChance"
)

// Unit is what a figure counts in.
type Unit uint8

// Units.
const (
	UnitCount   Unit = iota // a number of things
	UnitShare               // 0 to 1
	UnitRatio               // one thing by another
	UnitSeconds             // virtual seconds
	UnitBytes               // as billed: a block is 128 KiB whatever it takes in memory
	UnitRate                // bytes per virtual second
)

func (u Unit) String() string {
	return [...]string{"count", "share", "ratio", "seconds", "bytes", "bytes per second"}[u]
}

// Description says what a figure is.
type Description struct {
	Figure Figure
	Label  string // in tables
	Unit   Unit
	// Better is +1 where more is better, -1 where less is, 0 where neither.
	Better int
	// Words define the figure.
	Words string
}

// All describes every figure, in the order of tables.
var All = []Description{
	{Reads, "reads", UnitCount, 0, "reads that ended in the measured span, failed ones too"},
	{ReadFailures, "reads failed", UnitCount, -1, "reads that gave an error instead of bytes"},
	{Availability, "availability", UnitShare, 1, "reads that gave their bytes, of all reads"},
	{MeanSeconds, "read mean", UnitSeconds, -1, "mean time of a read that succeeded"},
	{P50Seconds, "read p50", UnitSeconds, -1, "median time of a read that succeeded"},
	{P99Seconds, "read p99", UnitSeconds, -1, "99th percentile of it"},
	{P999Seconds, "read p99.9", UnitSeconds, -1, "99.9th percentile of it"},
	{Uploads, "uploads", UnitCount, 0, "files stored, failed ones too"},
	{UploadFailures, "uploads failed", UnitCount, -1, "of them, refused or failed"},
	{UploadP99Seconds, "upload p99", UnitSeconds, -1, "99th percentile of the time to a durable file"},
	{Streams, "streams", UnitCount, 0, "files streamed from end to end, or being streamed at the end"},
	{StreamStallShare, "stream stalls", UnitShare, -1, "time streams waited for bytes, of theirs"},
	{StreamBytesPerSecond, "stream speed", UnitRate, 1, "bytes per second of the streams, mean"},
	{BytesMoved, "bytes moved", UnitBytes, -1, "sent by all nodes together, of every kind"},
	{
		BytesPerUsefulByte, "moved per useful byte", UnitRatio, -1,
		"bytes of blocks moved for reads, per byte that readers got",
	},
	{BytesStored, "bytes stored", UnitBytes, -1, "blocks on all disks at the end"},
	{BytesFreed, "bytes freed", UnitBytes, 1, "replicas that left the disk, their leases having ended"},
	{ReplicasMean, "replicas per block", UnitRatio, 0, "living copies held for the network, mean"},
	{ReplicasHot, "replicas, hottest tenth", UnitRatio, 0, "of the tenth of blocks most asked for"},
	{ReplicasCold, "replicas, coldest tenth", UnitRatio, 0, "of the tenth least asked for"},
	{
		UnderReplicated, "under-replicated blocks", UnitCount, -1,
		"blocks with fewer living copies than their factor, at the end of the measured span",
	},
	{BlocksLost, "blocks lost", UnitCount, -1, "blocks that files need and nobody has"},
	{RepairBytes, "repair bytes", UnitBytes, -1, "pushed since a holder was lost"},
	{GossipBytes, "gossip bytes", UnitBytes, -1, "membership and popularity, all nodes together"},
	{GossipPerNodeSecond, "gossip per node", UnitRate, -1, "gossip bytes per node and second"},
	{LoadGini, "load fairness (Gini)", UnitShare, -1, "Gini coefficient of bytes served; 0 is even"},
	{Utilisation, "utilisation", UnitShare, 0, "bytes sent, of what the uplinks could carry"},
	{Hedges, "hedges", UnitCount, 0, "second requests for a block that was slow to come"},
	{HedgeShare, "hedge share", UnitShare, -1, "hedges, of all requests for blocks"},
	{RefusedBlocks, "wrong blocks refused", UnitCount, 0, "answers whose bytes were not the block's"},
	{
		Inflation, "demand inflation", UnitRatio, -1,
		"the greatest estimate of a lied-about block's demand, by the greatest that is true",
	},
	{
		ViewError, "wrong views", UnitShare, -1,
		"members wrongly thought alive or gone, of all pairs, at the end of the run",
	},
	{
		ConvergeSeconds, "converged after", UnitSeconds, -1,
		"from when all was healed until all was well",
	},
	{
		GroupingOdds, "odds of grouping a tuple", UnitShare, -1,
		"of two blocks that somebody asks observers for within a second: how often of one tuple",
	},
	{
		GroupingChance, "grouping by chance", UnitShare, 0,
		"the same for any two blocks that observers were asked for",
	},
	{
		NamingOdds, "odds of naming a reader", UnitShare, -1,
		"of all pairs of a reader and a file of somebody else, those that observers rightly name",
	},
	{
		NamingChance, "naming by chance", UnitShare, 0,
		"the same if they named as many pairs without a look",
	},
}

// Describe returns the description of a figure, if there is one.
func Describe(f Figure) (Description, bool) {
	i := slices.IndexFunc(All, func(d Description) bool { return d.Figure == f })
	if i < 0 {
		return Description{}, false
	}
	return All[i], true
}

// Figures are the numbers that a run measured. It panics to set one that
// [All] does not describe.
type Figures map[Figure]float64

// Set stores a figure. What is not a number, such as the share of nothing,
// was not measured and is left out.
func (f Figures) Set(figure Figure, value float64) {
	if _, ok := Describe(figure); !ok {
		panic(fmt.Sprintf("report: no figure is called %q", figure))
	}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		delete(f, figure)
		return
	}
	f[figure] = value
}

// SetShare stores part of whole; nothing when whole is 0.
func (f Figures) SetShare(figure Figure, part, whole float64) { f.Set(figure, part/whole) }
