package splitter

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
)

// sealCost is what the simulation bills for sealing, mixing and naming.
const sealCost = 250 * time.Microsecond

// askKind is what was asked.
type askKind uint8

const (
	askReserve askKind = iota + 1
	askRead
	askPut
	askCommit
	askEnd
)

// ask is a command under way.
type ask struct {
	kind   askKind
	stream *stream        // of a reservation
	jobs   []*job         // of a reservation or a put
	cids   []messages.CID // of a read
}

// pipeline is what the blocks of all streams share.
type pipeline struct {
	asks map[messages.Corr]ask
	// work has the job of each piece of work under way.
	work map[messages.Corr]*job

	kept *keptBlocks
	// reads has the jobs that wait for each block being read, and toRead the
	// blocks to be asked for when the message at hand is done.
	reads  map[messages.CID][]*job
	toRead []messages.CID

	// outgoing is the sealed jobs whose blocks go to the store next.
	outgoing       []*job
	outgoingBlocks int
	puts           int // under way
	reading        int // ReadBlocks under way
}

func newPipeline(cfg Config) pipeline {
	return pipeline{
		asks: make(map[messages.Corr]ask), work: make(map[messages.Corr]*job),
		kept:  newKeptBlocks(cfg.KeptBlocksMax),
		reads: make(map[messages.CID][]*job),
	}
}

// ask notes what is asked and returns the id to ask it with.
func (p *pipeline) ask(ctx shell.Ctx, what ask) messages.Corr {
	corr := ctx.NextCorr()
	p.asks[corr] = what
	return corr
}

// take returns what was asked with an id.
func (p *pipeline) take(corr messages.Corr) ask {
	what, ok := p.asks[corr]
	if !ok {
		panic("splitter: a reply to nothing that was asked")
	}
	delete(p.asks, corr)
	return what
}

// pump moves on whatever can move: reservations, then reads, then puts. Each
// stream reserves for itself, so none waits for another's window.
func (a *actor) pump(ctx shell.Ctx) {
	for _, s := range a.open {
		if len(s.waiting) > 0 && s.reservations < a.cfg.ReservationsMax &&
			(s.reserving == 0 || s.reserving < s.window+a.cfg.SealsMax) {
			a.reserve(ctx, s)
		}
	}
	p := &a.pipe
	for len(p.toRead) > 0 && p.reading < a.cfg.ReadsMax {
		n := min(len(p.toRead), a.cfg.ReadBatchBlocks)
		a.read(ctx, p.toRead[:n:n])
		p.toRead = p.toRead[n:]
	}
	for len(p.outgoing) > 0 && p.puts < a.cfg.PutsMax &&
		(p.outgoingBlocks >= a.cfg.PutBatchBlocks || len(p.work) == 0) {
		a.put(ctx)
	}
}

func (a *actor) reserve(ctx shell.Ctx, s *stream) {
	jobs := s.takeWaiting(a.cfg.SealsMax)
	s.reservations++
	corr := a.pipe.ask(ctx, ask{kind: askReserve, stream: s, jobs: jobs})
	ctx.Ask(a.randomizer, messages.ReserveTuples{
		Call: messages.Call{Corr: corr}, Stream: s.id, Count: len(jobs),
	})
}

// tuplesReserved gives each job its tuple and fetches the bytes it lacks.
func (a *actor) tuplesReserved(ctx shell.Ctx, m messages.TuplesReserved) {
	what := a.pipe.take(m.Corr)
	if len(m.Tuples) != len(what.jobs) {
		panic(fmt.Sprintf("splitter: %d tuples for %d blocks", len(m.Tuples), len(what.jobs)))
	}
	if what.stream.failed != nil {
		return
	}
	what.stream.reservations--
	for i, j := range what.jobs {
		j.a, j.b = m.Tuples[i].A, m.Tuples[i].B
		if j.b.Data != nil {
			a.pipe.kept.put(j.b.CID, j.b.Data)
		}
		j.bytesA, j.bytesB = j.a.Data, j.b.Data
		if j.bytesB == nil {
			j.bytesB = a.pipe.kept.get(j.b.CID)
		}
		if j.bytesA == nil {
			a.pipe.want(j, j.a.CID)
		}
		if j.bytesB == nil {
			a.pipe.want(j, j.b.CID)
		}
		if j.missing == 0 {
			a.seal(ctx, j)
		}
	}
}

// want lets a job wait for a block, which is read once however many wait.
func (p *pipeline) want(j *job, cid messages.CID) {
	j.missing++
	if p.reads[cid] == nil {
		p.toRead = append(p.toRead, cid)
	}
	p.reads[cid] = append(p.reads[cid], j)
}

