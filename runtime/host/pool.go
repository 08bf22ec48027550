package host

import (
	"fmt"
	"sync"
)

// queuedMax bounds the jobs that wait in one pool. Actors keep windows of
// credits, far below it in sum; whoever runs into it has lost count, and
// panics.
const queuedMax = 1 << 16

// pool runs jobs on a fixed number of goroutines, first come, first served.
type pool struct {
	name string
	wait sync.WaitGroup

	mu      sync.Mutex
	work    *sync.Cond // something is queued, or the pool stops
	queue   []func()
	stopped bool
}

func newPool(name string, goroutines int) *pool {
	p := &pool{name: name}
	p.work = sync.NewCond(&p.mu)
	for range goroutines {
		p.wait.Go(p.run)
	}
	return p
}

// submit queues a job. It never blocks. After stop, the job is dropped.
func (p *pool) submit(job func()) {
	p.mu.Lock()
	if len(p.queue) >= queuedMax {
		p.mu.Unlock()
		panic(fmt.Errorf("host: %d jobs wait for %s: a caller keeps no window", queuedMax, p.name))
	}
	if !p.stopped {
		p.queue = append(p.queue, job)
	}
	p.mu.Unlock()
	p.work.Signal()
}

// stop drops what is queued and waits for what is running.
func (p *pool) stop() {
	p.mu.Lock()
	p.stopped, p.queue = true, nil
	p.mu.Unlock()
	p.work.Broadcast()
	p.wait.Wait()
}

func (p *pool) run() {
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.stopped {
			p.work.Wait()
		}
		if p.stopped {
			p.mu.Unlock()
			return
		}
		job := p.queue[0]
		p.queue[0] = nil // let go of what it holds
		p.queue = p.queue[1:]
		p.mu.Unlock()
		job()
	}
}
