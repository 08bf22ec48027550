package reader

import "container/list"

// lru keeps the blocks that were opened last, nodes and pack chunks only: a
// file's chunks are read once and would push them out.
type lru struct {
	room    int
	entries map[blockKey]*list.Element
	order   *list.List // of lruEntry, youngest first
}

type lruEntry struct {
	key   blockKey
	value opened
}

func newLRU(room int) *lru {
	return &lru{room: room, entries: make(map[blockKey]*list.Element), order: list.New()}
}

// get returns an opened block and makes it the youngest.
func (l *lru) get(key blockKey) (opened, bool) {
	e, ok := l.entries[key]
	if !ok {
		return opened{}, false
	}
	l.order.MoveToFront(e)
	return e.Value.(lruEntry).value, true
}

// put takes in an opened block that is not there, and drops the oldest.
func (l *lru) put(key blockKey, value opened) {
	if l.room == 0 {
		return
	}
	l.entries[key] = l.order.PushFront(lruEntry{key, value})
	if l.order.Len() > l.room {
		oldest := l.order.Back()
		delete(l.entries, oldest.Value.(lruEntry).key)
		l.order.Remove(oldest)
	}
}

// drop forgets the blocks that are told to.
func (l *lru) drop(which func(blockKey) bool) {
	for key, e := range l.entries { // the order makes no difference
		if which(key) {
			delete(l.entries, key)
			l.order.Remove(e)
		}
	}
}
