package reader

import (
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Behaviour = (*actor)(nil)

type actor struct {
	cfg     Config
	params  format.Params
	env     *shell.Env
	loader  *loader
	shelf   *shelf
	handles map[messages.HandleID]*handle
	reads   int // ReadRange commands under way
	unseals int // UnsealBlock commands under way
}

// New returns what makes an incarnation of the reader. cfg and params are
// valid.
func New(cfg Config, params format.Params) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		return &actor{
			cfg: cfg, params: params, env: env,
			loader:  newLoader(cfg, params, env),
			shelf:   newShelf(int(cfg.ReadAheadBytesMax / int64(params.BlockSize))),
			handles: make(map[messages.HandleID]*handle),
		}
	}
}

// Start implements [shell.Behaviour].
func (a *actor) Start(shell.Ctx) {}

// Due implements [shell.Behaviour]: the reader sets no timers.
func (a *actor) Due(_ shell.Ctx, due any) {
	panic(fmt.Sprintf("reader: unexpected timer %T", due))
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(messages.ForReader).(type) {
	case messages.OpenContent:
		a.onOpen(ctx, m)
	case messages.ReadRange:
		a.onReadRange(ctx, m)
	case messages.CloseContent:
		a.onClose(ctx, m)
	case messages.CloseContents:
		a.onCloseAll(ctx)
	case messages.UnsealBlock:
		a.onUnseal(ctx, m)
	case messages.ForgetBlocks:
		a.loader.forget(m)
	case messages.BlocksRead:
		a.loader.onRead(ctx, m)
	case messages.WorkDone:
		a.loader.onWorkDone(ctx, m)
	case messages.Failed:
		a.loader.onFailed(ctx, m)
	default:
		panic(fmt.Sprintf("reader: unexpected message %T", m))
	}
	a.loader.pump(ctx)
}

func (a *actor) onOpen(ctx shell.Ctx, m messages.OpenContent) {
	if len(a.handles) >= a.cfg.HandlesMax {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeOverload,
			"%d files are open for reading already", len(a.handles)))
		return
	}
	if err := checkContent(a.params, m.Content); err != nil {
		ctx.Fail(ctx.Caller(), err)
		return
	}
	h := &handle{
		id: a.newHandleID(), owner: ctx.Caller().Ref, content: m.Content,
		ahead:  readAhead{max: a.cfg.ReadAheadMax},
		chunks: make(map[uint64]*chunk),
	}
	a.handles[h.id] = h
	ctx.Reply(ctx.Caller(), messages.ContentOpened{Answer: ctx.Caller().Answer(), Handle: h.id})
}

// newHandleID draws a handle, so that one from before a restart is unknown
// and does not open another file.
func (a *actor) newHandleID() messages.HandleID {
	for {
		id := messages.HandleID(a.env.Rand.Uint64())
		if id != 0 && a.handles[id] == nil {
			return id
		}
	}
}

func (a *actor) onClose(ctx shell.Ctx, m messages.CloseContent) {
	h, ok := a.handles[m.Handle]
	if !ok {
		ctx.Fail(ctx.Caller(), unknownHandle())
		return
	}
	a.closeHandle(h)
	ctx.Reply(ctx.Caller(), messages.ContentClosed{Answer: ctx.Caller().Answer()})
}

// onCloseAll closes what the asker opened, and perhaps knows no more of.
func (a *actor) onCloseAll(ctx shell.Ctx) {
	for _, h := range a.handles { // the order makes no difference
		if h.owner == ctx.Caller().Ref {
			a.closeHandle(h)
		}
	}
	ctx.Reply(ctx.Caller(), messages.ContentsClosed{Answer: ctx.Caller().Answer()})
}

func (a *actor) closeHandle(h *handle) {
	delete(a.handles, h.id)
	for _, c := range h.chunks { // the order makes no difference
		a.shelf.drop(c) // reads under way keep theirs
	}
}

func unknownHandle() *messages.Error {
	return messages.Errorf(messages.CodeNotFound, "the file is not open for reading")
}

