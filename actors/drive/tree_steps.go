package drive

import (
	"fmt"
	"maps"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// advance does the steps whose refs are known, in order, while not too much
// is being sealed.
func (t *tree) advance(work treeWork) (treeWork, error) {
	for len(t.steps) > 0 && len(t.jobs) < t.cfg.SealsMax {
		done, err := t.do(&t.steps[0], &work)
		if err != nil {
			return work, err
		}
		if !done {
			break
		}
		t.steps[0] = step{}
		t.steps = t.steps[1:]
	}
	t.flushIfStuck(&work)
	return work, nil
}

// flushIfStuck writes the chunk being filled, full or not, when nothing else
// will come for it, or when the queue is long and its head waits for it.
func (t *tree) flushIfStuck(work *treeWork) {
	if t.pack.current == nil {
		return
	}
	long := len(t.steps) >= t.cfg.PendingEntriesMax && t.steps[0].small != nil &&
		slices.Contains(t.steps[0].small.chunks, t.pack.current)
	if long || t.finished && t.pack.jobs() == 0 {
		t.sealChunks(work, t.pack.flush())
	}
}

// do does one step, or reports that it must wait.
func (t *tree) do(s *step, work *treeWork) (bool, error) {
	at := t.frames[len(t.frames)-1]
	switch s.kind {
	case stepEnter:
		t.frames = append(t.frames, newFrame(t.p, s.entry))
		return true, nil
	case stepLeave, stepFinish:
		dir, done, err := t.end(at, work)
		if err != nil || !done {
			return false, err
		}
		if s.kind == stepFinish {
			return true, t.sealRoot(s.entry, dir, work)
		}
		t.frames = t.frames[:len(t.frames)-1]
		entry := at.Entry
		entry.Dir = &dir
		return true, t.addTo(t.frames[len(t.frames)-1], entry, work)
	}
	switch {
	case s.small != nil && !s.small.isResolved(), s.lift != nil && !s.lift.done:
		return false, nil
	case s.small != nil:
		s.entry.Content = s.small.content()
	case s.lift != nil:
		s.entry.Content = s.lifted
		s.entry.Content.Children = []messages.BlockRef{s.lift.ref}
	}
	return true, t.addTo(at, s.entry, work)
}

// addTo adds a complete entry to a directory.
func (t *tree) addTo(at *frame, entry messages.Entry, work *treeWork) error {
	nodes, err := at.builder.Add(entry)
	if err != nil {
		return err
	}
	t.sealNodes(at, nodes, work)
	at.leaf = append(at.leaf, entry)
	return nil
}

// end ends a directory; it is done when all its nodes are sealed.
func (t *tree) end(at *frame, work *treeWork) (messages.Directory, bool, error) {
	if !at.leaving {
		at.leaving = true
		nodes, err := at.builder.Finish()
		if err != nil {
			return messages.Directory{}, false, err
		}
		t.sealNodes(at, nodes, work)
	}
	dir, done := at.builder.Result()
	return dir, done, nil
}

// sealNodes sends the nodes of a directory to be sealed, and keeps book of
// what they hold.
func (t *tree) sealNodes(at *frame, nodes []format.PendingNode, work *treeWork) {
	for _, node := range nodes {
		if node.Level == 1 {
			at.nodes[node.ID], at.leaf = at.leaf, nil
		}
		children := t.childrenOf(node)
		t.seal(work, messages.KindNode, node.Level, node.Payload,
			func(ref messages.BlockRef, work *treeWork) error {
				delete(at.nodes, node.ID)
				at.held = slices.DeleteFunc(at.held, func(held messages.BlockRef) bool {
					return children[held]
				})
				at.held = append(at.held, ref)
				more, err := at.builder.Sealed(node.ID, ref)
				t.sealNodes(at, more, work)
				return err
			})
	}
}

// childrenOf returns the refs in an inner directory node that was just
// encoded.
func (t *tree) childrenOf(pending format.PendingNode) map[messages.BlockRef]bool {
	if pending.Level == 1 {
		return nil
	}
	node, err := format.DecodeNode(t.p, pending.Level, pending.Payload)
	inner, ok := node.(*format.DirectoryInner)
	if err != nil || !ok {
		panic(fmt.Errorf("drive: a directory node does not decode: %w", err))
	}
	children := make(map[messages.BlockRef]bool, len(inner.Children))
	for _, child := range inner.Children {
		children[child.Ref] = true
	}
	return children
}

// sealRoot makes the root node.
func (t *tree) sealRoot(entry messages.Entry, dir messages.Directory, work *treeWork) error {
	node := &format.DirectoryRoot{
		Name: entry.Name, Attributes: entry.Attributes, Directory: dir,
	}
	payload, err := format.EncodeNode(t.p, node)
	if err != nil {
		return err
	}
	done := func(ref messages.BlockRef, _ *treeWork) error {
		t.root = &ref
		return nil
	}
	t.seal(work, messages.KindNode, node.Level(), payload, done)
	return nil
}

// refs calls yield for every ref that the tree needs and no sealed node of
// it holds yet.
func (t *tree) refs(yield func(messages.NeededRef)) {
	if t.root != nil {
		yield(messages.NeededRef{Ref: *t.root, Kind: messages.KindNode})
	}
	for _, s := range t.steps {
		entryRefs(s.entry, yield)
		if s.small != nil {
			for _, chunk := range s.small.chunks {
				if chunk.done {
					yield(messages.NeededRef{Ref: chunk.ref, Kind: messages.KindChunk})
				}
			}
		}
		if s.lift != nil && s.lift.done {
			yield(neededContent(s.lift.ref))
		}
	}
	for _, at := range t.frames {
		for _, entry := range at.leaf {
			entryRefs(entry, yield)
		}
		for _, id := range slices.Sorted(maps.Keys(at.nodes)) {
			for _, entry := range at.nodes[id] {
				entryRefs(entry, yield)
			}
		}
		for _, ref := range at.held {
			yield(messages.NeededRef{Ref: ref, Kind: messages.KindNode})
		}
	}
}

// entryRefs calls yield for the refs in an entry, nested ones included.
func entryRefs(entry messages.Entry, yield func(messages.NeededRef)) {
	contentRefs(entry.Content, yield)
	if entry.Dir == nil {
		return
	}
	if entry.Dir.Ref != nil {
		yield(messages.NeededRef{Ref: *entry.Dir.Ref, Kind: messages.KindNode})
	}
	for _, inner := range entry.Dir.Entries {
		entryRefs(inner, yield)
	}
}

// contentRefs calls yield for the refs in a content; holes have none.
func contentRefs(c messages.Content, yield func(messages.NeededRef)) {
	if c.Pack != nil {
		for _, chunk := range c.Pack.Chunks {
			yield(messages.NeededRef{Ref: chunk, Kind: messages.KindChunk})
		}
	}
	for _, child := range c.Children {
		if !child.IsZero() {
			yield(neededContent(child))
		}
	}
}

// neededContent tells a chunk from a node of a content tree by its level.
func neededContent(ref messages.BlockRef) messages.NeededRef {
	if ref.Level == 0 {
		return messages.NeededRef{Ref: ref, Kind: messages.KindChunk}
	}
	return messages.NeededRef{Ref: ref, Kind: messages.KindNode}
}
