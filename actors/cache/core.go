package cache

import (
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// core decides what is served from memory, what is loaded, and who waits for
// what. It does no I/O: read and loaded return what to do.
type core struct {
	cfg       Config
	blockSize int
	memory    *s3fifo

	loads   map[messages.CID]*load // blocks on their way
	waiting int                    // asks that are not answered yet
	queue   []*ask                 // of those, the ones whose loads did not start

	memoryHits, diskHits, networkHits, misses uint64
}

// ask is one ReadBlocks that is being answered.
type ask struct {
	caller  shell.Caller
	cids    []messages.CID
	checked bool // what is loaded is checked, and nothing is fetched
	repair  bool // what is loaded is checked, and what is damaged is fetched
	urgency messages.Urgency
	tuples  [][3]messages.CID // which blocks belong together
	blocks  []messages.Block
	missing int // entries of blocks that are not known yet

	err   *messages.Error // of entry errAt, the first that could not be had
	errAt int
}

// load is a block on its way from the store or from the network.
type load struct {
	waiters  []waiter
	fetching bool // it is not in the store, or not to be read there
	forget   bool // do not keep it when it comes
	checked  bool // the copy in the store is compared with its checksum
	repair   bool // somebody found a copy damaged: the bytes have to be checked

	// unread is why the copy in the store cannot be read, or nil.
	unread *messages.Error
}

// waiter is an entry of an ask that waits for a load.
type waiter struct {
	ask *ask
	at  int
}

// effects is what a step of the core asks for.
type effects struct {
	loads   []wanted          // one LoadBlocks each
	fetch   []messages.CID    // one FetchBlocks, if there are any
	urgency messages.Urgency  // of the fetch
	tuples  [][3]messages.CID // of the fetch
	keep    []messages.Block  // to be offered to the store
	mend    []messages.Block  // to take the place of damaged copies in the store
	done    []*ask            // to be answered
}

// wanted is 1..LoadMax blocks to be loaded.
type wanted struct {
	cids    []messages.CID
	checked bool
}

func newCore(cfg Config, blockSize int) *core {
	return &core{
		cfg:       cfg,
		blockSize: blockSize,
		memory:    newS3FIFO(int(cfg.MemoryBytes / int64(blockSize))),
		loads:     make(map[messages.CID]*load),
	}
}

// read takes in a ReadBlocks. A refusal leaves the core as it was.
func (c *core) read(caller shell.Caller, m messages.ReadBlocks) (effects, *messages.Error) {
	cids := m.CIDs
	switch {
	case len(cids) == 0 || len(cids) > messages.LoadMax:
		return effects{}, messages.Errorf(messages.CodeInvalid,
			"a read asks for %d blocks, want 1 to %d", len(cids), messages.LoadMax)
	case len(m.Tuples) > messages.LoadMax:
		return effects{}, messages.Errorf(messages.CodeInvalid,
			"a read tells of %d tuples, want %d at most", len(m.Tuples), messages.LoadMax)
	case m.Checked && m.Repair:
		return effects{}, messages.Errorf(messages.CodeInvalid,
			"a read is to fetch nothing, and to repair")
	}
	a := &ask{
		caller: caller, cids: cids, checked: m.Checked, repair: m.Repair, urgency: m.Urgency,
		tuples: m.Tuples,
		blocks: make([]messages.Block, len(cids)), missing: len(cids),
	}
	if a.repair {
		for _, cid := range cids {
			c.memory.remove(cid) // it may have come from the damaged copy
		}
	}
	if c.allInMemory(cids) {
		// It needs nothing from the store, so it overtakes those that do.
		var out effects
		c.start(a, &out)
		return out, nil
	}
	if c.waiting >= c.cfg.AsksMax {
		return effects{}, messages.Errorf(messages.CodeOverload,
			"%d reads of blocks are waiting already", c.waiting)
	}
	c.waiting++
	c.queue = append(c.queue, a)
	return c.startQueued(), nil
}

func (c *core) allInMemory(cids []messages.CID) bool {
	for _, cid := range cids {
		if !c.memory.has(cid) {
			return false
		}
	}
	return true
}

// startQueued starts asks in order of arrival while loads are within their
// bound.
func (c *core) startQueued() effects {
	var out effects
	for len(c.queue) > 0 {
		a := c.queue[0]
		if len(c.loads)+c.loadsOf(a) > c.cfg.LoadsMax {
			break
		}
		c.queue[0] = nil
		c.queue = c.queue[1:]
		c.start(a, &out)
		if a.missing == 0 {
			c.waiting--
		}
	}
	if len(c.queue) == 0 {
		c.queue = nil // let go of the array that shrank from the front
	}
	return out
}

// loadsOf counts the loads that an ask would start; a block named twice
// counts twice, which only errs to the safe side.
func (c *core) loadsOf(a *ask) int {
	n := 0
	for _, cid := range a.cids {
		if !c.memory.has(cid) && c.loads[cid] == nil {
			n++
		}
	}
	return n
}

// start serves what is in memory, joins what is on its way, and loads the
// rest.
func (c *core) start(a *ask, out *effects) {
	var missing []messages.CID
	for i, cid := range a.cids {
		if block, ok := c.memory.get(cid); ok {
			a.blocks[i] = block
			a.missing--
			c.memoryHits++
			continue
		}
		l := c.loads[cid]
		switch {
		case l == nil:
			l = &load{checked: a.checked || a.repair}
			c.loads[cid] = l
			missing = append(missing, cid)
		case l.fetching && a.checked:
			a.settle(i, notStored(cid))
			continue
		}
		l.repair = l.repair || a.repair
		l.waiters = append(l.waiters, waiter{ask: a, at: i})
	}
	if len(missing) > 0 {
		out.loads = append(out.loads, wanted{missing, a.checked || a.repair})
	}
	if a.missing == 0 {
		out.done = append(out.done, a)
	}
}

// outcome is what became of the load of one block: bytes or an error.
type outcome struct {
	cid  messages.CID
	data []byte
	err  *messages.Error
}

// notStored is the outcome of a block that is not here.
func notStored(cid messages.CID) outcome {
	return outcome{cid: cid, err: messages.Errorf(
		messages.CodeNotFound, "block %v is not stored here", cid)}
}

// loaded takes in the outcomes of a load that read or loaded asked for.
func (c *core) loaded(outcomes []outcome) effects {
	out := effects{urgency: messages.UrgencyLater}
	var again []messages.CID
	for _, o := range outcomes {
		l := c.loads[o.cid]
		switch {
		case o.err != nil:
		case o.data == nil:
			c.misses++
			o = notStored(o.cid)
		case len(o.data) != c.blockSize:
			o.err = messages.Errorf(messages.CodeCorrupt, "block %v has %d bytes, want %d",
				o.cid, len(o.data), c.blockSize)
		case l.repair && !l.checked:
			l.checked = true
			again = append(again, o.cid)
			continue
		default:
			c.diskHits++
		}
		if c.cfg.Network && o.err != nil && elsewhere(o.err.Code) {
			c.fetch(l, o, &out)
			continue
		}
		c.end(l, o, &out)
	}
	if len(again) > 0 {
		out.loads = append(out.loads, wanted{again, true})
	}
	return c.goOn(out)
}

// elsewhere reports whether a block that could not be loaded may be had from
// others all the same: it is not stored, or damaged, or the disk is.
func elsewhere(code messages.Code) bool {
	return code == messages.CodeNotFound || code == messages.CodeCorrupt || code == messages.CodeIO
}

// fetch has a block fetched that cannot be had here, unless nobody waits for
// it who may have it from elsewhere.
func (c *core) fetch(l *load, o outcome, out *effects) {
	var others []waiter
	for _, w := range l.waiters {
		if w.ask.checked {
			c.tell(w, o, out)
			continue
		}
		out.urgency = min(out.urgency, w.ask.urgency)
		others = append(others, w)
	}
	if l.waiters = others; len(others) == 0 {
		delete(c.loads, o.cid)
		return
	}
	l.fetching = true
	if o.err.Code != messages.CodeNotFound {
		l.unread = o.err
	}
	out.fetch = append(out.fetch, o.cid)
	for _, w := range others {
		out.relate(o.cid, w.ask.tuples)
	}
}

// relate passes on which tuples a block that is fetched is a member of, as far
// as one fetch can tell.
func (e *effects) relate(cid messages.CID, tuples [][3]messages.CID) {
	for _, tuple := range tuples {
		if len(e.tuples) < messages.FetchMax && slices.Contains(tuple[:], cid) &&
			!slices.Contains(e.tuples, tuple) {
			e.tuples = append(e.tuples, tuple)
		}
	}
}

// fetched takes in the outcomes of a fetch that loaded asked for. The bytes
// are proved.
func (c *core) fetched(outcomes []outcome) effects {
	var out effects
	for _, o := range outcomes {
		l := c.loads[o.cid]
		block := messages.Block{CID: o.cid, Data: o.data}
		switch {
		case o.err != nil:
			if l.unread != nil {
				o.err = l.unread // what is wrong here is what can be helped
			}
		case l.repair, l.unread != nil && l.unread.Code == messages.CodeCorrupt:
			out.mend = append(out.mend, block)
		case c.cfg.KeepFetched && !l.forget:
			out.keep = append(out.keep, block)
		}
		if o.err == nil {
			c.networkHits++
		}
		c.end(l, o, &out)
	}
	return c.goOn(out)
}

// end keeps a block that came in memory, and tells who waits for it.
func (c *core) end(l *load, o outcome, out *effects) {
	delete(c.loads, o.cid)
	if o.err == nil && !l.forget {
		c.memory.put(messages.Block{CID: o.cid, Data: o.data})
	}
	for _, w := range l.waiters {
		c.tell(w, o, out)
	}
}

// tell settles what waits for a block.
func (c *core) tell(w waiter, o outcome, out *effects) {
	w.ask.settle(w.at, o)
	if w.ask.missing == 0 {
		c.waiting--
		out.done = append(out.done, w.ask)
	}
}

// goOn adds what can start now to the effects of a step that ended loads.
func (c *core) goOn(out effects) effects {
	next := c.startQueued()
	out.loads = append(out.loads, next.loads...)
	out.done = append(out.done, next.done...)
	return out
}

// settle fills entry i of the ask.
func (a *ask) settle(i int, o outcome) {
	a.missing--
	if o.err == nil {
		a.blocks[i] = messages.Block{CID: o.cid, Data: o.data}
		return
	}
	if a.err == nil || i < a.errAt {
		a.err, a.errAt = o.err, i
	}
}

// forget drops blocks from memory, also those that are still to come.
func (c *core) forget(cids []messages.CID) {
	for _, cid := range cids {
		c.memory.remove(cid)
		if l := c.loads[cid]; l != nil {
			l.forget = true
		}
	}
}

// forgetAll drops whatever is in memory, and what is still to come.
func (c *core) forgetAll() {
	c.memory = newS3FIFO(c.memory.room)
	for _, l := range c.loads {
		l.forget = true
	}
}

// stats fills a reply to StatCache.
func (c *core) stats(answer messages.Answer) messages.CacheStatted {
	blocks := int64(c.memory.len())
	return messages.CacheStatted{
		Answer:       answer,
		MemoryBlocks: blocks,
		MemoryBytes:  blocks * int64(c.blockSize),
		MemoryHits:   c.memoryHits,
		DiskHits:     c.diskHits,
		Misses:       c.misses,
		NetworkHits:  c.networkHits,
	}
}
