package randomizer

import (
	"encoding/binary"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// collection is what is remembered while a collector runs: the blocks of
// every tuple that was reserved since it began, or before and not committed.
// Eight bytes of the CID are kept; where two blocks share them, one may be
// kept that could have been deleted.
type collection struct {
	running bool
	max     int
	full    bool // more were reserved than can be remembered
	blocks  map[uint64]struct{}
}

func shortened(cid messages.CID) uint64 { return binary.BigEndian.Uint64(cid[:8]) }

// remember notes the blocks of a tuple. One that has no name yet is noted
// when it is named.
func (k *collection) remember(t *tuple) {
	k.note(t.a.cid)
	k.note(t.b.cid)
}

func (k *collection) note(cid messages.CID) {
	if !k.running || cid.IsZero() {
		return
	}
	if len(k.blocks) >= k.max {
		k.full = true
		return
	}
	k.blocks[shortened(cid)] = struct{}{}
}

// beginCollection starts afresh and returns the blocks of the tuples that
// are planned or reserved and whose commit is not answered yet, in CID order.
// planned is the tuples that are on their way to disk.
func (c *core) beginCollection(planned []*tuple) []messages.CID {
	c.collection = collection{
		running: true, max: c.cfg.CollectionBlocksMax, blocks: make(map[uint64]struct{}),
	}
	needed := make(map[messages.CID]bool)
	add := func(cids ...messages.CID) {
		for _, cid := range cids {
			c.collection.note(cid)
			if !cid.IsZero() {
				needed[cid] = true
			}
		}
	}
	for _, t := range planned {
		add(t.a.cid, t.b.cid)
	}
	for _, k := range c.committing {
		for _, cids := range k.tuples {
			add(cids[:]...)
		}
	}
	for _, s := range c.streams {
		for _, t := range s.reserved {
			add(t.a.cid, t.b.cid)
		}
	}
	return sortedKeys(needed)
}

// retire returns which of the blocks may be deleted, once the changes are
// durable, and takes those out of the pool.
func (c *core) retire(cids []messages.CID) ([]messages.CID, []port.Change, *messages.Error) {
	switch {
	case !c.collection.running:
		return nil, nil, messages.Errorf(messages.CodeInvalid, "no collection is under way")
	case c.collection.full:
		return nil, nil, messages.Errorf(messages.CodeOverload,
			"too much was written during the collection")
	}
	free := make([]messages.CID, 0, len(cids))
	changes := make([]port.Change, 0, 2*len(cids))
	seen := make(map[messages.CID]bool, len(cids))
	for _, cid := range cids {
		if _, needed := c.collection.blocks[shortened(cid)]; needed || seen[cid] {
			continue
		}
		seen[cid] = true
		c.forget(cid)
		free = append(free, cid)
		changes = append(changes, deleteCandidate(cid), deleteReusable(cid))
	}
	return free, changes, nil
}

// endCollection forgets what was remembered.
func (c *core) endCollection() { c.collection = collection{} }
