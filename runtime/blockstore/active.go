package blockstore

import (
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/runtime/port"
)

// activeSegment is the segment that is being appended to. Only the leader of
// the group commit touches it.
type activeSegment struct {
	segment  *segment // nil: none
	pack     port.DiskFile
	index    port.DiskFile
	slotsMax uint32 // records that the segment may hold
}

// hasRoom reports whether a record can be appended.
func (a *activeSegment) hasRoom() bool {
	return a.segment != nil && !a.segment.ended && a.segment.slots < a.slotsMax
}

// room is the number of records that can be appended.
func (a *activeSegment) room() int { return int(a.slotsMax - a.segment.slots) }

// close lets go of the files. The sync makes the proof of durability durable
// too; the blocks are already.
func (a *activeSegment) close(sync bool) error {
	if a.segment == nil {
		return nil
	}
	var err error
	if sync {
		err = a.index.Sync()
	}
	err = errors.Join(err, a.pack.Close(), a.index.Close())
	*a = activeSegment{}
	return err
}

// beginSegment ends the active segment and begins the next.
func (e *Engine) beginSegment() error {
	e.mu.Lock()
	number := e.next
	e.next++
	e.mu.Unlock()
	fresh, err := e.createSegment(number)
	if err != nil {
		if errors.Is(err, port.ErrDiskFull) {
			return err
		}
		return e.fail(err)
	}
	if err := e.active.close(true); err != nil {
		return e.fail(errors.Join(err, fresh.close(false)))
	}
	e.active = fresh
	e.mu.Lock()
	e.segments[number] = fresh.segment
	e.mu.Unlock()
	return nil
}

// createSegment makes the two files of a segment. When it fails it leaves
// none, or a leftover without records, which opening removes.
func (e *Engine) createSegment(number uint32) (activeSegment, error) {
	packName, indexName := fileName(number, packSuffix), fileName(number, indexSuffix)
	made := activeSegment{
		slotsMax: e.opts.slotsMax(),
		segment: &segment{
			number: number, packBytes: fileHeaderSize, indexBytes: fileHeaderSize,
		},
	}
	var err error
	made.pack, err = e.createFile(packName, e.header(packMagic, number))
	if err != nil {
		return activeSegment{}, err
	}
	made.index, err = e.createFile(indexName, e.header(indexMagic, number))
	if err != nil {
		return activeSegment{}, errors.Join(err, made.pack.Close(), e.disk.Remove(packName))
	}
	// Records must not be durable in a file whose name is not.
	if err := e.disk.SyncDir(); err != nil {
		return activeSegment{}, errors.Join(fmt.Errorf("blockstore: sync directory: %w", err),
			made.close(false))
	}
	return made, nil
}

// createFile makes a file with a header, not synced. When it fails it leaves
// no file, if the disk allows.
func (e *Engine) createFile(name string, header []byte) (port.DiskFile, error) {
	file, err := e.disk.Create(name)
	if err != nil {
		return nil, fmt.Errorf("blockstore: create %s: %w", name, err)
	}
	if _, err := file.Append(header); err != nil {
		return nil, errors.Join(fmt.Errorf("blockstore: append to %s: %w", name, err),
			file.Close(), e.disk.Remove(name))
	}
	return file, nil
}

// appendRecords appends records to the active pack and syncs it, and returns
// their headers. On error the pack is cut back to what is durable.
func (e *Engine) appendRecords(records []record) (headers []byte, err error) {
	s := e.active.segment
	name := fileName(s.number, packSuffix)
	headers = make([]byte, len(records)*recordHeaderSize)
	buffers := make([][]byte, 0, 2*len(records))
	for i := range records {
		h := recordHeader{
			kind: kindBlock, segment: s.number, slot: s.slots + uint32(i), durable: s.slots,
			size: uint32(e.opts.BlockSize), crc: records[i].crc, cid: records[i].cid,
		}
		raw := headers[i*recordHeaderSize:][:recordHeaderSize]
		h.encode(raw)
		buffers = append(buffers, raw, records[i].data)
	}
	at, err := e.active.pack.Append(buffers...)
	if err == nil && at != e.packOffset(s.slots) {
		err = fmt.Errorf("%w: appended at %d, not %d", port.ErrDiskIO, at, e.packOffset(s.slots))
	}
	full := errors.Is(err, port.ErrDiskFull)
	if err == nil {
		err = e.active.pack.Sync()
	}
	if err == nil {
		return headers, nil
	}
	err = fmt.Errorf("blockstore: append to %s: %w", name, err)
	if cut := e.active.pack.Truncate(e.packOffset(s.slots)); cut != nil {
		return nil, e.fail(errors.Join(err, fmt.Errorf("cut back %s: %w", name, cut)))
	}
	if full {
		return nil, err
	}
	return nil, e.fail(err)
}

// proveDurable appends the headers of records that are durable to the index
// file. They are proof and not data, so a failure loses nothing: the segment
// ends, and when the store is opened its last records are read in full.
func (e *Engine) proveDurable(headers []byte) {
	s := e.active.segment
	_, err := e.active.index.Append(headers)
	e.mu.Lock()
	if err == nil {
		s.indexBytes += int64(len(headers))
	} else {
		s.ended = true
	}
	e.mu.Unlock()
	if err == nil {
		return
	}
	name := fileName(s.number, indexSuffix)
	e.opts.Log.Warn("block store index file cannot be extended", "file", name, "cause", err)
	cut := e.active.index.Truncate(s.indexBytes)
	if cut != nil || !errors.Is(err, port.ErrDiskFull) {
		// The blocks are durable and found. Writing on is what must stop.
		_ = e.fail(fmt.Errorf("blockstore: append to %s: %w", name, err))
	}
}
