package shell

// queueKeep is how many slots a queue keeps when it runs empty; a longer
// ring, left by a burst, goes back to the garbage collector.
const queueKeep = 256

// queue is a ring that grows. The zero value is empty.
type queue[T any] struct {
	ring  []T // its length is a power of two
	head  int
	count int
}

func (q *queue[T]) push(v T) {
	if q.count == len(q.ring) {
		q.grow()
	}
	q.ring[(q.head+q.count)&(len(q.ring)-1)] = v
	q.count++
}

// pop returns the oldest element; the queue must not be empty.
func (q *queue[T]) pop() T {
	var zero T
	v := q.ring[q.head]
	q.ring[q.head] = zero // let go of what it points to
	q.head = (q.head + 1) & (len(q.ring) - 1)
	q.count--
	if q.count == 0 && len(q.ring) > queueKeep {
		*q = queue[T]{}
	}
	return v
}

func (q *queue[T]) grow() {
	ring := make([]T, max(4, 2*len(q.ring)))
	n := copy(ring, q.ring[q.head:])
	copy(ring[n:], q.ring[:q.head])
	q.ring, q.head = ring, 0
}
