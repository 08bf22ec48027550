package draft

import (
	"context"
	"errors"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// Commit makes what was written the file's content, durably. Nothing happens when
// nothing was.
func (d *Draft) Commit(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed != nil {
		return d.failed
	}
	return d.commit(ctx)
}

func (d *Draft) commit(ctx context.Context) error {
	if !d.dirty || d.removed {
		return nil
	}
	var content messages.Content
	var err error
	if d.size <= uint64(d.p.PackMax()) {
		content, err = d.inline(ctx)
	} else {
		content, err = d.tree(ctx)
	}
	if err != nil {
		return err
	}
	err = d.store.Commit(ctx, content, d.modTime)
	if errors.Is(err, errNotFound) {
		d.removed = true
		return nil
	}
	if err != nil {
		return err
	}
	d.dirty = false
	return d.rebase(content)
}

// errNotFound is what any error of that code is.
var errNotFound error = &messages.Error{Code: messages.CodeNotFound}

// inline returns the content of a small file.
func (d *Draft) inline(ctx context.Context) (messages.Content, error) {
	content := messages.Content{Size: d.size}
	if d.size > 0 {
		content.Inline = make([]byte, d.size)
		if _, err := d.readSome(ctx, content.Inline, 0); err != nil {
			return messages.Content{}, err
		}
	}
	return content, nil
}

// tree seals what is in no block and returns the content over all blocks, which
// are durable.
func (d *Draft) tree(ctx context.Context) (messages.Content, error) {
	if err := d.takeEnds(ctx); err != nil {
		return messages.Content{}, err
	}
	for _, i := range d.order() {
		if c := d.chunks[i]; c.sealed == nil {
			if err := d.seal(ctx, c, c == d.last); err != nil {
				return messages.Content{}, err
			}
		}
	}
	change := format.ContentChange{
		Size: d.size, Chunks: make(map[uint64]messages.BlockRef, len(d.chunks)),
	}
	if len(d.base.Children) > 0 {
		change.Base, change.Cut = d.base, d.p.ChunkCount(d.baseEnd)
	}
	for _, i := range d.order() {
		ref, err := d.refOf(ctx, d.chunks[i].sealed)
		if err != nil {
			return messages.Content{}, err
		}
		change.Chunks[i] = ref
	}
	content, err := format.EditContent(d.p, change, nodes{d, ctx})
	if err != nil {
		return messages.Content{}, err
	}
	return content, d.sync(ctx)
}

func (d *Draft) order() []uint64 {
	order := make([]uint64, 0, len(d.chunks))
	for i := range d.chunks {
		order = append(order, i)
	}
	slices.Sort(order)
	return order
}

// takeEnds takes those chunks among the ones that differ whose block has not the
// length that it must have by now: the last one of the base, of which a part was
// cut off or to which zeros were added, and ends of before. A base that has no
// blocks is taken as a whole.
func (d *Draft) takeEnds(ctx context.Context) error {
	if d.baseEnd > 0 {
		end := (d.baseEnd - 1) / uint64(d.p.BlockSize)
		had := d.p.ChunkLength(d.base.Size, end)
		if d.chunks[end] == nil && (len(d.base.Children) == 0 ||
			d.p.ChunkLength(d.size, end) != had || d.p.ChunkLength(d.baseEnd, end) != had) {
			if err := d.take(ctx, end); err != nil {
				return err
			}
		}
	}
	for _, i := range d.order() {
		s := d.chunks[i].sealed
		if s == nil {
			continue
		}
		ref, err := d.refOf(ctx, s)
		if err != nil {
			return err
		}
		if !ref.IsZero() && int(ref.Length) != d.p.ChunkLength(d.size, i) {
			if err := d.take(ctx, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// take reads a chunk so that it is sealed anew.
func (d *Draft) take(ctx context.Context, i uint64) error {
	c := d.chunks[i]
	if c == nil {
		c = &chunk{index: i, sealed: new(sealed)}
	}
	if err := d.load(ctx, c); err != nil {
		return err
	}
	d.chunks[i] = c
	d.change(c)
	return nil
}

// rebase begins anew over the content that was committed. The chunk that was
// written last stays in memory, since a program that appends goes on there.
func (d *Draft) rebase(content messages.Content) error {
	d.base, d.baseEnd = content, content.Size
	d.opened = openedChunk{}
	for _, c := range d.chunks {
		if c.data == nil || c != d.last || len(content.Children) == 0 {
			d.drop(c)
		}
	}
	d.store.Release()
	return d.closeReader()
}

// nodes is how format.EditContent reaches the nodes of the draft's tree.
type nodes struct {
	d   *Draft
	ctx context.Context
}

// LoadNode implements [format.ContentNodes].
func (n nodes) LoadNode(ref messages.BlockRef) (*format.ContentNode, error) {
	payload, err := n.d.store.Unseal(n.ctx, ref, messages.KindNode)
	if err != nil {
		return nil, err
	}
	node, err := format.DecodeNode(n.d.p, ref.Level, payload)
	if err != nil {
		return nil, &messages.Error{Code: messages.CodeCorrupt, Err: err}
	}
	content, ok := node.(*format.ContentNode)
	if !ok {
		return nil, messages.Errorf(messages.CodeCorrupt, "a node of another sort in a file")
	}
	return content, nil
}

// StoreNode implements [format.ContentNodes].
func (n nodes) StoreNode(level uint8, payload []byte) (messages.BlockRef, error) {
	data := append(n.d.p.NewBuffer()[:0], payload...)
	sealing, err := n.d.store.Seal(n.ctx, messages.KindNode, level, data)
	if err != nil {
		return messages.BlockRef{}, err
	}
	n.d.unsynced = true
	ref, err := sealing.Wait(n.ctx)
	if err != nil {
		return ref, n.d.lost(n.ctx, err)
	}
	return ref, nil
}
