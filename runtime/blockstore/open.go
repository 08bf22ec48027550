package blockstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// Open opens the store on a disk, making one on an empty disk. Nobody else
// may use the disk until Close.
//
// It repairs what a power cut or a kill left behind. Damage does not keep it
// from opening: what can be read is served, and Check tells the rest. If a
// repair cannot be written, the store opens for reading (and, on a full
// disk, deleting). Errors: port.ErrRepoNewer, port.ErrBlockSize,
// port.ErrBlockCorrupt when nothing tells what the disk holds, and errors of
// the disk.
func Open(disk port.Disk, opts Options) (*Engine, error) {
	opts = opts.EnsureDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	e := &Engine{
		disk: disk, opts: opts, handles: newHandles(disk, opts.OpenFiles),
		segments: make(map[uint32]*segment), copies: make(map[messages.CID][]location),
		next: 1, position: 1,
	}
	e.dead.next = 1
	if err := e.load(); err != nil {
		return nil, errors.Join(err, e.active.close(false), e.dead.close(false), e.handles.close())
	}
	return e, nil
}

// inventory is what files there are, by number, ascending.
type inventory struct {
	format                bool
	packs, indexes, deads []uint32
}

// load reads the store. No other goroutine has the engine yet.
func (e *Engine) load() error {
	files, err := e.takeInventory()
	if err != nil {
		return err
	}
	// A killed process may have left names that are not durable, and records
	// are about to be appended to such files.
	if err := e.disk.SyncDir(); err != nil {
		e.repairFailed("sync directory", err)
	}
	if err := e.loadFormat(files); err != nil {
		return err
	}
	buried, err := e.loadLogs(files.deads)
	if err != nil {
		return err
	}
	for segment := range buried {
		e.next = max(e.next, segment+1)
	}
	numbers := slices.Concat(files.packs, files.indexes)
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if n := len(numbers); n > 0 {
		e.next = max(e.next, numbers[n-1]+1)
	}
	lost := make(map[uint32][]recordHeader)
	for _, number := range numbers {
		lost[number], err = e.loadSegment(number, buried[number])
		if err != nil {
			return err
		}
	}
	for _, number := range numbers {
		e.settleSegment(e.segments[number], lost[number])
	}
	e.joinLogs(files.deads)
	if err := e.resumeSegment(); err != nil {
		return err
	}
	e.secureUnproven()
	return nil
}

// takeInventory lists the disk and removes what was never put in its place.
func (e *Engine) takeInventory() (inventory, error) {
	names, err := e.disk.List()
	if err != nil {
		return inventory{}, fmt.Errorf("blockstore: list files: %w", err)
	}
	var files inventory
	for _, name := range names {
		if name == formatName {
			files.format = true
		} else if n, ok := fileNumber(name, packSuffix); ok {
			files.packs = append(files.packs, n)
		} else if n, ok := fileNumber(name, indexSuffix); ok {
			files.indexes = append(files.indexes, n)
		} else if n, ok := fileNumber(name, deadSuffix); ok {
			files.deads = append(files.deads, n)
		} else if strings.HasSuffix(name, newSuffix) {
			if err := e.disk.Remove(name); err != nil {
				e.repairFailed("remove "+name, err)
			}
		} else {
			e.opts.Log.Warn("foreign file in the block store", "file", name)
		}
	}
	return files, nil
}

// loadFormat checks the version and block size, and makes the format file of
// a new store.
func (e *Engine) loadFormat(files inventory) error {
	h := e.header(formatMagic, 0)
	empty := len(files.packs)+len(files.indexes)+len(files.deads) == 0
	if !files.format && empty {
		if e.opts.MustExist {
			return fmt.Errorf("blockstore: its files are gone: %w", port.ErrBlockCorrupt)
		}
		if err := e.writeWhole(formatName, h, h); err != nil {
			return err
		}
		e.logBytes += 2 * fileHeaderSize
		return nil
	}
	whole := 0
	if files.format {
		p, err := e.readWhole(formatName)
		if err != nil {
			return err
		}
		for at := 0; at+fileHeaderSize <= len(p) && at < 2*fileHeaderSize; at += fileHeaderSize {
			h, err := decodeFileHeader(p[at:], formatMagic)
			if err != nil {
				continue
			}
			whole++
			if err := h.check(formatName, e.opts.BlockSize); err != nil {
				return err
			}
		}
		if whole == 0 && empty {
			return fmt.Errorf("%w: both headers, %s offset 0", port.ErrBlockCorrupt, formatName)
		}
	}
	e.logBytes += 2 * fileHeaderSize
	if whole < 2 { // every pack and index file tells the same, and is checked
		e.opts.Log.Warn("format file of the block store is damaged", "wholeHeaders", whole)
		if err := e.writeWhole(formatName, h, h); err != nil {
			e.repairFailed("write "+formatName, err)
		}
	}
	return nil
}

