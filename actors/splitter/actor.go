package splitter

import (
	"fmt"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
)

var _ shell.Behaviour = (*actor)(nil)

// barriersMax bounds the unanswered SyncStreams of one stream; one more is
// CodeOverload.
const barriersMax = 64

// actor is the splitter: streams, and the pipeline that their blocks share.
type actor struct {
	cfg                      Config
	params                   format.Params
	env                      *shell.Env
	randomizer, cache, store shell.Ref

	windows windows
	streams map[messages.StreamID]*stream
	open    []*stream // in the order of opening

	pipe pipeline
}

// New returns what makes an incarnation of the splitter. cfg and params are
// valid.
func New(cfg Config, params format.Params) func(*shell.Env) shell.Behaviour {
	return func(env *shell.Env) shell.Behaviour {
		return &actor{
			cfg: cfg, params: params, env: env,
			randomizer: env.Sibling("randomizer"),
			cache:      env.Sibling("cache"),
			store:      env.Sibling("store"),
			windows:    windows{cfg: cfg},
			streams:    make(map[messages.StreamID]*stream),
			pipe:       newPipeline(cfg),
		}
	}
}

// Start implements [shell.Behaviour].
func (a *actor) Start(shell.Ctx) {}

// Due implements [shell.Behaviour]: the splitter sets no timers.
func (a *actor) Due(_ shell.Ctx, due any) {
	panic(fmt.Sprintf("splitter: unexpected timer %T", due))
}

// Receive implements [shell.Behaviour].
func (a *actor) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(messages.ForSplitter).(type) {
	case messages.OpenStream:
		a.openStream(ctx, m)
	case messages.WriteChunk:
		a.writeChunk(ctx, m)
	case messages.FinishStream:
		a.finishStream(ctx, m)
	case messages.SealBlock:
		a.sealBlock(ctx, m)
	case messages.SyncStream:
		a.syncStream(ctx, m)
	case messages.CloseStream:
		a.closeStream(ctx, m)
	case messages.CloseStreams:
		a.closeStreams(ctx)
	case messages.ListInFlight:
		a.listInFlight(ctx)
	case messages.TuplesReserved:
		a.tuplesReserved(ctx, m)
	case messages.TuplesCommitted:
		a.pipe.take(m.Corr)
	case messages.StreamEnded:
		a.pipe.take(m.Corr)
	case messages.BlocksRead:
		a.blocksRead(ctx, m)
	case messages.BlocksStored:
		a.blocksStored(ctx, m)
	case messages.Failed:
		a.askFailed(ctx, m)
	case messages.WorkDone:
		a.workDone(ctx, m)
	default:
		panic(fmt.Sprintf("splitter: unexpected message %T", m))
	}
	a.pump(ctx)
}

func (a *actor) openStream(ctx shell.Ctx, m messages.OpenStream) {
	caller := ctx.Caller()
	if m.ChildrenMax < 1 || m.ChildrenMax > a.params.Fanout() {
		ctx.Fail(caller, messages.Errorf(messages.CodeInvalid,
			"%d children, want 1..%d", m.ChildrenMax, a.params.Fanout()))
		return
	}
	if len(a.streams) >= a.cfg.StreamsMax {
		ctx.Fail(caller, messages.Errorf(messages.CodeOverload,
			"%d streams are open", len(a.streams)))
		return
	}
	id := messages.StreamID(0)
	for id == 0 || a.streams[id] != nil {
		id = messages.StreamID(a.env.Entropy.Uint64N(1<<63) + 1)
	}
	s := newStream(id, caller.Ref, a.windows.grant(), a.params, m.ChildrenMax)
	a.streams[id] = s
	a.open = append(a.open, s)
	ctx.Reply(caller, messages.StreamOpened{
		Answer: caller.Answer(), Stream: id, Window: s.window,
	})
}

// usable returns a stream that works, or fails the command being received.
func (a *actor) usable(ctx shell.Ctx, id messages.StreamID) *stream {
	s := a.streams[id]
	switch {
	case s == nil:
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeNotFound, "no such stream"))
		return nil
	case s.failed != nil:
		ctx.Fail(ctx.Caller(), s.failed)
		return nil
	}
	return s
}

