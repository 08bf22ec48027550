package node

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/noisefs/noisefs/messages"
)

// PutFile implements [Client].
func (l *Local) PutFile(
	ctx context.Context, r io.Reader, options PutOptions,
) (messages.Link, error) {
	var none messages.Link
	head, whole, err := readHead(r, l.params.InlineMax(), options.Progress)
	if err != nil {
		return none, err
	}
	stream, err := l.openStream(ctx, l.params.Fanout())
	if err != nil {
		return none, err
	}
	defer stream.close()
	content := messages.Content{Size: uint64(len(head)), Inline: head}
	if !whole {
		content, err = stream.write(ctx, head, r, options.Progress)
		if err != nil {
			return none, err
		}
	}
	stored, err := askToChange[messages.RootStored](ctx, l, placePaths(options.Place),
		func(call messages.Call) messages.Command {
			return messages.StoreFile{
				Call: call, Stream: stream.id, Place: options.Place, Name: options.Name,
				Attributes: options.Attributes, Content: content,
			}
		})
	return stored.Link, err
}

// readHead reads up to limit bytes, and tells whether that was all.
func readHead(r io.Reader, limit int, progress func(int64)) (head []byte, whole bool, err error) {
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, r, int64(limit)+1)
	if progress != nil {
		progress(n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	return buf.Bytes(), err != nil, nil
}

// stream is an open stream of the splitter.
type stream struct {
	local  *Local
	id     messages.StreamID
	window int
}

func (l *Local) openStream(ctx context.Context, childrenMax int) (*stream, error) {
	opened, err := askToOpen[messages.StreamOpened](ctx, l, roleSplitter,
		func(call messages.Call) messages.Command {
			return messages.OpenStream{Call: call, ChildrenMax: childrenMax}
		})
	if err != nil {
		return nil, err
	}
	return &stream{l, opened.Stream, opened.Window}, nil
}

// close forgets the stream; safe at any time, and after ctx has ended.
func (s *stream) close() {
	s.local.tidy(roleSplitter, func(call messages.Call) messages.Command {
		return messages.CloseStream{Call: call, Stream: s.id}
	})
}

// write stores head and what follows it in r as the file's chunks, and
// returns when they are durable.
func (s *stream) write(
	ctx context.Context, head []byte, r io.Reader, progress func(int64),
) (messages.Content, error) {
	finish, err := s.begin(ctx, head, r, progress)
	if err != nil {
		return messages.Content{}, err
	}
	return finish()
}

// begin reads and sends all chunks. finish waits until they are durable.
func (s *stream) begin(
	ctx context.Context, head []byte, r io.Reader, progress func(int64),
) (finish func() (messages.Content, error), err error) {
	window := s.local.newWindow(roleSplitter, s.window)
	size, err := s.writeChunks(ctx, window, head, r, progress)
	if err != nil {
		return nil, err
	}
	return func() (messages.Content, error) {
		if err := window.wait(ctx); err != nil {
			return messages.Content{}, err
		}
		finished, err := ask[messages.StreamFinished](ctx, s.local, roleSplitter,
			func(call messages.Call) messages.Command {
				return messages.FinishStream{Call: call, Stream: s.id, Size: size}
			})
		return finished.Content, err
	}, nil
}

// writeChunks sends head and then r, chunk after chunk. The head, which is
// shorter than a chunk, was told to progress before.
func (s *stream) writeChunks(
	ctx context.Context, window *window, head []byte, r io.Reader, progress func(int64),
) (size uint64, err error) {
	holes, _ := r.(HoleReader)
	all, known := io.MultiReader(bytes.NewReader(head), r), len(head)
	var spare []byte
	for index := uint64(0); ; index++ {
		if holes != nil && index > 0 { // from here on all is r
			skipped, err := s.skipHole(ctx, window, holes, index)
			if err != nil {
				return size, err
			}
			tell(progress, skipped)
			size += uint64(skipped)
			index = size / uint64(s.local.params.BlockSize)
		}
		chunk, err := s.readChunk(all, spare)
		size += uint64(len(chunk))
		tell(progress, max(0, int64(len(chunk)-known)))
		known = max(0, known-len(chunk))
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return size, err
		}
		if len(chunk) > 0 {
			spare = nil // the chunk passes to the splitter, unless it is a hole
			if isZero(chunk) {
				spare, chunk = chunk, nil
			}
			if err := s.writeChunk(ctx, window, index, chunk); err != nil {
				return size, err
			}
		}
		if err != nil {
			return size, nil
		}
	}
}

// skipHole sends the whole chunks of the hole that r has at the chunk of
// that index, and returns how many bytes they are.
func (s *stream) skipHole(
	ctx context.Context, window *window, r HoleReader, index uint64,
) (int64, error) {
	unit := int64(s.local.params.BlockSize)
	skipped, err := r.SkipHole(unit)
	for n := int64(0); n < skipped && err == nil; n += unit {
		err = s.writeChunk(ctx, window, index, nil)
		index++
	}
	return skipped, err
}

// writeChunk sends one chunk; nil is a hole.
func (s *stream) writeChunk(
	ctx context.Context, window *window, index uint64, data []byte,
) error {
	return window.send(ctx, func(call messages.Call) messages.Command {
		return messages.WriteChunk{Call: call, Stream: s.id, Index: index, Data: data}
	})
}

func tell(progress func(int64), n int64) {
	if progress != nil {
		progress(n)
	}
}

// readChunk reads a chunk into a buffer with room for a tag: it passes to
// the splitter, which seals it in place. spare is a buffer to use again, or
// nil. A chunk cut short comes with io.EOF or io.ErrUnexpectedEOF.
func (s *stream) readChunk(r io.Reader, spare []byte) ([]byte, error) {
	size := s.local.params.BlockSize
	if spare == nil {
		spare = make([]byte, size, size+messages.TagSize)
	}
	n, err := io.ReadFull(r, spare[:size])
	return spare[:n], err
}

func isZero(p []byte) bool {
	// p[:len-1] == p[1:] says that all bytes equal the first.
	return p[0] == 0 && bytes.Equal(p[:len(p)-1], p[1:])
}
