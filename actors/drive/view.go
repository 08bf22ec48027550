package drive

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
)

// A decision on names is a pure function of a view: what is known of the
// index and of the snapshots. It returns errMissing when it needs more; the
// view notes what. The actor reads that and runs the decision again from its
// beginning. So a decision is plain code without callbacks, and its last run
// sees one state of the drive from beginning to end: the actor keeps every
// view up to date with each change it commits.

// view is what one decision knows, and the changes that it wants.
type view struct {
	p      format.Params
	cfg    *Config
	shared *memory

	rows    map[rowID][]byte // nil: there is no such row
	learned []rowID          // the keys of rows, in the order they came
	nodes   map[messages.BlockRef]nodeRead
	windows map[uint64]*window // by inode of the directory
	hidden  map[uint64]string  // no name of the directory up to here is visible

	keepOpen bool   // what loses its last name is kept
	kept     uint64 // the row of what was

	// Set anew for every run.
	now       time.Time
	next      uint64 // the first inode number that is free
	leased    uint64 // the first that is not leased
	allocated uint64
	changes   map[rowID]change
	order     []rowID // of changes, as they were made
	missing   needs
}

// nodeRead is a decoded node, or why it cannot be read.
type nodeRead struct {
	node format.Node
	err  *messages.Error
}

// needs lists what a run lacked.
type needs struct {
	rows    []rowID
	nodes   []messages.BlockRef
	windows []windowNeed
}

// windowNeed asks for the changed names of a directory from after on.
type windowNeed struct {
	directory uint64
	after     string
}

func (n *needs) isEmpty() bool {
	return len(n.rows) == 0 && len(n.nodes) == 0 && len(n.windows) == 0
}

// change is what a decision wants of one row.
type change struct {
	op    port.Op // OpPut, OpDelete, or OpMatch for a row that must stay
	value []byte
	fresh bool // the row cannot be there yet
}

func newView(p format.Params, cfg *Config, shared *memory) *view {
	return &view{
		p: p, cfg: cfg, shared: shared,
		rows:    make(map[rowID][]byte),
		nodes:   make(map[messages.BlockRef]nodeRead),
		windows: make(map[uint64]*window),
		hidden:  make(map[uint64]string),
	}
}

// begin starts a run.
func (v *view) begin(now time.Time, next, leased uint64) {
	v.now, v.next, v.leased, v.allocated = now, next, leased, 0
	v.changes = make(map[rowID]change)
	v.order = v.order[:0]
	v.missing = needs{}
}

// row returns the value of a row, nil when there is none, as the run's own
// changes left it.
func (v *view) row(id rowID) ([]byte, error) {
	if c, ok := v.changes[id]; ok && c.op != port.OpMatch {
		return c.value, nil
	}
	if value, ok := v.rows[id]; ok {
		return value, nil
	}
	if value, ok := v.shared.row(id); ok {
		v.knowRead(id, value)
		return value, nil
	}
	if !slices.Contains(v.missing.rows, id) {
		v.missing.rows = append(v.missing.rows, id)
	}
	return nil, errMissing
}

// node returns a decoded node. Its errors are those of the reader, and
// CodeCorrupt for a block that is no node.
func (v *view) node(ref messages.BlockRef) (format.Node, error) {
	read, ok := v.nodes[ref]
	if !ok {
		node, found := v.shared.node(ref)
		if !found {
			if !slices.Contains(v.missing.nodes, ref) {
				v.missing.nodes = append(v.missing.nodes, ref)
			}
			return nil, errMissing
		}
		read = nodeRead{node: node}
		v.nodes[ref] = read
	}
	if read.err != nil {
		return nil, read.err
	}
	return read.node, nil
}

// window returns changed names of a directory that are greater than after.
// It does not show the run's own changes.
func (v *view) window(directory uint64, after string) (*window, error) {
	w, ok := v.windows[directory]
	if !ok || !w.covers(after) {
		if kept, found := v.shared.windows.get(directory); found && kept.covers(after) {
			v.windows[directory] = kept
			return kept, nil
		}
		v.missing.windows = append(v.missing.windows, windowNeed{directory, after})
		return nil, errMissing
	}
	return w, nil
}

// skip notes that all names of a directory up to one are hidden, so that the
// next run begins behind it, and lets go of the nodes read so far.
func (v *view) skip(directory uint64, name string) error {
	v.hidden[directory] = name
	clear(v.nodes)
	return errMissing
}

// put writes a row.
func (v *view) put(id rowID, value []byte) error {
	return v.change(id, change{op: port.OpPut, value: value})
}

// delete removes a row.
func (v *view) delete(id rowID) error { return v.change(id, change{op: port.OpDelete}) }

