package drive

import (
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
)

// shared is what a path needs to become a link.
type shared struct {
	path string
	name string
	located
	link *messages.Link // it has a root that says the same

	// else, for a file, its content; and for a directory its tree, if it
	// has one that nothing was changed in.
	content messages.Content
	tree    *messages.BlockRef
}

// toShare decides how a path becomes a link.
func (v *view) toShare(path string) (shared, error) {
	names, bad := splitPath(path, v.cfg.PathDepthMax)
	if bad != nil {
		return shared{}, bad
	}
	s := shared{path: joinPath(names)}
	if len(names) > 0 {
		s.name = names[len(names)-1]
	}
	root, err := v.root()
	if err != nil {
		return s, err
	}
	if s.located, err = v.walk(root, names); err != nil {
		return s, err
	}
	switch {
	case s.Special != 0:
	case s.kind == messages.TypeFile:
		if s.root != nil {
			s.link = &messages.Link{Kind: messages.LinkFile, Root: *s.root}
		}
		if s.root == nil {
			s.content, err = v.contentOf(s.located)
		}
		return s, err
	case s.kind == messages.TypeDirectory:
		return s, v.shareDirectory(&s)
	}
	return s, messages.Errorf(messages.CodeInvalid, "only files and directories can be shared")
}

func (v *view) shareDirectory(s *shared) error {
	if s.overlaid || s.base.isEmpty() {
		return nil
	}
	node, err := v.node(*s.base.ref)
	if err != nil {
		return err
	}
	root, ok := node.(*format.DirectoryRoot)
	if ok && len(s.base.below) == 0 && sameAttributes(root.Attributes, s.Attributes) {
		s.link = &messages.Link{Kind: messages.LinkDirectory, Root: *s.base.ref}
		return nil
	}
	at, err := v.open(s.base)
	s.tree = at.ref
	return err
}

func sameAttributes(a, b messages.Attributes) bool {
	return a.Mode == b.Mode && a.ModTime.Equal(b.ModTime)
}

// share makes a link to what is at a path. It takes its turn among the
// changes, so that what is written is the directory as it is at one moment.
func (a *actor) share(ctx shell.Ctx, m messages.Share) {
	a.letIn(ctx, func(ctx shell.Ctx, c command) {
		a.inTurn(ctx, func(ctx shell.Ctx) {
			end := func(ctx shell.Ctx, link messages.Link, err *messages.Error) {
				if err != nil {
					c.fail(ctx, err)
				} else {
					c.reply(ctx, messages.Shared{Answer: c.caller.Answer(), Link: link})
				}
				a.release(ctx)
			}
			var s shared
			a.operate(ctx, &operation{
				run: func(v *view) (err error) {
					s, err = v.toShare(m.Path)
					return err
				},
				done: func(ctx shell.Ctx, err *messages.Error) {
					switch {
					case err != nil:
						end(ctx, messages.Link{}, err)
					case s.link != nil:
						a.keepShare(ctx, s, *s.link, end)
					default:
						a.writeShare(ctx, s, end)
					}
				},
			})
		})
	})
}

type shareEnd func(ctx shell.Ctx, link messages.Link, err *messages.Error)

// keepShare lists a link as shared.
func (a *actor) keepShare(ctx shell.Ctx, s shared, link messages.Link, end shareEnd) {
	a.operate(ctx, &operation{
		changes: true,
		run:     func(v *view) error { return v.keep(link, kept{path: s.path, name: s.name}) },
		done:    func(ctx shell.Ctx, err *messages.Error) { end(ctx, link, err) },
	})
}

// writeShare writes a root for what has none, on a stream of its own.
func (a *actor) writeShare(ctx shell.Ctx, s shared, end shareEnd) {
	a.ask(ctx, a.splitter, func(call messages.Call) messages.Command {
		return messages.OpenStream{Call: call, ChildrenMax: a.p.EntryChildrenMax()}
	}, func(ctx shell.Ctx, reply messages.Reply, err *messages.Error) {
		if err != nil {
			end(ctx, messages.Link{}, err)
			return
		}
		stream := reply.(messages.StreamOpened).Stream
		written := func(ctx shell.Ctx, ref messages.BlockRef, err *messages.Error) {
			a.shareWritten(ctx, s, stream, ref, err, end)
		}
		switch {
		case s.kind == messages.TypeDirectory && s.tree == nil:
			a.shareTree(ctx, s, stream, written)
		case s.kind == messages.TypeDirectory:
			a.shareRoot(ctx, stream, &format.DirectoryRoot{
				Name: s.name, Attributes: s.Attributes,
				Directory: messages.Directory{Ref: s.tree},
			}, written)
		case s.content.Pack != nil:
			a.shareSmall(ctx, s, stream, written)
		default:
			a.shareRoot(ctx, stream, &format.FileRoot{
				Name: s.name, Attributes: s.Attributes, Content: s.content,
			}, written)
		}
	})
}

