package cache

import "github.com/noisefs/noisefs/messages"

// Parameters of S3-FIFO, as the paper sets them.
const (
	smallShare = 10 // the small queue has one part in smallShare of the room
	freqMax    = 3  // a block remembers up to so many uses (two bits)
	promoteMin = 2  // uses in the small queue that earn a place in the main one
)

// none ends a list of slots.
const none = -1

// s3fifo keeps blocks by the S3-FIFO policy: Yang, Zhang, Qiu, Yue and
// Vinayak, "FIFO queues are all you need for cache eviction", SOSP '23,
// algorithm 1.
//
// New blocks enter a small queue (a tenth of the room). What is used twice
// while there moves to the main queue when it reaches the end; what is not
// leaves, and only its name stays, in the ghost queue. A name that comes
// back while it is a ghost enters the main queue at once. The main queue
// gives a block that was used another round per use. A single pass over a
// large file thus costs the small queue alone, and the randomizers that
// many chunks share stay.
//
// All blocks have one size, so the room is counted in blocks. The ghost
// queue is as long as the main queue may be.
type s3fifo struct {
	room     int // blocks kept at most
	smallMax int // from this length on, the small queue is the one to evict from

	index map[messages.CID]int32 // resident block → slot
	slots []slot
	spare int32 // first unused slot, or none

	small, main queue
	ghosts      ghostQueue
}

// slot holds one resident block, in one of the two queues.
type slot struct {
	block        messages.Block
	older, newer int32 // neighbours in the queue
	uses         uint8
	inMain       bool
}

// queue is a FIFO of slots: blocks enter at newest and leave at oldest.
type queue struct {
	oldest, newest int32
	len            int
}

// newS3FIFO makes an empty cache of so many blocks; 0 keeps none.
func newS3FIFO(room int) *s3fifo {
	smallMax := max(1, room/smallShare)
	return &s3fifo{
		room:     room,
		smallMax: smallMax,
		index:    make(map[messages.CID]int32),
		spare:    none,
		small:    queue{oldest: none, newest: none},
		main:     queue{oldest: none, newest: none},
		ghosts:   newGhostQueue(max(0, room-smallMax)),
	}
}

// len is the number of resident blocks.
func (c *s3fifo) len() int { return c.small.len + c.main.len }

// get returns a resident block and counts the use.
func (c *s3fifo) get(cid messages.CID) (messages.Block, bool) {
	i, ok := c.index[cid]
	if !ok {
		return messages.Block{}, false
	}
	s := &c.slots[i]
	s.uses = min(s.uses+1, freqMax)
	return s.block, true
}

// has tells whether a block is resident, without counting a use.
func (c *s3fifo) has(cid messages.CID) bool {
	_, ok := c.index[cid]
	return ok
}

// put takes in a block that is not resident, and evicts to make room. A
// resident block stays as it is.
func (c *s3fifo) put(block messages.Block) {
	if c.room == 0 || c.has(block.CID) {
		return
	}
	for c.len() >= c.room {
		c.evict()
	}
	i := c.takeSlot()
	c.slots[i] = slot{block: block}
	c.index[block.CID] = i
	if c.ghosts.remove(block.CID) {
		c.slots[i].inMain = true
		c.push(&c.main, i)
		return
	}
	c.push(&c.small, i)
}

// remove drops a block, if it is resident, without leaving a ghost.
func (c *s3fifo) remove(cid messages.CID) {
	c.ghosts.remove(cid)
	i, ok := c.index[cid]
	if !ok {
		return
	}
	if c.slots[i].inMain {
		c.unlink(&c.main, i)
	} else {
		c.unlink(&c.small, i)
	}
	c.drop(i)
}

// evict makes room for at least one block, unless it only moved blocks from
// the small queue to the main one; the caller asks again until there is room.
func (c *s3fifo) evict() {
	if c.small.len >= c.smallMax {
		c.evictSmall()
		return
	}
	c.evictMain()
}

func (c *s3fifo) evictSmall() {
	for c.small.len > 0 {
		i := c.small.oldest
		c.unlink(&c.small, i)
		s := &c.slots[i]
		if s.uses < promoteMin {
			c.ghosts.add(s.block.CID)
			c.drop(i)
			return
		}
		s.uses = 0 // what it did in the small queue counts no further
		s.inMain = true
		c.push(&c.main, i)
		if c.main.len > c.room-c.smallMax {
			c.evictMain()
		}
	}
}

// evictMain ends: each turn takes a use from a block, and uses are bounded.
func (c *s3fifo) evictMain() {
	for c.main.len > 0 {
		i := c.main.oldest
		c.unlink(&c.main, i)
		if c.slots[i].uses == 0 {
			c.drop(i)
			return
		}
		c.slots[i].uses--
		c.push(&c.main, i)
	}
}

func (c *s3fifo) takeSlot() int32 {
	if c.spare == none {
		c.slots = append(c.slots, slot{})
		return int32(len(c.slots) - 1)
	}
	i := c.spare
	c.spare = c.slots[i].older
	return i
}

// drop forgets the block of a slot that is in no queue, and its bytes.
func (c *s3fifo) drop(i int32) {
	delete(c.index, c.slots[i].block.CID)
	c.slots[i] = slot{older: c.spare}
	c.spare = i
}

func (c *s3fifo) push(q *queue, i int32) {
	c.slots[i].older, c.slots[i].newer = q.newest, none
	if q.newest == none {
		q.oldest = i
	} else {
		c.slots[q.newest].newer = i
	}
	q.newest = i
	q.len++
}

func (c *s3fifo) unlink(q *queue, i int32) {
	older, newer := c.slots[i].older, c.slots[i].newer
	if older == none {
		q.oldest = newer
	} else {
		c.slots[older].newer = newer
	}
	if newer == none {
		q.newest = older
	} else {
		c.slots[newer].older = older
	}
	q.len--
}
