package blockstore

import (
	"errors"
	"fmt"
	"sync"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// record is a block on its way to the disk.
type record struct {
	cid  messages.CID
	data []byte
	crc  uint32
	// from is where compaction has it from; it is then written although it
	// is there already, and may use the reserve.
	from *location
}

// request is one caller's share of a group commit.
type request struct {
	records []record
	end     *segment // ends this segment, if it is the active one
	err     error
	// wake tells the waiting caller that its request is done (false), or
	// that it is to lead the next group (true). Buffered: waking never waits.
	wake chan bool
}

// commitQueue is where callers wait while a group is being written. The
// first to come leads: it writes and syncs for all who wait at that time.
// When it is done, the first of those who came meanwhile leads the next
// group, so that nobody works for others for longer than one group.
type commitQueue struct {
	mu      sync.Mutex
	waiting []*request
	leading bool
}

// Put implements [port.BlockEngine].
func (e *Engine) Put(blocks []messages.Block) error {
	e.life.RLock()
	defer e.life.RUnlock()
	if err := e.writable(); err != nil {
		return err
	}
	for i := range blocks {
		if len(blocks[i].Data) != e.opts.BlockSize {
			return fmt.Errorf("%w: %d bytes, not %d",
				port.ErrBlockSize, len(blocks[i].Data), e.opts.BlockSize)
		}
	}
	missing := e.missing(blocks)
	if len(missing) == 0 {
		return nil
	}
	records := make([]record, len(missing))
	for i, b := range missing {
		records[i] = record{cid: b.CID, data: b.Data, crc: checksum(b.Data)}
	}
	return e.submit(&request{records: records, wake: make(chan bool, 1)})
}

// missing returns the blocks that are not stored. Those that are count as
// written now: whoever puts a block needs it from here on, and a collector
// that began earlier must leave it alone.
func (e *Engine) missing(blocks []messages.Block) []messages.Block {
	e.mu.Lock()
	defer e.mu.Unlock()
	missing := make([]messages.Block, 0, len(blocks))
	for _, b := range blocks {
		if found := e.table.get(b.CID); found != nil {
			found.born = e.position
		} else {
			missing = append(missing, b)
		}
	}
	if len(missing) < len(blocks) {
		e.advance()
	}
	return missing
}

// submit has a request written, by this goroutine or another, and returns
// when it is durable or has failed.
func (e *Engine) submit(r *request) error {
	q := &e.queue
	q.mu.Lock()
	q.waiting = append(q.waiting, r)
	lead := !q.leading
	q.leading = true
	q.mu.Unlock()
	if !lead && !<-r.wake {
		return r.err
	}
	group := q.take()
	e.commitGroup(group)
	q.mu.Lock()
	if len(q.waiting) > 0 {
		q.waiting[0].wake <- true
	} else {
		q.leading = false
	}
	q.mu.Unlock()
	for _, done := range group {
		if done != r {
			done.wake <- false
		}
	}
	return r.err
}

// take removes the next group from the queue: at least one request, and
// further ones up to groupBlocksMax blocks.
func (q *commitQueue) take() []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, blocks := 1, len(q.waiting[0].records)
	for n < len(q.waiting) && blocks+len(q.waiting[n].records) <= groupBlocksMax {
		blocks += len(q.waiting[n].records)
		n++
	}
	group := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	if len(q.waiting) == 0 {
		q.waiting = nil // let go of the array
	}
	return group
}

// commitGroup writes a group and sets the error of each request. On a full
// disk the requests are tried one by one, so that a large one does not fail
// the small ones beside it.
func (e *Engine) commitGroup(group []*request) {
	err := e.commit(group)
	if err == nil {
		return
	}
	alone := errors.Is(err, port.ErrDiskFull) && len(group) > 1
	for _, r := range group {
		if r.err = err; alone {
			r.err = e.commit([]*request{r})
		}
	}
}

// commit makes all records of a group durable, then lets them be found.
func (e *Engine) commit(group []*request) error {
	if err := e.writable(); err != nil {
		return err
	}
	for _, r := range group {
		if r.end != nil && r.end == e.active.segment {
			if err := e.active.close(true); err != nil {
				return e.fail(err)
			}
		}
	}
	records := e.wanted(group)
	e.opts.Shuffle(len(records), func(i, j int) {
		records[i], records[j] = records[j], records[i]
	})
	if err := e.checkRoom(records); err != nil {
		return err
	}
	for len(records) > 0 {
		if !e.active.hasRoom() {
			if err := e.beginSegment(); err != nil {
				return err
			}
		}
		n := min(len(records), e.active.room())
		headers, err := e.appendRecords(records[:n])
		if err != nil {
			return err
		}
		e.publish(records[:n])
		e.proveDurable(headers)
		records = records[n:]
	}
	return nil
}

// wanted returns the records of a group that are to be written: each block
// once, and not those that an earlier group has stored.
func (e *Engine) wanted(group []*request) []record {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var records []record
	seen := make(map[messages.CID]bool, len(group[0].records))
	for _, r := range group {
		for _, rec := range r.records {
			if rec.from == nil && (seen[rec.cid] || e.table.get(rec.cid) != nil) {
				continue
			}
			seen[rec.cid] = true
			records = append(records, rec)
		}
	}
	return records
}

// checkRoom refuses records for which there is no room beside the reserve,
// before a part of them is written.
func (e *Engine) checkRoom(records []record) error {
	var need int64
	for i := range records {
		if records[i].from == nil {
			need += e.opts.recordBytes() + recordHeaderSize
		}
	}
	if need == 0 {
		return nil
	}
	need += 2 * fileHeaderSize * int64(1+len(records)/int(e.opts.slotsMax())) // new segments
	free, err := e.disk.Free()
	if err != nil {
		return fmt.Errorf("blockstore: free space: %w", err)
	}
	if free-e.opts.Reserve < need {
		return fmt.Errorf("%w: %d bytes free, of which %d are kept in reserve",
			port.ErrDiskFull, free, e.opts.Reserve)
	}
	return nil
}

// publish lets durable records be found. They are the last of the active
// segment, in order.
func (e *Engine) publish(records []record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.active.segment
	for i := range records {
		rec := &records[i]
		put := entry{
			cid: rec.cid, crc: rec.crc, born: e.position,
			at: location{segment: s.number, slot: s.slots},
		}
		s.slots++
		s.packBytes += e.opts.recordBytes()
		if rec.from == nil {
			e.table.set(put)
			s.live++
			continue
		}
		// Deletions wait while blocks are moved, so it is still where it was.
		old := e.table.get(rec.cid)
		put.born = old.born
		e.segments[old.at.segment].live--
		e.copies[rec.cid] = append(e.copies[rec.cid], old.at)
		*old = put
		s.live++
	}
	e.advance()
}
