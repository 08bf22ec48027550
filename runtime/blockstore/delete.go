package blockstore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// tombstoneLog is the log that deletions are appended to. It is guarded by
// Engine.deleting.
type tombstoneLog struct {
	file    port.DiskFile // nil: there is no log yet
	number  uint32
	entries uint32 // in the file, marks included
	marked  bool   // the last of them is a mark
	next    uint32 // number of the next log
	// unproven: when the log was loaded, its end was not known to be durable.
	unproven bool
	// keep: an unreadable tombstone is evidence; the log is not rewritten.
	keep bool
}

// close lets go of the log. The tombstones are durable already; the sync is
// for the mark behind them.
func (l *tombstoneLog) close(sync bool) error {
	if l.file == nil {
		return nil
	}
	var err error
	if sync {
		err = l.file.Sync()
	}
	err = errors.Join(err, l.file.Close())
	l.file = nil
	return err
}

// length is the size of the log in bytes.
func (l *tombstoneLog) length() int64 { return logLength(l.entries) }

// logLength is the size of a log with that many entries.
func logLength(entries uint32) int64 { return fileHeaderSize + int64(entries)*tombstoneSize }

// buried is a copy of a block that Delete is about to bury.
type buried struct {
	cid   messages.CID
	at    location
	entry *entry // what the table had; nil for a further copy
}

// Delete implements [port.BlockEngine]. The blocks are gone from Get and Has
// at once, and come back if Delete fails; a Put of the same block from then
// on stores it anew.
func (e *Engine) Delete(cids []messages.CID) error {
	e.life.RLock()
	defer e.life.RUnlock()
	if e.closed {
		return port.ErrEngineClosed
	}
	e.deleting.Lock()
	defer e.deleting.Unlock()
	if err := e.writable(); err != nil {
		return err
	}
	graves := e.unlink(cids)
	if len(graves) == 0 {
		return nil
	}
	if err := e.bury(graves); err != nil {
		e.relink(graves)
		return err
	}
	return nil
}

// unlink takes blocks out of the table and returns all their copies.
func (e *Engine) unlink(cids []messages.CID) []buried {
	e.mu.Lock()
	defer e.mu.Unlock()
	var graves []buried
	for _, cid := range cids {
		found := e.table.get(cid)
		if found == nil {
			continue
		}
		had := *found
		graves = append(graves, buried{cid: cid, at: had.at, entry: &had})
		for _, at := range e.copies[cid] {
			graves = append(graves, buried{cid: cid, at: at})
		}
		delete(e.copies, cid)
		e.table.remove(cid)
		e.segments[had.at.segment].live--
	}
	e.advance()
	return graves
}

// relink undoes unlink. A block that was put again meanwhile has its old
// copies as further ones.
func (e *Engine) relink(graves []buried) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, g := range graves {
		if g.entry != nil && e.table.get(g.cid) == nil {
			e.table.set(*g.entry)
			e.segments[g.at.segment].live++
		} else {
			e.copies[g.cid] = append(e.copies[g.cid], g.at)
		}
	}
}

// bury writes tombstones and syncs them. The caller holds deleting.
func (e *Engine) bury(graves []buried) error {
	if e.dead.file == nil {
		if err := e.beginLog(); err != nil {
			return err
		}
	}
	slices.SortFunc(graves, func(a, b buried) int { return compareLocations(a.at, b.at) })
	log := &e.dead
	entries := make([]byte, len(graves)*tombstoneSize)
	kind := kindDead
	if log.marked {
		kind = kindDeadMarked
	}
	for i, g := range graves {
		t := tombstone{
			kind: kind, segment: g.at.segment, slot: g.at.slot,
			durable: log.entries, place: log.entries + uint32(i),
		}
		t.encode(entries[i*tombstoneSize:])
	}
	_, err := log.file.Append(entries)
	full := errors.Is(err, port.ErrDiskFull)
	if err == nil {
		err = log.file.Sync()
	}
	if err != nil {
		name := fileName(log.number, deadSuffix)
		err = fmt.Errorf("blockstore: append to %s: %w", name, err)
		if cut := log.file.Truncate(log.length()); cut != nil || !full {
			return e.fail(errors.Join(err, cut))
		}
		return err
	}
	log.entries += uint32(len(graves))
	log.marked = false
	e.mu.Lock()
	for _, g := range graves {
		s := e.segments[g.at.segment]
		s.buried.add(g.at.slot)
		s.stuck = false
	}
	e.logBytes += int64(len(entries))
	e.mu.Unlock()
	e.markLog()
	return nil
}

