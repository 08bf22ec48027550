package node

import (
	"context"
	"io"

	"github.com/noisefs/noisefs/messages"
)

// readsAhead is how many ranges CopyTo has asked for at once: while one is
// written out, the next are on their way.
const readsAhead = 3

// file is a file open for reading in a node of this process.
type file struct {
	local  *Local
	info   messages.Info
	handle messages.HandleID
}

var _ File = (*file)(nil)

// Open implements [Client].
func (l *Local) Open(ctx context.Context, target messages.Target) (File, error) {
	statted, err := l.stat(ctx, messages.Stat{Target: target})
	if err != nil {
		return nil, err
	}
	switch statted.Info.Type {
	case messages.TypeDirectory:
		return nil, messages.Errorf(messages.CodeIsDirectory, "it is a directory")
	case messages.TypeSymlink:
		return nil, messages.Errorf(messages.CodeInvalid, "it is a symlink")
	}
	return l.openContent(ctx, statted.Info, statted.Content)
}

func (l *Local) openContent(
	ctx context.Context, info messages.Info, content messages.Content,
) (*file, error) {
	opened, err := askToOpen[messages.ContentOpened](ctx, l, roleReader,
		func(call messages.Call) messages.Command {
			return messages.OpenContent{Call: call, Content: content}
		})
	if err != nil {
		return nil, err
	}
	return &file{l, info, opened.Handle}, nil
}

// Info implements [File].
func (f *file) Info() messages.Info { return f.info }

// Close implements [File].
func (f *file) Close() error {
	f.local.tidy(roleReader, func(call messages.Call) messages.Command {
		return messages.CloseContent{Call: call, Handle: f.handle}
	})
	return nil
}

func (f *file) readRange(offset, length int64) func(messages.Call) messages.Command {
	return func(call messages.Call) messages.Command {
		return messages.ReadRange{
			Call: call, Handle: f.handle, Offset: uint64(offset), Length: int(length),
		}
	}
}

// ReadAt implements [File].
func (f *file) ReadAt(ctx context.Context, p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, messages.Errorf(messages.CodeInvalid, "negative offset")
	}
	total := 0
	for total < len(p) {
		length := min(int64(len(p)-total), messages.ReadRangeMax)
		read, err := ask[messages.RangeRead](ctx, f.local, roleReader,
			f.readRange(offset+int64(total), length))
		if err != nil {
			return total, err
		}
		n := copyParts(p[total:], read.Parts)
		total += n
		if int64(n) < length {
			return total, io.EOF
		}
	}
	return total, nil
}

func copyParts(p []byte, parts []messages.Part) int {
	n := 0
	for _, part := range parts {
		if part.Data != nil {
			n += copy(p[n:], part.Data)
			continue
		}
		zeros := min(part.Zeros, len(p)-n)
		clear(p[n : n+zeros])
		n += zeros
	}
	return n
}

// CopyTo implements [File].
func (f *file) CopyTo(ctx context.Context, w io.Writer, offset, length int64) (int64, error) {
	if offset < 0 {
		return 0, messages.Errorf(messages.CodeInvalid, "negative offset")
	}
	end := int64(f.info.Size)
	if length >= 0 && length < end-offset {
		end = offset + length
	}
	var written int64
	var ahead []chan messages.Reply
	for next := offset; next < end || len(ahead) > 0; {
		for next < end && len(ahead) < readsAhead {
			n := min(end-next, messages.ReadRangeMax)
			replies := make(chan messages.Reply, 1)
			err := f.local.send(ctx, roleReader, f.readRange(next, n),
				func(reply messages.Reply) { replies <- reply })
			if err != nil {
				return written, err
			}
			ahead = append(ahead, replies)
			next += n
		}
		parts, err := f.await(ctx, ahead[0])
		if err != nil {
			return written, err
		}
		ahead = ahead[1:]
		n, err := writeParts(w, parts)
		written += n
		if err != nil {
			return written, err
		}
	}
	if written < end-offset {
		return written, io.ErrUnexpectedEOF
	}
	return written, nil
}

func (f *file) await(ctx context.Context, replies chan messages.Reply) ([]messages.Part, error) {
	select {
	case reply := <-replies:
		switch reply := reply.(type) {
		case messages.RangeRead:
			return reply.Parts, nil
		case messages.Failed:
			return nil, reply.Err
		}
		return nil, messages.Errorf(messages.CodeInternal, "unexpected reply to a read")
	case <-ctx.Done():
		return nil, canceled(ctx)
	}
}

// zeroPage is what holes are written from where w cannot leave a hole.
var zeroPage [64 << 10]byte

func writeParts(w io.Writer, parts []messages.Part) (written int64, err error) {
	for _, part := range parts {
		var n int64
		if part.Data != nil {
			var m int
			m, err = w.Write(part.Data)
			n = int64(m)
		} else {
			n, err = writeZeros(w, int64(part.Zeros))
		}
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func writeZeros(w io.Writer, length int64) (int64, error) {
	if holes, ok := w.(HoleWriter); ok {
		return length, holes.WriteHole(length)
	}
	var written int64
	for written < length {
		n, err := w.Write(zeroPage[:min(length-written, int64(len(zeroPage)))])
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
