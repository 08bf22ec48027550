package format

import (
	"fmt"
	"maps"
	"slices"

	"github.com/noisefs/noisefs/messages"
)

// Bounds of a builder.
const (
	// BuilderWindow is how many chunks may lie between the first missing one
	// and the last one told, holes not counted: more than any window of a
	// splitter. Raising it costs 200 bytes of memory a chunk.
	BuilderWindow = 4096
	// BuilderPendingMax is how many nodes may wait for their Sealed at once.
	BuilderPendingMax = 1024
)

// PendingNode is a node that a builder wants stored: pad Payload to a block
// with random bytes, seal it as messages.KindNode with Level and
// len(Payload), mix and store it, and answer Sealed(ID, ref). Payload
// belongs to the receiver.
type PendingNode struct {
	ID      uint64
	Level   uint8
	Payload []byte
}

// ContentBuilder builds the content tree of one file from its chunks' refs.
// It is a pure state machine for one goroutine, holds O(depth*Fanout +
// BuilderWindow) refs, and is of no use after an error.
//
// Each chunk of the file is told exactly once, by Chunk or Holes, in any
// order within BuilderWindow; each node that it answers is told back by
// Sealed, in any order. Finish tells the size, before or after the last
// chunks are in. When all has come, Result has the Content. What lies under
// a node whose chunks are all holes is a hole itself.
type ContentBuilder struct {
	p           Params
	childrenMax uint64
	levels      []treeLevel
	pending     map[uint64]groupPlace
	nextID      uint64
	finished    bool
	size        uint64 // bytes; known when finished
	fullEnd     uint64 // one above the highest chunk told as a full one
	short       *shortChunk
}

// treeLevel gathers the refs of one level in groups of Fanout: a group
// becomes an item of the next level.
type treeLevel struct {
	groups map[uint64]*contentGroup
	done   intervals // groups that were passed up
	end    uint64    // one above the highest item seen
}

// contentGroup holds the children of one node to be.
type contentGroup struct {
	refs []messages.BlockRef // grows up to Fanout
	have []bool              // refs[i] is known, perhaps as a hole
	got  uint64              // how many are known
	live int                 // how many of those are no holes
}

// groupPlace is where the ref of a pending node goes.
type groupPlace struct {
	level uint8
	item  uint64
}

// shortChunk is the last chunk, when it came before the size was known.
type shortChunk struct {
	i      uint64
	length uint32
}

// NewContentBuilder returns a builder for one file whose Content shall have
// at most childrenMax children: EntryChildrenMax for a directory entry,
// Fanout for a file root. It is raised or cut to lie in between.
func NewContentBuilder(p Params, childrenMax int) *ContentBuilder {
	return &ContentBuilder{
		p:           p,
		childrenMax: uint64(min(max(childrenMax, p.EntryChildrenMax()), p.Fanout())),
		pending:     make(map[uint64]groupPlace),
	}
}

// Chunk tells the ref of chunk i. All chunks but the last are full. The
// error wraps ErrOrder for a chunk told twice or beyond the end, ErrBadRef,
// or ErrTooLarge for one beyond the window.
func (b *ContentBuilder) Chunk(i uint64, ref messages.BlockRef) ([]PendingNode, error) {
	if err := checkLevel(b.p, ref, 0); err != nil {
		return nil, err
	}
	switch {
	case i >= b.chunkLimit():
		return nil, fmt.Errorf("%w: a chunk beyond the end of the file", ErrOrder)
	case b.finished:
		if err := CheckChunk(b.p, b.size, i, ref); err != nil {
			return nil, err
		}
	case int64(ref.Length) == int64(b.p.BlockSize):
		b.fullEnd = max(b.fullEnd, i+1)
	case b.short != nil:
		return nil, fmt.Errorf("%w: two short chunks", ErrBadRef)
	default:
		b.short = &shortChunk{i, ref.Length}
	}
	return b.put(nil, 0, i, ref)
}

// Hole tells that chunk i is all zeros and not stored.
func (b *ContentBuilder) Hole(i uint64) ([]PendingNode, error) { return b.Holes(i, 1) }

