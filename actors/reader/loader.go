package reader

import (
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
)

// loader opens blocks: it batches what is asked of the cache, bounds what is
// under way, puts what somebody waits for before read-ahead, and opens each
// block once however many ask for it.
type loader struct {
	cfg    Config
	params format.Params
	env    *shell.Env
	cache  shell.Ref

	unsealed *lru
	under    map[blockKey]*opening // queued or under way
	urgent   []*opening            // somebody waits
	ahead    []*opening            // nobody does yet

	batches int
	asked   map[messages.Corr]*batch
	works   map[messages.Corr]func(shell.Ctx, messages.WorkDone)
}

// opening is a block that is being opened.
type opening struct {
	key     blockKey
	keep    bool // put it into the LRU
	urgent  bool
	started bool // no longer in a queue
	alone   bool // a batch with others failed: ask for this one by itself
	retried bool
	stale   bool // its blocks were forgotten since it started
	// damage is what was wrong with its stored blocks: it is read a second
	// time, with the blocks repaired.
	damage  *messages.Error
	waiters []waiter
}

// waiter is told when a block is opened. With a chunk, it no longer wants
// the block once that chunk was dropped.
type waiter struct {
	chunk *chunk
	then  func(shell.Ctx, opened)
}

// batch is one ask of the cache.
type batch struct {
	openings []*opening
	cids     []messages.CID // as asked
	left     int            // openings not done
}

func newLoader(cfg Config, params format.Params, env *shell.Env) *loader {
	return &loader{
		cfg: cfg, params: params, env: env,
		cache:    env.Sibling("cache"),
		unsealed: newLRU(cfg.UnsealedBlocksMax),
		under:    make(map[blockKey]*opening),
		asked:    make(map[messages.Corr]*batch),
		works:    make(map[messages.Corr]func(shell.Ctx, messages.WorkDone)),
	}
}

// open tells w when the block is opened: at once, if it is kept in the LRU.
// It returns the opening that was joined or queued, or nil. pump starts it.
func (l *loader) open(ctx shell.Ctx, key blockKey, keep, urgent bool, w waiter) *opening {
	if found, ok := l.unsealed.get(key); ok {
		w.then(ctx, found)
		return nil
	}
	o := l.under[key]
	if o == nil {
		o = &opening{key: key, urgent: urgent}
		l.under[key] = o
		if urgent {
			l.urgent = append(l.urgent, o)
		} else {
			l.ahead = append(l.ahead, o)
		}
	} else if urgent {
		l.promote(o)
	}
	o.keep = o.keep || keep
	o.waiters = append(o.waiters, w)
	return o
}

// promote puts an opening before the read-ahead. It stays in that queue too,
// and is passed over there.
func (l *loader) promote(o *opening) {
	if o == nil || o.urgent {
		return
	}
	o.urgent = true
	if !o.started {
		l.urgent = append(l.urgent, o)
	}
}

// pump starts batches while there are openings and the bound allows. The
// actor calls it at the end of each message, when all that the message asks
// for is queued.
func (l *loader) pump(ctx shell.Ctx) {
	for l.batches < l.cfg.BatchesMax {
		openings := l.nextBatch(&l.urgent, true)
		if len(openings) == 0 {
			break
		}
		l.start(ctx, openings, messages.UrgencyNow)
	}
	aheadMax := l.cfg.BatchesMax - max(1, l.cfg.BatchesMax/4)
	for l.batches < aheadMax {
		openings := l.nextBatch(&l.ahead, false)
		if len(openings) == 0 {
			break
		}
		l.start(ctx, openings, messages.UrgencySoon)
	}
}

// nextBatch takes openings from a queue, and drops those that went another
// way meanwhile.
func (l *loader) nextBatch(queue *[]*opening, urgent bool) []*opening {
	var openings []*opening
	for len(*queue) > 0 && len(openings) < l.cfg.BatchChunks {
		o := (*queue)[0]
		if o.alone && len(openings) > 0 {
			break
		}
		(*queue)[0] = nil
		*queue = (*queue)[1:]
		switch {
		case o.started || o.urgent != urgent:
			continue
		case !urgent && !o.wanted():
			delete(l.under, o.key)
			continue
		}
		o.started = true
		openings = append(openings, o)
		if o.alone {
			break
		}
	}
	if len(*queue) == 0 {
		*queue = nil
	}
	return openings
}

func (o *opening) wanted() bool {
	return slices.ContainsFunc(o.waiters, func(w waiter) bool {
		return w.chunk == nil || !w.chunk.dropped
	})
}

// start asks the cache for the blocks of the openings, each once, in an order
// that does not tell which is whose.
func (l *loader) start(ctx shell.Ctx, openings []*opening, urgency messages.Urgency) {
	b := &batch{
		openings: openings, left: len(openings),
		cids: make([]messages.CID, 0, tupleSize*len(openings)),
	}
	tuples := make([][tupleSize]messages.CID, 0, len(openings))
	for _, o := range openings {
		tuples = append(tuples, o.key.ref.Tuple())
		for _, cid := range o.key.ref.Tuple() {
			if !slices.Contains(b.cids, cid) {
				b.cids = append(b.cids, cid)
			}
		}
	}
	l.env.Rand.Shuffle(len(b.cids), func(i, j int) {
		b.cids[i], b.cids[j] = b.cids[j], b.cids[i]
	})
	corr := ctx.NextCorr()
	l.batches++
	l.asked[corr] = b
	ctx.Ask(l.cache, messages.ReadBlocks{
		Call: messages.Call{Corr: corr}, CIDs: b.cids, Urgency: urgency, Tuples: tuples,
		Repair: openings[0].damage != nil, // which is alone
	})
}

