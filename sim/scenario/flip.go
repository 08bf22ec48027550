package scenario

import (
	"bytes"

	"github.com/noisefs/noisefs/messages"
)

// Flip is a run in which one bit of the disk changes while the node is off.
type Flip struct {
	Seed  uint64
	Steps int // of work before
	Reuse *House
}

// Run works, flips, boots, and reads everything. A node that refuses to boot
// is right to; one that boots never returns a wrong byte, and a verification
// names every stored block that is not what it was.
func (f Flip) Run() (*House, error) {
	h, err := New(Options{Seed: f.Seed, Reuse: f.Reuse})
	if err != nil {
		return h, err
	}
	w := h.NewWorker(0)
	w.maintain = 0.1
	err = h.Do(func(s *Session) { w.Begin(s); w.Work(s, f.Steps); w.Resolve(s) })
	if err != nil {
		return h, err
	}
	before, err := h.blocks()
	if err != nil {
		return h, err
	}
	if err := h.Node.Stop(); err != nil {
		return h, h.broken("stop: %w", err)
	}
	h.Client.nodeDied()
	h.Watch.nodeDied()
	h.Machine.Disk().CorruptAny()
	if h.Node.Boot() != nil {
		return h, nil // it says so
	}
	return h, h.Do(func(s *Session) {
		w.readDamaged(s)
		h.verifyDamaged(s, before)
	})
}

// blocks returns the bytes of all stored blocks.
func (h *House) blocks() (map[messages.CID][]byte, error) {
	all := make(map[messages.CID][]byte)
	for _, cid := range h.Stored() {
		data, err := h.Machine.Blocks().Get(cid, nil, true)
		if err != nil {
			return nil, h.broken("block %s: %w", cid.Short(), err)
		}
		all[cid] = data
	}
	return all, nil
}

// readDamaged reads every file; what cannot be read says that it is corrupt
// or not there.
func (w *Worker) readDamaged(s *Session) {
	check := func(err *messages.Error) {
		if err != nil && err.Code != messages.CodeCorrupt && err.Code != messages.CodeNotFound &&
			err.Code != messages.CodeIO {
			s.Broken("%s: read what is damaged: %v (%q)", w.Name, err, err.Code)
		}
	}
	w.now.root.visit("", func(at string, item *Item) {
		if item.Type == messages.TypeFile {
			check(w.readRange(s, At(w.path(at)), item, 0, len(item.Data)+1))
		}
	})
	for _, l := range w.now.links {
		if l.Item.isDir() {
			check(w.readTree(s, Below(l.Link, ""), l.Item))
		} else {
			check(w.readRange(s, Below(l.Link, ""), l.Item, 0, len(l.Item.Data)+1))
		}
	}
}

// verifyDamaged compares a verification with what is wrong.
func (h *House) verifyDamaged(s *Session, before map[messages.CID][]byte) {
	verified, err := s.Verify()
	if err != nil {
		s.Broken("verify: %v (%q)", err, err.Code)
	}
	named := make(map[messages.CID]bool)
	for _, p := range verified.Problems {
		named[p.Block] = true
	}
	stored := make(map[messages.CID]bool)
	for _, cid := range h.Stored() {
		stored[cid] = true
	}
	for cid, want := range before {
		got, err := h.Machine.Blocks().Get(cid, nil, false)
		switch {
		case err == nil && bytes.Equal(got, want):
		case stored[cid] && !named[cid]:
			s.Broken("block %s is damaged, and the verification does not name it", cid.Short())
		case !stored[cid] && len(verified.Problems) == 0 && h.isNeeded(s, cid):
			s.Broken("block %s is gone, and the verification finds nothing wrong", cid.Short())
		}
	}
}

// isNeeded reports whether something needs a block.
func (h *House) isNeeded(s *Session, cid messages.CID) bool {
	needed, err := s.Needed()
	return err == nil && needed[cid]
}
