package scenario

import (
	"crypto/subtle"

	"github.com/noisefs/noisefs/messages"
)

// sampledTuples is how many tuples are taken apart at the end of a run.
const sampledTuples = 24

// tolerates reports whether a command may fail like that in this run. An
// actor that restarts forgets streams, trees and handles: those that had
// them find nothing. Where the disk errs, the error says so.
func (h *House) tolerates(err *messages.Error) bool {
	switch err.Code {
	case messages.CodeRestarted, messages.CodeNotFound, messages.CodeCanceled,
		messages.CodeInvalid:
		return h.options.Panics
	case messages.CodeOverload: // imports, until the walk of a lost collection ends
		return h.options.Panics
	case messages.CodeIO, messages.CodeReadOnly, messages.CodeNoSpace, messages.CodeQuota:
		return h.options.Faults
	}
	return false
}

// toleratesJob is tolerates for a collection or verification, which calls a
// tree that it cannot read corrupt, whatever the reason.
func (h *House) toleratesJob(err *messages.Error) bool {
	if err.Code == messages.CodeCorrupt {
		return h.options.Faults || h.options.Panics
	}
	return h.tolerates(err)
}

// Settle ends a run: nothing goes wrong any more, and everything must come
// to rest. All workers read back what they know, before and after a
// collection that leaves nothing but what is needed, and then remove it.
func (h *House) Settle(workers []*Worker) error {
	if err := h.RunSessions(); err != nil {
		return err
	}
	readBack := func() error {
		for _, w := range workers {
			h.Client.Go(w.Resolve)
		}
		return h.RunSessions()
	}
	if err := readBack(); err != nil {
		return err
	}
	if err := h.Do(h.collectAll); err != nil {
		return err
	}
	if err := readBack(); err != nil {
		return err
	}
	h.checkTuples()
	if len(workers) == 0 || h.Err() != nil {
		return h.Err()
	}
	return h.empty(workers)
}

// empty removes everything. Then nothing is needed, and nothing stays.
func (h *House) empty(workers []*Worker) error {
	if err := h.each(workers, (*Worker).RemoveAll); err != nil {
		return err
	}
	if err := h.Do(h.collectAll); err != nil {
		return err
	}
	if left := len(h.Stored()); left > 0 {
		return h.broken("%d blocks stay when everything is removed", left)
	}
	return h.Err()
}

// collectAll collects, and compares what is stored with what is needed.
func (h *House) collectAll(s *Session) {
	collected, err := s.Collect()
	if err != nil {
		s.Broken("collect: %v (%q)", err, err.Code)
	}
	needed, err := s.Needed()
	if err != nil {
		s.Broken("walk: %v (%q)", err, err.Code)
	}
	stored := h.Stored()
	for _, cid := range stored {
		if !needed[cid] {
			s.Broken("block %s is stored after a collection, and nothing needs it", cid.Short())
		}
	}
	if len(stored) != len(needed) || collected.Needed != int64(len(needed)) {
		s.Broken("%d blocks are needed, %d are stored, the collection counted %d",
			len(needed), len(stored), collected.Needed)
	}
	verifyClean(s)
}

// Stored returns the blocks that the engine has, in order.
func (h *House) Stored() []messages.CID {
	var all []messages.CID
	for after, more := (messages.CID{}), true; more; {
		var page []messages.CID
		page, more = h.Machine.Blocks().List(after, 1<<12)
		if all = append(all, page...); len(page) > 0 {
			after = page[len(page)-1]
		}
	}
	return all
}

// checkTuples takes some tuples apart: what they hide is sealed too, each
// under a key of its own, so that two of them hide nothing together either.
func (h *House) checkTuples() {
	tuples := h.Watch.tuples
	step := max(1, len(tuples)/sampledTuples)
	var before []byte
	for i := 0; i < len(tuples); i += step {
		hidden, ok := h.unmix(tuples[i])
		if !ok {
			continue // collected
		}
		if err := looksRandom(hidden); err != nil {
			_ = h.broken("a tuple hides what is not sealed: %w", err)
		}
		if before != nil {
			subtle.XORBytes(before, before, hidden)
			if err := looksRandom(before); err != nil {
				_ = h.broken("two tuples are sealed under one key: %w", err)
			}
		}
		before = hidden
	}
}

// unmix returns what a tuple hides, if all of it is stored.
func (h *House) unmix(tuple [3]messages.CID) (hidden []byte, ok bool) {
	hidden = make([]byte, h.config.Params.BlockSize)
	for _, cid := range tuple {
		data, err := h.Machine.Blocks().Get(cid, nil, true)
		if err != nil {
			return nil, false
		}
		subtle.XORBytes(hidden, hidden, data)
	}
	return hidden, true
}
