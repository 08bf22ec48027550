package scenario

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/actors/drive"
	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/actors/reader"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/disk"
	"github.com/noisefs/noisefs/sim/memindex"
)

// ErrBroken is what every violation that a checker finds wraps.
var ErrBroken = errors.New("scenario: a promise is broken")

const (
	// BlockSize is the size of blocks in bytes; they are billed as 128 KiB.
	BlockSize = 1 << 10
	billScale = 128

	segmentBytes = 32 << 10

	// patience is how much virtual time a run may take.
	patience = 24 * time.Hour
)

// Options make a [House]. The zero value is a node without faults.
type Options struct {
	Seed uint64
	// Configure changes the node's configuration; it may be nil.
	Configure func(*node.Config)
	// Disk and Index are what calls take; zero means an SSD.
	Disk  disk.Costs
	Index memindex.Costs
	// DiskBytes is the capacity of the disk; 0: endless.
	DiskBytes int64
	// Panics says that actors are made to panic.
	Panics bool
	// InOrder runs actors first come, first served.
	InOrder bool
	// Observe sees every delivery beside the checkers; it may be nil.
	Observe func(shell.Delivery)
	// Reuse takes over the actor registry of a house that is done with.
	Reuse *House
}

// NodeConfig is the configuration of a node of small blocks, with bounds
// small enough that work comes to them.
func NodeConfig() node.Config {
	r := randomizer.DefaultConfig()
	r.CandidatesMax, r.CandidatesReady, r.ScanRows = 1<<10, 1<<6, 1<<6
	r.SpacingTuples, r.ActiveMax, r.SparesMax = 65, 72, 16
	s := splitter.DefaultConfig()
	s.WindowChunks, s.InFlightChunksMax, s.StreamsMax = 16, 256, 48
	s.KeptBlocksMax, s.PutBatchBlocks, s.ReadBatchBlocks = 80, 8, 8
	return node.Config{
		Params: format.Params{BlockSize: BlockSize},
		Store: store.Config{
			RecordOverheadBytes: 128, RefreshBytes: 64 << 10, PutsMax: 64, PutBlocksMax: 64,
			LoadsMax: 256, CompactDeadShare: 0.3, VerifyBatches: 2, VerifyBatchBlocks: 16,
			VerifyRefs: 8,
		},
		Cache: cache.Config{MemoryBytes: 64 * BlockSize, LoadsMax: 128, AsksMax: 256},
		Reader: reader.Config{
			HandlesMax: 64, ReadsMax: 64, UnsealsMax: 128, BatchChunks: 4, BatchesMax: 8,
			ReadAheadMax: 8, ReadAheadBytesMax: 64 * BlockSize, UnsealedBlocksMax: 8,
		},
		Randomizer: r,
		Splitter:   s,
		Drive: drive.Config{
			OperationsMax: 256, PathDepthMax: 32, RowsMax: 512, DecodedNodesMax: 32,
			WindowMax: 64, InodeLease: 8, OrphansBatch: 8, TreesMax: 24,
			PendingEntriesMax: 32, PackJobsMax: 8, SealsMax: 8, SharePage: 8, WalksMax: 4,
			WalkReadsMax: 4, WalkStackMax: 1 << 14, WalkSeenMax: 256, WalkChangesMax: 256,
			WalkInodesMax: 4096, WalkIdle: 10 * time.Minute, ImportsHeldMax: 16,
			HoldWait: time.Minute,
		},
	}
}

// House is a node with a client and checkers, in a world of its own. It is
// used by one goroutine.
type House struct {
	World   *sim.World
	Machine *sim.Machine
	Node    *sim.Node
	Client  *Client
	Watch   *Watch

	options Options
	config  node.Config
	err     error // the first violation
}

