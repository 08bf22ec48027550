package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Role is the store's name among its siblings.
const Role = "store"

// Bounds that the messages to the store name.
const (
	listMax = 4096 // ListStored.Limit
)

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("store: bad configuration")

// Config bounds the store.
type Config struct {
	// QuotaBytes bounds what the blocks take on disk, dead ones that no
	// compaction gave back yet included. 0: no quota.
	QuotaBytes int64

	// ReserveBytes of the disk are left free: over that, a put is
	// CodeNoSpace. It is what the index, deletions and compaction live on
	// when the disk is full.
	ReserveBytes int64

	// RecordOverheadBytes is what the block engine writes beside a block's
	// bytes, at most. It only makes the estimate between two looks at the
	// engine safe.
	RecordOverheadBytes int64

	// RefreshBytes is how much is put before the engine is asked again what
	// it takes and what is free. Lowering it costs a look at the disk more
	// often; raising it notices later that somebody else fills the disk.
	RefreshBytes int64

	// PutsMax bounds the PutBlocks that are not answered yet, and
	// PutBlocksMax the blocks of one. Their product bounds the memory that
	// waits for the disk.
	PutsMax, PutBlocksMax int

	// LoadsMax bounds the LoadBlocks, ListStored and StatStore that are not
	// answered yet.
	LoadsMax int

	// CompactDeadShare is the share of a segment (above 0, up to 1) that
	// must be dead before a collection rewrites it. Lowering it gives more
	// space back and costs more writing.
	CompactDeadShare float64

	// VerifyBatches bounds the batches of blocks that VerifyStore has in
	// memory at one time, VerifyBatchBlocks the blocks of each (up to 64).
	VerifyBatches, VerifyBatchBlocks int

	// VerifyRefs bounds the refs that VerifyStore has the reader open at one
	// time.
	VerifyRefs int

	// Network says that this node is one of many: the popularity and the
	// replication are among its siblings, and are told what they need to
	// know. The rest of Config is of no use without it, and may be 0.
	Network bool

	// KeptMax bounds the blocks of which it is known in memory why they are
	// kept: replicas and cached ones, 50 to 100 bytes each. What is under way
	// may exceed it by a little.
	KeptMax int

	// ReplicaBytesMax is what is offered to the network: the bytes of blocks
	// that are held for it and for nothing else.
	ReplicaBytesMax int64

	// CacheBytesMax bounds the bytes of cached blocks. 0: none.
	CacheBytesMax int64

	// ChangesMax bounds the HoldReplicas and DropReplicas that are not
	// answered yet, CachesMax the KeepCached, and the blocks of MendBlocks,
	// that are worked on. Times messages.LoadMax they bound the memory that waits for the disk.
	ChangesMax, CachesMax int

	// CompactBytes is how much is deleted outside of collections before
	// segments are rewritten. Lowering it gives space back sooner and costs
	// more writing. 0: only collections rewrite.
	CompactBytes int64

	// ServeAll serves every stored block to everybody. It is for networks
	// whose members may know who reads what.
	ServeAll bool

	// ServesMax bounds the requests of others that are read from disk at one
	// time; one more is answered that this node is busy.
	ServesMax int

	// BacklogMax is how far behind with sending this node may be to take on
	// a read that a person waits for; read-ahead is refused at half of it and
	// background work at a quarter. Raising it makes others wait here instead
	// of asking elsewhere.
	BacklogMax time.Duration

	// ServedBatch and ServedDelay bound what is served before the popularity
	// is told, in blocks and in time.
	ServedBatch int
	ServedDelay time.Duration

	// OfferedMax bounds the blocks of others that the randomizer examines at
	// one time before it may choose them. 0: none is offered to it.
	OfferedMax int
}

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	network := int64(0) // the least of what a network needs
	if c.Network {
		network = 1
	}
	for _, bound := range []struct {
		name     string
		got, min int64
	}{
		{"QuotaBytes", c.QuotaBytes, 0},
		{"ReserveBytes", c.ReserveBytes, 0},
		{"RecordOverheadBytes", c.RecordOverheadBytes, 0},
		{"RefreshBytes", c.RefreshBytes, 1},
		{"PutsMax", int64(c.PutsMax), 1},
		{"PutBlocksMax", int64(c.PutBlocksMax), 1},
		{"LoadsMax", int64(c.LoadsMax), 1},
		{"VerifyBatches", int64(c.VerifyBatches), 1},
		{"VerifyBatchBlocks", int64(c.VerifyBatchBlocks), 1},
		{"VerifyRefs", int64(c.VerifyRefs), 1},
		{"KeptMax", int64(c.KeptMax), network},
		{"ReplicaBytesMax", c.ReplicaBytesMax, 0},
		{"CacheBytesMax", c.CacheBytesMax, 0},
		{"ChangesMax", int64(c.ChangesMax), network},
		{"CachesMax", int64(c.CachesMax), 0},
		{"CompactBytes", c.CompactBytes, 0},
		{"ServesMax", int64(c.ServesMax), network},
		{"BacklogMax", int64(c.BacklogMax), network},
		{"ServedBatch", int64(c.ServedBatch), network},
		{"ServedDelay", int64(c.ServedDelay), network * int64(time.Second)},
		{"OfferedMax", int64(c.OfferedMax), 0},
	} {
		if bound.got < bound.min {
			return fmt.Errorf("%w: %s is %d, want %d or more",
				ErrConfig, bound.name, bound.got, bound.min)
		}
	}
	if c.VerifyBatchBlocks > messages.LoadMax {
		return fmt.Errorf("%w: VerifyBatchBlocks is %d, want %d or less",
			ErrConfig, c.VerifyBatchBlocks, messages.LoadMax)
	}
	if !(c.CompactDeadShare > 0 && c.CompactDeadShare <= 1) { // refuses NaN too
		return fmt.Errorf("%w: CompactDeadShare is %v, want above 0, up to 1",
			ErrConfig, c.CompactDeadShare)
	}
	return nil
}
