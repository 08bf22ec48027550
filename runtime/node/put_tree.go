package node

import (
	"context"
	"errors"
	"io"
	"path"

	"github.com/noisefs/noisefs/messages"
)

// filesAhead is how many entries of a tree are read and stored ahead of the
// entry that the drive is being told about.
const filesAhead = 16

// PutTree implements [Client].
//
// One goroutine reads the source and stores what is large; another tells the
// drive of each entry in order. So the sync that ends a large file does not
// stop the reading of the next.
func (l *Local) PutTree(
	ctx context.Context, source TreeSource, options PutOptions,
) (messages.Link, error) {
	var none messages.Link
	root, err := source.Next()
	if err != nil {
		return none, err
	}
	if root.Type != messages.TypeDirectory || root.Path != "" {
		return none, messages.Errorf(messages.CodeInvalid, "a tree begins with its root directory")
	}
	stream, err := l.openStream(ctx, 1)
	if err != nil {
		return none, err
	}
	defer stream.close()
	opened, err := askToOpen[messages.TreeOpened](ctx, l, roleDrive,
		func(call messages.Call) messages.Command {
			return messages.OpenTree{Call: call, Stream: stream.id}
		})
	if err != nil {
		return none, err
	}
	t := &treeWriter{local: l, id: opened.Tree, progress: options.Progress}
	if err := t.write(ctx, source); err != nil {
		t.abandon()
		return none, err
	}
	stored, err := askToChange[messages.RootStored](ctx, l, placePaths(options.Place),
		func(call messages.Call) messages.Command {
			return messages.FinishTree{
				Call: call, Tree: t.id, Name: options.Name,
				Attributes: root.Attributes, Place: options.Place,
			}
		})
	if err != nil {
		t.abandon()
	}
	return stored.Link, err
}

// treeWriter tells the drive of a tree's entries.
type treeWriter struct {
	local    *Local
	id       messages.TreeID
	progress func(int64)
	dir      string // where the drive is now, as a path
}

// step is an entry on its way to the drive. content is awaited when the
// splitter is storing it.
type step struct {
	item    TreeItem
	entry   messages.Entry
	content chan stored
}

// stored is what became of a large file's bytes. Its stream stays open until
// the drive knows the content, so that the collector leaves it alone.
type stored struct {
	content messages.Content
	stream  *stream
	err     error
}

func (t *treeWriter) abandon() {
	t.local.tidy(roleDrive, func(call messages.Call) messages.Command {
		return messages.AbandonTree{Call: call, Tree: t.id}
	})
}

func (t *treeWriter) write(ctx context.Context, source TreeSource) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	steps := make(chan step, filesAhead)
	told := make(chan error, 1)
	go func() {
		err := t.tell(ctx, steps)
		if err != nil {
			cancel(err) // stops the reading
		}
		for s := range steps { // nothing more is told, but what was begun is ended
			s.discard()
		}
		told <- err
	}()
	readErr := t.read(ctx, source, steps)
	if readErr != nil {
		cancel(readErr) // BEFORE the telling may run to its end
	}
	close(steps)
	tellErr := <-told
	// Whichever failed first cancelled the other: the cause is what it said.
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return tellErr
}

// discard ends the storing of a file that will not be told.
func (s step) discard() {
	if s.content != nil {
		if done := <-s.content; done.stream != nil {
			done.stream.close()
		}
	}
}

// read turns the source's items into steps.
func (t *treeWriter) read(ctx context.Context, source TreeSource, steps chan<- step) error {
	for {
		item, err := source.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		s, err := t.begin(ctx, item, source)
		if err != nil {
			return err
		}
		select {
		case steps <- s:
		case <-ctx.Done():
			s.discard()
			return canceled(ctx)
		}
	}
}

// begin reads an item's content, and starts the end of its storing when it
// is large.
func (t *treeWriter) begin(ctx context.Context, item TreeItem, r io.Reader) (step, error) {
	s := step{item: item, entry: messages.Entry{
		Name: path.Base(item.Path), Type: item.Type, Attributes: item.Attributes,
		Target: item.Target,
	}}
	if item.Type != messages.TypeFile {
		return s, nil
	}
	head, whole, err := readHead(r, t.local.packMax, t.progress)
	if err != nil {
		return s, err
	}
	if whole {
		s.entry.Content = messages.Content{Size: uint64(len(head)), Inline: head}
		return s, nil
	}
	stream, err := t.local.openStream(ctx, t.local.params.EntryChildrenMax())
	if err != nil {
		return s, err
	}
	s.content = make(chan stored, 1)
	finish, err := stream.begin(ctx, head, r, t.progress)
	if err != nil {
		stream.close()
		return s, err
	}
	go func() {
		content, err := finish()
		s.content <- stored{content, stream, err}
	}()
	return s, nil
}

// tell tells the drive of each step, in order.
func (t *treeWriter) tell(ctx context.Context, steps <-chan step) error {
	for s := range steps {
		if s.content != nil {
			done := <-s.content
			s.entry.Content = done.content
			err := done.err
			if err == nil {
				err = t.tellOne(ctx, s)
			}
			done.stream.close()
			if err != nil {
				return err
			}
			continue
		}
		if err := t.tellOne(ctx, s); err != nil {
			return err
		}
	}
	if ctx.Err() != nil { // the reading failed: do not close directories in good order
		return canceled(ctx)
	}
	return t.leaveTo(ctx, "")
}

func (t *treeWriter) tellOne(ctx context.Context, s step) error {
	if err := t.leaveTo(ctx, parentOf(s.item.Path)); err != nil {
		return err
	}
	if s.item.Type != messages.TypeDirectory {
		return t.added(ctx, func(call messages.Call) messages.Command {
			return messages.AddEntry{Call: call, Tree: t.id, Entry: s.entry}
		})
	}
	t.dir = s.item.Path
	return t.added(ctx, func(call messages.Call) messages.Command {
		return messages.EnterDirectory{
			Call: call, Tree: t.id, Name: s.entry.Name, Attributes: s.item.Attributes,
		}
	})
}

// leaveTo leaves directories until dir is the current one.
func (t *treeWriter) leaveTo(ctx context.Context, dir string) error {
	for t.dir != dir {
		if t.dir == "" {
			return messages.Errorf(messages.CodeInvalid, "the tree's entries are out of order")
		}
		err := t.added(ctx, func(call messages.Call) messages.Command {
			return messages.LeaveDirectory{Call: call, Tree: t.id}
		})
		if err != nil {
			return err
		}
		t.dir = parentOf(t.dir)
	}
	return nil
}

func (t *treeWriter) added(ctx context.Context, make func(messages.Call) messages.Command) error {
	_, err := ask[messages.EntryAdded](ctx, t.local, roleDrive, make)
	return err
}

// parentOf is the path of the directory that an entry is in; "" is the root.
func parentOf(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return ""
}