func (a *actor) read(ctx shell.Ctx, cids []messages.CID) {
	a.pipe.reading++
	corr := a.pipe.ask(ctx, ask{kind: askRead, cids: cids})
	ctx.Ask(a.cache, messages.ReadBlocks{
		Call: messages.Call{Corr: corr}, CIDs: cids, Checked: true,
	})
}

func (a *actor) blocksRead(ctx shell.Ctx, m messages.BlocksRead) {
	what := a.pipe.take(m.Corr)
	a.pipe.reading--
	if len(m.Blocks) != len(what.cids) {
		panic(fmt.Sprintf("splitter: %d blocks for %d asked", len(m.Blocks), len(what.cids)))
	}
	for i, cid := range what.cids {
		jobs, data := a.pipe.reads[cid], m.Blocks[i].Data
		delete(a.pipe.reads, cid)
		for _, j := range jobs {
			if j.stream.failed != nil {
				continue
			}
			if j.a.CID == cid {
				j.bytesA = data
			} else {
				j.bytesB = data
				a.pipe.kept.put(cid, data)
			}
			if j.missing--; j.missing == 0 {
				a.seal(ctx, j)
			}
		}
	}
}

// readFailed finds out which block is to blame by asking for each alone. A
// block that is gone, corrupt or unreadable leaves the pool, or it would fail every
// stream to come; the streams that wait for it fail.
func (a *actor) readFailed(ctx shell.Ctx, cids []messages.CID, err *messages.Error) {
	ofOneBlock := false
	switch err.Code {
	case messages.CodeNotFound, messages.CodeCorrupt, messages.CodeUnavailable,
		messages.CodeIO:
		ofOneBlock = true
	}
	if ofOneBlock && len(cids) > 1 {
		for _, cid := range cids {
			a.read(ctx, []messages.CID{cid}) // beyond ReadsMax, in place of one that was within
		}
		return
	}
	if err.Code == messages.CodeNotFound || err.Code == messages.CodeCorrupt ||
		err.Code == messages.CodeIO {
		ctx.Tell(a.randomizer, messages.RandomizersLost{CIDs: cids})
	}
	for _, cid := range cids {
		jobs := a.pipe.reads[cid]
		delete(a.pipe.reads, cid)
		for _, j := range jobs {
			a.failStream(ctx, j.stream, &messages.Error{
				Code: err.Code, Text: "splitter: read a randomizer", Err: err,
			})
		}
	}
}

// sealed is what becomes of a job in a worker.
type sealed struct {
	ref    messages.BlockRef
	d      []byte
	inside []messages.CID
	err    error
}

// seal pads, seals, mixes and names a block, all in the job's own buffer. The
// work owns that buffer until it is done, and shares A and B for reading.
func (a *actor) seal(ctx shell.Ctx, j *job) {
	corr := ctx.NextCorr()
	a.pipe.work[corr] = j
	p, entropy := a.params, a.env.Entropy
	data, bytesA, bytesB := j.data, j.bytesA, j.bytesB
	ref := messages.BlockRef{
		A: j.a.CID, B: j.b.CID, Level: j.level, Length: uint32(j.length),
	}
	kind := j.kind
	j.data, j.bytesA, j.bytesB = nil, nil, nil
	a.env.Workers.Do(corr, sealCost, func() any {
		var done sealed
		if kind == messages.KindNode {
			done.inside = insideNode(p, ref.Level, data)
		}
		plaintext := data[:p.BlockSize]
		entropy.Fill(plaintext[len(data):])
		entropy.Fill(ref.Key[:])
		w, tag, err := format.Seal(p, kind, ref.Level, int(ref.Length), ref.Key, plaintext)
		if err != nil {
			return sealed{err: err}
		}
		if err := format.Mix(w, w, bytesA, bytesB); err != nil {
			return sealed{err: err}
		}
		ref.Tag, ref.D = tag, format.Name(w)
		done.ref, done.d = ref, w
		return done
	})
}

