package splitter

import (
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// heldRefs is the durable refs of a stream that are not inside a durable
// node of it, by D. The collector keeps what they need.
type heldRefs map[messages.CID]messages.NeededRef

// add takes a ref that became durable. inside is the blocks D that a node
// names: what holds the node holds them too.
func (h heldRefs) add(ref messages.BlockRef, kind messages.BlockKind, inside []messages.CID) {
	h[ref.D] = messages.NeededRef{Ref: ref, Kind: kind}
	for _, d := range inside {
		delete(h, d)
	}
}

// list returns the refs in the order of D.
func (h heldRefs) list() []messages.NeededRef {
	all := make([]messages.NeededRef, 0, len(h))
	for _, needed := range h {
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
