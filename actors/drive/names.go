package drive

import (
	"errors"

	"github.com/noisefs/noisefs/messages"
)

// located is what a path leads to.
type located struct {
	ino uint64 // 0 inside a snapshot
	inode
}

// root is the root directory of the drive.
func (v *view) root() (located, error) {
	i, err := v.inode(rootInode)
	return located{rootInode, i}, err
}

// child finds a name in a directory: a changed name first, then the base.
func (v *view) child(dir located, name string) (located, error) {
	if dir.kind != messages.TypeDirectory {
		return located{}, errNotDirectory()
	}
	if dir.overlaid {
		value, err := v.row(dentryRow(dir.ino, name))
		if err != nil {
			return located{}, err
		}
		if value != nil {
			return v.named(value)
		}
	}
	i, err := v.lookup(dir.base, name)
	if errors.Is(err, errNoEntry) {
		return located{}, errNotFound()
	}
	i.number = numberBelow(dir.shown(), name)
	return located{0, i}, notHad(err)
}

// named returns what a dentry names.
func (v *view) named(value []byte) (located, error) {
	ino, err := decodeDentry(value)
	if err != nil {
		return located{}, err
	}
	if ino == 0 {
		return located{}, errNotFound()
	}
	i, err := v.inode(ino)
	return located{ino, i}, err
}

// walk follows names from a directory.
func (v *view) walk(at located, names []string) (located, error) {
	for _, name := range names {
		var err error
		if at, err = v.child(at, name); err != nil {
			return located{}, err
		}
	}
	return at, nil
}

// target finds what a Target names, and its last name: a root's own when
// the link itself is meant.
func (v *view) target(t messages.Target) (located, string, error) {
	names, bad := splitPath(t.Path, v.cfg.PathDepthMax)
	if bad != nil {
		return located{}, "", bad
	}
	var at located
	var name string
	var err error
	if t.Link != nil {
		at.inode, name, err = v.fromLink(*t.Link)
	} else {
		at, err = v.root()
	}
	if err != nil {
		return located{}, "", err
	}
	if len(names) > 0 {
		name = names[len(names)-1]
	}
	at, err = v.walk(at, names)
	return at, name, err
}

// stat describes a target.
func (v *view) stat(m messages.Stat) (messages.Info, messages.Content, error) {
	at, name, err := v.target(m.Target)
	if err != nil {
		return messages.Info{}, messages.Content{}, err
	}
	var content messages.Content
	if at.kind == messages.TypeFile && !m.InfoOnly {
		if content, err = v.contentOf(at); err != nil {
			return messages.Info{}, messages.Content{}, err
		}
	}
	return info(name, at), content, nil
}

func info(name string, i located) messages.Info {
	return messages.Info{
		Name: name, Type: i.kind, Size: i.bytes(), Inode: i.shown(),
		Attributes: i.Attributes, Posix: i.Posix, Target: i.target,
	}
}

// list returns up to limit entries of a target with names greater than
// after, in order, and whether there are more.
func (v *view) list(t messages.Target, after string, limit int) ([]messages.Info, bool, error) {
	if limit < 1 || limit > messages.ListMax {
		return nil, false, messages.Errorf(messages.CodeInvalid,
			"a limit of %d, want 1..%d", limit, messages.ListMax)
	}
	dir, _, err := v.target(t)
	if err != nil {
		return nil, false, err
	}
	found, more, err := v.entries(dir, after, limit)
	if err != nil {
		return nil, false, err
	}
	infos := make([]messages.Info, len(found))
	for i := range found {
		at := located{found[i].ino, found[i].inode}
		if at.ino == 0 {
			at.number = numberBelow(dir.shown(), found[i].name)
		}
		infos[i] = info(found[i].name, at)
	}
	return infos, more, nil
}

// basePage is the least number of base entries that are looked at in one
// run: where most of them are hidden, it saves runs.
const basePage = 256

// entries returns entries of a directory with names greater than after, in
// order, at most limit, and whether there may be more. A changed name hides
// the base's. It looks at one page of the base and one window of changed
// names, so what it returns may be short; it is empty only at the end.
func (v *view) entries(dir located, after string, limit int) ([]named, bool, error) {
	if dir.kind != messages.TypeDirectory {
		return nil, false, errNotDirectory()
	}
	after = max(after, v.hidden[dir.ino])
	at, err := v.open(dir.base)
	if err != nil {
		return nil, false, err
	}
	lower, more, err := v.after(at, after, max(limit+1, basePage))
	if err != nil {
		return nil, false, err
	}
	horizon := "" // both were read up to here; "": to the end
	if more && len(lower) > 0 {
		horizon = lower[len(lower)-1].name
	}
	var upper []dentry
	if dir.overlaid {
		w, err := v.window(dir.ino, after)
		if err != nil {
			return nil, false, err
		}
		upper = w.from(after)
		if !w.whole && (horizon == "" || w.last < horizon) {
			horizon = w.last
		}
	}
	found := merge(lower, upper, horizon)
	if len(found) == 0 && horizon != "" {
		return nil, false, v.skip(dir.ino, horizon)
	}
	over := len(found) > limit
	found = found[:min(len(found), limit)]
	return found, over || horizon != "", v.loadInodes(found)
}

// merge puts the names of a base and the changed names together, up to the
// horizon. A changed name comes without its inode.
func merge(lower []named, upper []dentry, horizon string) []named {
	var found []named
	for len(lower) > 0 || len(upper) > 0 {
		if len(upper) == 0 || len(lower) > 0 && lower[0].name < upper[0].name {
			if horizon != "" && lower[0].name > horizon {
				break
			}
			found = append(found, lower[0])
			lower = lower[1:]
			continue
		}
		if horizon != "" && upper[0].name > horizon {
			break
		}
		if len(lower) > 0 && lower[0].name == upper[0].name {
			lower = lower[1:]
		}
		if upper[0].ino != 0 {
			found = append(found, named{name: upper[0].name, ino: upper[0].ino})
		}
		upper = upper[1:]
	}
	return found
}

// loadInodes fills in the inodes of changed names; all are asked for at once.
func (v *view) loadInodes(found []named) error {
	missing := false
	for i := range found {
		if found[i].ino == 0 {
			continue
		}
		loaded, err := v.inode(found[i].ino)
		if isMissing(err) {
			missing = true
			continue
		}
		if err != nil {
			return err
		}
		found[i].inode = loaded
	}
	if missing {
		return errMissing
	}
	return nil
}
