package drive

import (
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
)

const (
	// walkPacksMax is how many pack chunks a walk remembers, so as not to name
	// one for every small file in it: neighbours in a directory share chunks.
	walkPacksMax = 64
	// walkNodesMax is how many inner nodes a walk remembers, so as not to go
	// down twice. Without that, a hostile link whose directories all name the
	// same one below them would be walked for ever.
	walkNodesMax = 4096
)

// recentRefs remembers the last refs that it was shown.
type recentRefs struct {
	max  int
	has  map[messages.BlockRef]bool
	ring []messages.BlockRef // oldest first
}

func newRecentRefs(limit int) recentRefs {
	return recentRefs{max: limit, has: make(map[messages.BlockRef]bool)}
}

// seen reports whether it remembers a ref, and remembers it.
func (r *recentRefs) seen(ref messages.BlockRef) bool {
	if r.has[ref] {
		return true
	}
	if len(r.ring) == r.max {
		delete(r.has, r.ring[0])
		r.ring = r.ring[1:]
	}
	r.has[ref] = true
	r.ring = append(r.ring, ref)
	return false
}

// want is what a node of a walk should be.
type want uint8

const (
	wantAny want = iota
	wantDirectory
	wantContent
)

// walkItem is a node that is still to be read.
type walkItem struct {
	ref     messages.BlockRef
	want    want
	counted bool // its files count

	below   []string // go down these names first, and visit nothing else
	hide    uint64   // then: entries that this inode's changed names hide
	without []string // then: leave out what these names lead to
}

// isPlain reports whether everything below the item is visited.
func (i *walkItem) isPlain() bool {
	return len(i.below) == 0 && i.hide == 0 && len(i.without) == 0
}

// filter is a directory of a snapshot some of whose entries may be hidden:
// those whose names have a dentry row are not visited here.
type filter struct {
	item    walkItem
	entries []messages.Entry
}

// walk goes over everything that is needed. It is pure: it is told rows and
// nodes, and gathers what they need. The order of things matters: see the
// package comment.
type walk struct {
	p   format.Params
	cfg *Config

	stack []walkItem
	seen  map[messages.BlockRef]bool
	packs recentRefs
	nodes recentRefs // inner ones

	// What limits the walk to a part of the drive.
	skipInodes map[uint64]bool
	skipBelow  uint64   // the inode of a directory …
	skipNames  []string // … and the names of what is left out inside its base

	// Rows that were written since the walk began, and are not visited yet.
	changed    []rowID
	isChanged  map[rowID]bool
	tooMany    bool // more than the bound: the scans begin anew
	scansBegun int

	refs      []messages.NeededRef
	broken    []messages.Problem
	files     uint64
	userBytes uint64
}

func newWalk(p format.Params, cfg *Config) *walk {
	return &walk{
		p: p, cfg: cfg,
		seen:      make(map[messages.BlockRef]bool),
		packs:     newRecentRefs(walkPacksMax),
		nodes:     newRecentRefs(walkNodesMax),
		isChanged: make(map[rowID]bool),
	}
}

// note tells of a row that was written since the walk began. A rename does
// not write the moved inode, but copying up makes a new one of what an older
// one held; were that only scanned, it could slip through.
func (w *walk) note(row rowID) {
	switch {
	case w.isChanged[row]:
	case len(w.changed) >= w.cfg.WalkChangesMax:
		w.tooMany = true
	default:
		w.isChanged[row] = true
		w.changed = append(w.changed, row)
	}
}

// takeChanged returns up to limit rows to be read again.
func (w *walk) takeChanged(limit int) []rowID {
	n := min(limit, len(w.changed))
	rows := w.changed[:n:n]
	w.changed = w.changed[n:]
	for _, row := range rows {
		delete(w.isChanged, row)
	}
	return rows
}

