package blockstore

import (
	"errors"
	"fmt"
	"io"

	"github.com/noisefs/noisefs/runtime/port"
)

// scan is what the loading of one segment knows.
type scan struct {
	segment  *segment
	pack     port.DiskFile  // nil: there is none
	size     int64          // of the pack
	headers  []recordHeader // by slot; kind 0: not known yet
	present  uint32         // slots of which the pack has all bytes
	durable  uint32         // slots below it were durable at some time
	repair   bool           // the index file is not what it should be
	nameless bool           // the header of the pack cannot be read
}

// loadSegment reads a segment's index file, reads in full those records that
// it does not know, puts the files in order, and adds the blocks to the
// table. It returns the headers of records that were durable and are gone.
func (e *Engine) loadSegment(number uint32, buriedSlots []uint32) ([]recordHeader, error) {
	headers, whole, err := e.readIndexFile(number)
	if err != nil {
		return nil, err
	}
	c := &scan{segment: &segment{number: number}, headers: headers, repair: !whole}
	c.durable = uint32(len(headers))
	for i := range headers {
		c.durable = max(c.durable, headers[i].durable)
	}
	for _, slot := range buriedSlots { // a block is deleted only once it is durable
		c.segment.buried.add(slot)
		c.durable = max(c.durable, slot+1)
	}
	for len(c.headers) < int(c.durable) {
		c.headers = append(c.headers, recordHeader{})
	}
	e.segments[number] = c.segment
	if err := e.openPack(c); err != nil {
		return nil, err
	}
	if c.pack != nil {
		defer c.pack.Close()
		if err := e.scanTail(c); err != nil {
			return nil, err
		}
	}
	lost := e.addScanned(c)
	if c.pack != nil {
		if err := e.mend(c); err != nil {
			e.repairFailed("mend segment", err)
			c.segment.ended = true
		}
	}
	c.segment.slots = uint32(len(c.headers))
	c.segment.indexBytes = fileHeaderSize + int64(len(c.headers))*recordHeaderSize
	return lost, nil
}

// openPack opens the pack of a segment and checks its header. Nothing
// depends on the header but the version: every record says where it belongs.
func (e *Engine) openPack(c *scan) error {
	name := fileName(c.segment.number, packSuffix)
	file, err := e.disk.Open(name)
	if errors.Is(err, port.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("blockstore: open %s: %w", name, err)
	}
	size, err := file.Size()
	if err != nil {
		return errors.Join(fmt.Errorf("blockstore: size of %s: %w", name, err), file.Close())
	}
	raw := make([]byte, fileHeaderSize)
	if err := readFull(file, raw, 0); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.Join(fmt.Errorf("blockstore: read %s: %w", name, err), file.Close())
	}
	h, err := decodeFileHeader(raw, packMagic)
	if err == nil {
		err = h.check(name, e.opts.BlockSize)
		if err != nil {
			return errors.Join(err, file.Close())
		}
	} else {
		c.nameless = true
		e.opts.Log.Warn("file header is unreadable", "file", name)
	}
	c.pack, c.size = file, size
	c.segment.packBytes = size
	if size >= fileHeaderSize {
		c.present = uint32((size - fileHeaderSize) / e.opts.recordBytes())
	}
	return nil
}

// scanTail reads the records that the index file does not know, in full, and
// sets their headers: a block, a hole (torn before it was durable) or lost.
func (e *Engine) scanTail(c *scan) error {
	name := fileName(c.segment.number, packSuffix)
	sound := make(map[uint32]bool) // slots whose data proves itself
	var buf []byte
	for slot := uint32(0); slot < c.present; slot++ {
		if int(slot) < len(c.headers) && c.headers[slot].kind != 0 {
			continue
		}
		for int(slot) >= len(c.headers) {
			c.headers = append(c.headers, recordHeader{})
		}
		c.repair = true
		if buf == nil {
			buf = make([]byte, e.opts.recordBytes())
		}
		if err := readFull(c.pack, buf, e.packOffset(slot)); err != nil {
			return fmt.Errorf("blockstore: read %s offset %d: %w", name, e.packOffset(slot), err)
		}
		h, err := decodeRecordHeader(buf, c.segment.number, slot, e.opts.BlockSize)
		if err != nil || h.kind != kindBlock {
			continue
		}
		c.headers[slot] = h
		c.durable = max(c.durable, h.durable)
		sound[slot] = checksum(buf[recordHeaderSize:]) == h.crc
	}
	for slot := uint32(0); slot < c.present; slot++ {
		h := &c.headers[slot]
		isSound, scanned := sound[slot]
		switch {
		case slot < c.durable && h.kind == 0:
			*h = recordHeader{kind: kindLost, segment: c.segment.number, slot: slot}
		case slot < c.durable && scanned && !isSound:
			e.found(damage{
				what: "data", cid: h.cid,
				file: name, offset: e.packOffset(slot) + recordHeaderSize,
			})
		case h.kind == 0 || scanned && !isSound:
			*h = recordHeader{kind: kindHole, segment: c.segment.number, slot: slot}
			e.opts.Log.Warn("record that was never durable is dropped",
				"file", name, "offset", e.packOffset(slot))
		case slot >= c.durable:
			e.unproven = append(e.unproven, recordAt(h))
		}
		h.size = uint32(e.opts.BlockSize)
	}
	return nil
}

