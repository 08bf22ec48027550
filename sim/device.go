package sim

import (
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// deviceBatchMax bounds how many calls one pass of a device serves: what
// waits while the device is busy is served together, as group commit does.
const deviceBatchMax = 256

// Coster is a simulated device or engine that adds up the virtual time its
// operations take.
type Coster interface {
	// TakeCost returns the time since the last call of it, and starts anew.
	TakeCost() time.Duration
}

// device is a disk with a queue: one pass at a time, each as long as what it
// did took.
type device struct {
	world *World
	group *timerGroup
	cost  Coster      // nil: everything takes no time
	dead  func() bool // nil: never; true: the power went in the middle of a pass
	crash func()      // called when dead

	freeNS  int64
	waiting bool // a pass is scheduled
}

// wake schedules a pass for when the device is free, unless there is one.
// pass serves what waits, and tells whether something is left.
func (d *device) wake(pass func() (answers []func(), more bool)) {
	if d.waiting {
		return
	}
	d.waiting = true
	d.world.loop.after(time.Duration(d.freeNS-d.world.loop.nowNS), d.group, func() {
		d.waiting = false
		answers, more := pass()
		if d.dead != nil && d.dead() {
			d.crash()
			return
		}
		var cost time.Duration
		if d.cost != nil {
			cost = max(0, d.cost.TakeCost())
		}
		d.freeNS = d.world.loop.nowNS + int64(cost)
		for _, answer := range answers {
			d.world.loop.after(cost, d.group, answer)
		}
		if more {
			d.wake(pass)
		}
	})
}

// blockDevice runs the calls of a node's actors on its block engine.
type blockDevice struct {
	device
	engine port.BlockEngine
	calls  []blockCall
}

// blockCall is a call that waits for the device. Puts are recognized by
// blocks, so that they can be merged.
type blockCall struct {
	put    bool
	corr   messages.Corr
	blocks []messages.Block
	run    func() any // everything but a Put: returns the answer
	answer func(any)
}

func (d *blockDevice) submit(call blockCall) {
	d.calls = append(d.calls, call)
	d.wake(d.pass)
}

// pass serves what waits: all Puts as one, the rest one by one.
func (d *blockDevice) pass() ([]func(), bool) {
	n := min(len(d.calls), deviceBatchMax)
	batch := d.calls[:n:n]
	d.calls = d.calls[n:]
	var merged []messages.Block
	for _, call := range batch {
		merged = append(merged, call.blocks...)
	}
	var putErr error
	if len(merged) > 0 {
		putErr = d.engine.Put(merged)
	}
	answers := make([]func(), 0, n)
	for _, call := range batch {
		var answer any
		if call.put {
			answer = messages.BlocksPut{Answer: messages.Answer{Corr: call.corr}, Err: putErr}
		} else {
			answer = call.run()
		}
		answers = append(answers, func() { call.answer(answer) })
	}
	return answers, len(d.calls) > 0
}

var _ port.Blocks = (*blocks)(nil)

// blocks is the port of one incarnation.
type blocks struct {
	device *blockDevice
	answer func(any)
}

func (b *blocks) call(run func() any) {
	b.device.submit(blockCall{run: run, answer: b.answer})
}

// Put implements [port.Blocks].
func (b *blocks) Put(corr messages.Corr, put []messages.Block) {
	b.device.submit(blockCall{put: true, corr: corr, blocks: put, answer: b.answer})
}

// Get implements [port.Blocks].
func (b *blocks) Get(corr messages.Corr, cids []messages.CID, verify bool) {
	b.call(func() any { return port.GetAll(b.device.engine, corr, cids, verify) })
}

// Has implements [port.Blocks].
func (b *blocks) Has(corr messages.Corr, cids []messages.CID) {
	b.call(func() any {
		return messages.BlocksHad{Answer: messages.Answer{Corr: corr}, Has: b.device.engine.Has(cids)}
	})
}

// Delete implements [port.Blocks].
func (b *blocks) Delete(corr messages.Corr, cids []messages.CID) {
	b.call(func() any {
		err := b.device.engine.Delete(cids)
		return messages.BlocksDeleted{Answer: messages.Answer{Corr: corr}, Err: err}
	})
}

// List implements [port.Blocks].
func (b *blocks) List(corr messages.Corr, after messages.CID, limit int) {
	b.call(func() any {
		cids, more := b.device.engine.List(after, limit)
		return messages.BlocksListed{Answer: messages.Answer{Corr: corr}, CIDs: cids, More: more}
	})
}

// Usage implements [port.Blocks].
func (b *blocks) Usage(corr messages.Corr) {
	b.call(func() any { return port.UsageAnswer(corr, b.device.engine.Usage()) })
}

// Compact implements [port.Blocks].
func (b *blocks) Compact(corr messages.Corr, deadShare float64) {
	b.call(func() any { return port.CompactOne(b.device.engine, corr, deadShare) })
}

// Position implements [port.Blocks].
func (b *blocks) Position() uint64 { return b.device.engine.Position() }

// WrittenSince implements [port.Blocks].
func (b *blocks) WrittenSince(cid messages.CID, mark uint64) bool {
	return b.device.engine.WrittenSince(cid, mark)
}

// indexDevice runs the calls of a node's actors on its index engine.
type indexDevice struct {
	device
	engine port.IndexEngine
	calls  []indexCall
}

// indexCall is a call that waits for the device. run returns the answer and
// whether it has to be durable; synced replaces the answer when that fails.
type indexCall struct {
	run    func() (answer any, durable bool)
	failed func(err error) any
	answer func(any)
}

func (d *indexDevice) submit(call indexCall) {
	d.calls = append(d.calls, call)
	d.wake(d.pass)
}

// pass serves what waits in order, and syncs once for all that want it.
func (d *indexDevice) pass() ([]func(), bool) {
	n := min(len(d.calls), deviceBatchMax)
	batch := d.calls[:n:n]
	d.calls = d.calls[n:]
	values, durable := make([]any, n), make([]bool, n)
	sync := false
	for i, call := range batch {
		values[i], durable[i] = call.run()
		sync = sync || durable[i]
	}
	var syncErr error
	if sync {
		syncErr = d.engine.Commit(port.Txn{Durable: true})
	}
	answers := make([]func(), 0, n)
	for i, call := range batch {
		if durable[i] && syncErr != nil {
			values[i] = call.failed(syncErr)
		}
		answers = append(answers, func() { call.answer(values[i]) })
	}
	return answers, len(d.calls) > 0
}

var _ port.Index = (*index)(nil)

// index is the port of one incarnation.
type index struct {
	device *indexDevice
	answer func(any)
}

// Commit implements [port.Index].
func (x *index) Commit(corr messages.Corr, txn port.Txn) {
	committed := func(err error) any {
		return messages.IndexCommitted{Answer: messages.Answer{Corr: corr}, Err: err}
	}
	durable := txn.Durable
	txn.Durable = false // one sync for the whole pass
	x.device.submit(indexCall{answer: x.answer, failed: committed, run: func() (any, bool) {
		err := x.device.engine.Commit(txn)
		return committed(err), durable && err == nil
	}})
}

// Get implements [port.Index].
func (x *index) Get(corr messages.Corr, keys []port.RowKey) {
	x.device.submit(indexCall{answer: x.answer, run: func() (any, bool) {
		values, err := x.device.engine.Get(keys)
		return messages.IndexGot{Answer: messages.Answer{Corr: corr}, Values: values, Err: err}, false
	}})
}

// Scan implements [port.Index].
func (x *index) Scan(corr messages.Corr, table port.Table, group, cursor []byte, limit int) {
	x.device.submit(indexCall{answer: x.answer, run: func() (any, bool) {
		rows, next, err := x.device.engine.Scan(table, group, cursor, limit)
		return messages.IndexScanned{
			Answer: messages.Answer{Corr: corr}, Rows: rows, Next: next, Err: err,
		}, false
	}})
}