// New builds a house and boots its node.
func New(o Options) (*House, error) {
	h := &House{options: o, config: NodeConfig()}
	if o.Configure != nil {
		o.Configure(&h.config)
	}
	if err := h.config.Validate(); err != nil {
		return nil, fmt.Errorf("scenario: %w", err)
	}
	if o.Disk == (disk.Costs{}) {
		o.Disk = sim.SSD(billScale)
	}
	if o.Index == (memindex.Costs{}) {
		o.Index = memindex.DefaultCosts()
	}
	h.Watch = newWatch(h)
	world := sim.Options{
		Seed: o.Seed, InOrder: o.InOrder, Observe: h.observe, AllowPanics: true,
	}
	if o.Reuse != nil {
		world.Reuse = o.Reuse.World
	}
	h.World = sim.NewWorld(world)
	h.Machine = sim.NewMachine(sim.MachineOptions{
		Seed: o.Seed, BlockSize: h.config.Params.BlockSize, SegmentBytes: segmentBytes,
		DiskBytes: o.DiskBytes, Disk: o.Disk, Index: o.Index,
	})
	var err error
	if h.Client, err = newClient(h); err != nil {
		return nil, err
	}
	h.Node, err = h.World.NewNode(sim.NodeConfig{
		Name: "node", Spec: node.Spec(h.config), Open: h.Machine.Open, PowerCut: h.powerCut,
	})
	if err != nil {
		return nil, err
	}
	return h, h.Node.Boot()
}

// Config returns the node's configuration.
func (h *House) Config() node.Config { return h.config }

// powerCut is called in the middle of a crash: the actors are gone.
func (h *House) powerCut() {
	h.Machine.PowerCut()
	h.Client.nodeDied()
	h.Watch.nodeDied()
}

// Reboot boots a node that has crashed or was stopped, and checks that all
// blocks that were told to be durable are there.
func (h *House) Reboot() error {
	if h.Node.Running() {
		h.Node.Crash()
	}
	if err := h.Node.Boot(); err != nil {
		return h.broken("the node does not boot: %w", err)
	}
	h.Watch.checkDurable()
	return h.err
}

// Restart stops the node in order and boots it again.
func (h *House) Restart() error {
	if err := h.Node.Stop(); err != nil {
		return h.broken("the node does not stop: %w", err)
	}
	h.Client.nodeDied()
	h.Watch.nodeDied()
	return h.Reboot()
}

func (h *House) observe(d shell.Delivery) {
	h.Watch.observe(d)
	if h.options.Observe != nil {
		h.options.Observe(d)
	}
}

// broken notes a violation; the first one counts. It returns that one.
func (h *House) broken(format string, args ...any) error {
	if h.err == nil {
		h.err = fmt.Errorf("%w: %w\nat %s, boot %d; the last deliveries:\n%s", ErrBroken,
			fmt.Errorf(format, args...), h.World.Elapsed(), h.Node.Boots(), h.World.TraceTail())
	}
	return h.err
}

// Err returns the first violation, or nil.
func (h *House) Err() error {
	if panics := h.World.Panics(); h.err == nil && len(panics) > 0 {
		p := panics[0]
		return h.broken("%s panicked on %s: %v at %q", p.Actor, p.Message, p.Value, p.At)
	}
	return h.err
}

// Run runs the world until done reports true, or something is broken.
func (h *House) Run(done func() bool) error {
	err := h.World.RunUntil(patience, func() bool {
		return done() || h.err != nil || len(h.World.Panics()) > 0
	})
	if broken := h.Err(); broken != nil {
		return broken
	}
	if err != nil {
		return h.broken("%w; %s", err, h.Client.waitingFor())
	}
	return nil
}

// RunSessions runs until all sessions of the client have ended and every
// command has its reply, or the node is off.
func (h *House) RunSessions() error {
	return h.Run(func() bool { return h.Client.Idle() || !h.Node.Running() })
}

// Do runs f as a session to its end.
func (h *House) Do(f func(s *Session)) error {
	h.Client.Go(f)
	return h.RunSessions()
}