// workDone takes a sealed block: its ref is known, and its blocks go out.
func (a *actor) workDone(ctx shell.Ctx, m messages.WorkDone) {
	j := a.pipe.work[m.Corr]
	if j == nil {
		panic("splitter: work that nobody asked for")
	}
	delete(a.pipe.work, m.Corr)
	s := j.stream
	if s.failed != nil {
		return
	}
	err := m.Err
	done, ok := m.Result.(sealed)
	if ok {
		err = done.err
	}
	if err != nil {
		a.failStream(ctx, s, &messages.Error{
			Code: messages.CodeInternal, Text: "splitter: seal a block", Err: err,
		})
		return
	}
	j.sealed, j.ref, j.inside = true, done.ref, done.inside
	s.held.sealed(j)
	j.data = done.d
	a.pipe.outgoing = append(a.pipe.outgoing, j)
	a.pipe.outgoingBlocks += j.newBlocks()
	switch j.role {
	case roleChunk:
		nodes, err := s.builder.Chunk(j.index, j.ref)
		if a.built(ctx, s, nodes, err) {
			a.fillHoles(ctx, s)
		}
	case roleNode:
		nodes, err := s.builder.Sealed(j.node, j.ref)
		a.built(ctx, s, nodes, err)
	case roleSealed:
		s.seals--
		caller := j.caller
		j.caller = shell.Caller{}
		ctx.Reply(caller, messages.BlockSealed{Answer: caller.Answer(), Ref: j.ref})
	}
}

// put sends as many jobs' blocks as one command takes, in random order, so
// that neither the order on disk nor that of announcements tells which blocks
// make a tuple.
func (a *actor) put(ctx shell.Ctx) {
	p := &a.pipe
	var blocks []messages.Block
	var keep []messages.CID
	has := make(map[messages.CID]bool) // a B may come twice
	n := 0
	for n < len(p.outgoing) && len(blocks) < a.cfg.PutBatchBlocks {
		j := p.outgoing[n]
		n++
		p.outgoingBlocks -= j.newBlocks()
		blocks = append(blocks, messages.Block{CID: j.ref.D, Data: j.data})
		for _, r := range []messages.Randomizer{j.a, j.b} {
			if has[r.CID] || r.Data == nil && !a.cfg.Foreign {
				continue
			}
			has[r.CID] = true
			if r.Data != nil {
				blocks = append(blocks, messages.Block(r))
			} else {
				keep = append(keep, r.CID)
			}
		}
		j.data, j.a.Data, j.b.Data = nil, nil, nil
	}
	for i := len(blocks) - 1; i > 0; i-- {
		k := a.env.Entropy.Uint64N(uint64(i + 1))
		blocks[i], blocks[k] = blocks[k], blocks[i]
	}
	p.puts++
	corr := p.ask(ctx, ask{kind: askPut, jobs: p.outgoing[:n:n]})
	p.outgoing = p.outgoing[n:]
	ctx.Ask(a.store, messages.PutBlocks{
		Call: messages.Call{Corr: corr}, Blocks: blocks, Keep: keep,
	})
}

// blocksStored gives back credits, tells the randomizer of the tuples, and
// answers who waited for these blocks.
func (a *actor) blocksStored(ctx shell.Ctx, m messages.BlocksStored) {
	a.pipe.puts--
	var touched []*stream
	tuples := make(map[*stream][][3]messages.CID)
	for _, j := range a.pipe.take(m.Corr).jobs {
		s := j.stream
		if s.failed != nil {
			continue
		}
		if tuples[s] == nil {
			touched = append(touched, s)
		}
		tuples[s] = append(tuples[s], j.ref.Tuple())
		s.durable(j)
		if j.role == roleChunk {
			s.writes--
			ctx.Reply(j.caller, messages.ChunkWritten{Answer: j.caller.Answer()})
		}
	}
	for _, s := range touched {
		a.commit(ctx, s, tuples[s])
		if len(s.held.refs) > a.cfg.HeldRefsMax {
			a.failStream(ctx, s, messages.Errorf(messages.CodeOverload,
				"%d blocks are in no directory yet", len(s.held.refs)))
			continue
		}
		a.passBarriers(ctx, s)
	}
}

func (a *actor) commit(ctx shell.Ctx, s *stream, tuples [][3]messages.CID) {
	corr := a.pipe.ask(ctx, ask{kind: askCommit})
	ctx.Ask(a.randomizer, messages.CommitTuples{
		Call: messages.Call{Corr: corr}, Stream: s.id, Tuples: tuples,
	})
}

// askFailed fails the streams that needed what was asked.
func (a *actor) askFailed(ctx shell.Ctx, m messages.Failed) {
	what := a.pipe.take(m.Corr)
	switch what.kind {
	case askReserve:
		a.failStream(ctx, what.stream, m.Err)
	case askRead:
		a.pipe.reading--
		a.readFailed(ctx, what.cids, m.Err)
	case askPut:
		a.pipe.puts--
		for _, j := range what.jobs {
			a.failStream(ctx, j.stream, m.Err)
		}
	case askCommit:
		// The blocks are durable all the same; they only serve nobody else.
		if !errors.Is(m.Err, &messages.Error{Code: messages.CodeRestarted}) {
			a.env.Log.Warn("Stored blocks do not join the pool", "err", m.Err)
		}
	case askEnd: // the randomizer forgot the stream with everything else
	}
}