// markLog appends a mark that proves that all tombstones so far are durable.
// It is proof and not data: when it cannot be written nothing is lost.
func (e *Engine) markLog() {
	log := &e.dead
	p := make([]byte, tombstoneSize)
	mark := tombstone{kind: kindMark, durable: log.entries, place: log.entries}
	mark.encode(p)
	if _, err := log.file.Append(p); err != nil {
		if cut := log.file.Truncate(log.length()); cut != nil || !errors.Is(err, port.ErrDiskFull) {
			_ = e.fail(fmt.Errorf("blockstore: append to %s: %w",
				fileName(log.number, deadSuffix), errors.Join(err, cut)))
		}
		return
	}
	log.entries++
	log.marked = true
	e.mu.Lock()
	e.logBytes += tombstoneSize
	e.mu.Unlock()
}

// beginLog makes the first log.
func (e *Engine) beginLog() error {
	number := e.dead.next
	e.dead.next++
	file, err := e.createFile(fileName(number, deadSuffix), e.header(deadMagic, number))
	if err == nil {
		if err = e.disk.SyncDir(); err != nil {
			err = errors.Join(fmt.Errorf("blockstore: sync directory: %w", err), file.Close())
		}
	}
	if err != nil {
		if errors.Is(err, port.ErrDiskFull) {
			return err
		}
		return e.fail(err)
	}
	e.dead.file, e.dead.number = file, number
	e.mu.Lock()
	e.logBytes += fileHeaderSize
	e.mu.Unlock()
	return nil
}

// rewriteLog replaces the log by one without the tombstones of segments that
// are no more. The caller holds deleting. BOTH logs may be found when the
// store is opened next: a tombstone that is there twice is as good as one.
func (e *Engine) rewriteLog() error {
	number := e.dead.next
	entries, p := uint32(0), []byte(nil)
	e.mu.RLock()
	for _, s := range e.sortedSegments() {
		s.buried.each(func(slot uint32) {
			t := tombstone{kind: kindDead, segment: s.number, slot: slot, place: entries}
			p = append(p, make([]byte, tombstoneSize)...)
			t.encode(p[len(p)-tombstoneSize:])
			entries++
		})
	}
	e.mu.RUnlock()
	name := fileName(number, deadSuffix)
	if err := e.writeWhole(name, e.header(deadMagic, number), p); err != nil {
		return err
	}
	file, err := e.disk.Open(name)
	if err != nil {
		return fmt.Errorf("blockstore: open %s: %w", name, err)
	}
	old := e.dead
	e.dead = tombstoneLog{file: file, number: number, next: number + 1, entries: entries}
	e.mu.Lock()
	e.logBytes += e.dead.length() - old.length()
	e.mu.Unlock()
	e.markLog()
	if err := old.close(false); err != nil {
		return err
	}
	return e.removeFiles(fileName(old.number, deadSuffix))
}

// removeFiles removes files durably; those that are not there are no error.
func (e *Engine) removeFiles(names ...string) error {
	for _, name := range names {
		if err := e.disk.Remove(name); err != nil && !errors.Is(err, port.ErrNotExist) {
			return fmt.Errorf("blockstore: remove %s: %w", name, err)
		}
	}
	if err := e.disk.SyncDir(); err != nil {
		return fmt.Errorf("blockstore: sync directory: %w", err)
	}
	return nil
}

// sortedSegments returns the segments by number. The caller holds mu.
func (e *Engine) sortedSegments() []*segment {
	sorted := make([]*segment, 0, len(e.segments))
	for _, s := range e.segments {
		sorted = append(sorted, s)
	}
	slices.SortFunc(sorted, func(a, b *segment) int { return int(a.number) - int(b.number) })
	return sorted
}

// compareLocations orders places on disk.
func compareLocations(a, b location) int {
	if a.segment != b.segment {
		return int(a.segment) - int(b.segment)
	}
	return int(a.slot) - int(b.slot)
}
