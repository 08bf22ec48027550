package drive

import (
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// claimFile gives a file a row, which is a change, and tells what is in it.
func (a *actor) claimFile(ctx shell.Ctx, m messages.ClaimFile) {
	reply := messages.FileClaimed{Answer: ctx.Caller().Answer()}
	a.letIn(ctx, func(ctx shell.Ctx, c command) {
		run := func(v *view) (err error) {
			reply.Row, reply.Info, reply.Content, err = v.claim(m)
			return err
		}
		a.changeNames(ctx, run, func(ctx shell.Ctx, err *messages.Error) {
			if err != nil {
				c.fail(ctx, err)
				return
			}
			c.reply(ctx, reply)
		})
	})
}

func (v *view) claim(m messages.ClaimFile) (uint64, messages.Info, messages.Content, error) {
	at, err := v.heldOr(m.Row, m.Path, m.Inode)
	if err == nil && at.kind == messages.TypeDirectory {
		err = messages.Errorf(messages.CodeIsDirectory, "it is a directory")
	}
	if err == nil && at.kind != messages.TypeFile {
		err = messages.Errorf(messages.CodeInvalid, "only files have content")
	}
	if err != nil {
		return 0, messages.Info{}, messages.Content{}, err
	}
	content, err := v.contentOf(at)
	return at.ino, info("", at), content, err
}

// setContent gives the file of a row other content.
func (v *view) setContent(m messages.SetContent) error {
	value, err := v.row(inodeRow(m.Row))
	if err != nil {
		return err
	}
	if value == nil {
		return errNotFound()
	}
	i, err := decodeInode(v.p, value)
	if err != nil {
		return err
	}
	if i.kind != messages.TypeFile || i.Special != 0 {
		return messages.Errorf(messages.CodeInvalid, "only files have content")
	}
	had := i.inline > 0
	i.root, i.size, i.inline, i.content = nil, 0, 0, m.Content
	i.setModTime(m.ModTime.UTC())
	i.ChangeTime = v.now
	switch inline := m.Content.Inline; {
	case len(inline) > v.p.PackMax(), uint64(len(inline)) != m.Content.Size && len(inline) > 0:
		return messages.Errorf(messages.CodeInvalid, "%d bytes inline", len(inline))
	case len(inline) > 0:
		i.content, i.inline = messages.Content{}, m.Content.Size
		err = v.put(inlineRow(m.Row), inline)
	case had:
		err = v.delete(inlineRow(m.Row))
	}
	return errors.Join(err, v.putInode(m.Row, i))
}

// inlineContent reads what a row of its own has.
func (v *view) inlineContent(i located) (messages.Content, error) {
	value, err := v.row(inlineRow(i.ino))
	if err != nil {
		return messages.Content{}, err
	}
	if uint64(len(value)) != i.inline {
		return messages.Content{}, fmt.Errorf("%w: %d bytes inline, %d are due",
			errRow, len(value), i.inline)
	}
	return messages.Content{Size: i.inline, Inline: value}, nil
}
