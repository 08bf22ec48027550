package memindex

import (
	"time"

	"github.com/noisefs/noisefs/runtime/port"
)

// Costs are what calls take in virtual time. They add up.
type Costs struct {
	Commit  time.Duration // a transaction
	Change  time.Duration // each of its changes
	Sync    time.Duration // once per bill with a durable transaction in it
	Get     time.Duration // each row of a Get
	Scan    time.Duration // a page
	ScanRow time.Duration // each of its rows
}

// DefaultCosts are the real engine's on a 2-core machine with an SSD,
// rounded; docs/decisions/002-index-engine.md has the measurements.
func DefaultCosts() Costs {
	return Costs{
		Commit: 10 * time.Microsecond, Change: 5 * time.Microsecond,
		Sync: 500 * time.Microsecond,
		Get:  5 * time.Microsecond,
		Scan: 20 * time.Microsecond, ScanRow: 3 * time.Microsecond,
	}
}

// DefaultPendingMax is the default of Options.PendingMax.
const DefaultPendingMax = 256

// Options configure an [Index].
type Options struct {
	// Rand decides what a power cut loses. Nil: a cut loses everything that
	// is not durable.
	Rand port.Rand
	// Costs is the price list; the zero value is free of charge.
	Costs Costs
	// BytesMax is the disk's capacity: transactions that add rows are
	// refused with ErrIndexFull when SizeBytes has reached it. 0: no limit.
	BytesMax int64
	// PendingMax bounds how many transactions wait to be durable; over it
	// the oldest become durable by themselves, as when the real engine
	// flushes. 0 is DefaultPendingMax.
	PendingMax int
}

// Fault makes one commit fail.
type Fault struct {
	// After is how many commits pass before it.
	After int
	// Err is what the commit returns. Unless it wraps port.ErrIndexFull,
	// every later commit fails with it too, until the index is restarted.
	Err error
	// Applied: the transaction takes effect all the same, which the caller
	// cannot tell from one that does not.
	Applied bool
}
