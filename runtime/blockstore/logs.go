package blockstore

// loadedLog is a tombstone log as it was found.
type loadedLog struct {
	number   uint32
	bytes    int64 // of the file
	kept     uint32
	torn     bool // there are bytes after the kept entries
	marked   bool // all kept entries are known to be durable
	broken   bool // a durable tombstone cannot be read
	nameless bool // the header cannot be read
}

// loadLogs reads all tombstones and puts the logs in order. There are
// several after a rewriting was cut short; they say the same.
func (e *Engine) loadLogs(numbers []uint32) (buried map[uint32][]uint32, err error) {
	buried = make(map[uint32][]uint32)
	var last loadedLog
	for _, number := range numbers {
		last, err = e.loadLog(number, buried)
		if err != nil {
			return nil, err
		}
		e.dead.keep = e.dead.keep || last.broken
		e.logBytes += last.bytes
	}
	if len(numbers) == 0 {
		return buried, nil
	}
	e.dead.next = last.number + 1
	if err := e.resumeLog(last); err != nil {
		e.repairFailed("mend "+fileName(last.number, deadSuffix), err)
	}
	return buried, nil
}

// joinLogs makes one log of several, and a new one of one whose end is not
// known to be durable, for the reason that secureUnproven gives. All segments
// are loaded.
func (e *Engine) joinLogs(numbers []uint32) {
	if len(numbers) < 2 && !e.dead.unproven || e.dead.keep || e.dead.file == nil || e.failed != nil {
		return
	}
	err := e.rewriteLog()
	for _, number := range numbers {
		if err == nil {
			err = e.removeFiles(fileName(number, deadSuffix))
		}
	}
	if err != nil {
		e.repairFailed("join tombstone logs", err)
		return
	}
	e.logBytes = 2*fileHeaderSize + e.dead.length()
}

// loadLog reads one log.
func (e *Engine) loadLog(number uint32, buried map[uint32][]uint32) (loadedLog, error) {
	name := fileName(number, deadSuffix)
	log := loadedLog{number: number}
	p, err := e.readWhole(name)
	if err != nil {
		return log, err
	}
	log.bytes = int64(len(p))
	h, err := decodeFileHeader(p, deadMagic)
	if err == nil {
		if err := h.check(name, e.opts.BlockSize); err != nil {
			return log, err
		}
	} else {
		log.nameless = true
		e.opts.Log.Warn("file header is unreadable", "file", name)
	}
	p = p[min(len(p), fileHeaderSize):]
	var unreadable []uint32
	marks := make(map[uint32]bool) // places that later entries call marks
	durable := uint32(0)
	for place := uint32(0); len(p) >= tombstoneSize; place, p = place+1, p[tombstoneSize:] {
		t, err := decodeTombstone(p, place)
		if err != nil {
			unreadable = append(unreadable, place)
			continue
		}
		durable = max(durable, t.durable)
		log.kept = place + 1
		log.marked = t.kind == kindMark && t.durable == place
		if t.kind == kindDeadMarked {
			marks[t.durable-1] = true
		}
		if t.kind != kindMark {
			buried[t.segment] = append(buried[t.segment], t.slot)
		}
	}
	log.torn = log.bytes > logLength(log.kept)
	for _, place := range unreadable {
		if place >= durable || marks[place] {
			continue // torn, or nothing but a mark
		}
		log.broken = true
		e.found(damage{
			what: "tombstone, so a deleted block may have come back",
			file: name, offset: logLength(place),
		})
	}
	return log, nil
}

// resumeLog cuts off what is torn, opens the log for the next deletion, and
// makes it durable.
func (e *Engine) resumeLog(log loadedLog) error {
	name := fileName(log.number, deadSuffix)
	if log.kept == 0 && log.nameless { // torn while it was begun
		e.logBytes -= log.bytes
		return e.removeFiles(name)
	}
	file, err := e.disk.Open(name)
	if err != nil {
		return err
	}
	e.dead.file, e.dead.number, e.dead.entries = file, log.number, log.kept
	e.dead.marked = log.marked
	if log.torn {
		e.opts.Log.Warn("bytes that were never durable are cut off",
			"file", name, "offset", e.dead.length())
		if err := file.Truncate(e.dead.length()); err != nil {
			return err
		}
		e.logBytes += e.dead.length() - log.bytes
	}
	// It may have been cut back after a failed write, too, and a tombstone
	// that was never acknowledged must not come back.
	if err := file.Sync(); err != nil {
		return err
	}
	e.dead.unproven = !log.marked && log.kept > 0
	if !log.marked {
		e.markLog()
	}
	return nil
}
