package blockstore

import (
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/runtime/port"
)

// Compact implements [port.BlockEngine]. stop is asked before each segment,
// the first included; nil never stops. Each segment is looked at once, the
// one with the greatest share of dead first; segments without anything dead
// are left alone whatever deadShare is.
//
// A segment with a corrupt living block is left as it is, and reported when
// all others are done: moving the block would make a fresh CRC of rot. It is
// not tried again before something in it has been deleted.
//
// Crash safety: a block is removed from nowhere before its copy is durable
// and found. Whatever has been copied when power goes is there twice, the
// older copies count as dead, and the next Compact finishes the segment.
func (e *Engine) Compact(deadShare float64, stop func() bool) (freedBytes int64, err error) {
	e.life.RLock()
	defer e.life.RUnlock()
	e.compacting.Lock()
	defer e.compacting.Unlock()
	done := make(map[uint32]bool)
	var corrupt []error
	for stop == nil || !stop() {
		if err := e.writable(); err != nil {
			return freedBytes, errors.Join(append(corrupt, err)...)
		}
		victim := e.mostlyDead(deadShare, done)
		if victim == nil {
			break
		}
		done[victim.number] = true
		freed, err := e.compactSegment(victim)
		freedBytes += freed
		if errors.Is(err, port.ErrBlockCorrupt) {
			corrupt = append(corrupt, err)
			e.mu.Lock()
			victim.stuck = true
			e.mu.Unlock()
			continue
		}
		if err != nil {
			return freedBytes, errors.Join(append(corrupt, err)...)
		}
	}
	if freedBytes != 0 {
		if err := e.trimLog(); err != nil {
			return freedBytes, errors.Join(append(corrupt, err)...)
		}
	}
	return freedBytes, errors.Join(corrupt...)
}

// mostlyDead returns the segment with the greatest share of dead slots that
// is at least deadShare and was not done yet; nil if there is none.
func (e *Engine) mostlyDead(deadShare float64, done map[uint32]bool) *segment {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var most *segment
	var mostShare float64
	for _, s := range e.sortedSegments() {
		if s.dead() == 0 || s.damaged || s.stuck || done[s.number] {
			continue
		}
		share := float64(s.dead()) / float64(s.slots)
		if share >= deadShare && share > mostShare {
			most, mostShare = s, share
		}
	}
	return most
}

// compactSegment moves what lives in a segment and removes its files.
func (e *Engine) compactSegment(victim *segment) (freedBytes int64, err error) {
	// AFTER this nothing is appended to it any more.
	if err := e.submit(&request{end: victim, wake: make(chan bool, 1)}); err != nil {
		return 0, err
	}
	headers, _, err := e.readIndexFile(victim.number)
	if err != nil {
		return 0, err
	}
	moved := int64(0)
	for slot := uint32(0); slot < victim.slots; {
		n, next, err := e.moveBlocks(victim, headers, slot)
		moved += int64(n) * (e.opts.recordBytes() + recordHeaderSize)
		if err != nil {
			return 0, err
		}
		slot = next
	}
	// Otherwise a deletion could bury a copy in a segment that is gone.
	e.deleting.Lock()
	defer e.deleting.Unlock()
	e.forgetSegment(victim)
	err = e.removeFiles(fileName(victim.number, packSuffix), fileName(victim.number, indexSuffix))
	if err != nil {
		// The table is right, but tombstones of the segment must outlive it.
		return 0, e.fail(err)
	}
	return victim.bytes() - moved, nil
}

// moveBlocks moves up to moveBlocksMax living blocks, from slot on, to the
// active segment. It returns how many, and the slot to go on from.
func (e *Engine) moveBlocks(victim *segment, headers []recordHeader, slot uint32) (
	moved int, next uint32, err error,
) {
	// Otherwise a deletion could miss the copy that is being made.
	e.deleting.Lock()
	defer e.deleting.Unlock()
	var living []record
	for ; slot < victim.slots && len(living) < moveBlocksMax; slot++ {
		header, err := e.headerOf(victim, headers, slot)
		if err != nil {
			return 0, slot, err
		}
		at := location{segment: victim.number, slot: slot}
		if found, ok := e.find(header.cid); ok && header.kind == kindBlock && found.at == at {
			living = append(living, record{cid: header.cid, crc: found.crc, from: &at})
		}
	}
	return len(living), slot, e.moveRecords(living)
}

// headerOf returns the header of a slot, from the pack if the index file
// does not have it.
func (e *Engine) headerOf(s *segment, headers []recordHeader, slot uint32) (recordHeader, error) {
	if int(slot) < len(headers) && headers[slot].kind != 0 {
		return headers[slot], nil
	}
	name := fileName(s.number, packSuffix)
	open, err := e.handles.acquire(s.number)
	if err != nil {
		return recordHeader{}, fmt.Errorf("blockstore: open %s: %w", name, err)
	}
	defer e.handles.release(open)
	var raw [recordHeaderSize]byte
	if err := readFull(open.file, raw[:], e.packOffset(slot)); err != nil {
		return recordHeader{}, fmt.Errorf("blockstore: read %s: %w", name, err)
	}
	h, err := decodeRecordHeader(raw[:], s.number, slot, e.opts.BlockSize)
	if err != nil {
		return recordHeader{}, fmt.Errorf("%w: header, %s offset %d",
			port.ErrBlockCorrupt, name, e.packOffset(slot))
	}
	return h, nil
}

// forgetSegment takes a segment without living blocks out of memory.
func (e *Engine) forgetSegment(victim *segment) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if victim.live != 0 {
		panic(fmt.Sprintf("blockstore: segment %d has %d living blocks after compaction",
			victim.number, victim.live))
	}
	delete(e.segments, victim.number)
	for cid, places := range e.copies {
		kept := places[:0]
		for _, at := range places {
			if at.segment != victim.number {
				kept = append(kept, at)
			}
		}
		if len(kept) == 0 {
			delete(e.copies, cid)
		} else {
			e.copies[cid] = kept
		}
	}
	e.handles.forget(victim.number)
}

// trimLog rewrites the log when most of it is about segments that are gone.
func (e *Engine) trimLog() error {
	e.deleting.Lock()
	defer e.deleting.Unlock()
	e.mu.RLock()
	needed := 0
	for _, s := range e.segments {
		needed += s.buried.count()
	}
	e.mu.RUnlock()
	if e.dead.file == nil || e.dead.keep || e.dead.entries < logRewriteMin ||
		int(e.dead.entries) < 2*needed {
		return nil
	}
	if err := e.rewriteLog(); err != nil {
		if errors.Is(err, port.ErrDiskFull) {
			return nil // the old log stands
		}
		return e.fail(err)
	}
	return nil
}
