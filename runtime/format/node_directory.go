package format

import (
	"fmt"
	"sort"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/noisefs/noisefs/messages"
)

// Level implements [Node]: a leaf has level 1.
func (n *DirectoryLeaf) Level() uint8 { return 1 }

// From returns the place of the first entry whose name is at least name;
// len(Entries) when there is none. Listing goes on from there.
func (n *DirectoryLeaf) From(name string) int {
	return sort.Search(len(n.Entries), func(i int) bool { return n.Entries[i].Name >= name })
}

// Find returns the entry of that name.
func (n *DirectoryLeaf) Find(name string) (messages.Entry, bool) {
	i := n.From(name)
	if i == len(n.Entries) || n.Entries[i].Name != name {
		return messages.Entry{}, false
	}
	return n.Entries[i], true
}

// CheckRange reports ErrOrder unless all names are at least from and, if
// before is not empty, less than before: what the parent's refs promise, so
// that a tree cannot show a name that look-ups do not find.
func (n *DirectoryLeaf) CheckRange(from, before string) error {
	return checkRange(n.Entries[0].Name, n.Entries[len(n.Entries)-1].Name, from, before)
}

func (n *DirectoryLeaf) number() protowire.Number { return nodeLeaf }

func (n *DirectoryLeaf) check(Params) error {
	if len(n.Entries) == 0 {
		return fmt.Errorf("%w: a directory leaf without entries", ErrMalformed)
	}
	return nil
}

func (n *DirectoryLeaf) append(e *encoder, p Params, b []byte) ([]byte, error) {
	return e.entries(p, b, leafEntry, n.Entries, 0)
}

func (d *decoder) leaf(buf []byte) (*DirectoryLeaf, error) {
	node := new(DirectoryLeaf)
	r := newWireReader(buf, leafEntry)
	for r.next() {
		if r.num != leafEntry {
			r.unknown()
			break
		}
		if err := d.appendEntry(&node.Entries, r.message(), 0); r.err == nil && err != nil {
			return nil, err
		}
	}
	return node, r.err
}

// Level implements [Node]: one above the children.
func (n *DirectoryInner) Level() uint8 {
	if len(n.Children) == 0 {
		return 0
	}
	return n.Children[0].Ref.Level + 1
}

// Child returns the place of the child below which name is, if it is
// anywhere: the last one whose First is not greater, or 0.
func (n *DirectoryInner) Child(name string) int {
	i := sort.Search(len(n.Children), func(i int) bool { return n.Children[i].First > name })
	return max(i-1, 0)
}

// Range returns what [DirectoryLeaf.CheckRange] of child i asks for, when
// this node's own range ends before the given name (empty: no end).
func (n *DirectoryInner) Range(i int, before string) (from, end string) {
	if i+1 < len(n.Children) {
		before = n.Children[i+1].First
	}
	return n.Children[i].First, before
}

// CheckRange is what it is for a leaf, of the children's First.
func (n *DirectoryInner) CheckRange(from, before string) error {
	return checkRange(n.Children[0].First, n.Children[len(n.Children)-1].First, from, before)
}

func (n *DirectoryInner) number() protowire.Number { return nodeInner }

func (n *DirectoryInner) check(p Params) error {
	if len(n.Children) == 0 {
		return fmt.Errorf("%w: a directory node without children", ErrMalformed)
	}
	if n.Level() < 2 || n.Level() > DirectoryLevelMax {
		return fmt.Errorf("%w: a directory node of level %d", ErrBadRef, n.Level())
	}
	for i, child := range n.Children {
		if err := CheckName(child.First); err != nil {
			return err
		}
		if i > 0 && n.Children[i-1].First >= child.First {
			return fmt.Errorf("%w: names of a directory node", ErrOrder)
		}
		if err := checkLevel(p, child.Ref, n.Level()-1); err != nil {
			return err
		}
	}
	return nil
}

func (n *DirectoryInner) append(_ *encoder, _ Params, b []byte) ([]byte, error) {
	for _, child := range n.Children {
		b = appendMessage(b, innerChild, appendChild(nil, child))
	}
	return b, nil
}

func appendChild(b []byte, child DirectoryChild) []byte {
	b = appendBytes(b, childFirst, child.First)
	return appendBytes(b, childRef, AppendRef(nil, child.Ref))
}

func (d *decoder) inner(buf []byte) (*DirectoryInner, error) {
	node := new(DirectoryInner)
	r := newWireReader(buf, innerChild)
	for r.next() {
		if r.num != innerChild {
			r.unknown()
			break
		}
		child, err := d.child(r.message())
		if r.err == nil && err != nil {
			return nil, err
		}
		node.Children = append(node.Children, child)
	}
	return node, r.err
}

func (d *decoder) child(buf []byte) (child DirectoryChild, err error) {
	r := newWireReader(buf, 0)
	for r.next() {
		switch r.num {
		case childFirst:
			child.First = string(r.bytes(NameMax))
		case childRef:
			var ref *messages.BlockRef
			if ref, err = d.ref(r); err == nil {
				child.Ref = *ref
			}
		default:
			r.unknown()
		}
		if r.err == nil && err != nil {
			return child, err
		}
	}
	return child, r.err
}

func checkRange(first, last, from, before string) error {
	if first < from || before != "" && last >= before {
		return fmt.Errorf("%w: a directory node with names of another place", ErrOrder)
	}
	return nil
}
