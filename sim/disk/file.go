package disk

import (
	"bytes"
	"fmt"
	"io"

	"github.com/noisefs/noisefs/runtime/port"
)

var _ port.DiskFile = (*file)(nil)

// inode is the content of a file, whatever its name.
type inode struct {
	data    []byte // as the running system sees it
	synced  int    // length of the prefix that Sync has been told is durable
	lost    []span // parts of that prefix which never reached the medium
	before  []byte // durable content before an unsynced Truncate; nil: none
	cut     bool   // there is one
	removed bool
}

// span is a range of bytes.
type span struct{ from, to int }

// file is an open handle.
type file struct {
	disk   *Disk
	inode  *inode
	closed bool // guarded by disk.mu
}

// usable returns why the handle cannot be used. The caller holds disk.mu.
func (f *file) usable() error {
	if f.disk.off {
		return ErrPowerCut
	}
	if f.closed {
		return errClosed
	}
	return nil
}

// ReadAt implements port.DiskFile.
func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := f.usable(); err != nil {
		return 0, err
	}
	d.cost += d.costs.Operation
	if d.faults.Read > 0 && d.rand.Float64() < d.faults.Read {
		return 0, fmt.Errorf("%w: read", d.faultError())
	}
	if offset < 0 || offset >= int64(len(f.inode.data)) {
		if len(p) == 0 && offset >= 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := copy(p, f.inode.data[offset:])
	d.bill(n)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Append implements port.DiskFile.
func (f *file) Append(buffers ...[]byte) (int64, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	at := int64(len(f.inode.data))
	if f.closed && !d.off {
		return at, errClosed
	}
	total := 0
	for _, b := range buffers {
		total += len(b)
	}
	outcome, err := d.begin("append")
	take := total
	if err != nil && outcome == never {
		take = 0
	} else if err != nil && outcome == inPart && total > 0 {
		take = d.rand.IntN(total)
	}
	if d.capacity > 0 && !f.inode.removed {
		if room := max(d.capacity-d.used, 0); int64(take) > room {
			take = int(room)
			if err == nil {
				err = fmt.Errorf("%w: append", port.ErrDiskFull)
			}
		}
	}
	f.extend(buffers, take)
	d.bill(take)
	if d.faults.Corrupt > 0 && take > 0 && d.rand.Float64() < d.faults.Corrupt {
		f.inode.data[int(at)+d.rand.IntN(take)] ^= 1 << d.rand.IntN(8)
	}
	return at, err
}

// extend appends the first n bytes of buffers.
func (f *file) extend(buffers [][]byte, n int) {
	if !f.inode.removed {
		f.disk.used += int64(n)
	}
	for _, b := range buffers {
		b = b[:min(n, len(b))]
		n -= len(b)
		f.inode.data = append(f.inode.data, b...)
	}
}

// Sync implements port.DiskFile.
func (f *file) Sync() error {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.closed && !d.off {
		return errClosed
	}
	outcome, err := d.begin("sync")
	d.cost += d.costs.Sync
	if err != nil && d.off && outcome != happens {
		return err // the power went first: Restart decides what is left
	}
	node := f.inode
	if err != nil && outcome != happens && node.synced < len(node.data) {
		node.lost = append(node.lost, span{node.synced, len(node.data)})
	}
	node.synced, node.before, node.cut = len(node.data), nil, false
	return err
}

// Size implements port.DiskFile.
func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.usable(); err != nil {
		return 0, err
	}
	return int64(len(f.inode.data)), nil
}

// Truncate implements port.DiskFile. A file may also grow, by zeros.
func (f *file) Truncate(size int64) error {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	if f.closed && !d.off {
		return errClosed
	}
	if size < 0 {
		return errBadSize
	}
	outcome, err := d.begin("truncate")
	if err != nil && outcome != happens {
		return err
	}
	node := f.inode
	if grow := int(size) - len(node.data); grow > 0 {
		f.extend([][]byte{make([]byte, grow)}, grow)
		return err
	}
	if int(size) < node.synced {
		if !node.cut {
			node.before, node.cut = bytes.Clone(node.data[:node.synced]), true
		}
		node.synced = int(size)
	}
	if !node.removed {
		d.used -= int64(len(node.data)) - size
	}
	node.data = node.data[:size]
	kept := node.lost[:0]
	for _, s := range node.lost {
		if s.to = min(s.to, int(size)); s.from < s.to {
			kept = append(kept, s)
		}
	}
	node.lost = kept
	return err
}

// Close implements port.DiskFile.
func (f *file) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return errClosed
	}
	f.closed = true
	return nil
}
