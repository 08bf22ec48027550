package host

import (
	"sync/atomic"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// What Config says when it says nothing.
const (
	blockWritesDefault = 16
	blockReadsDefault  = 8
)

// getChunk is how many blocks of one Get a reader takes; the rest goes to
// others.
const getChunk = 4

// blockPools are the goroutines that a block engine is used from.
type blockPools struct {
	engine    port.BlockEngine
	put, read *pool
	// One goroutine each: deletions are done in order, and compaction, which
	// takes long, does not keep them waiting.
	remove, compact *pool
}

func newBlockPools(c Config) *blockPools {
	return &blockPools{
		engine:  c.Blocks,
		put:     newPool("block writes", c.BlockWrites),
		read:    newPool("block reads", c.BlockReads),
		remove:  newPool("block deletions", 1),
		compact: newPool("compaction", 1),
	}
}

func (p *blockPools) stop() {
	p.put.stop()
	p.read.stop()
	p.remove.stop()
	p.compact.stop()
}

var _ port.Blocks = (*blocks)(nil)

// blocks is the port of one incarnation.
type blocks struct {
	*blockPools
	answer func(any)
}

// Put implements [port.Blocks].
func (b *blocks) Put(corr messages.Corr, put []messages.Block) {
	b.put.submit(func() {
		err := b.engine.Put(put)
		b.answer(messages.BlocksPut{Answer: messages.Answer{Corr: corr}, Err: err})
	})
}

// Get implements [port.Blocks]. A long list is read by several goroutines.
func (b *blocks) Get(corr messages.Corr, cids []messages.CID, verify bool) {
	if len(cids) <= getChunk {
		b.read.submit(func() { b.answer(port.GetAll(b.engine, corr, cids, verify)) })
		return
	}
	parts := (len(cids) + getChunk - 1) / getChunk
	got := make([]messages.BlocksGot, parts)
	var left atomic.Int64
	left.Store(int64(parts))
	for i := range parts {
		part := cids[i*getChunk : min(len(cids), (i+1)*getChunk)]
		b.read.submit(func() {
			got[i] = port.GetAll(b.engine, corr, part, verify)
			if left.Add(-1) == 0 {
				b.answer(joinGot(got, len(cids)))
			}
		})
	}
}

// joinGot puts the parts of an answer together, in order.
func joinGot(parts []messages.BlocksGot, total int) messages.BlocksGot {
	whole := messages.BlocksGot{
		Answer: parts[0].Answer, Blocks: make([]messages.Block, 0, total),
	}
	for _, part := range parts {
		if part.Errs != nil {
			if whole.Errs == nil {
				whole.Errs = make([]error, total)
			}
			copy(whole.Errs[len(whole.Blocks):], part.Errs)
		}
		whole.Blocks = append(whole.Blocks, part.Blocks...)
	}
	return whole
}

// Has implements [port.Blocks].
func (b *blocks) Has(corr messages.Corr, cids []messages.CID) {
	b.read.submit(func() {
		b.answer(messages.BlocksHad{Answer: messages.Answer{Corr: corr}, Has: b.engine.Has(cids)})
	})
}

// Delete implements [port.Blocks].
func (b *blocks) Delete(corr messages.Corr, cids []messages.CID) {
	b.remove.submit(func() {
		err := b.engine.Delete(cids)
		b.answer(messages.BlocksDeleted{Answer: messages.Answer{Corr: corr}, Err: err})
	})
}

// List implements [port.Blocks].
func (b *blocks) List(corr messages.Corr, after messages.CID, limit int) {
	b.read.submit(func() {
		cids, more := b.engine.List(after, limit)
		b.answer(messages.BlocksListed{
			Answer: messages.Answer{Corr: corr}, CIDs: cids, More: more,
		})
	})
}

// Usage implements [port.Blocks].
func (b *blocks) Usage(corr messages.Corr) {
	b.read.submit(func() { b.answer(port.UsageAnswer(corr, b.engine.Usage())) })
}

// Compact implements [port.Blocks].
func (b *blocks) Compact(corr messages.Corr, deadShare float64) {
	b.compact.submit(func() { b.answer(port.CompactOne(b.engine, corr, deadShare)) })
}

// Position implements [port.Blocks].
func (b *blocks) Position() uint64 { return b.engine.Position() }

// WrittenSince implements [port.Blocks].
func (b *blocks) WrittenSince(cid messages.CID, mark uint64) bool {
	return b.engine.WrittenSince(cid, mark)
}
