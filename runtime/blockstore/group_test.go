package blockstore_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/sim/disk"
)

// countingDisk counts open files, syncs and bytes read, and can hold a Sync
// up.
type countingDisk struct {
	port.Disk
	open, most, syncs, read atomic.Int64
	gate                    atomic.Pointer[gate]
}

// gate holds up whoever passes until it is opened.
type gate struct {
	reached, opened chan struct{}
}

func (d *countingDisk) counted(f port.DiskFile, err error) (port.DiskFile, error) {
	if err != nil {
		return nil, err
	}
	now := d.open.Add(1)
	for most := d.most.Load(); now > most && !d.most.CompareAndSwap(most, now); {
		most = d.most.Load()
	}
	return &countingFile{DiskFile: f, disk: d}, nil
}

func (d *countingDisk) Open(name string) (port.DiskFile, error) {
	return d.counted(d.Disk.Open(name))
}

func (d *countingDisk) Create(name string) (port.DiskFile, error) {
	return d.counted(d.Disk.Create(name))
}

type countingFile struct {
	port.DiskFile
	disk *countingDisk
}

func (f *countingFile) Sync() error {
	f.disk.syncs.Add(1)
	if g := f.disk.gate.Swap(nil); g != nil {
		close(g.reached)
		<-g.opened
	}
	return f.DiskFile.Sync()
}

func (f *countingFile) ReadAt(p []byte, offset int64) (int, error) {
	n, err := f.DiskFile.ReadAt(p, offset)
	f.disk.read.Add(int64(n))
	return n, err
}

func (f *countingFile) Close() error {
	f.disk.open.Add(-1)
	return f.DiskFile.Close()
}

// TestGroupCommit lets callers come while a sync is under way: one more sync
// serves them all.
func TestGroupCommit(t *testing.T) {
	const callers = 5
	d, m := &countingDisk{Disk: disk.New(disk.Options{})}, newModel(1, callers+2)
	opts := testOptions()
	opts.SegmentBytes *= 4
	e := openEngine(t, d, opts)
	must(t, m.put(e, []int{0}))
	held := &gate{reached: make(chan struct{}), opened: make(chan struct{})}
	d.gate.Store(held)
	var wait sync.WaitGroup
	errs := make([]error, callers+1)
	wait.Go(func() { errs[callers] = e.Put(m.pick([]int{1})) })
	<-held.reached
	before := d.syncs.Load()
	for i := range callers {
		// Each has a block of its own, and one that all have in common.
		wait.Go(func() { errs[i] = e.Put([]messages.Block{m.blocks[2+i], m.blocks[2]}) })
	}
	for e.Waiting() < callers {
		runtime.Gosched()
	}
	if has := e.Has([]messages.CID{m.blocks[1].CID, m.blocks[2].CID}); has[0] || has[1] {
		t.Error("a block is there before it is durable")
	}
	close(held.opened)
	wait.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("Put %d: %v", i, err)
		}
	}
	if syncs := d.syncs.Load() - before; syncs != 1 {
		t.Errorf("%d syncs for %d callers, want 1", syncs, callers)
	}
	for i := range m.states {
		m.states[i] = present
	}
	must(t, m.check(e))
}

// TestGroupCommitOnFullDisk lets a large Put and small ones meet in a group
// for which there is no room: the small ones succeed.
func TestGroupCommitOnFullDisk(t *testing.T) {
	sim := disk.New(disk.Options{})
	d, m := &countingDisk{Disk: sim}, newModel(1, 60)
	opts := testOptions()
	opts.SegmentBytes *= 20
	e := openEngine(t, d, opts)
	must(t, m.put(e, []int{0}))
	held := &gate{reached: make(chan struct{}), opened: make(chan struct{})}
	d.gate.Store(held)
	var wait sync.WaitGroup
	var first, large, small error
	wait.Go(func() { first = e.Put(m.pick([]int{1})) })
	<-held.reached
	used, err := diskBytes(sim)
	must(t, err)
	sim.SetCapacity(used + 3000)
	wait.Go(func() { large = e.Put(m.blocks[10:]) })
	wait.Go(func() { small = e.Put(m.pick([]int{2})) })
	for e.Waiting() < 2 {
		runtime.Gosched()
	}
	close(held.opened)
	wait.Wait()
	must(t, first)
	must(t, small)
	wantError(t, large, port.ErrDiskFull)
	for _, n := range []int{1, 2} {
		m.states[n] = present
	}
	must(t, m.check(e))
}
