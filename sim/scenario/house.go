package scenario

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/runtime/config"
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
	// Faults says that disk and index err: a session ends when it does not
	// know what became of its command, and goes on after a boot.
	Faults bool
	// InOrder runs actors first come, first served.
	InOrder bool
	// Observe sees every delivery beside the checkers; it may be nil.
	Observe func(shell.Delivery)
	// Reuse takes over the actor registry of a house that is done with.
	Reuse *House
}

// NodeConfig is the shipped configuration with small blocks, and with bounds
// small enough that work comes to them.
func NodeConfig() node.Config {
	c := node.FromSettings(config.Default())
	c.Params = format.Params{BlockSize: BlockSize}

	c.Store.QuotaBytes, c.Store.ReserveBytes, c.Store.RefreshBytes = 0, 0, 64<<10
	c.Store.PutsMax, c.Store.PutBlocksMax, c.Store.LoadsMax = 64, 64, 256
	c.Store.CompactDeadShare = 0.3
	c.Store.VerifyBatches, c.Store.VerifyBatchBlocks, c.Store.VerifyRefs = 2, 16, 8

	c.Cache.MemoryBytes, c.Cache.LoadsMax, c.Cache.AsksMax = 64*BlockSize, 128, 256

	c.Reader.HandlesMax, c.Reader.ReadsMax, c.Reader.UnsealsMax = 64, 64, 128
	c.Reader.BatchesMax, c.Reader.ReadAheadMax = 8, 8
	c.Reader.ReadAheadBytesMax, c.Reader.UnsealedBlocksMax = 64*BlockSize, 8

	c.Randomizer.CandidatesMax, c.Randomizer.CandidatesReady = 1<<10, 1<<6
	c.Randomizer.ScanRows, c.Randomizer.UsesMax = 1<<6, 6
	c.Randomizer.SpacingTuples, c.Randomizer.ActiveMax, c.Randomizer.SparesMax = 65, 72, 16

	c.Splitter.WindowChunks, c.Splitter.InFlightChunksMax, c.Splitter.StreamsMax = 16, 256, 48
	c.Splitter.KeptBlocksMax = 80
	c.Splitter.PutBatchBlocks, c.Splitter.ReadBatchBlocks = 8, 8

	c.Drive.RowsMax, c.Drive.DecodedNodesMax, c.Drive.WindowMax = 512, 32, 64
	c.Drive.InodeLease, c.Drive.SharePage, c.Drive.TreesMax = 8, 8, 24
	c.Drive.PendingEntriesMax, c.Drive.PackJobsMax, c.Drive.SealsMax = 32, 8, 8
	c.Drive.WalkReadsMax, c.Drive.WalkSeenMax, c.Drive.WalkChangesMax = 4, 256, 256
	c.Drive.ImportsHeldMax = 16
	return c
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
		h.options.Reuse = nil // or each house would keep all before it alive
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

// SlowDisk takes 20 ms for a sync and a second for a hundred blocks.
func SlowDisk() disk.Costs {
	return disk.Costs{
		Operation: time.Millisecond, Sync: 20 * time.Millisecond,
		BytesPerSecond: 100 * BlockSize,
	}
}