// Holes tells that count chunks from i on are all zeros and not stored. The
// work does not grow with count.
func (b *ContentBuilder) Holes(i, count uint64) ([]PendingNode, error) {
	limit := b.chunkLimit()
	if count == 0 || i >= limit || count > limit-i {
		return nil, fmt.Errorf("%w: holes beyond the end of the file", ErrOrder)
	}
	return b.putHoles(nil, 0, i, count)
}

// Sealed tells the ref of a pending node.
func (b *ContentBuilder) Sealed(id uint64, ref messages.BlockRef) ([]PendingNode, error) {
	place, ok := b.pending[id]
	if !ok {
		return nil, fmt.Errorf("%w: no such pending node", ErrOrder)
	}
	if err := checkLevel(b.p, ref, place.level); err != nil {
		return nil, err
	}
	delete(b.pending, id)
	return b.put(nil, place.level, place.item, ref)
}

// Pending returns how many nodes wait for their Sealed.
func (b *ContentBuilder) Pending() int { return len(b.pending) }

// Finish tells the size of the file in bytes, once. Chunks may still be
// missing then.
func (b *ContentBuilder) Finish(size uint64) ([]PendingNode, error) {
	chunks := b.p.ChunkCount(size)
	switch {
	case b.finished:
		return nil, fmt.Errorf("%w: finished twice", ErrOrder)
	case size > FileSizeMax:
		return nil, fmt.Errorf("%w: a file above the limit of 1 EiB", ErrTooLarge)
	case b.level(0).end > chunks:
		return nil, fmt.Errorf("%w: chunks beyond the end of the file", ErrOrder)
	case b.short != nil &&
		(b.short.i+1 != chunks || int(b.short.length) != b.p.ChunkLength(size, b.short.i)):
		return nil, fmt.Errorf("%w: a short chunk that is not the end of the file", ErrBadRef)
	case b.fullEnd > size/uint64(b.p.BlockSize):
		return nil, fmt.Errorf("%w: a full chunk where the file ends within it", ErrBadRef)
	}
	b.finished, b.size = true, size
	var out []PendingNode
	for level := 0; level < len(b.levels); level++ { // passing up may add levels
		for _, group := range slices.Sorted(maps.Keys(b.levels[level].groups)) {
			var err error
			if out, err = b.passUp(out, uint8(level), group); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Result returns the Content once everything has come in. Its children are
// at the lowest level at which there are at most childrenMax.
func (b *ContentBuilder) Result() (messages.Content, bool) {
	if !b.finished {
		return messages.Content{}, false
	}
	if b.size == 0 {
		return messages.Content{}, true
	}
	top := uint8(0)
	for b.p.childCount(b.size, top) > b.childrenMax {
		top++
	}
	count := b.p.childCount(b.size, top)
	children := make([]messages.BlockRef, count)
	switch g := b.level(top).groups[0]; {
	case g != nil && g.got == count:
		copy(children, g.refs)
	case g == nil && b.level(top).done.has(0): // Holes passed the whole group up
	default:
		return messages.Content{}, false
	}
	return messages.Content{Size: b.size, Level: top, Children: children}, true
}

// chunkLimit returns the number of chunks that there may be.
func (b *ContentBuilder) chunkLimit() uint64 {
	if b.finished {
		return b.p.ChunkCount(b.size)
	}
	return b.p.ChunkCount(FileSizeMax)
}

// level returns the state of a level, adding levels up to it.
func (b *ContentBuilder) level(level uint8) *treeLevel {
	for len(b.levels) <= int(level) {
		b.levels = append(b.levels, treeLevel{groups: make(map[uint64]*contentGroup)})
	}
	return &b.levels[level]
}

// group returns the open group, a new one if need be, or an error when it
// was passed up already or would be one too many.
func (b *ContentBuilder) group(level uint8, group uint64) (*contentGroup, error) {
	state := b.level(level)
	if g := state.groups[group]; g != nil {
		return g, nil
	}
	if state.done.has(group) {
		return nil, fmt.Errorf("%w: a chunk told twice", ErrOrder)
	}
	if len(state.groups) >= BuilderWindow/b.p.Fanout()+2 {
		return nil, fmt.Errorf("%w: chunks too far out of order", ErrTooLarge)
	}
	g := new(contentGroup)
	state.groups[group] = g
	return g, nil
}

// put places one item and passes up what it completes.
func (b *ContentBuilder) put(
	out []PendingNode, level uint8, item uint64, ref messages.BlockRef,
) ([]PendingNode, error) {
	fanout := uint64(b.p.Fanout())
	group, slot := item/fanout, int(item%fanout)
	g, err := b.group(level, group)
	if err != nil {
		return nil, err
	}
	if missing := slot + 1 - len(g.refs); missing > 0 {
		g.refs = append(g.refs, make([]messages.BlockRef, missing)...)
		g.have = append(g.have, make([]bool, missing)...)
	}
	if g.have[slot] {
		return nil, fmt.Errorf("%w: a chunk told twice", ErrOrder)
	}
	g.refs[slot], g.have[slot] = ref, true
	g.got++
	if ref != (messages.BlockRef{}) {
		g.live++
	}
	return b.seen(out, level, item, group)
}

// putHoles places holes: those of groups begun or ended within one by one,
// whole groups as holes of the next level.
func (b *ContentBuilder) putHoles(
	out []PendingNode, level uint8, item, count uint64,
) ([]PendingNode, error) {
	fanout := uint64(b.p.Fanout())
	end := item + count
	from, to := (item+fanout-1)/fanout, end/fanout // whole groups
	var err error
	if from >= to {
		for ; item < end; item++ {
			if out, err = b.put(out, level, item, messages.BlockRef{}); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	if before := from*fanout - item; before > 0 {
		if out, err = b.putHoles(out, level, item, before); err != nil {
			return nil, err
		}
	}
	state := b.level(level)
	for group := range state.groups {
		if group >= from && group < to {
			return nil, fmt.Errorf("%w: a chunk told twice", ErrOrder)
		}
	}
	if !state.done.add(from, to) {
		return nil, fmt.Errorf("%w: a chunk told twice", ErrOrder)
	}
	if out, err = b.putHoles(out, level+1, from, to-from); err != nil {
		return nil, err
	}
	if out, err = b.seen(out, level, to*fanout-1, to-1); err != nil {
		return nil, err
	}
	if after := end - to*fanout; after > 0 {
		return b.putHoles(out, level, to*fanout, after)
	}
	return out, nil
}

// seen notes that an item of a group is known, and passes up that group, and
// the first one, which may have waited for the level to grow beyond it.
func (b *ContentBuilder) seen(
	out []PendingNode, level uint8, item, group uint64,
) ([]PendingNode, error) {
	state := b.level(level)
	state.end = max(state.end, item+1)
	out, err := b.passUp(out, level, group)
	if err == nil && group != 0 {
		out, err = b.passUp(out, level, 0)
	}
	return out, err
}

// passUp makes a node of a group that is complete, or a hole, unless the
// level may still turn out to be the top one.
func (b *ContentBuilder) passUp(
	out []PendingNode, level uint8, group uint64,
) ([]PendingNode, error) {
	state, fanout := b.level(level), uint64(b.p.Fanout())
	count, want := state.end, fanout
	if b.finished {
		count = b.p.childCount(b.size, level)
		want = min(fanout, count-group*fanout)
	}
	g := state.groups[group]
	if g == nil || g.got < want || count <= b.childrenMax {
		return out, nil
	}
	delete(state.groups, group)
	state.done.add(group, group+1)
	if g.live == 0 {
		return b.put(out, level+1, group, messages.BlockRef{})
	}
	if len(b.pending) >= BuilderPendingMax {
		return nil, fmt.Errorf("%w: %d nodes are not sealed yet", ErrTooLarge, len(b.pending))
	}
	for g.refs[len(g.refs)-1] == (messages.BlockRef{}) {
		g.refs = g.refs[:len(g.refs)-1]
	}
	node := &ContentNode{Children: g.refs}
	payload, err := EncodeNode(b.p, node)
	if err != nil {
		return nil, err
	}
	b.nextID++
	b.pending[b.nextID] = groupPlace{level + 1, group}
	return append(out, PendingNode{ID: b.nextID, Level: node.Level(), Payload: payload}), nil
}
