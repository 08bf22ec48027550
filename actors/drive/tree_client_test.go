package drive_test

import (
	"github.com/noisefs/noisefs/messages"
)

// treeClient builds a tree as a command line does.
type treeClient struct {
	stream messages.StreamID
	tree   messages.TreeID
	err    *messages.Error
	inline bool // small files go inline, and need no stream
}

func (h *house) openTree() *treeClient {
	h.t.Helper()
	b := &treeClient{stream: h.openStream()}
	b.tree = h.must(func(c messages.Call) messages.Command {
		return messages.OpenTree{Call: c, Stream: b.stream}
	}).(messages.TreeOpened).Tree
	return b
}

func (b *treeClient) step(h *house, build func(c messages.Call) messages.Command) {
	h.t.Helper()
	if _, err := h.result(build); err != nil && b.err == nil {
		b.err = err
	}
}

// directory tells all below a directory, and calls between before each entry.
func (b *treeClient) directory(h *house, dir *item, between func()) {
	h.t.Helper()
	for _, name := range dir.names() {
		between()
		entry := dir.entries[name]
		if entry.isDir() {
			b.step(h, func(c messages.Call) messages.Command {
				return messages.EnterDirectory{
					Call: c, Tree: b.tree, Name: name,
					Attributes: messages.Attributes{Mode: entry.mode},
				}
			})
			b.directory(h, entry, between)
			b.step(h, func(c messages.Call) messages.Command {
				return messages.LeaveDirectory{Call: c, Tree: b.tree}
			})
			continue
		}
		b.entry(h, name, entry)
	}
}

func (b *treeClient) entry(h *house, name string, entry *item) {
	h.t.Helper()
	told := messages.Entry{
		Name: name, Type: entry.kind, Target: entry.target,
		Attributes: messages.Attributes{Mode: entry.mode},
	}
	if entry.kind == messages.TypeFile && b.inline && len(entry.data) <= h.params.InlineMax() {
		told.Content = messages.Content{Size: uint64(len(entry.data)), Inline: entry.data}
	} else if entry.kind == messages.TypeFile {
		// A file of its own stream, which is closed before the tree is
		// finished, as a client does that writes several at a time.
		stream := h.openStream()
		defer h.closeStream(stream)
		var err *messages.Error
		if told.Content, err = h.content(stream, entry.data); err != nil && b.err == nil {
			b.err = err
		}
	}
	b.step(h, func(c messages.Call) messages.Command {
		return messages.AddEntry{Call: c, Tree: b.tree, Entry: told}
	})
}

func (b *treeClient) finish(
	h *house, name string, mode uint32, place messages.Place,
) (messages.Link, *messages.Error) {
	h.t.Helper()
	defer h.closeStream(b.stream)
	if b.err != nil {
		return messages.Link{}, b.err
	}
	reply, err := h.result(func(c messages.Call) messages.Command {
		return messages.FinishTree{
			Call: c, Tree: b.tree, Name: name,
			Attributes: messages.Attributes{Mode: mode}, Place: place,
		}
	})
	if err != nil {
		return messages.Link{}, err
	}
	return reply.(messages.RootStored).Link, nil
}

// walked is what a walk told.
type walked struct {
	refs        []messages.NeededRef
	broken      []messages.Problem
	files, size uint64
}

// walk walks to the end.
func (h *house) walk(begin messages.BeginWalk) walked {
	h.t.Helper()
	id := h.beginWalk(begin)
	w := h.continueWalk(id)
	h.endWalk(id)
	return w
}

func (h *house) beginWalk(begin messages.BeginWalk) messages.WalkID {
	h.t.Helper()
	return h.must(func(c messages.Call) messages.Command {
		begin.Call = c
		return begin
	}).(messages.WalkBegun).Walk
}

func (h *house) continueWalk(id messages.WalkID, also ...messages.NeededRef) walked {
	h.t.Helper()
	var w walked
	for {
		batch := h.must(func(c messages.Call) messages.Command {
			return messages.ContinueWalk{Call: c, Walk: id, Also: also}
		}).(messages.WalkContinued)
		if len(batch.Refs) > messages.WalkBatch {
			h.t.Fatalf("a batch of %d refs", len(batch.Refs))
		}
		w.refs = append(w.refs, batch.Refs...)
		w.broken = append(w.broken, batch.Broken...)
		w.files += batch.Files
		w.size += batch.UserBytes
		if batch.Done {
			return w
		}
		also = nil
	}
}

func (h *house) endWalk(id messages.WalkID) {
	h.t.Helper()
	h.must(func(c messages.Call) messages.Command { return messages.EndWalk{Call: c, Walk: id} })
}
