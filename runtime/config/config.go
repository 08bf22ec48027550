package config

import (
	"errors"
	"log/slog"
	"time"
)

// Errors of this package.
var (
	// ErrInvalid: the configuration has problems; errors.As to [Problems].
	ErrInvalid = errors.New("config: invalid configuration")
	// ErrUnknownKey: there is no such setting.
	ErrUnknownKey = errors.New("config: unknown setting")
	// ErrValue: text that is no size, rate, duration, share or number, or
	// is out of bounds.
	ErrValue = errors.New("config: bad value")
	// ErrEdit: Set cannot change this file without losing something.
	ErrEdit = errors.New("config: cannot edit this file; change it by hand")
)

// FileName is the name of the configuration inside the repository folder.
const FileName = "config.toml"

// The profiles of storage.profile: how randomizers are chosen.
const (
	ProfileBalanced = "balanced" // reuses 9 of 10 blocks of slot A
	ProfileStrict   = "strict"   // never reuses a block in slot A
	ProfileThrifty  = "thrifty"  // reuses 49 of 50
)

// Config is the whole configuration of a node. What each field means, its
// bounds, its default and what raising it costs is declared once, in the
// fields files of this package, and printed in docs/configuration.md.
//
// A Config comes from [Load] or [Default]; one that was changed in code is
// checked with Validate before use. It is not changed after the node began.
type Config struct {
	Storage    Storage
	Store      Store
	Cache      Cache
	Reader     Reader
	Splitter   Splitter
	Randomizer Randomizer
	Pack       Pack
	Drive      Drive
	Index      Index
	Workers    Workers
	Network    Network
	Node       Node
	API        API
	Daemon     Daemon
	Log        Log
	Metrics    Metrics

	origins map[string]string // by key, where it is not the default
}

// Storage is the block store.
type Storage struct {
	Profile          string  // ProfileBalanced, ProfileStrict or ProfileThrifty
	QuotaBytes       int64   // 0: until the disk is full
	ReserveBytes     int64   // disk space left free; SegmentBytes or more
	SegmentBytes     int64   // length of a pack file
	CompactDeadShare float64 // dead part at which a segment is rewritten, 0..1
}

// Store is the actor above the block store: its queues and batches.
type Store struct {
	RefreshBytes      int64
	PutsMax           int
	PutBlocksMax      int
	LoadsMax          int
	VerifyBatches     int
	VerifyBatchBlocks int
	VerifyRefs        int
}

// Cache is the memory tier of blocks.
type Cache struct {
	MemoryBytes int64 // 0: none

	LoadsMax int
	AsksMax  int
}

// Reader reads files.
type Reader struct {
	ReadAheadMaxChunks int // per open file; 0: none
	OpenFilesMax       int
	UnsealedChunksMax  int // of all open files

	ReadsMax    int
	UnsealsMax  int
	BatchChunks int
	BatchesMax  int
}

// Splitter writes files.
type Splitter struct {
	WindowChunks int // per session
	SessionsMax  int

	InFlightChunksMax int
	SealsMax          int
	ReservationsMax   int
	ReadBatchBlocks   int
	ReadsMax          int
	PutBatchBlocks    int
	PutsMax           int
	HeldRefsMax       int
}

// Randomizer chooses blocks A and B.
type Randomizer struct {
	CandidatesMax       int // for slot A, in memory
	ReuseMax            int // uses of a block in slot B
	ReuseDistanceChunks int
	ReusePoolBlocks     int // for slot B; more than ReuseDistanceChunks

	SparesMax           int
	CandidatesReady     int
	ScanRows            int
	StreamsMax          int
	ReservedMax         int
	WaitingMax          int
	TransactionTuples   int
	TransactionsMax     int
	CollectionBlocksMax int
	GenerateBlocks      int
}

// Pack is how small files share chunks.
type Pack struct {
	FileBytesMax int64 // 0: nothing is packed
}

// Drive is names and directories.
type Drive struct {
	DecodedNodesMax   int
	RemovedFilesMax   int
	OpenTreesMax      int
	PendingEntriesMax int // per tree

	OperationsMax  int
	PathDepthMax   int
	RowsMax        int
	NodeReadsMax   int
	WindowMax      int
	ScanRows       int
	InodeLease     int
	PackJobsMax    int
	SealsMax       int
	SharePage      int
	WalksMax       int
	WalkReadsMax   int
	WalkStackMax   int
	WalkSeenMax    int
	WalkChangesMax int
	WalkInodesMax  int
	WalkIdle       time.Duration
	ImportsHeldMax int
	HoldWait       time.Duration
}

// Index is the local database.
type Index struct {
	CacheBytes    int64
	MemtableBytes int64
}

// Workers are the threads beside the actors.
type Workers struct {
	CPU                     int // 0: one per core
	BlockWrites, BlockReads int
}

