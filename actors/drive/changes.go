package drive

import (
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// newDirectoryMode is the mode of directories that MakeDirectory makes.
const newDirectoryMode = 0o755

// writable finds a directory and gives every directory on the way to it an
// inode, so that it can take changed names. What was inside a snapshot is
// copied up: its inode gets the snapshot as its base.
func (v *view) writable(names []string) (located, error) {
	at, err := v.root()
	if err != nil {
		return located{}, err
	}
	for _, name := range names {
		next, err := v.child(at, name)
		if err != nil {
			return located{}, err
		}
		if next.kind != messages.TypeDirectory {
			return located{}, errNotDirectory()
		}
		if next.ino == 0 {
			if next.ino, err = v.addInode(next.inode); err != nil {
				return located{}, err
			}
			if err := v.attach(&at, name, next.ino); err != nil {
				return located{}, err
			}
		}
		at = next
	}
	if at.kind != messages.TypeDirectory {
		return located{}, errNotDirectory()
	}
	return at, v.require(inodeRow(at.ino))
}

// attach writes a changed name, 0 for a whiteout, into a directory.
func (v *view) attach(dir *located, name string, ino uint64) error {
	if err := v.put(dentryRow(dir.ino, name), encodeDentry(ino)); err != nil {
		return err
	}
	if dir.overlaid {
		return nil
	}
	dir.overlaid = true
	return v.putInode(dir.ino, dir.inode)
}

// detach makes a name of a directory disappear: a whiteout where the base
// has it, or may have it, else no row.
func (v *view) detach(dir *located, name string) error {
	_, err := v.lookup(dir.base, name)
	switch {
	case isMissing(err):
		return err
	case errors.Is(err, errNoEntry):
		return v.delete(dentryRow(dir.ino, name))
	}
	return v.attach(dir, name, 0)
}

// touch sets the time of a directory whose names were changed.
func (v *view) touch(dir *located) error {
	dir.ModTime, dir.ChangeTime = v.now, v.now
	return v.putInode(dir.ino, dir.inode)
}

// free finds the directory that a path names a place in, and what is there:
// nil if nothing is.
func (v *view) free(path string) (dir located, name string, there *located, err error) {
	names, bad := splitPath(path, v.cfg.PathDepthMax)
	if bad != nil {
		return dir, "", nil, bad
	}
	if len(names) == 0 {
		return dir, "", nil, errExists()
	}
	above, name := splitLast(names)
	if dir, err = v.writable(above); err != nil {
		return dir, "", nil, parentError(err)
	}
	found, err := v.child(dir, name)
	if isCode(err, messages.CodeNotFound) {
		return dir, name, nil, nil
	}
	return dir, name, &found, err
}

// parentError says that it is the directory that is not there.
func parentError(err error) error {
	if isCode(err, messages.CodeNotFound) {
		return messages.Errorf(messages.CodeNotFound, "the directory it should go to does not exist")
	}
	return err
}

// put an inode at a path. A file may replace a file.
func (v *view) place(path string, i inode, replace bool) error {
	dir, name, there, err := v.free(path)
	if err != nil {
		return err
	}
	if err := v.replace(there, i.kind, replace); err != nil {
		return err
	}
	ino, err := v.addInode(i)
	if err != nil {
		return err
	}
	if err := v.attach(&dir, name, ino); err != nil {
		return err
	}
	return v.touch(&dir)
}

// replace drops what is at a place that something of the kind is to take.
func (v *view) replace(there *located, kind messages.FileType, allowed bool) error {
	switch {
	case there == nil:
		return nil
	case !allowed, there.kind == messages.TypeDirectory, kind == messages.TypeDirectory:
		return errExists()
	}
	return v.drop(*there)
}

// drop ends an inode that no name leads to any more. A directory with
// changed names becomes an orphan, which is cleaned away bit by bit: a
// transaction is bounded, a directory is not.
func (v *view) drop(there located) error {
	file := there.kind != messages.TypeDirectory
	switch {
	case v.keepOpen && file && there.Links <= 1:
		return v.keepNameless(there)
	case there.ino == 0:
		return nil
	case there.overlaid:
		return v.put(orphanRow(there.ino), []byte{})
	case there.Links > 1:
		there.Links--
		there.ChangeTime = v.now
		return v.putInode(there.ino, there.inode)
	}
	if there.inline > 0 {
		if err := v.delete(inlineRow(there.ino)); err != nil {
			return err
		}
	}
	if there.xattrs > 0 {
		if err := v.delete(xattrsRow(there.ino)); err != nil {
			return err
		}
	}
	return v.delete(inodeRow(there.ino))
}

// makeDirectory makes a directory, and with parents those above it.
func (v *view) makeDirectory(path string, parents bool) error {
	names, bad := splitPath(path, v.cfg.PathDepthMax)
	if bad != nil {
		return bad
	}
	if len(names) == 0 && !parents {
		return errExists()
	}
	// What is there is only looked at, so that making what exists changes
	// nothing.
	at, err := v.root()
	if err != nil {
		return err
	}
	have := 0
	for have < len(names) {
		next, err := v.child(at, names[have])
		if isCode(err, messages.CodeNotFound) {
			break
		}
		if err != nil {
			return err
		}
		at = next
		have++
	}
	switch missing := len(names) - have; {
	case missing == 0 && (!parents || at.kind != messages.TypeDirectory):
		return errExists()
	case missing == 0:
		return nil
	case missing > 1 && !parents:
		return parentError(errNotFound())
	}
	return v.makeAll(names[:have], names[have:])
}

// makeAll makes directories inside each other, below one that is there.
func (v *view) makeAll(above, names []string) error {
	dir, err := v.writable(above)
	if err != nil {
		return err
	}
	for _, name := range names {
		fresh := inode{kind: messages.TypeDirectory}
		fresh.Mode, fresh.ModTime = newDirectoryMode, v.now
		ino, err := v.addInode(fresh)
		if err != nil {
			return err
		}
		if err := v.attach(&dir, name, ino); err != nil {
			return err
		}
		if err := v.touch(&dir); err != nil {
			return err
		}
		dir = located{ino, fresh}
	}
	return nil
}

// rename moves a file or directory.
func (v *view) rename(from, to string, replace bool) error {
	source, bad := splitPath(from, v.cfg.PathDepthMax)
	if bad != nil {
		return bad
	}
	target, bad := splitPath(to, v.cfg.PathDepthMax)
	if bad != nil {
		return bad
	}
	if len(source) == 0 {
		return messages.Errorf(messages.CodeInvalid, "the root directory cannot be moved")
	}
	above, name := splitLast(source)
	dir, err := v.writable(above)
	if err != nil {
		return err
	}
	moved, err := v.child(dir, name)
	if err != nil {
		return err
	}
	switch {
	case hasPrefix(target, source) && len(target) == len(source):
		v.forgetChanges()
		return nil
	case hasPrefix(target, source) && moved.kind != messages.TypeDirectory:
		return errNotDirectory()
	case hasPrefix(target, source):
		return messages.Errorf(messages.CodeInvalid, "a directory cannot go below itself")
	}
	return v.move(moved, above, name, to, replace)
}

// forgetChanges makes a decision one that changes nothing.
func (v *view) forgetChanges() {
	clear(v.changes)
	v.order = v.order[:0]
}

// move takes what is at a name to another path.
func (v *view) move(moved located, above []string, name, to string, replace bool) error {
	into, newName, there, err := v.free(to)
	if err != nil {
		return err
	}
	if there != nil && there.ino == moved.ino && moved.ino != 0 { // two names of one file
		v.forgetChanges()
		return nil
	}
	if err := v.supersede(there, moved.kind, replace); err != nil {
		return err
	}
	moved.ChangeTime = v.now
	if moved.ino == 0 {
		moved.ino, err = v.addInode(moved.inode)
	} else {
		err = v.putInode(moved.ino, moved.inode)
	}
	if err != nil {
		return err
	}
	if err := v.attach(&into, newName, moved.ino); err != nil {
		return err
	}
	if err := v.touch(&into); err != nil {
		return err
	}
	// The two directories may be one, or one above the other: look the
	// source's up again, as it is now.
	dir, err := v.writable(above)
	if err != nil {
		return err
	}
	if err := v.detach(&dir, name); err != nil {
		return err
	}
	return v.touch(&dir)
}

// remove removes a name.
func (v *view) remove(path string, recursive bool) error {
	names, bad := splitPath(path, v.cfg.PathDepthMax)
	if bad != nil {
		return bad
	}
	if len(names) == 0 {
		return messages.Errorf(messages.CodeInvalid, "the root directory cannot be removed")
	}
	above, name := splitLast(names)
	dir, err := v.writable(above)
	if err != nil {
		return err
	}
	there, err := v.child(dir, name)
	if err != nil {
		return err
	}
	if there.kind == messages.TypeDirectory && !recursive {
		if err := v.requireEmpty(there); err != nil {
			return err
		}
	}
	if err := v.detach(&dir, name); err != nil {
		return err
	}
	if err := v.drop(there); err != nil {
		return err
	}
	return v.touch(&dir)
}

// importLink gives a link a name.
func (v *view) importLink(link messages.Link, path string) error {
	i, _, err := v.fromLink(link)
	if err != nil {
		return err
	}
	return v.place(path, i, false)
}

// keep writes that a link is kept. What is kept of it already stays.
func (v *view) keep(link messages.Link, k kept) error {
	row, err := keptRow(link)
	if err != nil {
		return err
	}
	value, err := v.row(row)
	if err != nil {
		return err
	}
	if value != nil {
		before, err := decodeKept(value)
		if err != nil {
			return err
		}
		k.alone = k.alone || before.alone
		if k.path == "" {
			k.path = before.path
		}
	}
	return v.put(row, encodeKept(k))
}

// unshare ends the keeping of a link.
func (v *view) unshare(link messages.Link) error {
	row, err := keptRow(link)
	if err != nil {
		return invalid(err)
	}
	value, err := v.row(row)
	if err != nil {
		return err
	}
	if value == nil {
		return messages.Errorf(messages.CodeNotFound, "this link is not kept here")
	}
	return v.delete(row)
}

// cleanOrphan takes away up to a batch of the changed names of a removed
// directory, as rows lists them. Directories below it that have changed
// names become orphans themselves. last tells that rows are all there were.
func (v *view) cleanOrphan(ino uint64, rows []messages.Row, last bool) error {
	orphan, err := v.row(orphanRow(ino))
	if err != nil {
		return err
	}
	if orphan == nil {
		return fmt.Errorf("%w: a directory that is no orphan", errRow)
	}
	missing := false
	for _, row := range rows {
		child, err := decodeDentry(row.Value)
		if err != nil {
			return err
		}
		err = v.delete(dentryRow(ino, string(row.Key)))
		if err == nil && child != 0 {
			var there inode
			if there, err = v.inode(child); err == nil {
				err = v.drop(located{child, there})
			}
		}
		if err != nil && !isMissing(err) {
			return err
		}
		missing = missing || isMissing(err)
	}
	if last {
		if err := v.endOrphan(ino); err != nil {
			return err
		}
	}
	if missing {
		return errMissing
	}
	return nil
}

// endOrphan removes the last of an orphan: a directory that is empty now, or a
// file.
func (v *view) endOrphan(ino uint64) error {
	i, err := v.inode(ino)
	if err != nil {
		return err
	}
	i.Links = 0
	i.overlaid = false
	return errors.Join(v.drop(located{ino, i}), v.delete(orphanRow(ino)))
}

// makeRoot makes the root directory of a new drive.
func (v *view) makeRoot() error {
	fresh := inode{kind: messages.TypeDirectory}
	fresh.Mode, fresh.ModTime = newDirectoryMode, v.now
	value, err := encodeInode(v.p, fresh)
	if err != nil {
		return err
	}
	if err := v.put(inodeRow(rootInode), value); err != nil {
		return err
	}
	return v.put(leaseRow(), encodeLease(rootInode+1))
}

// changedRows lists the rows of inodes and kept links that a transaction
// writes, for the walks that are open.
func changedRows(changes []port.Change) []rowID {
	var rows []rowID
	for _, c := range changes {
		named := c.Row.Table == port.TableInodes || c.Row.Table == port.TableRoots
		if named && (c.Op == port.OpPut || c.Op == port.OpInsert) {
			rows = append(rows, rowID{c.Row.Table, string(c.Row.Group), string(c.Row.Key)})
		}
	}
	return rows
}

// newOrphans lists the directories that a transaction made orphans.
func newOrphans(changes []port.Change) []uint64 {
	var orphans []uint64
	for _, c := range changes {
		if c.Row.Table != port.TableSettings || string(c.Row.Group) != orphansGroup ||
			c.Op != port.OpPut && c.Op != port.OpInsert {
			continue
		}
		ino, err := decodeNumber(c.Row.Key)
		if err != nil {
			panic(err) // we encoded it
		}
		orphans = append(orphans, ino)
	}
	return orphans
}