// refuseWrite says what is wrong with a WriteChunk, if anything.
func (a *actor) refuseWrite(s *stream, m messages.WriteChunk) *messages.Error {
	size := a.params.BlockSize
	switch {
	case s.finished:
		return messages.Errorf(messages.CodeInvalid, "the stream is finished")
	case m.Index != s.next:
		return messages.Errorf(messages.CodeInvalid,
			"chunk %d where %d is due", m.Index, s.next)
	case s.short:
		return messages.Errorf(messages.CodeInvalid, "a chunk after a short one")
	case m.Data != nil && (len(m.Data) < 1 || len(m.Data) > size || cap(m.Data) < size):
		return messages.Errorf(messages.CodeInvalid,
			"a chunk of %d bytes with room for %d, want 1..%d with room for a block",
			len(m.Data), cap(m.Data), size)
	case s.writes >= s.window:
		return messages.Errorf(messages.CodeOverload,
			"%d chunks are unanswered", s.writes)
	}
	return nil
}

func (a *actor) writeChunk(ctx shell.Ctx, m messages.WriteChunk) {
	s := a.usable(ctx, m.Stream)
	if s == nil {
		return
	}
	if refused := a.refuseWrite(s, m); refused != nil {
		ctx.Fail(ctx.Caller(), refused)
		return
	}
	s.next++
	s.writes++
	s.lastLength = len(m.Data)
	s.short = m.Data != nil && len(m.Data) < a.params.BlockSize
	if m.Data == nil {
		s.holes = append(s.holes, hole{ctx.Caller(), m.Index})
		a.fillHoles(ctx, s)
		return
	}
	s.add(&job{
		role: roleChunk, kind: messages.KindChunk, length: len(m.Data), data: m.Data,
		caller: ctx.Caller(), index: m.Index,
	})
}

// fillHoles gives the builder the holes that are not too far ahead.
func (a *actor) fillHoles(ctx shell.Ctx, s *stream) {
	for len(s.holes) > 0 && s.holeFits(s.holes[0].index) {
		h := s.holes[0]
		s.holes = s.holes[1:]
		nodes, err := s.builder.Hole(h.index)
		s.writes--
		ctx.Reply(h.caller, messages.ChunkWritten{Answer: h.caller.Answer()})
		if !a.built(ctx, s, nodes, err) {
			return
		}
	}
}

// built takes what the builder answered: nodes to seal, or an error, which
// fails the stream. It reports whether the stream goes on.
func (a *actor) built(
	ctx shell.Ctx, s *stream, nodes []format.PendingNode, err error,
) bool {
	if err != nil {
		a.failStream(ctx, s, &messages.Error{
			Code: messages.CodeInternal, Text: "splitter: build content", Err: err,
		})
		return false
	}
	for _, n := range nodes {
		data := append(a.params.NewBuffer()[:0], n.Payload...)
		s.add(&job{
			role: roleNode, kind: messages.KindNode, level: n.Level,
			length: len(n.Payload), data: data, node: n.ID,
		})
	}
	if s.finishing.IsZero() {
		return true
	}
	if content, ok := s.builder.Result(); ok {
		s.content = content
		s.barriers = append(s.barriers, barrier{s.finishing, s.nextNumber, true})
		a.passBarriers(ctx, s)
	}
	return true
}

func (a *actor) finishStream(ctx shell.Ctx, m messages.FinishStream) {
	s := a.usable(ctx, m.Stream)
	if s == nil {
		return
	}
	chunks := a.params.ChunkCount(m.Size)
	var refused *messages.Error
	switch {
	case s.finished:
		refused = messages.Errorf(messages.CodeInvalid, "the stream is finished")
	case m.Size > format.FileSizeMax:
		refused = messages.Errorf(messages.CodeInvalid,
			"a file of %d bytes, at most %d", m.Size, uint64(format.FileSizeMax))
	case chunks != s.next,
		s.lastLength != 0 && s.lastLength != a.params.ChunkLength(m.Size, chunks-1):
		refused = messages.Errorf(messages.CodeInvalid,
			"the size is not that of the %d chunks written", s.next)
	}
	if refused != nil {
		ctx.Fail(ctx.Caller(), refused)
		return
	}
	s.finished, s.finishing = true, ctx.Caller()
	nodes, err := s.builder.Finish(m.Size)
	a.built(ctx, s, nodes, err)
}