func (a *actor) onReadRange(ctx shell.Ctx, m messages.ReadRange) {
	caller := ctx.Caller()
	h, ok := a.handles[m.Handle]
	switch {
	case !ok:
		ctx.Fail(caller, unknownHandle())
		return
	case m.Length < 1 || m.Length > messages.ReadRangeMax:
		ctx.Fail(caller, messages.Errorf(messages.CodeInvalid,
			"a read of %d bytes, want 1 to %d", m.Length, messages.ReadRangeMax))
		return
	case m.Offset >= h.content.Size:
		ctx.Reply(caller, messages.RangeRead{Answer: caller.Answer()})
		return
	case a.reads >= a.cfg.ReadsMax:
		ctx.Fail(caller, messages.Errorf(messages.CodeOverload,
			"%d reads of files are waiting already", a.reads))
		return
	}
	a.reads++
	a.shelf.touch(h)
	a.begin(ctx, &read{
		caller: caller, handle: h, offset: m.Offset,
		end: min(m.Offset+uint64(m.Length), h.content.Size),
	})
}

// begin gathers the chunks of a read, then reads ahead.
func (a *actor) begin(ctx shell.Ctx, r *read) {
	h, blockSize := r.handle, uint64(a.params.BlockSize)
	first, last := r.offset/blockSize, (r.end-1)/blockSize
	// A chunk may get ready at once; the one extra keeps the read from being
	// answered before all its chunks are known.
	r.missing = 1
	for i := first; i <= last; i++ {
		c := h.chunks[i]
		if c == nil {
			c = a.newChunk(h, i)
			c.urgent = true
			a.fill(ctx, c)
		} else if !c.urgent {
			c.urgent = true
			a.loader.promote(c.opening)
		}
		r.chunks = append(r.chunks, c)
	}
	for _, c := range r.chunks {
		if !c.ready {
			c.waiting = append(c.waiting, r)
			r.missing++
		}
	}
	from, to := h.ahead.observe(first, last)
	if h.ahead.window == 0 {
		a.shelf.tidy(h) // after a seek, what is still queued is not wanted
	}
	a.chunkDone(ctx, r)
	to = min(to, a.params.ChunkCount(h.content.Size))
	for i := from; i < to; i++ {
		if h.chunks[i] == nil {
			if !a.shelf.room(h) {
				break
			}
			a.fill(ctx, a.newChunk(h, i))
		}
	}
}

func (a *actor) newChunk(h *handle, index uint64) *chunk {
	return a.shelf.add(h, index, a.params.ChunkLength(h.content.Size, index))
}

// chunkReady takes in that a chunk is opened, or cannot be.
func (a *actor) chunkReady(ctx shell.Ctx, c *chunk, o opened) {
	if o.err == nil && o.data != nil && len(o.data) != c.length {
		o = opened{err: messages.Errorf(messages.CodeCorrupt,
			"a chunk has %d bytes where %d are due", len(o.data), c.length)}
	}
	waiting := c.waiting
	c.ready, c.data, c.waiting, c.opening = true, o.data, nil, nil
	if o.err != nil {
		// It is not kept: who asks again gets another try.
		c.err = o.err
		a.shelf.drop(c)
	}
	for _, r := range waiting {
		a.chunkDone(ctx, r)
	}
	if !c.handle.ahead.wants(c.index) && !c.urgent {
		a.shelf.drop(c) // the reading went elsewhere meanwhile
	}
}

// chunkDone counts one chunk of a read as ready, and answers when all are.
func (a *actor) chunkDone(ctx shell.Ctx, r *read) {
	if r.missing--; r.missing > 0 {
		return
	}
	a.reads--
	defer a.shelf.tidy(r.handle)
	for _, c := range r.chunks {
		if c.err != nil {
			ctx.Fail(r.caller, c.err)
			return
		}
	}
	parts := r.parts(uint64(a.params.BlockSize))
	ctx.Reply(r.caller, messages.RangeRead{Answer: r.caller.Answer(), Parts: parts})
}

func (a *actor) onUnseal(ctx shell.Ctx, m messages.UnsealBlock) {
	caller := ctx.Caller()
	if a.unseals >= a.cfg.UnsealsMax {
		ctx.Fail(caller, messages.Errorf(messages.CodeOverload,
			"%d blocks are being opened already", a.unseals))
		return
	}
	if err := format.CheckRef(a.params, m.Ref); err != nil {
		ctx.Fail(caller, &messages.Error{
			Code: messages.CodeInvalid, Text: "a block cannot be opened", Err: err,
		})
		return
	}
	a.unseals++
	key := blockKey{ref: m.Ref, kind: m.Kind}
	then := func(ctx shell.Ctx, o opened) {
		a.unseals--
		if o.err != nil {
			ctx.Fail(caller, o.err)
			return
		}
		ctx.Reply(caller, messages.BlockUnsealed{Answer: caller.Answer(), Data: o.data})
	}
	a.loader.open(ctx, key, m.Kind == messages.KindNode, true, waiter{then: then})
}