// addRow tells a row of the index; nil values are rows that are gone.
func (w *walk) addRow(row rowID, value []byte) error {
	if value == nil {
		return nil
	}
	if row.table == port.TableRoots {
		return w.addKept(row, value)
	}
	ino, err := decodeNumber([]byte(row.key))
	if err != nil {
		return err
	}
	i, err := decodeInode(w.p, value)
	if err != nil {
		return err
	}
	if !w.skipInodes[ino] || i.Links > 1 { // which may have a name elsewhere
		w.addInode(ino, i)
	}
	return nil
}

// addInode visits what an inode needs.
func (w *walk) addInode(ino uint64, i inode) {
	switch i.kind {
	case messages.TypeFile:
		w.files++
		w.userBytes += i.bytes()
		if i.root != nil {
			w.push(walkItem{ref: *i.root, want: wantContent})
			return
		}
		w.content(i.content)
	case messages.TypeDirectory:
		if i.base.isEmpty() {
			return
		}
		item := walkItem{ref: *i.base.ref, want: wantDirectory, counted: true, below: i.base.below}
		if i.overlaid {
			item.hide = ino
		}
		if w.skipBelow == ino {
			item.without = w.skipNames
		}
		w.push(item)
	}
}

func (w *walk) addKept(row rowID, value []byte) error {
	link, err := format.DecodeLink([]byte(row.key))
	if err != nil {
		return fmt.Errorf("%w: %w", errRow, err)
	}
	k, err := decodeKept(value)
	if err != nil {
		return err
	}
	item := walkItem{ref: link.Root, want: wantDirectory, counted: k.alone}
	if link.Kind == messages.LinkFile {
		item.want = wantContent
	}
	w.push(item)
	return nil
}

// addNeeded visits a ref from elsewhere.
func (w *walk) addNeeded(needed messages.NeededRef) {
	if needed.Kind == messages.KindChunk {
		w.refs = append(w.refs, needed)
		return
	}
	w.push(walkItem{ref: needed.Ref})
}

// push puts a root on the stack, unless it was walked.
func (w *walk) push(item walkItem) {
	if item.isPlain() {
		if w.seen[item.ref] {
			return
		}
		if len(w.seen) < w.cfg.WalkSeenMax {
			w.seen[item.ref] = true
		}
	}
	w.stack = append(w.stack, item)
}

// pop takes the next node to read. It is needed whether or not it can be.
func (w *walk) pop() walkItem {
	item := w.stack[len(w.stack)-1]
	w.stack = w.stack[:len(w.stack)-1]
	w.refs = append(w.refs, messages.NeededRef{Ref: item.ref, Kind: messages.KindNode})
	return item
}

// fail reports a node that cannot be read.
func (w *walk) fail(item walkItem, err *messages.Error) {
	w.report(messages.Problem{Block: item.ref.D, Reason: "a node cannot be read: " + err.Error()})
}

func (w *walk) report(problem messages.Problem) {
	if len(w.broken) < messages.ProblemsMax {
		w.broken = append(w.broken, problem)
	}
}

// visit takes what a node holds. A filter comes back when changed names may
// hide some of its entries: the caller looks, and calls visitEntries.
func (w *walk) visit(item walkItem, node format.Node) *filter {
	switch n := node.(type) {
	case *format.FileRoot:
		if item.want != wantDirectory {
			if item.counted {
				w.files++
				w.userBytes += n.Content.Size
			}
			w.content(n.Content)
			return nil
		}
	case *format.ContentNode:
		if item.want != wantDirectory {
			w.content(messages.Content{Children: n.Children})
			return nil
		}
	case *format.DirectoryRoot:
		if item.want != wantContent {
			return w.directory(item, n.Directory)
		}
	case *format.DirectoryLeaf:
		if item.want != wantContent {
			return w.directory(item, messages.Directory{Entries: n.Entries})
		}
	case *format.DirectoryInner:
		if item.want != wantContent {
			w.inner(item, n)
			return nil
		}
	}
	w.report(messages.Problem{Block: item.ref.D, Reason: "a node of another kind than is due"})
	return nil
}