func (a *actor) sealBlock(ctx shell.Ctx, m messages.SealBlock) {
	s := a.usable(ctx, m.Stream)
	if s == nil {
		return
	}
	size := a.params.BlockSize
	var refused *messages.Error
	switch {
	case m.Kind != messages.KindChunk && m.Kind != messages.KindNode,
		(m.Kind == messages.KindChunk) != (m.Level == 0):
		refused = messages.Errorf(messages.CodeInvalid, "a %s of level %d", m.Kind, m.Level)
	case len(m.Data) < 1 || len(m.Data) > size || cap(m.Data) < size:
		refused = messages.Errorf(messages.CodeInvalid,
			"%d bytes with room for %d, want 1..%d with room for a block",
			len(m.Data), cap(m.Data), size)
	case s.seals >= a.cfg.SealsMax:
		refused = messages.Errorf(messages.CodeOverload, "%d seals are unanswered", s.seals)
	}
	if refused != nil {
		ctx.Fail(ctx.Caller(), refused)
		return
	}
	s.seals++
	s.add(&job{
		role: roleSealed, kind: m.Kind, level: m.Level, length: len(m.Data),
		data: m.Data, caller: ctx.Caller(),
	})
}

func (a *actor) syncStream(ctx shell.Ctx, m messages.SyncStream) {
	s := a.usable(ctx, m.Stream)
	if s == nil {
		return
	}
	if len(s.barriers) >= barriersMax {
		ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeOverload,
			"%d syncs are unanswered", len(s.barriers)))
		return
	}
	s.barriers = append(s.barriers, barrier{ctx.Caller(), s.nextNumber, false})
	a.passBarriers(ctx, s)
}

// passBarriers answers who waited for what is durable now.
func (a *actor) passBarriers(ctx shell.Ctx, s *stream) {
	for _, b := range s.passed() {
		if b.finish {
			s.finishing = shell.Caller{}
			ctx.Reply(b.caller, messages.StreamFinished{
				Answer: b.caller.Answer(), Content: s.content,
			})
			continue
		}
		ctx.Reply(b.caller, messages.StreamSynced{Answer: b.caller.Answer()})
	}
}

// closeStream works whatever the state. The randomizer is told even of a
// stream that a predecessor of this incarnation had.
func (a *actor) closeStream(ctx shell.Ctx, m messages.CloseStream) {
	if s := a.streams[m.Stream]; s != nil {
		a.endStream(ctx, s)
	} else if m.Stream != 0 {
		a.releaseStream(ctx, m.Stream)
	}
	ctx.Reply(ctx.Caller(), messages.StreamClosed{Answer: ctx.Caller().Answer()})
}

// closeStreams closes what the asker opened, and perhaps knows no more of.
func (a *actor) closeStreams(ctx shell.Ctx) {
	for _, s := range slices.Clone(a.open) {
		if s.owner == ctx.Caller().Ref {
			a.endStream(ctx, s)
		}
	}
	ctx.Reply(ctx.Caller(), messages.StreamsClosed{Answer: ctx.Caller().Answer()})
}

func (a *actor) endStream(ctx shell.Ctx, s *stream) {
	if s.failed == nil {
		a.failStream(ctx, s, messages.Errorf(messages.CodeCanceled, "the stream was closed"))
	}
	delete(a.streams, s.id)
	a.open = slices.DeleteFunc(a.open, func(t *stream) bool { return t == s })
	a.windows.release(s.window)
	a.releaseStream(ctx, s.id)
}

// releaseStream tells the randomizer that nothing more comes for a stream.
func (a *actor) releaseStream(ctx shell.Ctx, id messages.StreamID) {
	corr := a.pipe.ask(ctx, ask{kind: askEnd})
	ctx.Ask(a.randomizer, messages.EndStream{Call: messages.Call{Corr: corr}, Stream: id})
}

// failStream gives up a stream. What is under way for it comes to nothing.
func (a *actor) failStream(ctx shell.Ctx, s *stream, err *messages.Error) {
	if s.failed != nil {
		return
	}
	for _, caller := range s.fail(err) {
		ctx.Fail(caller, err)
	}
}

func (a *actor) listInFlight(ctx shell.Ctx) {
	reply := messages.InFlightListed{Answer: ctx.Caller().Answer()}
	seen := make(map[messages.CID]bool)
	for _, s := range a.open {
		reply.Refs = append(reply.Refs, s.held.list()...)
		for _, j := range s.underWay() {
			for _, cid := range []messages.CID{j.ref.D, j.a.CID, j.b.CID} {
				if !cid.IsZero() && !seen[cid] {
					seen[cid] = true
					reply.Blocks = append(reply.Blocks, cid)
				}
			}
		}
	}
	ctx.Reply(ctx.Caller(), reply)
}