// shareWritten lists the link, closes the stream AFTER that, and ends.
func (a *actor) shareWritten(
	ctx shell.Ctx, s shared, stream messages.StreamID, ref messages.BlockRef,
	err *messages.Error, end shareEnd,
) {
	finish := func(ctx shell.Ctx, link messages.Link, err *messages.Error) {
		a.placed(ref)
		a.ask(ctx, a.splitter, func(call messages.Call) messages.Command {
			return messages.CloseStream{Call: call, Stream: stream}
		}, func(ctx shell.Ctx, _ messages.Reply, closeErr *messages.Error) {
			// The link is kept: that its stream did not close takes nothing
			// away from it.
			if closeErr != nil {
				a.env.Log.Warn("a stream could not be closed", "code", closeErr.Code.String())
			}
			end(ctx, link, err)
		})
	}
	if err != nil {
		finish(ctx, messages.Link{}, err)
		return
	}
	link := messages.Link{Kind: messages.LinkFile, Root: ref}
	if s.kind == messages.TypeDirectory {
		link.Kind = messages.LinkDirectory
	}
	a.keepShare(ctx, s, link, finish)
}

// shareRoot writes one root node over what is stored already.
func (a *actor) shareRoot(
	ctx shell.Ctx, stream messages.StreamID, node format.Node,
	written func(shell.Ctx, messages.BlockRef, *messages.Error),
) {
	payload, err := format.EncodeNode(a.p, node)
	if err != nil {
		written(ctx, messages.BlockRef{}, asError(err))
		return
	}
	a.storeRoot(ctx, stream, node.Level(), payload, written)
}

// shareSmall reads a file out of its pack and writes it into a root of its
// own: whoever gets the link can open nothing else.
func (a *actor) shareSmall(
	ctx shell.Ctx, s shared, stream messages.StreamID,
	written func(shell.Ctx, messages.BlockRef, *messages.Error),
) {
	a.readSmall(ctx, s.content, func(ctx shell.Ctx, data []byte, err *messages.Error) {
		if err != nil {
			written(ctx, messages.BlockRef{}, err)
			return
		}
		a.shareRoot(ctx, stream, &format.FileRoot{
			Name: s.name, Attributes: s.Attributes,
			Content: messages.Content{Size: s.content.Size, Inline: data},
		}, written)
	})
}

// readSmall reads a packed file through the reader.
func (a *actor) readSmall(
	ctx shell.Ctx, content messages.Content, then func(shell.Ctx, []byte, *messages.Error),
) {
	a.ask(ctx, a.reader, func(call messages.Call) messages.Command {
		return messages.OpenContent{Call: call, Content: content}
	}, func(ctx shell.Ctx, reply messages.Reply, err *messages.Error) {
		if err != nil {
			then(ctx, nil, err)
			return
		}
		handle := reply.(messages.ContentOpened).Handle
		a.ask(ctx, a.reader, func(call messages.Call) messages.Command {
			return messages.ReadRange{Call: call, Handle: handle, Length: int(content.Size)}
		}, func(ctx shell.Ctx, reply messages.Reply, err *messages.Error) {
			var data []byte
			if err == nil {
				for _, part := range reply.(messages.RangeRead).Parts {
					data = append(data, part.Data...)
				}
				if uint64(len(data)) != content.Size {
					err = messages.Errorf(messages.CodeCorrupt, "a packed file is cut short")
				}
			}
			a.ask(ctx, a.reader, func(call messages.Call) messages.Command {
				return messages.CloseContent{Call: call, Handle: handle}
			}, func(ctx shell.Ctx, _ messages.Reply, _ *messages.Error) {
				then(ctx, data, err)
			})
		})
	})
}

// shareFrame is a directory that is being written.
type shareFrame struct {
	located
	after   string
	entries []shareEntry
	more    bool
}

// shareEntry is an entry ready for the tree, or a directory to go into.
type shareEntry struct {
	messages.Entry
	inside  *located
	special bool // it means something on one machine alone, and is left out
}

// shareRun writes a changed directory as a tree: an entry at a time, so that
// it is as large as it likes and memory is not.
type shareRun struct {
	t       *treeBuild
	s       shared
	stack   []shareFrame
	running bool // pump is under way; it need not be called again
	reading bool
}

