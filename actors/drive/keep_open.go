package drive

import (
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// changeKeeping is change for what may take the last name of a file that is open.
// Such a file is an orphan, like a removed directory, that is not cleaned away
// before somebody releases it. A restart cleans it away: nobody has it open then.
func (a *actor) changeKeeping(ctx shell.Ctx, keep bool, run func(v *view) error) {
	a.letIn(ctx, func(ctx shell.Ctx, c command) {
		if keep && len(a.keptOpen) >= a.cfg.KeptOpenMax {
			c.fail(ctx, overloaded("removed files that are open"))
			return
		}
		var kept uint64
		a.changeNames(ctx, func(v *view) error {
			v.keepOpen, v.kept = keep, 0
			err := run(v)
			kept = v.kept
			return err
		}, func(ctx shell.Ctx, err *messages.Error) {
			if err != nil {
				c.fail(ctx, err)
				return
			}
			c.reply(ctx, messages.NamespaceChanged{Answer: c.caller.Answer(), Kept: kept})
		})
	})
}

// orphaned notes what a transaction made orphans.
func (a *actor) orphaned(orphans []uint64, kept uint64) {
	for _, ino := range orphans {
		if ino == kept {
			a.keptOpen[ino] = true
			continue
		}
		a.orphans = append(a.orphans, ino)
	}
}

// releaseFile lets a removed file be cleaned away.
func (a *actor) releaseFile(ctx shell.Ctx, m messages.ReleaseFile) {
	a.letIn(ctx, func(ctx shell.Ctx, c command) {
		if a.keptOpen[m.Row] {
			delete(a.keptOpen, m.Row)
			a.orphans = append(a.orphans, m.Row)
		}
		c.reply(ctx, messages.NamespaceChanged{Answer: c.caller.Answer()})
		a.takeTurn(ctx)
	})
}

// keepNameless makes an entry that lost its last name one that is kept.
func (v *view) keepNameless(there located) error {
	var err error
	if there.ino == 0 {
		if there.ino, err = v.addInode(there.inode); err != nil {
			return err
		}
	}
	v.kept = there.ino
	return v.put(orphanRow(there.ino), []byte{})
}

// nameless finds a file that is kept without a name.
func (v *view) nameless(row uint64) (located, error) {
	orphan, err := v.row(orphanRow(row))
	if err != nil {
		return located{}, err
	}
	if orphan == nil {
		return located{}, errNotFound()
	}
	i, err := v.inode(row)
	if err != nil {
		return located{}, err
	}
	return located{row, i}, v.require(inodeRow(row))
}
