package memindex

import (
	"errors"
	"time"

	"github.com/noisefs/noisefs/runtime/port"
)

// TakeCost returns the virtual time that calls took since the last call of
// it, and starts a new bill.
func (x *Index) TakeCost() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	cost := x.cost
	x.cost, x.synced = 0, false
	return cost
}

func (x *Index) bill(cost time.Duration) { x.cost += cost }

// billSync charges a sync, once per bill.
func (x *Index) billSync() {
	if !x.synced {
		x.synced = true
		x.bill(x.options.Costs.Sync)
	}
}

// Inject adds a fault. Faults strike one after the other: After counts from
// the fault before, or from now.
func (x *Index) Inject(fault Fault) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.faults = append(x.faults, fault)
}

// nextFault returns the fault that strikes this commit, or nil.
func (x *Index) nextFault() *Fault {
	if len(x.faults) == 0 {
		return nil
	}
	if x.faults[0].After > 0 {
		x.faults[0].After--
		return nil
	}
	fault := x.faults[0]
	x.faults = x.faults[1:]
	return &fault
}

// fail notes a failure that lasts, as the real engine does when its log
// cannot be written; a full disk alone does not last.
func (x *Index) fail(err error) error {
	if !errors.Is(err, port.ErrIndexFull) {
		x.failure = err
	}
	return err
}

// SetBytesMax changes the disk's capacity; 0 is no limit.
func (x *Index) SetBytesMax(bytesMax int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.options.BytesMax = bytesMax
}

// CutPowerAt lets the power go in the middle of a later commit: n commits
// are answered, the next returns ErrIndexClosed, and whether it survives is
// as open as for any that was not durable.
func (x *Index) CutPowerAt(n int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cutIn = n
}

// Dead reports whether the power is gone.
func (x *Index) Dead() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.dead
}

// PowerCut takes the power away: all that is durable stays, and of the
// transactions after it a random number, oldest first. Every call fails with
// ErrIndexClosed from now on; go on with Restart. Killing the process does
// the same.
func (x *Index) PowerCut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.dead {
		x.cut()
	}
}

func (x *Index) cut() {
	x.closed, x.dead = true, true
	pending := x.disk.pending
	kept := 0
	if x.options.Rand != nil && len(pending) > 0 {
		kept = x.options.Rand.IntN(len(pending) + 1)
	}
	for i := len(pending) - 1; i >= kept; i-- {
		for j := len(pending[i]) - 1; j >= 0; j-- {
			x.disk.set(pending[i][j].key, pending[i][j].value)
		}
	}
	x.disk.pending = nil
}

// Restart opens what a closed or cut off index left. An index that is still
// open is cut off first. Faults and the bill do not carry over.
func (x *Index) Restart() *Index {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.closed {
		x.cut()
	}
	x.disk.pending = nil
	return open(x.disk, x.options)
}

// Snapshot returns an index of its own with the same rows, all durable. It
// shares no state with x but Options.Rand.
func (x *Index) Snapshot() *Index {
	x.mu.Lock()
	defer x.mu.Unlock()
	return open(&disk{rows: x.disk.rows.Clone(), bytes: x.disk.bytes}, x.options)
}
