package drive

import "github.com/noisefs/noisefs/messages"

// makeEntry makes what has no content yet.
func (v *view) makeEntry(m messages.MakeEntry) error {
	fresh := inode{kind: m.Type, target: m.Target}
	fresh.Mode, fresh.ModTime = m.Mode, v.now
	if err := checkInode(v.p, &fresh); err != nil {
		return messages.Errorf(messages.CodeInvalid, "no such entry can be made")
	}
	return v.place(m.Path, fresh, false)
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
	above, name := splitLast(names)
	dir, err := v.writable(above)
	if err != nil {
		return located{}, err
	}
	at, err := v.child(dir, name)
	if err := orNotFound(err, at.shown() == number); err != nil {
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
	at, err := v.held(m.Path, m.Inode)
	if err != nil {
		return err
	}
	if m.Mode != nil {
		at.Mode = *m.Mode
	}
	if m.ModTime != nil {
		at.ModTime = m.ModTime.UTC()
	}
	return v.putInode(at.ino, at.inode)
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
