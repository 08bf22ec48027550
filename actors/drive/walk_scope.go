package drive

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
)

// A walk of one path, or of all but one, first gathers the inodes that the
// path leads to through changed names. They are bounded; what is inside a
// snapshot is not listed, but left out or visited while it is walked.

// scope is where a path leads: an inode, or names inside the base of one.
type scope struct {
	located
	owner uint64   // the last inode on the way
	names []string // from there
}

// locate follows a path and remembers where it leaves the inodes.
func (v *view) locate(path string) (scope, error) {
	names, bad := splitPath(path, v.cfg.PathDepthMax)
	if bad != nil {
		return scope{}, bad
	}
	at, err := v.root()
	if err != nil {
		return scope{}, err
	}
	s := scope{owner: rootInode}
	for _, name := range names {
		if at, err = v.child(at, name); err != nil {
			return scope{}, err
		}
		s.names = append(s.names, name)
		if at.ino != 0 {
			s.owner, s.names = at.ino, nil
		}
	}
	s.located = at
	return s, nil
}

// limitWalk makes a walk visit one path alone.
func (a *actor) limitWalk(
	ctx shell.Ctx, w *walkRun, path string, begun func(shell.Ctx, *messages.Error),
) {
	w.limited, w.phase = true, walkChanged
	a.locate(ctx, path, func(ctx shell.Ctx, s scope, err *messages.Error) {
		if err != nil || s.ino == 0 {
			if err == nil {
				w.addInode(0, s.inode)
			}
			begun(ctx, err)
			return
		}
		a.gather(ctx, s.located, func(ctx shell.Ctx, inodes []uint64, err *messages.Error) {
			for _, ino := range inodes {
				w.changed = append(w.changed, inodeRow(ino))
			}
			begun(ctx, err)
		})
	})
}

// excludeFromWalk makes a walk leave out one path.
func (a *actor) excludeFromWalk(
	ctx shell.Ctx, w *walkRun, path string, begun func(shell.Ctx, *messages.Error),
) {
	a.locate(ctx, path, func(ctx shell.Ctx, s scope, err *messages.Error) {
		if err != nil || s.ino == 0 {
			w.skipBelow, w.skipNames = s.owner, s.names
			begun(ctx, err)
			return
		}
		a.gather(ctx, s.located, func(ctx shell.Ctx, inodes []uint64, err *messages.Error) {
			w.skipInodes = make(map[uint64]bool, len(inodes))
			for _, ino := range inodes {
				w.skipInodes[ino] = true
			}
			begun(ctx, err)
		})
	})
}

func (a *actor) locate(
	ctx shell.Ctx, path string, then func(shell.Ctx, scope, *messages.Error),
) {
	var s scope
	a.operate(ctx, &operation{
		run: func(v *view) (err error) {
			s, err = v.locate(path)
			return err
		},
		done: func(ctx shell.Ctx, err *messages.Error) { then(ctx, s, err) },
	})
}

// gathering lists the inodes of a subtree.
type gathering struct {
	inodes      []uint64
	directories []uint64 // with changed names that are not read yet
	then        func(shell.Ctx, []uint64, *messages.Error)
}

func (a *actor) gather(
	ctx shell.Ctx, at located, then func(shell.Ctx, []uint64, *messages.Error),
) {
	g := &gathering{then: then}
	g.add(at.ino, at.inode)
	a.gatherNext(ctx, g)
}

func (g *gathering) add(ino uint64, i inode) {
	g.inodes = append(g.inodes, ino)
	if i.overlaid {
		g.directories = append(g.directories, ino)
	}
}

// gatherNext reads the next directory of the subtree.
func (a *actor) gatherNext(ctx shell.Ctx, g *gathering) {
	if len(g.directories) == 0 {
		g.then(ctx, g.inodes, nil)
		return
	}
	last := len(g.directories) - 1
	directory := g.directories[last]
	g.directories = g.directories[:last]
	a.gatherPage(ctx, g, directory, nil)
}

func (a *actor) gatherPage(ctx shell.Ctx, g *gathering, directory uint64, cursor []byte) {
	group := []byte(numberKey(directory))
	a.scan(ctx, port.TableDentries, group, cursor, func(ctx shell.Ctx, page messages.IndexScanned) {
		if page.Err != nil {
			g.then(ctx, nil, indexError(page.Err))
			return
		}
		var rows []rowID
		for _, row := range page.Rows {
			ino, err := decodeDentry(row.Value)
			if err != nil {
				g.then(ctx, nil, asError(err))
				return
			}
			if ino != 0 {
				rows = append(rows, inodeRow(ino))
			}
		}
		next := func(ctx shell.Ctx) {
			if page.Next != nil {
				a.gatherPage(ctx, g, directory, page.Next)
				return
			}
			a.gatherNext(ctx, g)
		}
		if len(rows) == 0 {
			next(ctx)
			return
		}
		a.gatherInodes(ctx, g, rows, next)
	})
}

// gatherInodes looks which of the inodes are directories to go on with.
func (a *actor) gatherInodes(
	ctx shell.Ctx, g *gathering, rows []rowID, next func(shell.Ctx),
) {
	a.get(ctx, rows, func(ctx shell.Ctx, values [][]byte, err *messages.Error) {
		if err == nil && len(g.inodes)+len(rows) > a.cfg.WalkInodesMax {
			err = overloaded("files below the path")
		}
		if err != nil {
			g.then(ctx, nil, err)
			return
		}
		for n, value := range values {
			if value == nil { // removed meanwhile
				continue
			}
			i, bad := decodeInode(a.p, value)
			ino, worse := decodeNumber([]byte(rows[n].key))
			if bad != nil || worse != nil {
				g.then(ctx, nil, corrupt(errRow))
				return
			}
			g.add(ino, i)
		}
		next(ctx)
	})
}
