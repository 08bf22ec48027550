package scenario

import (
	"path"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// The roles that sessions ask.
const (
	roleStore      = "store"
	roleCache      = "cache"
	roleReader     = "reader"
	roleRandomizer = "randomizer"
	roleSplitter   = "splitter"
	roleDrive      = "drive"
)

func (s *Session) params() format.Params { return s.client.house.config.Params }

// PutFile stores a file as node.Local does.
func (s *Session) PutFile(
	name string, file *Item, place messages.Place,
) (messages.Link, *messages.Error) {
	var none messages.Link
	stream, err := s.openStream(s.params().Fanout())
	if err != nil {
		return none, err
	}
	defer stream.close()
	content, err := stream.content(file.Data, s.params().InlineMax())
	if err != nil {
		return none, err
	}
	stored, err := ask[messages.RootStored](s, roleDrive,
		func(call messages.Call) messages.Command {
			return messages.StoreFile{
				Call: call, Stream: stream.id, Place: place, Name: name,
				Attributes: file.Attr, Content: content,
			}
		})
	return stored.Link, err
}

// stream is an open stream of the splitter.
type stream struct {
	session *Session
	id      messages.StreamID
	window  int
}

func (s *Session) openStream(childrenMax int) (*stream, *messages.Error) {
	opened, err := ask[messages.StreamOpened](s, roleSplitter,
		func(call messages.Call) messages.Command {
			return messages.OpenStream{Call: call, ChildrenMax: childrenMax}
		})
	return &stream{s, opened.Stream, opened.Window}, err
}

// close closes the stream and does not wait for it. A session whose node has
// died asks nobody.
func (st *stream) close() {
	if st.session.client.ctx == nil {
		return
	}
	st.session.Send(roleSplitter, func(call messages.Call) messages.Command {
		return messages.CloseStream{Call: call, Stream: st.id}
	})
}

// content stores bytes, inline if they are at most inlineMax.
func (st *stream) content(
	data []byte, inlineMax int,
) (messages.Content, *messages.Error) {
	if len(data) <= inlineMax {
		// The drive owns what it is sent; the model keeps its own.
		return messages.Content{
			Size: uint64(len(data)), Inline: append([]byte{}, data...),
		}, nil
	}
	if err := st.writeChunks(data); err != nil {
		return messages.Content{}, err
	}
	finished, err := ask[messages.StreamFinished](st.session, roleSplitter,
		func(call messages.Call) messages.Command {
			return messages.FinishStream{Call: call, Stream: st.id, Size: uint64(len(data))}
		})
	return finished.Content, err
}

// writeChunks sends chunk after chunk, a window of them unanswered.
func (st *stream) writeChunks(data []byte) *messages.Error {
	size := st.session.params().BlockSize
	var sent []*Pending
	var failed *messages.Error
	settle := func(most int) {
		for len(sent) > most {
			if _, err := st.session.Wait(sent[0]); err != nil && failed == nil {
				failed = err
			}
			sent = sent[1:]
		}
	}
	for index := uint64(0); len(data) > 0 && failed == nil; index++ {
		chunk := data[:min(size, len(data))]
		data = data[len(chunk):]
		var buffer []byte // nil: a hole
		if !isZero(chunk) {
			buffer = st.session.params().NewBuffer()[:len(chunk)]
			copy(buffer, chunk)
		}
		settle(st.window - 1)
		sent = append(sent, st.session.Send(roleSplitter,
			func(call messages.Call) messages.Command {
				return messages.WriteChunk{Call: call, Stream: st.id, Index: index, Data: buffer}
			}))
	}
	settle(0)
	return failed
}

func isZero(p []byte) bool {
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// PutTree stores a tree as node.Local does.
func (s *Session) PutTree(
	name string, root *Item, place messages.Place,
) (messages.Link, *messages.Error) {
	var none messages.Link
	stream, err := s.openStream(1)
	if err != nil {
		return none, err
	}
	defer stream.close()
	opened, err := ask[messages.TreeOpened](s, roleDrive,
		func(call messages.Call) messages.Command {
			return messages.OpenTree{Call: call, Stream: stream.id}
		})
	if err != nil {
		return none, err
	}
	if err := s.tellDirectory(opened.Tree, root); err != nil {
		s.abandon(opened.Tree)
		return none, err
	}
	stored, err := ask[messages.RootStored](s, roleDrive,
		func(call messages.Call) messages.Command {
			return messages.FinishTree{
				Call: call, Tree: opened.Tree, Name: name, Attributes: root.Attr, Place: place,
			}
		})
	if err != nil {
		s.abandon(opened.Tree)
	}
	return stored.Link, err
}

func (s *Session) abandon(tree messages.TreeID) {
	s.Send(roleDrive, func(call messages.Call) messages.Command {
		return messages.AbandonTree{Call: call, Tree: tree}
	})
}

// tellDirectory tells the drive of all below a directory.
func (s *Session) tellDirectory(tree messages.TreeID, dir *Item) *messages.Error {
	for _, name := range dir.names() {
		entry := dir.Entries[name]
		if !entry.isDir() {
			if err := s.tellEntry(tree, name, entry); err != nil {
				return err
			}
			continue
		}
		_, err := ask[messages.EntryAdded](s, roleDrive,
			func(call messages.Call) messages.Command {
				return messages.EnterDirectory{
					Call: call, Tree: tree, Name: name, Attributes: entry.Attr,
				}
			})
		if err == nil {
			err = s.tellDirectory(tree, entry)
		}
		if err == nil {
			_, err = ask[messages.EntryAdded](s, roleDrive,
				func(call messages.Call) messages.Command {
					return messages.LeaveDirectory{Call: call, Tree: tree}
				})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) tellEntry(tree messages.TreeID, name string, item *Item) *messages.Error {
	entry := messages.Entry{
		Name: path.Base(name), Type: item.Type, Attributes: item.Attr, Target: item.Target,
	}
	if item.Type == messages.TypeFile {
		// A large file has a stream of its own, open until the drive has it.
		inlineMax := s.params().PackMax()
		st := &stream{session: s}
		if len(item.Data) > inlineMax {
			var err *messages.Error
			if st, err = s.openStream(s.params().EntryChildrenMax()); err != nil {
				return err
			}
			defer st.close()
		}
		var err *messages.Error
		if entry.Content, err = st.content(item.Data, inlineMax); err != nil {
			return err
		}
	}
	_, err := ask[messages.EntryAdded](s, roleDrive,
		func(call messages.Call) messages.Command {
			return messages.AddEntry{Call: call, Tree: tree, Entry: entry}
		})
	return err
}