// Network is how the daemon is one of many.
type Network struct {
	Listen        string // multiaddrs, with spaces between; empty: the node is alone
	Bootstrap     string // likewise, each with /p2p/ID
	MDNS          string // "on" or "off"
	PublicDHT     string // off or on
	PSKFile       string // path; empty: whoever finds the network may join
	Bitswap       string // "on" or "off"
	IPFSPeers     string // multiaddrs, each with /p2p/ID
	Relay         string // "auto", "on" or "off"
	RelayService  string // "auto", "on" or "off"
	StorageBytes  int64
	CacheBytes    int64
	FailureDomain string
	DisperseDelay time.Duration
	ProbeInterval time.Duration

	ConnectionsLow, ConnectionsHigh int
	// Bytes per second; 0: no bound.
	UpMax, DownMax, PeerUpMax, PeerDownMax int64
	RelayNodesMax                          int
	RelayCircuitBytes                      int64
	ServesMax                              int
	BacklogMax                             time.Duration
}

// Node is the edge between clients and actors.
type Node struct {
	AsksMax int
}

// API is the daemon's socket.
type API struct {
	Socket          string // path; empty: in the repository
	ConnectionsMax  int
	HandlesMax      int
	HandleIdleMax   time.Duration
	RequestBytesMax int64
}

// Daemon is the node as a service.
type Daemon struct {
	LockWait time.Duration
}

// Log is what goes to standard error.
type Log struct {
	Level  string // debug, info, warn or error
	Format string // text or json
}

// SlogLevel returns the level as log/slog has it. An invalid level, which
// Validate refuses, is slog.LevelInfo.
func (l Log) SlogLevel() slog.Level {
	var level slog.Level
	if level.UnmarshalText([]byte(l.Level)) != nil {
		return slog.LevelInfo
	}
	return level
}

// Metrics is the page of figures.
type Metrics struct {
	Listen string // host:port; empty: off
}

// Default returns the configuration with every default, which is valid.
func Default() *Config {
	c := &Config{origins: map[string]string{}}
	for _, f := range fields() {
		if err := f.set(c, f.fallback); err != nil { // a test tries every one
			panic("config: default of " + f.key + ": " + err.Error())
		}
	}
	return c
}

// Validate checks every bound and what settings demand of each other. The
// error is [Problems] or nil.
func (c *Config) Validate() error {
	var problems Problems
	for _, f := range fields() {
		if err := f.check(f.text(c)); err != nil {
			problems = append(problems, Problem{
				Key: f.key, Origin: c.origin(f.key), Text: reason(err),
			})
		}
	}
	if len(problems) == 0 { // bounds first: beyond them comparing says little
		problems = c.conflicts()
	}
	return problems.orNil()
}

// conflicts checks what settings demand of each other.
func (c *Config) conflicts() Problems {
	var problems Problems
	demand := func(ok bool, key, text string) {
		if !ok {
			problems = append(problems, Problem{Key: key, Origin: c.origin(key), Text: text})
		}
	}
	s, r := c.Storage, c.Randomizer
	demand(s.ReserveBytes >= s.SegmentBytes, "storage.reserve_bytes",
		FormatSize(s.ReserveBytes)+" is less than storage.segment_bytes, "+
			FormatSize(s.SegmentBytes)+": on a full disk, segments could not be rewritten")
	demand(s.QuotaBytes == 0 || s.QuotaBytes >= s.SegmentBytes, "storage.quota_bytes",
		FormatSize(s.QuotaBytes)+" is less than storage.segment_bytes, "+FormatSize(s.SegmentBytes))
	demand(r.ReusePoolBlocks > r.ReuseDistanceChunks, "randomizer.reuse_pool_blocks",
		formatCount(r.ReusePoolBlocks)+" is not more than randomizer.reuse_distance_chunks, "+
			formatCount(r.ReuseDistanceChunks)+": every block would still be too near")
	atMost := func(key string, value int, otherKey string, other int) {
		demand(value <= other, key, formatCount(value)+" is more than "+otherKey+", "+
			formatCount(other))
	}
	w := c.Splitter
	atMost("randomizer.candidates_ready", r.CandidatesReady,
		"randomizer.candidates_max", r.CandidatesMax)
	atMost("splitter.put_batch_blocks", w.PutBatchBlocks,
		"store.put_blocks_max less 2", c.Store.PutBlocksMax-2)
	atMost("splitter.puts_max", w.PutsMax, "store.puts_max", c.Store.PutsMax)
	atMost("drive.seals_max", c.Drive.SealsMax, "splitter.seals_max", w.SealsMax)
	atMost("splitter.sessions_max", 4*w.SessionsMax,
		"splitter.in_flight_chunks_max (four for each)", w.InFlightChunksMax)
	n := c.Network
	atMost("network.connections_low", n.ConnectionsLow,
		"network.connections_high", n.ConnectionsHigh)
	demand(n.Bootstrap == "" || n.Listen != "", "network.bootstrap",
		"there is nothing in network.listen: nodes that are joined have to reach this one")
	demand(n.IPFSPeers == "" || n.Bitswap == "on", "network.ipfs_peers",
		"they are spoken with by bitswap, and network.bitswap is off")
	return problems
}

func (c *Config) origin(key string) string {
	if origin, ok := c.origins[key]; ok {
		return origin
	}
	return originDefault
}
