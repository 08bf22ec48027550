package format

import (
	"fmt"

	"github.com/noisefs/noisefs/messages"
)

// DirectoryBuilder builds one directory from its entries, told in strictly
// ascending order of their names. It is a pure state machine for one
// goroutine, holds one leaf and the children of nodes not yet complete, and
// is of no use after an error.
//
// An entry is complete when it is told: a packed file's chunks are sealed
// before. Each node that the builder answers is told back by Sealed, in any
// order. After Finish, and when all has come, Result has the Directory: its
// entries when they are small ([Params.DirectoryInlineMax]), else a ref.
type DirectoryBuilder struct {
	p        Params
	leaf     leafState
	levels   []directoryLevel // levels[0] are leaves
	pending  map[uint64]childPlace
	nextID   uint64
	last     string // name of the last entry
	finished bool
	inline   []messages.Entry
}

// leafState is a leaf being filled.
type leafState struct {
	encoder encoder
	entries []messages.Entry
	bytes   int // of the encoded entries
	count   int // of entries, nested ones included
	depth   int // of inline directories
}

// directoryLevel is the nodes of one level that no parent lists yet.
type directoryLevel struct {
	queue []*waitingChild // in order of names
	total int             // nodes of this level so far
	ended bool            // no more will come
}

type waitingChild struct {
	DirectoryChild
	sealed bool
}

// childPlace is where the ref of a pending node goes.
type childPlace struct {
	level int
	child *waitingChild
}

// NewDirectoryBuilder returns a builder for one directory.
func NewDirectoryBuilder(p Params) *DirectoryBuilder {
	return &DirectoryBuilder{p: p, pending: make(map[uint64]childPlace)}
}

// Add tells the next entry. The builder keeps what it points to. The error
// wraps ErrOrder, or what is wrong with the entry.
func (b *DirectoryBuilder) Add(entry messages.Entry) ([]PendingNode, error) {
	if b.finished || entry.Name <= b.last && b.last != "" {
		return nil, fmt.Errorf("%w: names of a directory", ErrOrder)
	}
	fits, err := b.leaf.add(b.p, entry)
	if err != nil {
		return nil, err
	}
	b.last = entry.Name
	if fits {
		return nil, nil
	}
	out, err := b.endLeaf(nil)
	if err != nil {
		return nil, err
	}
	fits, err = b.leaf.add(b.p, entry)
	if err == nil && !fits {
		err = fmt.Errorf("%w: an entry that does not fit into a node", ErrTooLarge)
	}
	return out, err
}

// Sealed tells the ref of a pending node.
func (b *DirectoryBuilder) Sealed(id uint64, ref messages.BlockRef) ([]PendingNode, error) {
	place, ok := b.pending[id]
	if !ok {
		return nil, fmt.Errorf("%w: no such pending node", ErrOrder)
	}
	if err := checkLevel(b.p, ref, uint8(place.level)+1); err != nil {
		return nil, err
	}
	delete(b.pending, id)
	place.child.Ref, place.child.sealed = ref, true
	return b.gather(nil, place.level)
}

// Pending returns how many nodes wait for their Sealed.
func (b *DirectoryBuilder) Pending() int { return len(b.pending) }

// BytesPending returns about how many bytes the builder holds: the entries
// of the leaf being filled and the children without a parent.
func (b *DirectoryBuilder) BytesPending() int {
	n := b.leaf.size()
	for i := range b.levels {
		n += len(b.levels[i].queue) * (RefSize + NameMax)
	}
	return n
}

// Finish tells that all entries were told, once.
func (b *DirectoryBuilder) Finish() ([]PendingNode, error) {
	if b.finished {
		return nil, fmt.Errorf("%w: finished twice", ErrOrder)
	}
	b.finished = true
	leaf := &b.leaf
	if len(b.levels) == 0 && leaf.depth < InlineDepthMax &&
		leaf.size() <= b.p.DirectoryInlineMax() {
		b.inline = leaf.entries
		return nil, nil
	}
	out, err := b.endLeaf(nil)
	if err != nil {
		return nil, err
	}
	b.levels[0].ended = true
	more, err := b.gather(nil, 0)
	return append(out, more...), err
}

// Result returns the Directory once everything has come in.
func (b *DirectoryBuilder) Result() (messages.Directory, bool) {
	if !b.finished {
		return messages.Directory{}, false
	}
	if len(b.levels) == 0 {
		return messages.Directory{Entries: b.inline}, true
	}
	top := &b.levels[len(b.levels)-1]
	if !top.ended || top.total != 1 || len(top.queue) != 1 || !top.queue[0].sealed {
		return messages.Directory{}, false
	}
	ref := top.queue[0].Ref
	return messages.Directory{Ref: &ref}, true
}