// shareTree writes a directory of which there is no tree that says the same.
func (a *actor) shareTree(
	ctx shell.Ctx, s shared, stream messages.StreamID,
	written func(shell.Ctx, messages.BlockRef, *messages.Error),
) {
	t := &treeBuild{tree: newTree(a.p, &a.cfg), stream: stream}
	r := &shareRun{t: t, s: s, stack: []shareFrame{{located: s.located, more: true}}}
	t.resumed = func(ctx shell.Ctx) { a.pumpShare(ctx, r) }
	t.finished = func(ctx shell.Ctx, ref messages.BlockRef, err *messages.Error) {
		t.ended, a.sharing = true, nil
		written(ctx, ref, err)
	}
	a.sharing = t
	a.pumpShare(ctx, r)
}

// pumpShare feeds the tree while it takes more.
func (a *actor) pumpShare(ctx shell.Ctx, r *shareRun) {
	if r.running || r.reading {
		return
	}
	r.running = true
	for len(r.stack) > 0 && !r.t.isFull() && !r.t.isOver() {
		at := &r.stack[len(r.stack)-1]
		if len(at.entries) == 0 && at.more {
			r.reading = true
			a.readForShare(ctx, r, at)
			if r.reading {
				break
			}
			continue
		}
		var work treeWork
		var err error
		switch {
		case len(at.entries) > 0:
			entry := at.entries[0]
			at.entries = at.entries[1:]
			if entry.special {
				continue
			}
			if entry.inside == nil {
				work, err = r.t.add(entry.Entry)
				break
			}
			work, err = r.t.enter(entry.Name, entry.Attributes)
			r.stack = append(r.stack, shareFrame{located: *entry.inside, more: true})
		case len(r.stack) > 1:
			r.stack = r.stack[:len(r.stack)-1]
			work, err = r.t.leave()
		default:
			r.stack = nil
			r.t.resumed = nil
			work, err = r.t.finish(r.s.name, r.s.Attributes)
		}
		a.perform(ctx, r.t, work, err)
	}
	r.running = false
}

// readForShare reads the next entries of a directory.
func (a *actor) readForShare(ctx shell.Ctx, r *shareRun, at *shareFrame) {
	dir, after := at.located, at.after
	var entries []shareEntry
	var more bool
	a.operate(ctx, &operation{
		run: func(v *view) (err error) {
			entries, more, err = v.shareEntries(dir, after)
			return err
		},
		done: func(ctx shell.Ctx, err *messages.Error) {
			r.reading = false
			if r.t.isOver() {
				return
			}
			if err != nil {
				a.failTree(ctx, r.t, err)
				return
			}
			at := &r.stack[len(r.stack)-1]
			at.entries, at.more = entries, more
			if len(entries) > 0 {
				at.after = entries[len(entries)-1].Name
			}
			a.pumpShare(ctx, r)
		},
	})
}

// shareEntries returns entries of a directory as a tree takes them. A
// directory in a tree of its own goes in by its ref; into all others the
// tree is built anew.
func (v *view) shareEntries(dir located, after string) ([]shareEntry, bool, error) {
	found, more, err := v.entries(dir, after, v.cfg.SharePage)
	if err != nil {
		return nil, false, err
	}
	var missing error
	entries := make([]shareEntry, 0, len(found))
	for _, n := range found {
		entry, err := v.shareEntry(n)
		if isMissing(err) {
			missing = err
			continue
		}
		if err != nil {
			return nil, false, err
		}
		entries = append(entries, entry)
	}
	if missing != nil {
		return nil, false, missing
	}
	return slices.Clip(entries), more, nil
}

func (v *view) shareEntry(n named) (shareEntry, error) {
	entry := shareEntry{special: n.Special != 0, Entry: messages.Entry{
		Name: n.name, Type: n.kind, Attributes: n.Attributes, Target: n.target,
	}}
	switch n.kind {
	case messages.TypeFile:
		content, err := v.contentOf(located{n.ino, n.inode})
		entry.Content = content
		return entry, err
	case messages.TypeDirectory:
		if n.overlaid {
			entry.inside = &located{n.ino, n.inode}
			return entry, nil
		}
		at, err := v.open(n.base)
		if err != nil {
			return entry, err
		}
		if at.ref != nil || len(at.entries) == 0 {
			entry.Dir = &messages.Directory{Ref: at.ref}
			return entry, nil
		}
		entry.inside = &located{n.ino, n.inode}
	}
	return entry, nil
}
