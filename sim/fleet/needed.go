package fleet

import (
	"crypto/sha256"
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/placement"
)

// needs is which blocks the files need that users know of, found by reading
// the files as a reader would, but on the disks themselves.
type needs struct {
	run   *run
	files map[messages.CID]int // how many files need a block
	cids  []messages.CID       // of files, in the order they came to be needed
}

func newNeeds(r *run) *needs { return &needs{run: r, files: make(map[messages.CID]int)} }

// add takes in a file that was acknowledged. All of it has to be on its
// owner's disk by then.
func (n *needs) add(f *file) {
	owner := n.run.members[f.owner]
	blocks, err := n.tuplesOf(f, func(cid messages.CID) []byte {
		data := wholeOn(owner, cid)
		for i := 0; data == nil && n.run.lossy() && i < len(n.run.members); i++ {
			data = wholeOn(n.run.members[i], cid) // it rotted at its owner's
		}
		return data
	})
	if err != nil && n.run.lossy() {
		f.broken = true
	} else if err != nil {
		n.run.checks.violated(checkDurable, "file %d is acknowledged, and not on its owner's disk: %v",
			f.number, err)
		return
	}
	n.run.checks.times[checkDurable]++
	f.blocks = blocks
	for _, cid := range blocks {
		if n.files[cid] == 0 {
			n.cids = append(n.cids, cid)
		}
		n.files[cid]++
	}
}

// remove takes in that a file was deleted.
func (n *needs) remove(f *file) {
	for _, cid := range f.blocks {
		if n.files[cid]--; n.files[cid] == 0 {
			delete(n.files, cid)
		}
	}
	kept := n.cids[:0]
	for _, cid := range n.cids {
		if n.files[cid] > 0 {
			kept = append(kept, cid)
		}
	}
	n.cids = kept
}

// tuplesOf returns D, A and B of every block of a file, its root first.
func (n *needs) tuplesOf(f *file, get func(messages.CID) []byte) ([]messages.CID, error) {
	w := walk{params: n.run.config.Params, get: get}
	data, err := w.open(messages.KindNode, f.link.Root)
	if err != nil {
		return nil, err
	}
	node, err := format.DecodeNode(w.params, f.link.Root.Level, data)
	if err != nil {
		return nil, err
	}
	root, ok := node.(*format.FileRoot)
	if !ok {
		return nil, fmt.Errorf("its root is a %T", node)
	}
	refs := root.Content.Children
	if root.Content.Pack != nil {
		refs = root.Content.Pack.Chunks
	}
	return w.tuples, w.below(refs)
}

// walk reads a file from disks.
type walk struct {
	params format.Params
	get    func(messages.CID) []byte // nil: it is not to be had
	tuples []messages.CID
}

func (w *walk) open(kind messages.BlockKind, ref messages.BlockRef) ([]byte, error) {
	var tuple [3][]byte
	for i, cid := range ref.Tuple() {
		w.tuples = append(w.tuples, cid)
		if tuple[i] = w.get(cid); tuple[i] == nil {
			return nil, fmt.Errorf("block %s is missing", cid.Short())
		}
	}
	return format.Open(w.params, kind, ref, tuple[0], tuple[1], tuple[2], nil)
}

func (w *walk) below(refs []messages.BlockRef) error {
	for _, ref := range refs {
		if ref.IsZero() {
			continue // a hole
		}
		if ref.Level == 0 {
			if _, err := w.open(messages.KindChunk, ref); err != nil {
				return err
			}
			continue
		}
		data, err := w.open(messages.KindNode, ref)
		if err != nil {
			return err
		}
		node, err := format.DecodeNode(w.params, ref.Level, data)
		if err != nil {
			return err
		}
		if err := w.below(node.(*format.ContentNode).Children); err != nil {
			return err
		}
	}
	return nil
}

// wholeOn returns a block's bytes from a node's disk, or nil if they are not
// there or rotten.
func wholeOn(m *member, cid messages.CID) []byte {
	data, err := m.machine.Blocks().Get(cid, nil, false)
	m.machine.Disk().TakeCost() // a checker takes no time
	if err != nil || sha256.Sum256(data) != cid {
		return nil
	}
	return data
}

// isLost reports whether no living node has a block any more, for whatever
// reason it may be kept.
func (n *needs) isLost(cid messages.CID) bool {
	for _, holding := range []bool{true, false} { // they are the likelier ones
		for _, m := range n.run.members {
			_, holds := n.run.checks.replicas[cid][m.number]
			if holds == holding && m.alive && wholeOn(m, cid) != nil {
				return false
			}
		}
	}
	return true
}

// lost counts the blocks that are lost.
func (n *needs) lost() int {
	count := 0
	for _, cid := range n.cids {
		if n.isLost(cid) {
			count++
		}
	}
	for _, f := range n.run.catalog.ready {
		if f.broken {
			count++
		}
	}
	return count
}

// lostOf reports whether any block of a file is lost.
func (n *needs) lostOf(f *file) bool {
	if f.broken {
		return true
	}
	for _, cid := range f.blocks {
		if n.isLost(cid) {
			return true
		}
	}
	return false
}

// under counts the blocks with fewer living holders than the least that the
// policy gives every block. What is lost cannot have more.
func (n *needs) under() int {
	count, least, lossy := 0, n.run.leastHolders(), n.run.lossy()
	for _, cid := range n.cids {
		if n.run.checks.holders(cid) < least && !(lossy && n.isLost(cid)) {
			count++
		}
	}
	return count
}

// found reports whether every block has that many living holders among those
// whom a reader asks who knows everybody: others have to be moved first.
func (n *needs) found(view *messages.View) bool {
	least, lossy := n.run.leastHolders(), n.run.lossy()
	for _, cid := range n.cids {
		found := 0
		for _, id := range placement.Order(view, cid, n.run.config.Network.Fetcher.TriedMax) {
			m := n.run.byID[id]
			if _, holds := n.run.checks.replicas[cid][m.number]; holds && m.alive {
				found++
			}
		}
		if found < least && !(lossy && n.isLost(cid)) {
			return false
		}
	}
	return true
}

// replicasMean is the mean number of living holders.
func (n *needs) replicasMean() float64 {
	if len(n.cids) == 0 {
		return 0
	}
	total := 0
	for _, cid := range n.cids {
		total += n.run.checks.holders(cid)
	}
	return float64(total) / float64(len(n.cids))
}

// fewest tells of one of the blocks with the fewest living holders, as far as
// they are not lost.
func (n *needs) fewest() string {
	checks := n.run.checks
	worst, least := messages.CID{}, len(n.run.members)+1
	for _, cid := range n.cids {
		if held := checks.holders(cid); held < least && !n.isLost(cid) {
			worst, least = cid, held
		}
	}
	text := fmt.Sprintf("block %s has %d of %d", worst.Short(), least, n.run.leastHolders())
	for _, m := range n.run.members {
		if _, holds := checks.replicas[worst][m.number]; holds && m.alive {
			text += ", " + m.node.Name()
		}
	}
	return text
}
