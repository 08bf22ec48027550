package disk

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/noisefs/noisefs/runtime/port"
)

var _ port.Disk = (*Disk)(nil)

// Errors of a simulated disk, beside those of port.Disk.
var (
	// ErrPowerCut: the power is off.
	ErrPowerCut = errors.New("simulated disk: the power is off")
	errBadName  = errors.New("simulated disk: not the name of a file")
	errClosed   = errors.New("simulated disk: file is closed")
	errBadSize  = errors.New("simulated disk: size below zero")
)

// Costs is the virtual time that operations take. The zero value is a disk
// that takes none.
type Costs struct {
	Operation      time.Duration // each call, beside what follows
	Sync           time.Duration // each Sync and SyncDir
	BytesPerSecond int64         // of reads and appends; 0: endless
	// Scale is how many bytes each byte counts for: worlds of small blocks
	// bill them as large ones. 0 counts as 1.
	Scale int64
}

// Faults are what goes wrong by chance, each with a probability of 0..1 per
// operation.
type Faults struct {
	Change  float64 // an operation that writes or syncs fails, having done a part
	Read    float64 // a ReadAt fails
	Corrupt float64 // an Append flips one bit of what it writes, silently
	Err     error   // what failing operations report; default port.ErrDiskIO
}

// Options configure a [Disk]. The zero value is a perfect, endless, free one.
type Options struct {
	Seed     uint64
	Capacity int64 // bytes; 0: endless
	Costs    Costs
}

// Disk is a simulated disk. It is safe for concurrent use; used by one
// goroutine it is deterministic.
type Disk struct {
	mu       sync.Mutex
	rand     *rand.Rand
	capacity int64
	costs    Costs
	faults   Faults

	names   map[string]*inode // as the running system sees it
	durable map[string]*inode // as of the last SyncDir
	pending []change          // directory operations since

	used    int64
	cost    time.Duration
	changes int64 // operations so far
	cutAt   int64 // operation at which the power goes; 0: none
	failAt  int64 // operation that fails; 0: none
	failErr error
	off     bool
}

// change is a directory operation: each name now means a file, or nothing.
type change struct {
	names [2]string
	files [2]*inode
	count int
}

// apply does the change to a directory.
func (c change) apply(names map[string]*inode) {
	for i := range c.count {
		if c.files[i] == nil {
			delete(names, c.names[i])
		} else {
			names[c.names[i]] = c.files[i]
		}
	}
}

// endless is what Free reports of a disk without a capacity.
const endless = 1 << 50

// New makes an empty disk.
func New(opts Options) *Disk {
	return &Disk{
		rand:     rand.New(rand.NewPCG(opts.Seed, 0x6469736b)),
		capacity: opts.Capacity, costs: opts.Costs,
		names: make(map[string]*inode), durable: make(map[string]*inode),
	}
}

// Create implements port.Disk.
func (d *Disk) Create(name string) (port.DiskFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return nil, ErrPowerCut
	}
	if !port.ValidDiskName(name) {
		return nil, errBadName
	}
	if d.names[name] != nil {
		return nil, fmt.Errorf("%w: create", port.ErrExist)
	}
	node := &inode{}
	c := change{names: [2]string{name}, files: [2]*inode{node}, count: 1}
	if err := d.rename("create", c); err != nil {
		return nil, err
	}
	return &file{disk: d, inode: node}, nil
}

// Open implements port.Disk.
func (d *Disk) Open(name string) (port.DiskFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return nil, ErrPowerCut
	}
	if !port.ValidDiskName(name) {
		return nil, errBadName
	}
	d.cost += d.costs.Operation
	node := d.names[name]
	if node == nil {
		return nil, fmt.Errorf("%w: open", port.ErrNotExist)
	}
	return &file{disk: d, inode: node}, nil
}

// Rename implements port.Disk.
func (d *Disk) Rename(oldName, newName string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return ErrPowerCut
	}
	if !port.ValidDiskName(oldName) || !port.ValidDiskName(newName) {
		return errBadName
	}
	node := d.names[oldName]
	if node == nil {
		return fmt.Errorf("%w: rename", port.ErrNotExist)
	}
	if oldName == newName {
		return nil
	}
	replaced := d.names[newName]
	c := change{names: [2]string{oldName, newName}, files: [2]*inode{nil, node}, count: 2}
	if err := d.rename("rename", c); err != nil {
		return err
	}
	if replaced != nil {
		replaced.removed = true
		d.used -= int64(len(replaced.data))
	}
	return nil
}

// Remove implements port.Disk.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return ErrPowerCut
	}
	if !port.ValidDiskName(name) {
		return errBadName
	}
	node := d.names[name]
	if node == nil {
		return fmt.Errorf("%w: remove", port.ErrNotExist)
	}
	if err := d.rename("remove", change{names: [2]string{name}, count: 1}); err != nil {
		return err
	}
	node.removed = true
	d.used -= int64(len(node.data))
	return nil
}

// rename does a directory operation, or fails it.
func (d *Disk) rename(operation string, c change) error {
	outcome, err := d.begin(operation)
	if err == nil || outcome == happens {
		c.apply(d.names)
		d.pending = append(d.pending, c)
	}
	return err
}

// List implements port.Disk.
func (d *Disk) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return nil, ErrPowerCut
	}
	d.cost += d.costs.Operation
	return slices.Sorted(maps.Keys(d.names)), nil
}

// SyncDir implements port.Disk.
func (d *Disk) SyncDir() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	outcome, err := d.begin("sync directory")
	d.cost += d.costs.Sync
	if err == nil || outcome == happens {
		d.applyPending(len(d.pending))
	}
	return err
}

// applyPending makes the first n pending directory operations durable.
func (d *Disk) applyPending(n int) {
	for _, c := range d.pending[:n] {
		c.apply(d.durable)
	}
	d.pending = append(d.pending[:0], d.pending[n:]...)
}

// Free implements port.Disk.
func (d *Disk) Free() (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return 0, ErrPowerCut
	}
	if d.capacity == 0 {
		return endless, nil
	}
	return max(d.capacity-d.used, 0), nil
}

// TakeCost returns the virtual time that operations took since it was last
// called.
func (d *Disk) TakeCost() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	cost := d.cost
	d.cost = 0
	return cost
}

// bill adds the cost of moving n bytes.
func (d *Disk) bill(n int) {
	if d.costs.BytesPerSecond > 0 {
		bytes := float64(n) * float64(max(d.costs.Scale, 1))
		d.cost += time.Duration(bytes / float64(d.costs.BytesPerSecond) * float64(time.Second))
	}
}
