package host

import (
	"fmt"
	"sync"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// indexLanes is what the index ports of all incarnations share.
//
// Each actor has a lane that runs its calls one after the other, so they take
// effect in the order they were made. A restarted actor goes on in the lane
// of its predecessor: what that one had under way has happened before the
// new one reads anything. A durable commit is applied
// like any other, which takes microseconds, and the lane goes on; its answer
// waits for the syncer, which makes everything durable that was applied
// before it began, for all lanes at once. So a sync holds up neither order
// nor reads, and many commits share it.
type indexLanes struct {
	engine port.IndexEngine
	wait   sync.WaitGroup

	mu       sync.Mutex
	lanes    map[string]*lane // by the actor's path; those of living actors, and busy ones
	stopped  bool
	unsynced []func(error) // answers of applied durable commits
	syncing  bool
}

// stop drops what is queued and waits for what is running.
func (s *indexLanes) stop() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.wait.Wait()
}

// start runs f on a goroutine, unless the lanes have stopped.
func (s *indexLanes) start(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.wait.Go(f)
	return true
}

// awaitSync calls answer once everything applied so far is durable.
func (s *indexLanes) awaitSync(answer func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsynced = append(s.unsynced, answer)
	if !s.syncing {
		s.syncing = true
		s.wait.Go(s.sync) // from a lane, which stop waits for as well
	}
}

// sync makes commits durable until none waits.
func (s *indexLanes) sync() {
	for {
		s.mu.Lock()
		answers := s.unsynced
		s.unsynced = nil
		if len(answers) == 0 {
			s.syncing = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		err := s.engine.Commit(port.Txn{Durable: true})
		for _, answer := range answers {
			answer(err)
		}
	}
}

// lane runs the calls of one actor.
type lane struct {
	*indexLanes
	laneMu  sync.Mutex
	calls   []func()
	running bool
}

// open returns the lane of an actor.
func (s *indexLanes) open(path string) *lane {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lanes == nil {
		s.lanes = make(map[string]*lane)
	}
	x, ok := s.lanes[path]
	if !ok {
		x = &lane{indexLanes: s}
		s.lanes[path] = x
	}
	return x
}

// close forgets the lane of an actor that has ended, once it is idle.
func (s *indexLanes) close(path string) {
	s.mu.Lock()
	x, ok := s.lanes[path]
	s.mu.Unlock()
	if !ok {
		return
	}
	x.laneMu.Lock()
	defer x.laneMu.Unlock()
	if x.running {
		return // at most one lane for each path that ever ended busy
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lanes, path)
}

// call queues a call behind the earlier ones. It never blocks.
func (x *lane) call(f func()) {
	x.laneMu.Lock()
	defer x.laneMu.Unlock()
	if len(x.calls) >= queuedMax {
		panic(fmt.Errorf("host: %d index calls wait: the caller keeps no window", queuedMax))
	}
	x.calls = append(x.calls, f)
	if !x.running {
		x.running = x.start(x.run)
	}
}

// run makes calls until none is queued.
func (x *lane) run() {
	for {
		x.laneMu.Lock()
		calls := x.calls
		x.calls = nil
		if len(calls) == 0 {
			x.running = false
			x.laneMu.Unlock()
			return
		}
		x.laneMu.Unlock()
		for _, call := range calls {
			call()
		}
	}
}

var _ port.Index = (*index)(nil)

// index is the port of one incarnation.
type index struct {
	*lane
	answer func(any)
}

// Commit implements [port.Index].
func (x *index) Commit(corr messages.Corr, txn port.Txn) {
	committed := func(err error) {
		x.answer(messages.IndexCommitted{Answer: messages.Answer{Corr: corr}, Err: err})
	}
	durable := txn.Durable
	txn.Durable = false
	x.call(func() {
		err := x.engine.Commit(txn)
		if err == nil && durable {
			x.awaitSync(committed)
			return
		}
		committed(err)
	})
}

// Get implements [port.Index].
func (x *index) Get(corr messages.Corr, keys []port.RowKey) {
	x.call(func() {
		values, err := x.engine.Get(keys)
		x.answer(messages.IndexGot{Answer: messages.Answer{Corr: corr}, Values: values, Err: err})
	})
}

// Scan implements [port.Index].
func (x *index) Scan(corr messages.Corr, table port.Table, group, cursor []byte, limit int) {
	x.call(func() {
		rows, next, err := x.engine.Scan(table, group, cursor, limit)
		x.answer(messages.IndexScanned{
			Answer: messages.Answer{Corr: corr}, Rows: rows, Next: next, Err: err,
		})
	})
}
