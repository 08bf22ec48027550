package cache

import "github.com/noisefs/noisefs/messages"

// ghostQueue remembers the names of the blocks that left the small queue
// last, as many as the main queue has room for.
type ghostQueue struct {
	ring []messages.CID          // names in order of arrival
	next int                     // where the next one goes
	at   map[messages.CID]uint64 // name → number of its arrival
	seen uint64                  // arrivals so far
}

func newGhostQueue(room int) ghostQueue {
	return ghostQueue{
		ring: make([]messages.CID, 0, room),
		at:   make(map[messages.CID]uint64, room),
	}
}

// add takes in a name as the youngest, and forgets the oldest if need be.
func (g *ghostQueue) add(cid messages.CID) {
	room := cap(g.ring)
	if room == 0 {
		return
	}
	if len(g.ring) < room {
		g.ring = append(g.ring, cid)
	} else {
		// The place held arrival seen-room. If that name was removed, or
		// came again since, its entry does not belong to this place.
		old := g.ring[g.next]
		if n, ok := g.at[old]; ok && n == g.seen-uint64(room) {
			delete(g.at, old)
		}
		g.ring[g.next] = cid
	}
	g.at[cid] = g.seen
	g.seen++
	g.next = (g.next + 1) % room
}

// remove takes a name out, and tells whether it was there.
func (g *ghostQueue) remove(cid messages.CID) bool {
	if _, ok := g.at[cid]; !ok {
		return false
	}
	delete(g.at, cid)
	return true
}
