package sim

// heapSweepMin is the size from which a heap that is mostly stopped timers is
// swept. Below it, they are cheaper to keep.
const heapSweepMin = 1024

// heapWidth is the number of children of a slot: 4 is shallower than 2, and
// the children of one slot share a cache line or two.
const heapWidth = 4

// timerHeap orders timers by time, and by age within one time.
type timerHeap struct {
	slots []heapSlot
	dead  int // slots whose timer was stopped
	seq   uint64
}

type heapSlot struct {
	atNS  int64
	seq   uint64
	timer *timer
}

func (a heapSlot) before(b heapSlot) bool {
	return a.atNS < b.atNS || a.atNS == b.atNS && a.seq < b.seq
}

func (t *timer) live() bool { return t.state == timerPending && !t.group.ended }

// live counts the timers that have not been stopped.
func (h *timerHeap) live() int { return len(h.slots) - h.dead }

func (h *timerHeap) push(atNS int64, t *timer) {
	h.seq++
	h.slots = append(h.slots, heapSlot{atNS, h.seq, t})
	h.up(len(h.slots) - 1)
}

// next returns the time of the first live timer.
func (h *timerHeap) next() (ok bool, atNS int64) {
	for len(h.slots) > 0 {
		if h.slots[0].timer.live() {
			return true, h.slots[0].atNS
		}
		h.dead--
		h.removeFirst()
	}
	return false, 0
}

// pop removes the first timer, which must be live: call next before.
func (h *timerHeap) pop() *timer {
	t := h.slots[0].timer
	h.removeFirst()
	return t
}

func (h *timerHeap) removeFirst() {
	last := len(h.slots) - 1
	h.slots[0] = h.slots[last]
	h.slots[last] = heapSlot{}
	h.slots = h.slots[:last]
	if last > 0 {
		h.down(0)
	}
}

// stopped notes that n timers were stopped, and sweeps when most are.
func (h *timerHeap) stopped(n int) {
	h.dead += n
	if len(h.slots) < heapSweepMin || h.dead*2 < len(h.slots) {
		return
	}
	kept := h.slots[:0]
	for _, s := range h.slots {
		if s.timer.live() {
			kept = append(kept, s)
		}
	}
	clear(h.slots[len(kept):])
	h.slots, h.dead = kept, 0
	for i := (len(kept) - 2) / heapWidth; i >= 0; i-- {
		h.down(i)
	}
}

func (h *timerHeap) up(i int) {
	s := h.slots[i]
	for i > 0 {
		parent := (i - 1) / heapWidth
		if !s.before(h.slots[parent]) {
			break
		}
		h.slots[i] = h.slots[parent]
		i = parent
	}
	h.slots[i] = s
}

func (h *timerHeap) down(i int) {
	s := h.slots[i]
	for {
		first := i*heapWidth + 1
		if first >= len(h.slots) {
			break
		}
		least := first
		for child := first + 1; child < min(first+heapWidth, len(h.slots)); child++ {
			if h.slots[child].before(h.slots[least]) {
				least = child
			}
		}
		if !h.slots[least].before(s) {
			break
		}
		h.slots[i] = h.slots[least]
		i = least
	}
	h.slots[i] = s
}
