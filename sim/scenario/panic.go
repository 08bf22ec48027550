package scenario

import (
	"math/rand/v2"
	"time"
)

// Panics is a run in which actors of one role panic again and again.
type Panics struct {
	Seed    uint64
	Role    string
	Count   int // panics
	Workers int
	Steps   int // of each worker
	Reuse   *House
}

// panicPause lets so much virtual time pass between two panics that the
// supervisor's intensity is never reached: it counts 10 in 10 s by default.
const panicPause = 2 * time.Second

// Run makes the role's actors panic at some message, before or after it was
// handled, and goes on when the node works again.
func (p Panics) Run() (*House, error) {
	h, err := New(Options{Seed: p.Seed, Panics: true, Reuse: p.Reuse})
	if err != nil {
		return h, err
	}
	draw := rand.New(rand.NewPCG(p.Seed, 0x9a71c))
	workers := make([]*Worker, p.Workers)
	for i := range workers {
		workers[i] = h.NewWorker(i)
		workers[i].maintain = 0.08
	}
	if err := h.each(workers, (*Worker).Begin); err != nil {
		return h, err
	}
	for range p.Count {
		at := 1 + draw.IntN(120)
		inject := h.World.PanicAt
		if draw.IntN(2) == 0 {
			inject = h.World.PanicAfter
		}
		fault := inject(p.Role, at)
		work := func(w *Worker, s *Session) {
			w.Work(s, p.Steps)
			s.Sleep(panicPause)
		}
		for !fault.Fired() {
			if err := h.each(workers, work); err != nil {
				return h, err
			}
		}
	}
	// What a predecessor's streams held is let go by a restart of the node.
	if err := h.Restart(); err != nil {
		return h, err
	}
	return h, h.Settle(workers)
}

// each runs a session for every worker, to its end.
func (h *House) each(workers []*Worker, f func(w *Worker, s *Session)) error {
	for _, w := range workers {
		h.Client.Go(func(s *Session) { f(w, s) })
	}
	return h.RunSessions()
}
