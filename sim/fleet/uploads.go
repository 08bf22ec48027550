package fleet

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// upload stores a file under its link alone, as `noisefs put` does, and then
// the next.
type upload struct {
	file  *file
	rest  []*file
	since time.Duration

	stream   messages.StreamID
	window   int
	sent     int // chunks
	answered int
	err      *messages.Error
}

// linkDelay is how long it takes until the link of a file has reached others.
// Its blocks leave over some time, so that nobody sees which belong together
// (replication.Config.DisperseDelay): who opens a link earlier may be told
// that blocks cannot be had.
const linkDelay = time.Minute

func newUpload(u *user, f *file, rest []*file) *upload {
	return &upload{file: f, rest: rest, since: u.now()}
}

func (p *upload) start(ctx shell.Ctx, u *user) {
	fanout := u.run.config.Params.Fanout()
	u.ask(ctx, u.splitter, p, func(call messages.Call) messages.Command {
		return messages.OpenStream{Call: call, ChildrenMax: fanout}
	})
}

func (p *upload) step(ctx shell.Ctx, u *user, reply messages.Reply) {
	switch m := reply.(type) {
	case messages.StreamOpened:
		p.stream, p.window = m.Stream, m.Window
		p.write(ctx, u)
	case messages.ChunkWritten:
		p.answered++
		p.write(ctx, u)
	case messages.StreamFinished:
		p.file.content = m.Content
		u.ask(ctx, u.drive, p, func(call messages.Call) messages.Command {
			return messages.StoreFile{
				Call: call, Stream: p.stream, Attributes: messages.Attributes{Mode: 0o644},
				Content: m.Content,
			}
		})
	case messages.RootStored:
		u.run.catalog.acknowledged(p.file, m.Link)
		u.run.needs.add(p.file)
		u.run.world.At(linkDelay, func() { u.run.catalog.told(p.file) })
		p.end(ctx, u)
	case messages.Failed:
		p.failed(ctx, u, m.Err)
	}
}

// failed takes in a failure. Chunks that are under way are awaited first.
func (p *upload) failed(ctx shell.Ctx, u *user, err *messages.Error) {
	if p.err == nil {
		p.err = err
	}
	if p.sent > p.answered {
		p.answered++
	}
	if p.sent == p.answered || p.stream == 0 {
		p.end(ctx, u)
	}
}

// write sends chunks as the window allows, and finishes after the last.
func (p *upload) write(ctx shell.Ctx, u *user) {
	if p.err != nil {
		if p.sent == p.answered {
			p.end(ctx, u)
		}
		return
	}
	for p.sent < p.file.chunks && p.sent-p.answered < p.window {
		data := u.run.config.Params.NewBuffer()
		fill(p.file.number, p.sent, data)
		index := uint64(p.sent)
		p.sent++
		u.ask(ctx, u.splitter, p, func(call messages.Call) messages.Command {
			return messages.WriteChunk{Call: call, Stream: p.stream, Index: index, Data: data}
		})
	}
	if p.answered == p.file.chunks {
		size := uint64(p.file.chunks) * uint64(u.run.catalog.blockSize)
		u.ask(ctx, u.splitter, p, func(call messages.Call) messages.Command {
			return messages.FinishStream{Call: call, Stream: p.stream, Size: size}
		})
	}
}

func (p *upload) end(ctx shell.Ctx, u *user) {
	if p.stream != 0 {
		u.ask(ctx, u.splitter, tidied{}, func(call messages.Call) messages.Command {
			return messages.CloseStream{Call: call, Stream: p.stream}
		})
	}
	u.run.uploadEnded(p.file, u.now()-p.since, p.err)
	if len(p.rest) > 0 {
		newUpload(u, p.rest[0], p.rest[1:]).start(ctx, u)
	}
}

// removal deletes files: their links are kept no more, and what nothing
// needs is collected.
type removal struct {
	files []*file
	at    int
}

func (r *removal) start(ctx shell.Ctx, u *user) {
	link := r.files[r.at].link
	u.ask(ctx, u.drive, r, func(call messages.Call) messages.Command {
		return messages.Unshare{Call: call, Link: link}
	})
}

func (r *removal) step(ctx shell.Ctx, u *user, reply messages.Reply) {
	if r.at == len(r.files) {
		return // collected
	}
	if _, failed := reply.(messages.Failed); !failed {
		u.run.catalog.removed(r.files[r.at])
		u.run.needs.remove(r.files[r.at])
	}
	r.at++
	if r.at < len(r.files) {
		r.start(ctx, u)
		return
	}
	u.ask(ctx, u.store, r, func(call messages.Call) messages.Command {
		return messages.Collect{Call: call}
	})
}