// addScanned adds the blocks of a segment to the table, and returns the
// headers of those that were durable and are gone.
func (e *Engine) addScanned(c *scan) (lost []recordHeader) {
	for i := range c.headers {
		h := &c.headers[i]
		slot := uint32(i)
		switch {
		case h.kind == kindHole && slot < c.present:
		case h.kind == kindBlock && slot < c.present:
			if !c.segment.buried.has(slot) {
				e.addLoaded(c.segment, h)
			}
		default:
			gone := *h
			gone.slot = slot
			lost = append(lost, gone)
		}
	}
	return lost
}

// mend cuts off torn bytes at the end of a pack, makes what is kept durable,
// and AFTER that lets the index file say so.
func (e *Engine) mend(c *scan) error {
	for n := len(c.headers); n > int(c.durable) && c.headers[n-1].kind == kindHole; n-- {
		c.headers = c.headers[:n-1]
	}
	if len(c.headers) == 0 && c.nameless { // torn while it was begun
		c.segment.packBytes = 0
		return nil
	}
	name := fileName(c.segment.number, packSuffix)
	size := e.packOffset(uint32(len(c.headers)))
	if c.size > size {
		e.opts.Log.Warn("bytes that were never durable are cut off",
			"file", name, "offset", size, "bytes", c.size-size)
		if err := c.pack.Truncate(size); err != nil {
			return fmt.Errorf("cut %s: %w", name, err)
		}
		c.segment.packBytes = size
	}
	// The last pack may have been cut back after a failed write, which a
	// power cut must not undo.
	if last := c.segment.number == e.next-1; last || c.size > size || c.repair {
		if err := c.pack.Sync(); err != nil {
			return fmt.Errorf("sync %s: %w", name, err)
		}
	}
	if !c.repair || c.size < size { // a pack that lost its end stays as it is
		return nil
	}
	if err := e.writeIndexFile(c.segment.number, c.headers); err != nil {
		c.segment.ended = true // its index file has no place for the next record
		return err
	}
	return nil
}

// recordAt makes a record that is to be moved from where its header stands.
func recordAt(h *recordHeader) record {
	return record{cid: h.cid, crc: h.crc, from: &location{segment: h.segment, slot: h.slot}}
}

// secureUnproven writes again what was found readable but is not known to
// have been durable. A sync that failed before a crash may have lost it
// without a trace: the system still serves it from memory, and reports
// success for the next sync. What is written anew is durable for certain.
func (e *Engine) secureUnproven() {
	for rest := e.unproven; len(rest) > 0 && e.failed == nil; {
		batch := rest[:min(len(rest), moveBlocksMax)]
		rest = rest[len(batch):]
		if err := e.moveRecords(batch); err != nil {
			e.repairFailed("write the last blocks again", err)
			break
		}
	}
	e.unproven = nil
}

// moveRecords writes the records again that the table still points to.
func (e *Engine) moveRecords(records []record) error {
	var moving []record
	for _, rec := range records {
		found, ok := e.find(rec.cid)
		if !ok || found.at != *rec.from {
			continue
		}
		rec.data = make([]byte, e.opts.BlockSize)
		if err := e.readRecord(found, rec.data, true); err != nil {
			return err
		}
		moving = append(moving, rec)
	}
	if len(moving) == 0 {
		return nil
	}
	return e.submit(&request{records: moving, wake: make(chan bool, 1)})
}
