package drive

import (
	"time"

	"github.com/noisefs/noisefs/messages"
)

// makeEntry makes what has no content yet.
func (v *view) makeEntry(m messages.MakeEntry) error {
	fresh := inode{kind: m.Type, target: m.Target}
	fresh.Mode, fresh.ModTime = m.Mode, v.now
	fresh.Owner, fresh.Special, fresh.Device = m.Owner, m.Special, m.Device
	if err := v.inherit(&fresh, m.Path); err != nil {
		return err
	}
	if err := checkInode(v.p, &fresh); err != nil {
		return messages.Errorf(messages.CodeInvalid, "no such entry can be made")
	}
	return v.place(m.Path, fresh, false)
}

// setGroupID is the bit of a directory's mode that passes on its group.
const setGroupID = 0o2000

// inherit gives a new entry what its directory passes on.
func (v *view) inherit(fresh *inode, path string) error {
	names, bad := splitPath(path, v.cfg.PathDepthMax)
	if bad != nil || len(names) == 0 || fresh.Owner == nil {
		return nil // which place will say
	}
	above, _ := splitLast(names)
	root, err := v.root()
	if err != nil {
		return err
	}
	dir, err := v.walk(root, above)
	if isMissing(err) {
		return err
	}
	if err != nil || dir.Mode&setGroupID == 0 || dir.Owner == nil {
		return nil
	}
	fresh.Owner = &messages.Owner{UID: fresh.Owner.UID, GID: dir.Owner.GID}
	if fresh.kind == messages.TypeDirectory {
		fresh.Mode |= setGroupID
	}
	return nil
}

// linksMax bounds the names of one file, as ext4 does.
const linksMax = 65000

// hardLink gives a file one more name.
func (v *view) hardLink(m messages.HardLink) error {
	at, err := v.held(m.Path, m.Inode)
	if err != nil {
		return err
	}
	if at.kind == messages.TypeDirectory {
		return messages.Errorf(messages.CodeIsDirectory, "a directory has one name")
	}
	into, name, there, err := v.free(m.To)
	if err != nil {
		return err
	}
	if there != nil {
		return errExists()
	}
	if at.Links = max(1, at.Links) + 1; at.Links > linksMax {
		return overloaded("names of a file")
	}
	at.ChangeTime = v.now
	if err := v.putInode(at.ino, at.inode); err != nil {
		return err
	}
	if err := v.attach(&into, name, at.ino); err != nil {
		return err
	}
	return v.touch(&into)
}

// exchange lets what is at two paths change places.
func (v *view) exchange(from, to string) error {
	one, bad := splitPath(from, v.cfg.PathDepthMax)
	if bad != nil {
		return bad
	}
	two, bad := splitPath(to, v.cfg.PathDepthMax)
	if bad != nil {
		return bad
	}
	if hasPrefix(one, two) || hasPrefix(two, one) {
		if len(one) == len(two) {
			return nil
		}
		return messages.Errorf(messages.CodeInvalid, "a directory cannot go below itself")
	}
	var numbers [2]uint64
	for n, names := range [][]string{one, two} {
		at, err := v.rowed(names)
		if err != nil {
			return err
		}
		at.ChangeTime = v.now
		if err := v.putInode(at.ino, at.inode); err != nil {
			return err
		}
		numbers[n] = at.ino
	}
	for n, names := range [][]string{one, two} {
		above, name := splitLast(names)
		dir, err := v.writable(above)
		if err != nil {
			return err
		}
		if err := v.attach(&dir, name, numbers[1-n]); err != nil {
			return err
		}
		if err := v.touch(&dir); err != nil {
			return err
		}
	}
	return nil
}

// heldOr is held, or finds a file without a name.
func (v *view) heldOr(row uint64, path string, number uint64) (located, error) {
	if row != 0 {
		return v.nameless(row)
	}
	return v.held(path, number)
}

// held finds the entry of a number at a path and gives it a row. The directory
// of an entry that got its row just now is written with it.
func (v *view) held(path string, number uint64) (located, error) {
	names, bad := splitPath(path, v.cfg.PathDepthMax)
	if bad != nil {
		return located{}, bad
	}
	if len(names) == 0 {
		at, err := v.root()
		return at, orNotFound(err, at.ino == number)
	}
	at, err := v.rowed(names)
	return at, orNotFound(err, at.shown() == number)
}

// rowed finds the entry at a path below the root and gives it a row.
func (v *view) rowed(names []string) (located, error) {
	above, name := splitLast(names)
	dir, err := v.writable(above)
	if err != nil {
		return located{}, err
	}
	at, err := v.child(dir, name)
	if err != nil {
		return located{}, err
	}
	if at.ino != 0 {
		return at, v.require(inodeRow(at.ino))
	}
	if at.ino, err = v.addInode(at.inode); err != nil {
		return located{}, err
	}
	return at, v.attach(&dir, name, at.ino)
}

// orNotFound is err, or that the right one was not found.
func orNotFound(err error, found bool) error {
	if err == nil && !found {
		return errNotFound()
	}
	return err
}

// setAttributes changes attributes of an entry.
func (v *view) setAttributes(m messages.SetAttributes) error {
	at, err := v.heldOr(m.Row, m.Path, m.Inode)
	if err != nil {
		return err
	}
	if m.Mode != nil {
		at.Mode = *m.Mode
	}
	if m.ModTime != nil {
		at.setModTime(m.ModTime.UTC())
	}
	if m.AccessTime != nil {
		at.AccessTime = m.AccessTime.UTC()
	}
	if m.UID != nil || m.GID != nil {
		at.setOwner(m)
	}
	at.ChangeTime = v.now
	return v.putInode(at.ino, at.inode)
}

// setModTime sets the time of modification alone.
func (i *inode) setModTime(t time.Time) {
	if i.AccessTime.IsZero() {
		i.AccessTime = i.ModTime
	}
	i.ModTime = t
}

func (i *inode) setOwner(m messages.SetAttributes) {
	owner := m.Before
	if i.Owner != nil {
		owner = *i.Owner
	}
	if m.UID != nil {
		owner.UID = *m.UID
	}
	if m.GID != nil {
		owner.GID = *m.GID
	}
	i.Owner = &owner
}

// supersede drops what is at a place that something else is moved to.
func (v *view) supersede(there *located, kind messages.FileType, allowed bool) error {
	directory := kind == messages.TypeDirectory
	switch {
	case there == nil, !allowed, !directory, there.kind != messages.TypeDirectory:
		return v.replace(there, kind, allowed)
	}
	if err := v.requireEmpty(*there); err != nil {
		return err
	}
	return v.drop(*there)
}

// requireEmpty refuses a directory that has entries.
func (v *view) requireEmpty(dir located) error {
	entries, more, err := v.entries(dir, "", 1)
	if err != nil {
		return err
	}
	if len(entries) > 0 || more {
		return messages.Errorf(messages.CodeNotEmpty, "directory not empty")
	}
	return nil
}
