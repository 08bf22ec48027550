package blockstore_test

import (
	"testing"

	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/sim/disk"
)

// testBlockSize makes stores small enough to look at every byte.
const testBlockSize = 256

// testOptions are those of a store with segments of 7 small blocks.
func testOptions() blockstore.Options {
	return blockstore.Options{
		BlockSize:    testBlockSize,
		SegmentBytes: 64 + 7*(64+testBlockSize),
		Reserve:      -1,
	}
}

// harness makes engines on the disks that newDisk makes.
func harness(newDisk func(testing.TB) port.Disk, opts blockstore.Options) porttest.BlocksHarness {
	disks := make(map[port.BlockEngine]port.Disk)
	open := func(tb testing.TB, d port.Disk) port.BlockEngine {
		tb.Helper()
		engine, err := blockstore.Open(d, opts)
		if err != nil {
			tb.Fatalf("Open: %v", err)
		}
		if err := engine.Check(); err != nil {
			tb.Fatalf("Check: %v", err)
		}
		disks[engine] = d
		return engine
	}
	return porttest.BlocksHarness{
		BlockSize: opts.EnsureDefaults().BlockSize,
		New:       func(tb testing.TB) port.BlockEngine { return open(tb, newDisk(tb)) },
		Reopen: func(tb testing.TB, engine port.BlockEngine) port.BlockEngine {
			tb.Helper()
			if err := engine.Close(); err != nil {
				tb.Fatalf("Close: %v", err)
			}
			return open(tb, disks[engine])
		},
	}
}

func newHostDisk(tb testing.TB) port.Disk {
	tb.Helper()
	d, err := host.OpenDisk(tb.TempDir())
	if err != nil {
		tb.Fatalf("OpenDisk: %v", err)
	}
	tb.Cleanup(func() { _ = d.Close() })
	return d
}

func newSimDisk(testing.TB) port.Disk { return disk.New(disk.Options{Seed: 1}) }

func TestConformanceOnSimulatedDisk(t *testing.T) {
	porttest.Blocks(t, harness(newSimDisk, testOptions()))
}

func TestConformanceOnHostDisk(t *testing.T) {
	porttest.Blocks(t, harness(newHostDisk, testOptions()))
}

func TestConformanceWithFullSizeBlocks(t *testing.T) {
	porttest.Blocks(t, harness(newHostDisk, blockstore.Options{SegmentBytes: 4 << 20}))
}
