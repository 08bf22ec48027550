package draft

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Store is where a draft's blocks and content go: one of its own for each.
type Store interface {
	// OpenContent opens content for reading.
	OpenContent(ctx context.Context, content messages.Content) (Reader, error)
	// Seal begins to make a block, as messages.SealBlock does, and waits for its
	// turn to. The data passes to it unless it fails.
	Seal(
		ctx context.Context, kind messages.BlockKind, level uint8, data []byte,
	) (Sealing, error)
	// Sync returns when what was sealed is durable.
	Sync(ctx context.Context) error
	// Unseal returns the plaintext of a block that is durable. It is shared.
	Unseal(ctx context.Context, ref messages.BlockRef, kind messages.BlockKind) ([]byte, error)
	// Commit makes content the file's, durably. What it names is durable.
	// CodeNotFound: the file was removed.
	Commit(ctx context.Context, content messages.Content, modTime time.Time) error
	// Release ends the keeping of what was sealed so far and is in no content.
	Release()
}

// Reader reads content.
type Reader interface {
	// ReadAt reads as io.ReaderAt does.
	ReadAt(ctx context.Context, p []byte, offset int64) (int, error)
	Close() error
}

// Sealing is a block on its way.
type Sealing interface {
	// Wait returns the ref once it is known. When ctx ends first it may be
	// called again; any other error says that the block is lost.
	Wait(ctx context.Context) (messages.BlockRef, error)
}

// Budget bounds the bytes that the chunks of several drafts have in memory. Over
// it each draft is left with the one chunk that is being written.
type Budget struct {
	Max  int64 // bytes
	used atomic.Int64
}

func (b *Budget) add(bytes int)  { b.used.Add(int64(bytes)) }
func (b *Budget) isPassed() bool { return b.used.Load() > b.Max }
