package format

import (
	"fmt"
	"slices"

	"github.com/noisefs/noisefs/messages"
)

// ContentNodes is where [EditContent] reads the nodes of a content tree and
// writes new ones.
type ContentNodes interface {
	// LoadNode returns the node of a ref. It is not changed.
	LoadNode(ref messages.BlockRef) (*ContentNode, error)
	// StoreNode seals the payload of a node, which passes to it, as
	// messages.KindNode of that level.
	StoreNode(level uint8, payload []byte) (messages.BlockRef, error)
}

// ContentChange says how a file's content differs from what it was.
type ContentChange struct {
	Base messages.Content // Inline and Pack must be empty
	// Cut is how many chunks of Base stay, from the first on; those behind
	// are holes, also where the file is longer again by now.
	Cut  uint64
	Size uint64 // of the new content, in bytes
	// Chunks has the refs of the chunks that differ; a zero ref is a hole. A
	// chunk is as long as [Params.ChunkLength] says for the new size: the last
	// one of Base is among them when its length changes.
	Chunks map[uint64]messages.BlockRef
}

// EditContent returns the content that a change makes of a base. Nodes without a
// difference below them stay as they are, so that a chunk costs as many nodes as
// the tree is deep. The result has at most [Params.EntryChildrenMax] children.
func EditContent(p Params, c ContentChange, nodes ContentNodes) (messages.Content, error) {
	if c.Size == 0 {
		return messages.Content{}, nil
	}
	if c.Size > FileSizeMax {
		return messages.Content{}, fmt.Errorf("%w: a file above the limit of 1 EiB", ErrTooLarge)
	}
	if len(c.Base.Inline) > 0 || c.Base.Pack != nil {
		return messages.Content{}, fmt.Errorf("%w: the base has no tree", ErrMalformed)
	}
	e := contentEdit{p: p, change: c, nodes: nodes, chunks: p.ChunkCount(c.Size)}
	for i := range c.Chunks {
		e.order = append(e.order, i)
	}
	slices.Sort(e.order)
	out := messages.Content{Size: c.Size, Level: c.Base.Level}
	for p.childCount(c.Size, out.Level) > uint64(p.EntryChildrenMax()) {
		out.Level++
	}
	for i := range p.childCount(c.Size, out.Level) {
		child, err := e.build(out.Level, i, e.root(out.Level, i))
		if err != nil {
			return messages.Content{}, err
		}
		out.Children = append(out.Children, child)
	}
	return out, checkContent(p, &out, inEntry(p))
}

// contentEdit is one run of EditContent.
type contentEdit struct {
	p      Params
	change ContentChange
	order  []uint64 // of the chunks that differ
	nodes  ContentNodes
	chunks uint64 // of the new content
}

// root is the base's ref of a subtree of which no node knows the ref: zero where
// the base has none, and above its own level.
func (e *contentEdit) root(level uint8, i uint64) messages.BlockRef {
	if level != e.change.Base.Level || i >= uint64(len(e.change.Base.Children)) {
		return messages.BlockRef{}
	}
	return e.change.Base.Children[i]
}

// differs reports whether chunks from first up to end have to be looked at one
// by one: some are new, or the cut goes between them.
func (e *contentEdit) differs(first, end uint64) bool {
	i, _ := slices.BinarySearch(e.order, first)
	if i < len(e.order) && e.order[i] < end {
		return true
	}
	had := e.p.ChunkCount(e.change.Base.Size)
	return first < e.change.Cut && e.change.Cut < min(end, had)
}

// build returns the ref of the subtree at place i of a level, which was before.
func (e *contentEdit) build(
	level uint8, i uint64, before messages.BlockRef,
) (messages.BlockRef, error) {
	span := e.p.Span(level)
	first, end := i*span, min((i+1)*span, e.chunks)
	if first >= e.change.Cut {
		before = messages.BlockRef{}
	}
	above := level > e.change.Base.Level && first < e.change.Cut
	switch {
	case first >= e.chunks:
		return messages.BlockRef{}, nil
	case !above && !e.differs(first, end):
		return before, nil
	case level == 0:
		if ref, ok := e.change.Chunks[i]; ok {
			return ref, e.check(i, ref)
		}
		return before, e.check(i, before)
	}
	return e.buildNode(level, i, before)
}

func (e *contentEdit) check(i uint64, ref messages.BlockRef) error {
	if ref.IsZero() {
		return nil
	}
	return CheckChunk(e.p, e.change.Size, i, ref)
}

// buildNode is build for a node in which something may differ.
func (e *contentEdit) buildNode(
	level uint8, i uint64, before messages.BlockRef,
) (messages.BlockRef, error) {
	var had []messages.BlockRef
	if !before.IsZero() {
		node, err := e.nodes.LoadNode(before)
		if err != nil {
			return messages.BlockRef{}, err
		}
		had = node.Children
	}
	fanout, below := uint64(e.p.Fanout()), e.p.Span(level-1)
	var children []messages.BlockRef
	for k := uint64(0); k < fanout && (i*fanout+k)*below < e.chunks; k++ {
		child := e.root(level-1, i*fanout+k)
		if k < uint64(len(had)) {
			child = had[k]
		}
		child, err := e.build(level-1, i*fanout+k, child)
		if err != nil {
			return messages.BlockRef{}, err
		}
		if !child.IsZero() {
			children = append(children, make([]messages.BlockRef, int(k)-len(children))...)
			children = append(children, child)
		}
	}
	switch {
	case len(children) == 0:
		return messages.BlockRef{}, nil
	case slices.Equal(children, had):
		return before, nil
	}
	node := &ContentNode{Children: children}
	payload, err := EncodeNode(e.p, node)
	if err != nil {
		return messages.BlockRef{}, err
	}
	return e.nodes.StoreNode(level, payload)
}
