package sim

import (
	"math/rand/v2"
	"time"

	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/sim/disk"
	"github.com/noisefs/noisefs/sim/memindex"
)

// MachineOptions describe a [Machine]. The zero value has an endless, free
// disk and blocks of the production size.
type MachineOptions struct {
	Seed         uint64
	BlockSize    int   // bytes; 0 means the production size
	SegmentBytes int64 // of the block store; 0 means its default
	DiskBytes    int64 // capacity; 0: endless
	Disk         disk.Costs
	Index        memindex.Costs
}

// SSD is what a disk takes in virtual time: a common SSD, rounded. Bytes
// count scale-fold, so that worlds of small blocks bill them as large ones.
func SSD(scale int64) disk.Costs {
	return disk.Costs{
		Operation: 20 * time.Microsecond, Sync: 500 * time.Microsecond,
		BytesPerSecond: 1 << 30, Scale: scale,
	}
}

// Machine is what a simulated node stands on: a disk with the real block
// store engine, and an index. Its methods are for [NodeConfig].
type Machine struct {
	options MachineOptions
	disk    *disk.Disk
	index   *memindex.Index
	blocks  *blockstore.Engine
}

// NewMachine makes a machine with an empty disk.
func NewMachine(o MachineOptions) *Machine {
	return &Machine{
		options: o,
		disk: disk.New(disk.Options{
			Seed: o.Seed, Capacity: o.DiskBytes, Costs: o.Disk,
		}),
		index: memindex.New(memindex.Options{
			Rand:  newRand(streamKey(o.Seed, "index of a machine")),
			Costs: o.Index,
		}),
	}
}

// Disk returns the disk of the present boot, to inject faults into.
func (m *Machine) Disk() *disk.Disk { return m.disk }

// Index returns the index of the present boot.
func (m *Machine) Index() *memindex.Index { return m.index }

// Blocks returns the block store engine of the present boot.
func (m *Machine) Blocks() *blockstore.Engine { return m.blocks }

// Open implements NodeConfig.Open: what the last boot left is opened again.
// After PowerCut that is what was durable, and some of the rest.
func (m *Machine) Open(boot Boot) (Engines, error) {
	if m.disk.Off() {
		m.disk = m.disk.Restart()
	}
	if boot.Number > 1 {
		m.index = m.index.Restart()
	}
	draw := rand.New(entropySource{boot})
	blocks, err := blockstore.Open(m.disk, blockstore.Options{
		BlockSize: m.options.BlockSize, SegmentBytes: m.options.SegmentBytes,
		Reserve: -1, Shuffle: draw.Shuffle,
	})
	if err != nil {
		return Engines{}, err
	}
	m.blocks = blocks
	return Engines{
		Blocks: blocks, BlocksCost: m.disk, Index: m.index, IndexCost: m.index,
		Dead: func() bool { return m.disk.Off() || m.index.Dead() },
	}, nil
}

// PowerCut implements NodeConfig.PowerCut.
func (m *Machine) PowerCut() {
	m.disk.PowerCut()
	m.index.PowerCut()
}

// entropySource draws numbers from a boot's entropy.
type entropySource struct{ boot Boot }

// Uint64 implements rand.Source.
func (s entropySource) Uint64() uint64 { return s.boot.Entropy.Uint64N(1<<64 - 1) }
