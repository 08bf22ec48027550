package scenario

// Crowd is a run in which many clients work side by side, while blocks are
// collected and verified again and again.
type Crowd struct {
	Seed    uint64
	Workers int
	Steps   int // of each
	Reuse   *House
}

// Run works and settles.
func (c Crowd) Run() (*House, error) {
	h, err := New(Options{Seed: c.Seed, Reuse: c.Reuse})
	if err != nil {
		return h, err
	}
	workers := make([]*Worker, c.Workers)
	working := c.Workers
	for i := range workers {
		w := h.NewWorker(i)
		workers[i] = w
		h.Client.Go(func(s *Session) {
			w.Begin(s)
			w.Work(s, c.Steps)
			working--
		})
	}
	h.Client.Go(func(s *Session) {
		for working > 0 {
			workers[0].maintenance(s)
		}
	})
	return h, h.Settle(workers)
}
