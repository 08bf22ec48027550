package drive

import (
	"errors"
	"fmt"
	"sort"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// errNoEntry: a directory of a snapshot has no entry of that name.
var errNoEntry = errors.New("drive: no such entry")

// place is where the entries of a snapshot's directory are: in a tree of
// nodes below ref, or inline in the node holder, reached from there by below.
type place struct {
	ref     *messages.BlockRef
	entries []messages.Entry
	holder  snapshot // the directory itself
}

// open finds where a snapshot's entries are.
func (v *view) open(s snapshot) (place, error) {
	if s.isEmpty() {
		return place{}, nil
	}
	node, err := v.node(*s.ref)
	if err != nil {
		return place{}, err
	}
	at := place{holder: snapshot{ref: s.ref}}
	switch n := node.(type) {
	case *format.DirectoryRoot:
		at.ref, at.entries = n.Directory.Ref, n.Directory.Entries
	case *format.DirectoryLeaf, *format.DirectoryInner:
		at.ref = s.ref
	default:
		return place{}, corrupt(fmt.Errorf("%w: a directory was due", format.ErrMalformed))
	}
	for _, name := range s.below {
		entry, inside, err := v.find(at, name)
		if err == nil && entry.Type != messages.TypeDirectory {
			err = errNoEntry
		}
		if errors.Is(err, errNoEntry) {
			return place{}, corrupt(fmt.Errorf("%w: an inline directory is not there",
				format.ErrMalformed))
		}
		if err != nil {
			return place{}, err
		}
		at = inside
	}
	return at, nil
}

// lookup returns an entry of a snapshot's directory as an inode; errNoEntry.
func (v *view) lookup(s snapshot, name string) (inode, error) {
	at, err := v.open(s)
	if err != nil {
		return inode{}, err
	}
	entry, inside, err := v.find(at, name)
	if err != nil {
		return inode{}, err
	}
	return fromEntry(entry, inside.holder), nil
}

// find returns an entry, and for a directory where its own entries are.
func (v *view) find(at place, name string) (messages.Entry, place, error) {
	entries, holder := at.entries, at.holder
	if at.ref != nil {
		leaf, ref, err := v.leaf(*at.ref, name)
		if err != nil {
			return messages.Entry{}, place{}, err
		}
		entries, holder = leaf.Entries, snapshot{ref: &ref}
	}
	i := firstFrom(entries, name)
	if i == len(entries) || entries[i].Name != name {
		return messages.Entry{}, place{}, errNoEntry
	}
	return entries[i], inside(entries[i], holder), nil
}

// inside is where the entries of a directory's entry are. holder is the
// directory that has the entry, by the node that holds it.
func inside(entry messages.Entry, holder snapshot) place {
	switch dir := entry.Dir; {
	case dir == nil:
		return place{}
	case dir.Ref != nil:
		return place{ref: dir.Ref, holder: snapshot{ref: dir.Ref}}
	case len(dir.Entries) == 0:
		return place{}
	default:
		below := append(holder.below[:len(holder.below):len(holder.below)], entry.Name)
		return place{entries: dir.Entries, holder: snapshot{holder.ref, below}}
	}
}

// leaf descends to the leaf whose names enclose name.
func (v *view) leaf(ref messages.BlockRef, name string) (
	*format.DirectoryLeaf, messages.BlockRef, error,
) {
	from, before := "", ""
	for {
		node, err := v.node(ref)
		if err != nil {
			return nil, ref, err
		}
		switch n := node.(type) {
		case *format.DirectoryLeaf:
			if err := n.CheckRange(from, before); err != nil {
				return nil, ref, corrupt(err)
			}
			return n, ref, nil
		case *format.DirectoryInner:
			if err := n.CheckRange(from, before); err != nil {
				return nil, ref, corrupt(err)
			}
			i := n.Child(name)
			from, before = n.Range(i, before)
			ref = n.Children[i].Ref
		default:
			return nil, ref, corrupt(fmt.Errorf("%w: a directory was due", format.ErrMalformed))
		}
	}
}

// after returns up to limit entries with names greater than name, in order,
// as inodes, and whether there may be more.
func (v *view) after(at place, name string, limit int) (found []named, more bool, err error) {
	if at.ref == nil {
		entries := at.entries[firstAfter(at.entries, name):]
		return takeEntries(nil, entries, at.holder, limit), len(entries) > limit, nil
	}
	err = v.scan(*at.ref, name, "", "", func(leaf *format.DirectoryLeaf, ref messages.BlockRef) bool {
		entries := leaf.Entries[firstAfter(leaf.Entries, name):]
		room := limit - len(found)
		found = takeEntries(found, entries, snapshot{ref: &ref}, room)
		more = len(entries) > room || len(found) == limit
		return len(found) < limit
	})
	if err != nil && !errors.Is(err, errStop) {
		return nil, false, err
	}
	return found, more, nil
}

// errStop ends a scan early.
var errStop = errors.New("drive: enough")

// scan calls each for the leaves that may hold names greater than name, in
// order, until it returns false: then it returns errStop.
func (v *view) scan(
	ref messages.BlockRef, name, from, before string,
	each func(leaf *format.DirectoryLeaf, ref messages.BlockRef) bool,
) error {
	node, err := v.node(ref)
	if err != nil {
		return err
	}
	switch n := node.(type) {
	case *format.DirectoryLeaf:
		if err := n.CheckRange(from, before); err != nil {
			return corrupt(err)
		}
		if !each(n, ref) {
			return errStop
		}
	case *format.DirectoryInner:
		if err := n.CheckRange(from, before); err != nil {
			return corrupt(err)
		}
		for i := n.Child(name); i < len(n.Children); i++ {
			childFrom, childBefore := n.Range(i, before)
			err := v.scan(n.Children[i].Ref, name, childFrom, childBefore, each)
			if err != nil {
				return err
			}
		}
	default:
		return corrupt(fmt.Errorf("%w: a directory was due", format.ErrMalformed))
	}
	return nil
}

// named is an inode with its name in a directory.
type named struct {
	name string
	ino  uint64 // 0 inside a snapshot
	inode
}

func takeEntries(found []named, entries []messages.Entry, holder snapshot, limit int) []named {
	for _, entry := range entries[:min(limit, len(entries))] {
		at := inside(entry, holder)
		found = append(found, named{name: entry.Name, inode: fromEntry(entry, at.holder)})
	}
	return found
}

// fromEntry makes an inode of an entry; base is where a directory's own
// entries are.
func fromEntry(entry messages.Entry, base snapshot) inode {
	i := inode{kind: entry.Type, Attributes: entry.Attributes, target: entry.Target}
	switch entry.Type {
	case messages.TypeFile:
		i.content = entry.Content
	case messages.TypeDirectory:
		i.base = base
	}
	return i
}

// fromLink makes an inode of what a link opens, and returns the root's name.
// CodeInvalid when the link says another kind than its root is.
func (v *view) fromLink(link messages.Link) (inode, string, error) {
	node, err := v.node(link.Root)
	if err != nil {
		return inode{}, "", err
	}
	ref := link.Root
	switch n := node.(type) {
	case *format.FileRoot:
		if link.Kind == messages.LinkFile {
			i := inode{kind: messages.TypeFile, Attributes: n.Attributes}
			i.root, i.size = &ref, n.Content.Size
			return i, n.Name, nil
		}
	case *format.DirectoryRoot:
		if link.Kind == messages.LinkDirectory {
			i := inode{kind: messages.TypeDirectory, Attributes: n.Attributes}
			i.base.ref = &ref
			return i, n.Name, nil
		}
	}
	return inode{}, "", messages.Errorf(messages.CodeInvalid,
		"the link does not lead to what it says it does")
}

// contentOf returns where a file's bytes are; of a file with a root of its
// own, as the root says.
func (v *view) contentOf(i located) (messages.Content, error) {
	switch {
	case i.inline > 0:
		return v.inlineContent(i)
	case i.root == nil:
		return i.content, nil
	}
	node, err := v.node(*i.root)
	if err != nil {
		return messages.Content{}, err
	}
	root, ok := node.(*format.FileRoot)
	if !ok || root.Content.Size != i.size {
		return messages.Content{}, corrupt(fmt.Errorf("%w: a file's root was due",
			format.ErrMalformed))
	}
	return root.Content, nil
}

// firstFrom is the place of the first entry whose name is at least name.
func firstFrom(entries []messages.Entry, name string) int {
	return sort.Search(len(entries), func(i int) bool { return entries[i].Name >= name })
}

// firstAfter is the place of the first entry whose name is greater.
func firstAfter(entries []messages.Entry, name string) int {
	return sort.Search(len(entries), func(i int) bool { return entries[i].Name > name })
}
