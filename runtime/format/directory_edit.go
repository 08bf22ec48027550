package format

import (
	"fmt"

	"github.com/noisefs/noisefs/messages"
)

// A directory tree is changed from the leaf up: look the leaf up, Edit it,
// store what that gives, Replace the child in the parent, store that, and so
// on to the root. A level that comes out as more than one node gets a parent
// ([DirectoryInner] of them all); a node that comes out as none leaves its
// parent. So a change touches as many nodes as the tree is deep. Leaves that
// have become small are not merged: building the directory anew does that.

// DirectoryEdit puts an entry into a leaf, in place of one with its name, or
// removes one.
type DirectoryEdit struct {
	Name  string
	Entry *messages.Entry // nil: remove; else Entry.Name is Name
}

// First returns the name under which a parent lists the leaf.
func (n *DirectoryLeaf) First() string { return n.Entries[0].Name }

// First returns the name under which a parent lists the node.
func (n *DirectoryInner) First() string { return n.Children[0].First }

// Edit returns the leaves that take n's place after edits, which are in
// strictly ascending order of names: one, none when no entry is left, or
// several of about equal size when one cannot hold them. n is not changed.
// Removing what is not there is no error.
func (n *DirectoryLeaf) Edit(p Params, edits []DirectoryEdit) ([]*DirectoryLeaf, error) {
	merged := make([]messages.Entry, 0, len(n.Entries)+len(edits))
	rest := n.Entries
	for i, edit := range edits {
		if i > 0 && edits[i-1].Name >= edit.Name || edit.Entry != nil && edit.Entry.Name != edit.Name {
			return nil, fmt.Errorf("%w: edits of a directory", ErrOrder)
		}
		before := (&DirectoryLeaf{Entries: rest}).From(edit.Name)
		merged = append(merged, rest[:before]...)
		if rest = rest[before:]; len(rest) > 0 && rest[0].Name == edit.Name {
			rest = rest[1:]
		}
		if edit.Entry != nil {
			merged = append(merged, *edit.Entry)
		}
	}
	return splitLeaf(p, append(merged, rest...))
}

// splitLeaf divides entries into as few leaves of about equal size as hold
// them.
func splitLeaf(p Params, entries []messages.Entry) ([]*DirectoryLeaf, error) {
	leaves, bytes, err := fillLeaves(p, entries, p.leafMax())
	if err != nil || len(leaves) < 2 {
		return leaves, err
	}
	// A second pass with the mean as the mark: else the last leaf could hold
	// one entry, and the full ones before it would split again at once.
	leaves, _, err = fillLeaves(p, entries, bytes/len(leaves))
	return leaves, err
}

// fillLeaves fills one leaf after the other up to mark bytes, and returns
// the size of all.
func fillLeaves(
	p Params, entries []messages.Entry, mark int,
) (leaves []*DirectoryLeaf, bytes int, err error) {
	var leaf leafState
	end := func() {
		if len(leaf.entries) > 0 {
			leaves = append(leaves, &DirectoryLeaf{Entries: leaf.entries})
			bytes += leaf.size()
		}
		leaf = leafState{}
	}
	for _, entry := range entries {
		if leaf.size() >= mark {
			end()
		}
		fits, err := leaf.add(p, entry)
		if err == nil && !fits {
			end()
			fits, err = leaf.add(p, entry)
		}
		if err == nil && !fits {
			err = fmt.Errorf("%w: an entry that does not fit into a node", ErrTooLarge)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	end()
	return leaves, bytes, nil
}

// Replace returns the nodes that take n's place when children take the place
// of child i: one, none when no child is left, or several of about equal
// size. children are in order and of the level of n's own. n is not changed.
func (n *DirectoryInner) Replace(
	p Params, i int, children []DirectoryChild,
) ([]*DirectoryInner, error) {
	merged := make([]DirectoryChild, 0, len(n.Children)+len(children))
	merged = append(merged, n.Children[:i]...)
	merged = append(merged, children...)
	merged = append(merged, n.Children[i+1:]...)
	if len(merged) == 0 {
		return nil, nil
	}
	if err := (&DirectoryInner{Children: merged}).check(p); err != nil {
		return nil, err
	}
	total := 0
	for _, child := range merged {
		total += childSize(child)
	}
	pieces := (total + p.leafMax() - 1) / p.leafMax()
	var nodes []*DirectoryInner
	for len(merged) > 0 {
		count, bytes := 0, 0
		for count < len(merged) && bytes < (total+pieces-1)/pieces {
			if bytes += childSize(merged[count]); bytes > p.leafMax() {
				break
			}
			count++
		}
		nodes = append(nodes, &DirectoryInner{Children: merged[:count:count]})
		merged = merged[count:]
	}
	return nodes, nil
}

// childSize returns about how many bytes a child of an inner node takes: its
// name, its ref, and at most 10 of tags and lengths.
func childSize(child DirectoryChild) int { return len(child.First) + RefSize + 10 }
