package splitter

import (
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// heldRefs is what the collector must keep for a stream: the refs whose whole
// subtree is durable and that are inside no such node themselves.
type heldRefs struct {
	refs map[messages.CID]messages.NeededRef // by D

	// open is the sealed blocks, by D, that are not durable, or are nodes
	// above such. A collector could not walk them.
	open map[messages.CID]*job
	// parents is the durable nodes that wait for an open block.
	parents map[messages.CID][]*job
}

func newHeldRefs() heldRefs {
	return heldRefs{
		refs:    make(map[messages.CID]messages.NeededRef),
		open:    make(map[messages.CID]*job),
		parents: make(map[messages.CID][]*job),
	}
}

// sealed takes a block whose ref is known.
func (h *heldRefs) sealed(j *job) { h.open[j.ref.D] = j }

// durable takes a sealed block that is stored now.
func (h *heldRefs) durable(j *job) {
	for _, d := range j.inside {
		if h.open[d] != nil {
			j.awaited++
			h.parents[d] = append(h.parents[d], j)
		}
	}
	if j.awaited == 0 {
		h.complete(j)
	}
}

// complete takes a block whose whole subtree is durable. It holds what is
// inside it, and may be what a node above it waited for.
func (h *heldRefs) complete(j *job) {
	delete(h.open, j.ref.D)
	h.refs[j.ref.D] = messages.NeededRef{Ref: j.ref, Kind: j.kind}
	for _, d := range j.inside {
		delete(h.refs, d)
	}
	j.inside = nil
	waiting := h.parents[j.ref.D]
	delete(h.parents, j.ref.D)
	for _, parent := range waiting { // as deep as the tree of nodes is
		if parent.awaited--; parent.awaited == 0 {
			h.complete(parent)
		}
	}
}

// list returns the refs in the order of D.
func (h *heldRefs) list() []messages.NeededRef {
	all := make([]messages.NeededRef, 0, len(h.refs))
	for _, needed := range h.refs {
		all = append(all, needed)
	}
	slices.SortFunc(all, func(x, y messages.NeededRef) int { return x.Ref.D.Compare(y.Ref.D) })
	return all
}

// insideNode returns the blocks D of the refs that a node's payload holds. A
// payload that is no node names nothing, and then all that it may hold is
// held by itself.
func insideNode(p format.Params, level uint8, payload []byte) []messages.CID {
	node, err := format.DecodeNode(p, level, payload)
	if err != nil {
		return nil
	}
	var inside []messages.CID
	switch node := node.(type) {
	case *format.FileRoot:
		inside = insideContent(inside, node.Content)
	case *format.DirectoryRoot:
		inside = insideDirectory(inside, &node.Directory)
	case *format.DirectoryLeaf:
		inside = insideEntries(inside, node.Entries)
	case *format.DirectoryInner:
		for _, child := range node.Children {
			inside = append(inside, child.Ref.D)
		}
	case *format.ContentNode:
		inside = insideRefs(inside, node.Children)
	}
	return inside
}

func insideContent(inside []messages.CID, c messages.Content) []messages.CID {
	if c.Pack != nil {
		inside = insideRefs(inside, c.Pack.Chunks)
	}
	return insideRefs(inside, c.Children)
}

func insideRefs(inside []messages.CID, refs []messages.BlockRef) []messages.CID {
	for _, ref := range refs {
		if !ref.IsZero() {
			inside = append(inside, ref.D)
		}
	}
	return inside
}

// insideDirectory recurses as deep as format.InlineDepthMax at most: the
// decoder saw to that.
func insideDirectory(inside []messages.CID, d *messages.Directory) []messages.CID {
	if d == nil {
		return inside
	}
	if d.Ref != nil {
		inside = append(inside, d.Ref.D)
	}
	return insideEntries(inside, d.Entries)
}

func insideEntries(inside []messages.CID, entries []messages.Entry) []messages.CID {
	for i := range entries {
		inside = insideContent(inside, entries[i].Content)
		inside = insideDirectory(inside, entries[i].Dir)
	}
	return inside
}