// require makes the changes depend on a row that stays as it is.
func (v *view) require(id rowID) error {
	if _, ok := v.changes[id]; ok {
		return nil
	}
	return v.change(id, change{op: port.OpMatch})
}

// insert writes a row that cannot be there: of a new inode number.
func (v *view) insert(id rowID, value []byte) {
	v.note(id, change{op: port.OpPut, value: value, fresh: true})
}

func (v *view) change(id rowID, c change) error {
	if _, err := v.row(id); err != nil {
		return err
	}
	c.fresh = v.changes[id].fresh
	v.note(id, c)
	return nil
}

func (v *view) note(id rowID, c change) {
	if _, ok := v.changes[id]; !ok {
		v.order = append(v.order, id)
	}
	v.changes[id] = c
}

// allocate takes an inode number. When the lease is used up, the changes
// take the next one.
func (v *view) allocate() (uint64, error) {
	ino := v.next + v.allocated
	if ino >= v.leased {
		if err := v.put(leaseRow(), encodeLease(ino+uint64(v.cfg.InodeLease))); err != nil {
			return 0, err
		}
		v.leased = ino + uint64(v.cfg.InodeLease)
	}
	v.allocated++
	return ino, nil
}

// txn returns the changes as a transaction that fails unless every row is
// what the decision was made on. nil when nothing changes.
func (v *view) txn() []port.Change {
	var out []port.Change
	changed := false
	for _, id := range v.order {
		c := v.changes[id]
		if c.fresh {
			if c.op == port.OpPut {
				out = append(out, port.Change{Op: port.OpInsert, Row: id.port(), Value: c.value})
				changed = true
			}
			continue
		}
		before := v.rows[id]
		same := (before == nil) == (c.value == nil) && slices.Equal(before, c.value)
		if c.op == port.OpMatch || same {
			out = append(out, port.Change{Op: port.OpMatch, Row: id.port(), Value: before})
			continue
		}
		changed = true
		if before == nil {
			out = append(out, port.Change{Op: port.OpInsert, Row: id.port(), Value: c.value})
			continue
		}
		out = append(out,
			port.Change{Op: port.OpMatch, Row: id.port(), Value: before},
			port.Change{Op: c.op, Row: id.port(), Value: c.value})
	}
	if !changed {
		return nil
	}
	return out
}

// know tells the view a row as it is in the index now.
func (v *view) know(id rowID, value []byte) {
	if _, ok := v.rows[id]; !ok {
		v.learned = append(v.learned, id)
	}
	v.rows[id] = value
	if id.table != port.TableDentries {
		return
	}
	parent := parentOf(id)
	delete(v.hidden, parent)
	if w, ok := v.windows[parent]; ok {
		w.set(id.key, value)
	}
}

// parentOf returns the directory that a dentry row is of.
func parentOf(id rowID) uint64 {
	parent, err := decodeNumber([]byte(id.group))
	if err != nil {
		panic(fmt.Errorf("drive: a dentry without a parent: %w", err))
	}
	return parent
}

// knowRead tells the view a row that was read. What the view learnt of a
// commit since is newer, and stands.
func (v *view) knowRead(id rowID, value []byte) {
	if _, ok := v.rows[id]; !ok {
		v.rows[id] = value
		v.learned = append(v.learned, id)
	}
}

// publish puts what the view knows into the shared memory. The view is up to
// date, so it may.
func (v *view) publish() {
	for _, id := range v.learned {
		v.shared.keep(id, v.rows[id])
	}
	for _, directory := range slices.Sorted(maps.Keys(v.windows)) {
		if w := v.windows[directory]; w.ready {
			v.shared.windows.put(directory, w)
		}
	}
}

// inode returns an inode that a dentry names, so it must be there.
func (v *view) inode(ino uint64) (inode, error) {
	value, err := v.row(inodeRow(ino))
	if err != nil {
		return inode{}, err
	}
	if value == nil {
		return inode{}, fmt.Errorf("%w: a name leads to no inode", errRow)
	}
	return decodeInode(v.p, value)
}

// putInode writes an inode that is there.
func (v *view) putInode(ino uint64, i inode) error {
	value, err := encodeInode(v.p, i)
	if err != nil {
		return err
	}
	return v.put(inodeRow(ino), value)
}

// addInode writes a new inode.
func (v *view) addInode(i inode) (uint64, error) {
	value, err := encodeInode(v.p, i)
	if err != nil {
		return 0, err
	}
	ino, err := v.allocate()
	if err != nil {
		return 0, err
	}
	v.insert(inodeRow(ino), value)
	return ino, nil
}

// isMissing reports whether err only says that more must be read.
func isMissing(err error) bool { return errors.Is(err, errMissing) }
