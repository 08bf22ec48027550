package reader

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
)

// checkContent refuses content that contradicts itself. Decoders refused it
// already; what comes from a hostile link is looked at twice.
func checkContent(p format.Params, c messages.Content) *messages.Error {
	used := 0
	for _, is := range []bool{len(c.Inline) > 0, c.Pack != nil, len(c.Children) > 0} {
		if is {
			used++
		}
	}
	sound := false
	switch {
	case c.Size > format.FileSizeMax, c.Size == 0, used != 1:
		sound = c.Size == 0 && used == 0
	case len(c.Inline) > 0:
		sound = uint64(len(c.Inline)) == c.Size && len(c.Inline) <= p.BlockSize
	case c.Pack != nil:
		n := len(c.Pack.Chunks)
		sound = c.Size <= uint64(p.PackMax()) && (n == 1 || n == 2)
	case c.Level <= p.LevelMax():
		sound = childrenCover(p, c)
	}
	if !sound {
		return messages.Errorf(messages.CodeInvalid, "the content contradicts its size")
	}
	return nil
}

// childrenCover tells whether the last chunk lies below the last child, and
// the children are of one level.
func childrenCover(p format.Params, c messages.Content) bool {
	last, _ := format.Locate(p, c.Level, p.ChunkCount(c.Size)-1)
	if last != len(c.Children)-1 {
		return false
	}
	for _, ref := range c.Children {
		if !ref.IsZero() && ref.Level != c.Level {
			return false
		}
	}
	return true
}

// fill makes a chunk ready, by whatever way its file is kept.
func (a *actor) fill(ctx shell.Ctx, c *chunk) {
	content := &c.handle.content
	switch {
	case len(content.Inline) > 0:
		a.chunkReady(ctx, c, opened{data: content.Inline})
	case content.Pack != nil:
		a.fillPacked(ctx, c)
	default:
		child, rest := format.Locate(a.params, content.Level, c.index)
		a.descend(ctx, c, content.Children[child], content.Level, rest)
	}
}

// descend goes down the content tree to a chunk: ref has the given level,
// and the chunk is number rest below it.
func (a *actor) descend(
	ctx shell.Ctx, c *chunk, ref messages.BlockRef, level uint8, rest uint64,
) {
	switch {
	case ref.IsZero():
		a.chunkReady(ctx, c, opened{}) // a hole, however much of the tree it is
	case level > 0:
		a.descendNode(ctx, c, ref, level, rest)
	default:
		err := format.CheckChunk(a.params, c.handle.content.Size, c.index, ref)
		if err != nil {
			a.chunkReady(ctx, c, corrupt("a chunk is not as its file says", err))
			return
		}
		a.openFor(ctx, c, blockKey{ref: ref, kind: messages.KindChunk}, false,
			func(ctx shell.Ctx, o opened) { a.chunkReady(ctx, c, o) })
	}
}

func (a *actor) descendNode(
	ctx shell.Ctx, c *chunk, ref messages.BlockRef, level uint8, rest uint64,
) {
	key := blockKey{ref: ref, kind: messages.KindNode, decode: true}
	a.openFor(ctx, c, key, true, func(ctx shell.Ctx, o opened) {
		if c.dropped && len(c.waiting) == 0 {
			return // read-ahead that is no longer wanted
		}
		if o.err != nil {
			a.chunkReady(ctx, c, o)
			return
		}
		child, below := format.Locate(a.params, level-1, rest)
		a.descend(ctx, c, o.node.Child(child), level-1, below)
	})
}

// fillPacked opens the one or two pack chunks that a small file is in, cuts
// it out and decodes it.
func (a *actor) fillPacked(ctx shell.Ctx, c *chunk) {
	content := c.handle.content
	refs := content.Pack.Chunks
	chunks, missing := make([][]byte, len(refs)), len(refs)
	var failed opened
	for i, ref := range refs {
		key := blockKey{ref: ref, kind: messages.KindChunk}
		a.openFor(ctx, c, key, true, func(ctx shell.Ctx, o opened) {
			if chunks[i] = o.data; o.err != nil {
				failed = o
			}
			if missing--; missing > 0 {
				return
			}
			if failed.err != nil {
				a.chunkReady(ctx, c, failed)
				return
			}
			params := a.params
			a.loader.work(ctx, func() any { return openPacked(params, content, chunks) },
				func(ctx shell.Ctx, done messages.WorkDone) { a.chunkReady(ctx, c, result(done)) })
		})
	}
}

// openFor opens a block on the way to a chunk.
func (a *actor) openFor(
	ctx shell.Ctx, c *chunk, key blockKey, keep bool, then func(shell.Ctx, opened),
) {
	w := waiter{chunk: c, then: then}
	if o := a.loader.open(ctx, key, keep, c.urgent, w); o != nil {
		c.opening = o
	}
}