// inner goes on below a directory node; on a way down, below one child.
func (w *walk) inner(item walkItem, n *format.DirectoryInner) {
	if len(item.below) > 0 {
		item.ref = n.Children[n.Child(item.below[0])].Ref
		w.descend(item)
		return
	}
	// The last first: the stack turns them around.
	for i := len(n.Children) - 1; i >= 0; i-- {
		item.ref = n.Children[i].Ref
		w.descend(item)
	}
}

// directory goes down the item's names, and then visits the entries there.
func (w *walk) directory(item walkItem, dir messages.Directory) *filter {
	for {
		if dir.Ref != nil {
			item.ref = *dir.Ref
			w.descend(item)
			return nil
		}
		if len(item.below) == 0 {
			break
		}
		i := firstFrom(dir.Entries, item.below[0])
		if i == len(dir.Entries) || dir.Entries[i].Name != item.below[0] ||
			dir.Entries[i].Dir == nil {
			w.report(messages.Problem{
				Block: item.ref.D, Reason: "an inline directory is not in its node",
			})
			return nil
		}
		dir, item.below = *dir.Entries[i].Dir, item.below[1:]
	}
	if item.hide != 0 && len(dir.Entries) > 0 {
		return &filter{item, dir.Entries}
	}
	w.visitEntries(item, dir.Entries)
	return nil
}

// visitEntries visits the entries of a directory.
func (w *walk) visitEntries(item walkItem, entries []messages.Entry) {
	for _, entry := range entries {
		inside := walkItem{want: wantDirectory, counted: item.counted}
		if len(item.without) > 0 && item.without[0] == entry.Name {
			if len(item.without) == 1 {
				continue
			}
			inside.without = item.without[1:]
		}
		switch {
		case entry.Type == messages.TypeFile:
			if item.counted {
				w.files++
				w.userBytes += entry.Content.Size
			}
			w.content(entry.Content)
		case entry.Dir != nil && entry.Dir.Ref != nil:
			inside.ref = *entry.Dir.Ref
			w.descend(inside)
		case entry.Dir != nil:
			w.visitEntries(inside, entry.Dir.Entries)
		}
	}
}

// content gathers the refs of a content.
func (w *walk) content(c messages.Content) {
	if c.Pack != nil {
		for _, chunk := range c.Pack.Chunks {
			w.packChunk(chunk)
		}
	}
	for _, child := range c.Children {
		switch {
		case child.IsZero():
		case child.Level == 0:
			w.refs = append(w.refs, messages.NeededRef{Ref: child, Kind: messages.KindChunk})
		default:
			w.descend(walkItem{ref: child, want: wantContent})
		}
	}
}

func (w *walk) packChunk(ref messages.BlockRef) {
	if !w.packs.seen(ref) {
		w.refs = append(w.refs, messages.NeededRef{Ref: ref, Kind: messages.KindChunk})
	}
}

// descend puts an inner node on the stack, which is bounded, unless it was
// there lately. Depth is bounded by it too: a node cannot hold its own name.
func (w *walk) descend(item walkItem) {
	if item.isPlain() && w.nodes.seen(item.ref) {
		return
	}
	if len(w.stack) >= w.cfg.WalkStackMax {
		w.report(messages.Problem{Block: item.ref.D, Reason: "too many refs to be walked"})
		return
	}
	w.stack = append(w.stack, item)
}

// batch takes what was gathered, for one reply.
func (w *walk) batch() messages.WalkContinued {
	n := min(len(w.refs), messages.WalkBatch)
	out := messages.WalkContinued{
		Refs: w.refs[:n:n], Broken: w.broken, Files: w.files, UserBytes: w.userBytes,
	}
	w.refs = w.refs[n:]
	w.broken, w.files, w.userBytes = nil, 0, 0
	return out
}