// take returns the batch that a reply of the cache is about.
func (l *loader) take(corr messages.Corr) *batch {
	b, ok := l.asked[corr]
	if !ok {
		panic("reader: a reply to nothing that was asked")
	}
	delete(l.asked, corr)
	return b
}

// onRead opens the blocks of a batch, each by itself, so that all processors
// have work.
func (l *loader) onRead(ctx shell.Ctx, m messages.BlocksRead) {
	b := l.take(m.Corr)
	for _, o := range b.openings {
		var tuple [tupleSize][]byte
		for i, cid := range o.key.ref.Tuple() {
			tuple[i] = m.Blocks[slices.Index(b.cids, cid)].Data
		}
		key, params := o.key, l.params
		l.work(ctx, func() any { return open(params, key, tuple) },
			func(ctx shell.Ctx, done messages.WorkDone) { l.onOpened(ctx, b, o, result(done)) })
	}
}

// work runs f off the actor and then hands on its result.
func (l *loader) work(ctx shell.Ctx, f func() any, then func(shell.Ctx, messages.WorkDone)) {
	corr := ctx.NextCorr()
	l.works[corr] = then
	l.env.Workers.Do(corr, openCostPerBlock, f)
}

func (l *loader) onWorkDone(ctx shell.Ctx, m messages.WorkDone) {
	then := l.works[m.Corr]
	delete(l.works, m.Corr)
	then(ctx, m)
}

// result is what the work of opening came to.
func result(done messages.WorkDone) opened {
	if done.Err != nil {
		return opened{err: &messages.Error{
			Code: messages.CodeInternal, Text: "opening a block failed", Err: done.Err,
		}}
	}
	return done.Result.(opened)
}

// onFailed takes in that a batch was not had. When one block is to blame,
// which is not known, each opening is asked for alone; one that was alone
// already has failed. A restart of the cache is worth one more try.
func (l *loader) onFailed(ctx shell.Ctx, m messages.Failed) {
	b := l.take(m.Corr)
	for _, o := range b.openings {
		again := len(b.openings) > 1 && oneToBlame(m.Err.Code)
		if m.Err.Code == messages.CodeRestarted && !o.retried {
			again, o.retried = true, true
		}
		if !again {
			err := m.Err
			if o.damage != nil && oneToBlame(err.Code) {
				err = o.damage // nobody else has them
			}
			l.onOpened(ctx, b, o, opened{err: err})
			continue
		}
		l.settle(b)
		o.alone = true
		l.again(o)
	}
}

// again puts an opening that was started back into its queue.
func (l *loader) again(o *opening) {
	o.started, o.stale = false, false
	if o.urgent {
		l.urgent = append(l.urgent, o)
	} else {
		l.ahead = append(l.ahead, o)
	}
}

// oneToBlame tells whether a read of blocks failed for the sake of one.
func oneToBlame(code messages.Code) bool {
	switch code {
	case messages.CodeNotFound, messages.CodeCorrupt, messages.CodeIO, messages.CodeUnavailable:
		return true
	}
	return false
}

// settle counts one opening of a batch as done.
func (l *loader) settle(b *batch) {
	b.left--
	if b.left == 0 {
		l.batches--
	}
}

// onOpened ends an opening and tells who waits.
func (l *loader) onOpened(ctx shell.Ctx, b *batch, o *opening, result opened) {
	l.settle(b)
	if o.stale && result.err == nil {
		l.again(o) // what was opened may be there no more
		return
	}
	if len(result.bad) > 0 {
		ctx.Tell(l.cache, messages.ForgetBlocks{CIDs: result.bad})
		if o.damage == nil {
			o.damage, o.alone = result.err, true
			l.again(o)
			return
		}
	}
	delete(l.under, o.key)
	if result.err == nil && o.keep {
		l.unsealed.put(o.key, result)
	}
	for _, w := range o.waiters {
		w.then(ctx, result)
	}
}

// forget drops what was opened of blocks that are gone, and has what is being
// opened of them read again: whoever keeps a name for what was read must not
// have it from here when nobody else has.
func (l *loader) forget(m messages.ForgetBlocks) {
	gone := make(map[messages.CID]bool, len(m.CIDs))
	for _, cid := range m.CIDs {
		gone[cid] = true
	}
	isGone := func(key blockKey) bool {
		tuple := key.ref.Tuple()
		return m.All || slices.ContainsFunc(tuple[:], func(cid messages.CID) bool { return gone[cid] })
	}
	l.unsealed.drop(isGone)
	for key, o := range l.under { // the order makes no difference
		o.stale = o.stale || o.started && isGone(key)
	}
}
