package blockstore

import (
	"container/list"
	"errors"
	"sync"

	"github.com/noisefs/noisefs/runtime/port"
)

// handles keeps pack files open for reading, the least recently used closed
// first. At most max are open, plus those that are being read from at the
// time. Safe for concurrent use.
type handles struct {
	disk port.Disk
	max  int

	mu    sync.Mutex
	files map[uint32]*handle
	order *list.List // of *handle, most recently used first
}

// handle is an open file and its count of readers.
type handle struct {
	file    port.DiskFile
	segment uint32
	readers int
	place   *list.Element // nil when it is to be closed by its last reader
}

func newHandles(disk port.Disk, openFiles int) *handles {
	return &handles{disk: disk, max: openFiles, files: make(map[uint32]*handle), order: list.New()}
}

// acquire returns the pack of a segment, opened; release must follow.
func (h *handles) acquire(segment uint32) (*handle, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if open, ok := h.files[segment]; ok {
		open.readers++
		h.order.MoveToFront(open.place)
		return open, nil
	}
	for last := h.order.Back(); len(h.files) >= h.max && last != nil; {
		oldest := last.Value.(*handle)
		last = last.Prev()
		if oldest.readers == 0 {
			_ = h.drop(oldest) // read only: nothing can be lost
		}
	}
	file, err := h.disk.Open(fileName(segment, packSuffix))
	if err != nil {
		return nil, err
	}
	open := &handle{file: file, segment: segment, readers: 1}
	open.place = h.order.PushFront(open)
	h.files[segment] = open
	return open, nil
}

// release ends the use of a handle.
func (h *handles) release(open *handle) {
	h.mu.Lock()
	defer h.mu.Unlock()
	open.readers--
	if open.readers == 0 && open.place == nil {
		_ = open.file.Close() // read only: nothing can be lost
	}
}

// forget drops the file of a segment that is about to be removed.
func (h *handles) forget(segment uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if open, ok := h.files[segment]; ok {
		_ = h.drop(open)
	}
}

// drop takes a handle out of the cache, and closes it unless it is in use.
// The caller holds mu.
func (h *handles) drop(open *handle) error {
	delete(h.files, open.segment)
	h.order.Remove(open.place)
	open.place = nil
	if open.readers > 0 {
		return nil
	}
	return open.file.Close()
}

// close closes all. Nobody reads any more.
func (h *handles) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, open := range h.files {
		errs = append(errs, h.drop(open))
	}
	return errors.Join(errs...)
}
