package cluster

import (
	"sync"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// How the meter judges.
const (
	// rateFirst is what a node is taken to send before it has sent anything,
	// in bytes per second.
	rateFirst = 10 << 20
	// busyMemory is over how much time spent writing the rate is taken: what
	// was before counts half, a quarter, and so on.
	busyMemory = time.Second
	// stalledAfter is when a queue that does not move is no sign of how fast
	// this node sends, but of one peer that does not read.
	stalledAfter = 5 * time.Second
)

// meter knows how far this node is behind with sending.
type meter struct {
	mu     sync.Mutex
	queues map[*queue]*progress    // those with something queued
	total  int                     // bytes that wait in them
	peers  map[messages.NodeID]int // of these, by who is to get them
	last   time.Time               // when something was written
	busy   time.Duration           // spent writing, with memory
	bytes  float64                 // written in it
}

type progress struct {
	bytes int
	moved time.Time
}

func newMeter() *meter {
	return &meter{
		queues: make(map[*queue]*progress), peers: make(map[messages.NodeID]int), busy: busyMemory, bytes: rateFirst * busyMemory.Seconds(),
	}
}

// queued tells that n bytes more, or less, wait in a queue.
func (m *meter) queued(q *queue, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.queues[q]
	if p == nil {
		p = &progress{moved: time.Now()}
		m.queues[q] = p
	}
	m.total += n
	if m.peers[q.peer] += n; m.peers[q.peer] <= 0 {
		delete(m.peers, q.peer)
	}
	if p.bytes += n; p.bytes <= 0 {
		delete(m.queues, q)
	}
}

// waiting is how many bytes wait in all queues, and in those to a peer.
func (m *meter) waiting(peer messages.NodeID) (total, its int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total, m.peers[peer]
}

// sent tells that a write of n bytes took from begin to end. The time that
// several writes spend side by side counts once.
func (m *meter) sent(q *queue, n int, begin, end time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.queues[q]; p != nil && n > 0 {
		p.moved = end
	}
	if begin.Before(m.last) {
		begin = m.last
	}
	m.last = end
	m.bytes += float64(n)
	m.busy += min(max(0, end.Sub(begin)), busyMemory)
	for m.busy > busyMemory {
		m.busy /= 2
		m.bytes /= 2
	}
}

// backlog is how long what waits will take at the rate of late. What waits for
// peers that do not read is not counted.
func (m *meter) backlog() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queues) == 0 {
		return 0
	}
	waiting, now := 0, time.Now()
	for _, p := range m.queues {
		if now.Sub(p.moved) < stalledAfter {
			waiting += p.bytes
		}
	}
	rate := max(m.bytes, 1) / max(m.busy, time.Microsecond).Seconds()
	return time.Duration(float64(waiting) / rate * float64(time.Second))
}
