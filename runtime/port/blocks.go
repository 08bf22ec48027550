package port

import (
	"errors"

	"github.com/noisefs/noisefs/messages"
)

// Errors of a [BlockEngine].
var (
	ErrBlockNotFound = errors.New("blocks: not found")
	ErrBlockCorrupt  = errors.New("blocks: stored bytes are corrupt")
	ErrBlockSize     = errors.New("blocks: wrong block size")
	ErrEngineClosed  = errors.New("blocks: closed")
	// ErrEngineFailed: a write or sync failed earlier, and what is on disk
	// past the last durable batch is unknown. Reads go on; reopen to write.
	ErrEngineFailed = errors.New("blocks: an earlier write failed; reopen the repository")
	// ErrRepoNewer: the store was written by a newer version.
	ErrRepoNewer = errors.New("blocks: written by a newer version of NoiseFS")
)

// BlockEngine keeps blocks on a [Disk]. Calls block; all methods may be
// called from many goroutines. It trusts the CIDs it is given: hashing is
// done where a block enters the node, and by Verify.
type BlockEngine interface {
	// Put stores blocks and returns when all are durable. Concurrent Puts
	// share one sync (group commit). Blocks that are already there cost
	// nothing. Blocks of one call are written in an order drawn from the
	// engine's entropy. On error none, some or all may be stored, none is
	// promised, and the store stays sound. It keeps no reference to Data
	// after it returns. The error wraps ErrDiskFull when the disk is full:
	// then space is given back and later, smaller Puts may succeed.
	Put(blocks []messages.Block) error
	// Get returns a block's bytes, read into buf if it has the capacity.
	// verify also checks the CRC. ErrBlockNotFound, ErrBlockCorrupt.
	Get(cid messages.CID, buf []byte, verify bool) ([]byte, error)
	// Has tells which are stored.
	Has(cids []messages.CID) []bool
	// Delete forgets blocks; durable on return. Absent ones are no error.
	Delete(cids []messages.CID) error
	// List returns up to limit CIDs greater than after, in CID order, and
	// whether more follow. Start with the zero CID.
	List(after messages.CID, limit int) (cids []messages.CID, more bool)
	// Position returns a mark that grows with each write. WrittenSince
	// tells whether a block was put at or after a mark; putting one that is
	// already there counts, since the caller needs it from then on (a block
	// moved by compaction keeps its age). The collector uses it to leave
	// alone what was stored after it began. Marks do not survive a reopen:
	// blocks stored before the reopen are older than any mark.
	Position() uint64
	WrittenSince(cid messages.CID, mark uint64) bool
	// Usage counts live blocks and bytes on disk.
	Usage() BlockUsage
	// Compact rewrites segments of which at least deadShare (0..1) is dead,
	// one at a time, until none is left or stop, asked before each one,
	// returns true (nil never stops). Segments with nothing dead are left
	// alone. It returns the bytes given back to the disk. Puts and Gets go
	// on meanwhile. A corrupt block stays where it is, and is reported.
	Compact(deadShare float64, stop func() bool) (freedBytes int64, err error)
	// Close waits for writes under way and releases the files.
	Close() error
}

// BlockUsage is what a [BlockEngine] holds.
type BlockUsage struct {
	Blocks    int64 // live blocks
	LiveBytes int64 // their bytes
	DiskBytes int64 // all files of the engine, dead blocks included
	FreeBytes int64 // what the disk can still take
}

// Blocks is the actor's side of a [BlockEngine]: every call answers by one
// message to the calling incarnation, in no particular order between calls.
type Blocks interface {
	Put(corr messages.Corr, blocks []messages.Block) // BlocksPut, when durable
	// Get answers BlocksGot with the blocks in the order asked. Callers keep
	// batches small (up to 64): one batch is read by one goroutine.
	Get(corr messages.Corr, cids []messages.CID, verify bool)
	Has(corr messages.Corr, cids []messages.CID) // BlocksHad
	// Delete answers BlocksDeleted when durable. Deletions are done in the
	// order of the calls, also those of an earlier incarnation: the answer to
	// one of nothing says that those before it are done.
	Delete(corr messages.Corr, cids []messages.CID)
	List(corr messages.Corr, after messages.CID, limit int) // BlocksListed
	Usage(corr messages.Corr)                               // BlocksUsage
	// Compact answers BlocksCompacted after one segment at most, so that a
	// caller may interleave it with other work; More tells to call again.
	Compact(corr messages.Corr, deadShare float64)
	// Position and WrittenSince answer at once: they read memory only.
	Position() uint64
	WrittenSince(cid messages.CID, mark uint64) bool
}
