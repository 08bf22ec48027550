package drive

import (
	"container/list"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
)

// windowsKept is how many directories memory keeps a window of, so that the
// next page of a listing need not read all changed names again.
const windowsKept = 4

// rowKeptMax is the largest row in bytes that is kept.
const rowKeptMax = 4 << 10

// memory is what all decisions share: rows and windows as they are in the
// index now, and decoded nodes, which never change. All forget what was used
// longest ago.
type memory struct {
	rows    lru[rowID, []byte]
	nodes   lru[messages.BlockRef, format.Node]
	windows lru[uint64, *window] // ready, by inode of the directory
}

func newMemory(rowsMax, nodesMax int) *memory {
	return &memory{
		rows:    newLRU[rowID, []byte](rowsMax),
		nodes:   newLRU[messages.BlockRef, format.Node](nodesMax),
		windows: newLRU[uint64, *window](windowsKept),
	}
}

func (m *memory) row(id rowID) ([]byte, bool) { return m.rows.get(id) }

// node finds a node by its whole ref, key included: a ref with a wrong key
// must fail here as it will after a restart.
func (m *memory) node(ref messages.BlockRef) (format.Node, bool) { return m.nodes.get(ref) }

// committing takes a row as a commit leaves it. The window of a directory in
// which a name changes is dropped: who lists it while it is being changed
// reads it again.
func (m *memory) committing(id rowID, value []byte) {
	m.keep(id, value)
	if id.table == port.TableDentries {
		m.windows.drop(parentOf(id))
	}
}

// keep takes a row as it is in the index. A large one is not kept: the bound is
// on how many there are.
func (m *memory) keep(id rowID, value []byte) {
	if len(value) > rowKeptMax {
		m.rows.drop(id)
		return
	}
	m.rows.put(id, value)
}

// forgetRows drops all rows, when it is not known what the index holds.
func (m *memory) forgetRows() {
	m.rows.clear()
	m.windows.clear()
}

// lru is a map that forgets what was used longest ago.
type lru[K comparable, V any] struct {
	max   int
	items map[K]*list.Element
	order *list.List // front: used last
}

type lruItem[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](limit int) lru[K, V] {
	return lru[K, V]{max: limit, items: make(map[K]*list.Element), order: list.New()}
}

func (l *lru[K, V]) get(key K) (value V, ok bool) {
	e, ok := l.items[key]
	if !ok {
		return value, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*lruItem[K, V]).value, true
}

func (l *lru[K, V]) put(key K, value V) {
	if e, ok := l.items[key]; ok {
		e.Value.(*lruItem[K, V]).value = value
		l.order.MoveToFront(e)
		return
	}
	l.items[key] = l.order.PushFront(&lruItem[K, V]{key, value})
	for len(l.items) > l.max {
		last := l.order.Back()
		l.order.Remove(last)
		delete(l.items, last.Value.(*lruItem[K, V]).key)
	}
}

func (l *lru[K, V]) drop(key K) {
	if e, ok := l.items[key]; ok {
		l.order.Remove(e)
		delete(l.items, key)
	}
}

// dropAll forgets the items that are told to.
func (l *lru[K, V]) dropAll(which func(K) bool) {
	for key := range l.items { // the order makes no difference
		if which(key) {
			l.drop(key)
		}
	}
}

func (l *lru[K, V]) clear() {
	clear(l.items)
	l.order.Init()
}