// repairFailed notes that the store could not be put in order. With a full
// disk that is no harm: the same is done at the next opening, and deleting
// may make room. Otherwise nothing more is written.
func (e *Engine) repairFailed(what string, err error) {
	if errors.Is(err, port.ErrDiskFull) {
		e.opts.Log.Warn("block store repair put off", "repair", what, "cause", err)
		return
	}
	_ = e.fail(fmt.Errorf("blockstore: repair: %s: %w", what, err))
}

// damagesLogged bounds what one opening logs of damage: a pack that is gone is a
// thousand records that are gone. Verify lists them all.
const damagesLogged = 8

// found notes damage. Logs carry no CIDs, so they get the place only.
func (e *Engine) found(d damage) {
	switch n := len(e.damages) + e.unkept; {
	case n < damagesLogged:
		e.opts.Log.Error("block store is damaged",
			"what", d.what, "file", d.file, "offset", d.offset)
	case n == damagesLogged:
		e.opts.Log.Error("block store has more damage than is logged")
	}
	if len(e.damages) == damagesMax {
		e.unkept++
		return
	}
	e.damages = append(e.damages, d)
}

// addLoaded adds a block found in a segment to the table. Of several copies
// the last is used: compaction moves blocks to later segments, and those
// that it has left behind are then dead.
func (e *Engine) addLoaded(s *segment, h *recordHeader) {
	at := location{segment: s.number, slot: h.slot}
	old, replaced := e.table.set(entry{cid: h.cid, crc: h.crc, at: at})
	if replaced {
		e.copies[h.cid] = append(e.copies[h.cid], old.at)
		e.segments[old.at.segment].live--
	}
	s.live++
}

// settleSegment decides, once all segments are known, what becomes of one
// that holds nothing, and whether blocks whose records are gone are missed.
func (e *Engine) settleSegment(s *segment, lost []recordHeader) {
	for i := range lost {
		h := &lost[i]
		if s.packBytes == 0 && h.cid.IsZero() {
			continue // of a pack that was removed the index file may be torn
		}
		if s.buried.has(h.slot) || h.kind == kindBlock && e.table.get(h.cid) != nil {
			continue
		}
		s.damaged = true
		e.found(damage{
			what: "record is gone", cid: h.cid, lost: true,
			file: fileName(s.number, packSuffix), offset: e.packOffset(h.slot),
		})
	}
	if len(lost) > 0 {
		s.ended = true
	}
	removing := s.packBytes == 0 // its removal was cut short, or its making
	unused := s.slots == 0 && s.number != e.next-1
	if s.damaged || !removing && !unused {
		return
	}
	delete(e.segments, s.number)
	err := e.removeFiles(fileName(s.number, packSuffix), fileName(s.number, indexSuffix))
	if err != nil {
		e.repairFailed("remove segment", err)
	}
}

// resumeSegment makes the last segment the active one, if it has room.
func (e *Engine) resumeSegment() error {
	s := e.segments[e.next-1]
	if s == nil || s.damaged || s.ended || s.slots >= e.opts.slotsMax() || e.failed != nil {
		return nil
	}
	pack, err := e.disk.Open(fileName(s.number, packSuffix))
	if err != nil {
		return fmt.Errorf("blockstore: open %s: %w", fileName(s.number, packSuffix), err)
	}
	index, err := e.disk.Open(fileName(s.number, indexSuffix))
	if err != nil {
		return errors.Join(pack.Close(),
			fmt.Errorf("blockstore: open %s: %w", fileName(s.number, indexSuffix), err))
	}
	e.active = activeSegment{segment: s, pack: pack, index: index, slotsMax: e.opts.slotsMax()}
	return nil
}