// endLeaf makes a node of the leaf being filled, which is not empty.
func (b *DirectoryBuilder) endLeaf(out []PendingNode) ([]PendingNode, error) {
	node := &DirectoryLeaf{Entries: b.leaf.entries}
	out, err := b.emit(out, 0, node.First(), node)
	b.leaf = leafState{}
	return out, err
}

// emit makes a pending node of one that stands at levels[level].
func (b *DirectoryBuilder) emit(
	out []PendingNode, level int, first string, node Node,
) ([]PendingNode, error) {
	if len(b.pending) >= BuilderPendingMax {
		return nil, fmt.Errorf("%w: %d nodes are not sealed yet", ErrTooLarge, len(b.pending))
	}
	if level >= DirectoryLevelMax {
		return nil, fmt.Errorf("%w: a directory of more than %d levels",
			ErrTooLarge, DirectoryLevelMax)
	}
	payload, err := EncodeNode(b.p, node)
	if err != nil {
		return nil, err
	}
	if level == len(b.levels) {
		b.levels = append(b.levels, directoryLevel{})
	}
	child := &waitingChild{DirectoryChild: DirectoryChild{First: first}}
	b.levels[level].queue = append(b.levels[level].queue, child)
	b.levels[level].total++
	b.nextID++
	b.pending[b.nextID] = childPlace{level, child}
	return append(out, PendingNode{ID: b.nextID, Level: uint8(level) + 1, Payload: payload}), nil
}

// gather makes parents of the nodes at levels[level]: of as many as fill a
// node, and of the rest when no more will come. A parent waits until all
// its children are sealed. It goes on with the level above when this one
// ends.
func (b *DirectoryBuilder) gather(out []PendingNode, level int) ([]PendingNode, error) {
	for {
		state := &b.levels[level]
		n, full := b.fill(state)
		if state.ended && state.total == 1 || n == 0 || !full && !state.ended {
			return out, nil
		}
		children := make([]DirectoryChild, n)
		for i, child := range state.queue[:n] {
			if !child.sealed {
				return out, nil
			}
			children[i] = child.DirectoryChild
		}
		state.queue = append([]*waitingChild(nil), state.queue[n:]...)
		var err error
		node := &DirectoryInner{Children: children}
		out, err = b.emit(out, level+1, node.First(), node)
		if err != nil {
			return nil, err
		}
		// emit may have moved the levels: look the state up again.
		if state = &b.levels[level]; state.ended && len(state.queue) == 0 {
			b.levels[level+1].ended = true
			level++
		}
	}
}

// fill returns how many waiting nodes go into the next parent, and whether
// that is because it is full.
func (b *DirectoryBuilder) fill(state *directoryLevel) (n int, full bool) {
	bytes := 0
	for i, child := range state.queue {
		bytes += childSize(child.DirectoryChild)
		if bytes > b.p.leafMax() {
			return i, true
		}
	}
	return len(state.queue), false
}

// size returns about how many bytes the leaf takes before compression.
func (l *leafState) size() int { return l.encoder.size(l.bytes) }

// add appends an entry, or reports that it does not fit any more.
func (l *leafState) add(p Params, entry messages.Entry) (fits bool, err error) {
	chunks := len(l.encoder.table)
	message, err := l.encoder.entry(p, nil, &entry, 0)
	if err != nil {
		return false, err
	}
	size := len(message) + 1 + 4
	count, depth := countEntries(&entry)
	if l.encoder.size(l.bytes+size) > p.leafMax() || l.count+count > p.EntriesMax() {
		l.encoder.forget(chunks)
		return false, nil
	}
	l.entries = append(l.entries, entry)
	l.bytes += size
	l.count += count
	l.depth = max(l.depth, depth)
	return true, nil
}

// countEntries counts an entry and those inline below it, and how many
// inline directories stand inside each other in it.
func countEntries(entry *messages.Entry) (count, depth int) {
	count = 1
	if entry.Dir == nil || len(entry.Dir.Entries) == 0 {
		return count, 0
	}
	for i := range entry.Dir.Entries {
		n, d := countEntries(&entry.Dir.Entries[i])
		count += n
		depth = max(depth, d)
	}
	return count, depth + 1
}
