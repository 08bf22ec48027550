package fleet

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// blockRead reads one block of a file.
type blockRead struct {
	file  *file
	chunk int
	since time.Duration
	of    *openFile
}

var _ fileReader = (*blockRead)(nil)

// readBlock starts to read a random block of a file.
func (u *user) readBlock(ctx shell.Ctx, f *file) {
	if !u.began() {
		u.run.measure.readRefused()
		return
	}
	r := &blockRead{file: f, chunk: u.env.Rand.IntN(f.chunks), since: u.now()}
	f.read(u.number)
	u.withFile(ctx, f, r)
}

func (r *blockRead) opened(ctx shell.Ctx, u *user, of *openFile, err *messages.Error) {
	r.of = of
	if err != nil {
		r.end(u, err)
		return
	}
	size := u.run.catalog.blockSize
	u.ask(ctx, u.reader, r, func(call messages.Call) messages.Command {
		return messages.ReadRange{
			Call: call, Handle: of.handle, Offset: uint64(r.chunk) * uint64(size), Length: size,
		}
	})
}

func (r *blockRead) step(_ shell.Ctx, u *user, reply messages.Reply) {
	switch m := reply.(type) {
	case messages.RangeRead:
		u.run.checkBytes(u.number, r.file, r.chunk, m.Parts)
		r.end(u, nil)
	case messages.Failed:
		r.end(u, m.Err)
	}
}

func (r *blockRead) end(u *user, err *messages.Error) {
	u.release(r.of)
	u.ended()
	u.run.readEnded(u.number, r.file, u.now()-r.since, err)
}

// streamRead reads a file from end to end, as fast as it comes or as it is
// consumed.
type streamRead struct {
	file          *file
	bitsPerSecond float64 // as billed; 0: as fast as it comes
	of            *openFile
	chunk         int
	began         time.Duration
	asked         time.Duration // when the read under way was asked for
	stalled       time.Duration // waited for bytes, in all
	then          func(ctx shell.Ctx, err *messages.Error)
}

var _ fileReader = (*streamRead)(nil)

// resumeStream is the timer of a stream whose bytes are consumed.
type resumeStream struct{ stream *streamRead }

// stream starts to read a file from end to end.
func (u *user) stream(ctx shell.Ctx, f *file, bitsPerSecond float64) {
	if !u.began() {
		u.run.measure.readRefused()
		return
	}
	s := &streamRead{file: f, bitsPerSecond: bitsPerSecond, began: u.now()}
	s.then = func(_ shell.Ctx, err *messages.Error) {
		u.ended()
		u.run.measure.streamEnded(s.chunk, u.now()-s.began, s.stalled, err)
	}
	s.asked = s.began
	u.withFile(ctx, f, s)
}

func (s *streamRead) opened(ctx shell.Ctx, u *user, of *openFile, err *messages.Error) {
	s.of = of
	if err != nil {
		s.end(ctx, u, err)
		return
	}
	s.resume(ctx, u)
}

// resume asks for the next block.
func (s *streamRead) resume(ctx shell.Ctx, u *user) {
	size := u.run.catalog.blockSize
	if s.chunk > 0 || s.asked == 0 {
		s.asked = u.now()
	}
	u.ask(ctx, u.reader, s, func(call messages.Call) messages.Command {
		return messages.ReadRange{
			Call: call, Handle: s.of.handle, Offset: uint64(s.chunk) * uint64(size), Length: size,
		}
	})
}

func (s *streamRead) step(ctx shell.Ctx, u *user, reply messages.Reply) {
	if failed, ok := reply.(messages.Failed); ok {
		s.end(ctx, u, failed.Err)
		return
	}
	now := u.now()
	u.run.checkBytes(u.number, s.file, s.chunk, reply.(messages.RangeRead).Parts)
	u.run.readEnded(u.number, s.file, now-s.asked, nil)
	s.stalled += now - s.asked
	s.chunk++
	if s.chunk == s.file.chunks {
		s.end(ctx, u, nil)
		return
	}
	if s.bitsPerSecond == 0 {
		s.resume(ctx, u)
		return
	}
	consumed := time.Duration(float64(billedBlockBytes*8) / s.bitsPerSecond * float64(time.Second))
	u.env.Clock.After(consumed, resumeStream{s})
}

func (s *streamRead) end(ctx shell.Ctx, u *user, err *messages.Error) {
	u.release(s.of)
	if err != nil {
		u.run.readEnded(u.number, s.file, u.now()-s.asked, err)
	}
	s.then(ctx, err)
}

// readAll reads files one after the other, and reports each to the run.
func (u *user) readAll(ctx shell.Ctx, files []*file) {
	f, rest := files[0], files[1:]
	s := &streamRead{file: f, began: u.now(), asked: u.now()}
	s.then = func(ctx shell.Ctx, err *messages.Error) {
		u.run.readBack(u.number, f, err)
		if len(rest) > 0 {
			u.readAll(ctx, rest)
		}
	}
	u.withFile(ctx, f, s)
}
