package disk

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/noisefs/noisefs/runtime/port"
)

// sectorSize is what a disk writes wholly or not at all, in bytes.
const sectorSize = 512

// outcome is what an operation that reports an error did all the same.
type outcome int

const (
	never outcome = iota
	inPart
	happens
)

// begin counts an operation and decides whether it fails. The caller holds
// mu. On error, outcome tells how much of it is done.
func (d *Disk) begin(operation string) (outcome, error) {
	if d.off {
		return never, ErrPowerCut
	}
	d.cost += d.costs.Operation
	d.changes++
	switch {
	case d.changes == d.cutAt:
		d.off = true
		return outcome(d.rand.IntN(3)), ErrPowerCut
	case d.changes == d.failAt:
		return outcome(d.rand.IntN(2)), fmt.Errorf("%w: %s", d.failErr, operation)
	case d.faults.Change > 0 && d.rand.Float64() < d.faults.Change:
		return outcome(d.rand.IntN(2)), fmt.Errorf("%w: %s", d.faultError(), operation)
	}
	return happens, nil
}

func (d *Disk) faultError() error {
	if d.faults.Err != nil {
		return d.faults.Err
	}
	return port.ErrDiskIO
}

// SetFaults sets what goes wrong from now on.
func (d *Disk) SetFaults(f Faults) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.faults = f
}

// SetCapacity changes the size of the disk; 0 makes it endless.
func (d *Disk) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = bytes
}

// FailAt lets the n-th operation from now (from 1) fail with err, once.
// n = 0 calls that off.
func (d *Disk) FailAt(n int64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failErr = err
	if d.failAt = 0; n > 0 {
		d.failAt = d.changes + n
	}
}

// CutAt lets the power go at the n-th operation from now (from 1). n = 0
// calls that off.
func (d *Disk) CutAt(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cutAt = 0; n > 0 {
		d.cutAt = d.changes + n
	}
}

// Operations returns how many operations were counted so far.
func (d *Disk) Operations() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changes
}

// PowerCut turns the power off.
func (d *Disk) PowerCut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
}

// Off reports whether the power is off.
func (d *Disk) Off() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.off
}

// Restart turns the power off, if it is not, and returns a disk with what
// survived, without faults or pending cuts. The old one stays off.
func (d *Disk) Restart() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	d.applyPending(d.rand.IntN(len(d.pending) + 1))
	next := New(Options{Seed: d.rand.Uint64(), Capacity: d.capacity, Costs: d.costs})
	for _, name := range slices.Sorted(maps.Keys(d.durable)) {
		data := d.survivor(d.durable[name])
		node := &inode{data: data, synced: len(data)}
		next.names[name], next.durable[name] = node, node
		next.used += int64(len(data))
	}
	return next
}

// survivor returns what is left of a file after a power cut.
func (d *Disk) survivor(node *inode) []byte {
	if node.cut && d.rand.IntN(2) == 0 {
		return node.before
	}
	data := bytes.Clone(node.data)
	for _, s := range node.lost {
		d.tearSectors(data[s.from:s.to])
	}
	if node.synced == len(data) {
		return data
	}
	tail := len(data) - node.synced
	kept := node.synced + d.rand.IntN(tail+1)
	switch d.rand.IntN(5) {
	case 0:
		return data
	case 1:
		return data[:node.synced]
	case 2:
		return data[:kept]
	case 3:
		for i := kept; i < len(data); i++ {
			data[i] = byte(d.rand.Uint32())
		}
		return data[:kept+d.rand.IntN(len(data)-kept+1)]
	default:
		d.tearSectors(data[node.synced:])
		return data
	}
}

// tearSectors zeroes any of the sectors of p.
func (d *Disk) tearSectors(p []byte) {
	for len(p) > 0 {
		n := min(len(p), sectorSize)
		if d.rand.IntN(2) == 0 {
			clear(p[:n])
		}
		p = p[n:]
	}
}

// Corrupt changes a byte of a file behind everybody's back by XOR with mask.
func (d *Disk) Corrupt(name string, offset int64, mask byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	node := d.names[name]
	if node == nil || offset < 0 || offset >= int64(len(node.data)) {
		return fmt.Errorf("%w: corrupt", port.ErrNotExist)
	}
	node.data[offset] ^= mask
	return nil
}

// CorruptAny changes one bit somewhere on the disk and tells where. An empty
// disk returns "".
func (d *Disk) CorruptAny() (name string, offset int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.used <= 0 {
		return "", 0
	}
	offset = d.rand.Int64N(d.used)
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		node := d.names[name]
		if offset < int64(len(node.data)) {
			node.data[offset] ^= 1 << d.rand.IntN(8)
			return name, offset
		}
		offset -= int64(len(node.data))
	}
	return "", 0
}

// Clone returns a copy of a running disk as a killed process leaves it:
// nothing that was written is missing. What was not synced counts as synced.
func (d *Disk) Clone() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := New(Options{Seed: d.rand.Uint64(), Capacity: d.capacity, Costs: d.costs})
	for name, node := range d.names {
		data := bytes.Clone(node.data)
		copied := &inode{data: data, synced: len(data)}
		next.names[name], next.durable[name] = copied, copied
		next.used += int64(len(data))
	}
	return next
}
