package scenario

import (
	"math/rand/v2"
	"time"
)

// Cuts is a run of power cuts, one after the other, on one node.
type Cuts struct {
	Seed    uint64
	Count   int // power cuts
	Workers int
	Items   int // that each worker keeps, more or less
	// Configure changes the options of the house; it may be nil.
	Configure func(*Options)
	// Reuse takes over the actor registry of a house that is done with.
	Reuse *House
}

const (
	// cutOperationsMax is how many operations of the disk or the index a
	// boot lives at most, mostly far fewer.
	cutOperationsMax = 160
	// bootLife is how long a boot lives when the operation never comes.
	bootLife = 2 * time.Second
	// verifyOneIn is how many boots there are for one that is verified.
	verifyOneIn = 8
)

// Run lets the workers work, cuts the power at a random operation, boots and
// checks that everything acknowledged is there; then again. At the end the
// node settles.
func (c Cuts) Run() (*House, error) {
	o := Options{Seed: c.Seed, Reuse: c.Reuse}
	if c.Configure != nil {
		c.Configure(&o)
	}
	h, err := New(o)
	if err != nil {
		return h, err
	}
	draw := rand.New(rand.NewPCG(c.Seed, 0xc075))
	workers := make([]*Worker, c.Workers)
	for i := range workers {
		workers[i] = h.NewWorker(i)
		workers[i].ItemsMax, workers[i].LinksMax = c.Items, 1+c.Items/4
	}
	begin := func(s *Session, w *Worker) { w.Begin(s); w.Resolve(s) }
	for range c.Count {
		for _, w := range workers {
			h.Client.Go(func(s *Session) { begin(s, w); w.Work(s, -1) })
		}
		h.armCut(draw)
		if err := h.Run(func() bool { return !h.Node.Running() }); err != nil {
			return h, err
		}
		if err := h.Reboot(); err != nil {
			return h, err
		}
		if draw.IntN(verifyOneIn) == 0 {
			if err := h.Do(verifyClean); err != nil {
				return h, err
			}
		}
	}
	for _, w := range workers {
		h.Client.Go(func(s *Session) { begin(s, w); w.Work(s, 10) })
	}
	return h, h.Settle(workers)
}

// armCut lets the power go at some operation to come, or at some time.
func (h *House) armCut(draw *rand.Rand) {
	operations := 1 + draw.IntN(cutOperationsMax)
	if draw.IntN(4) > 0 {
		operations = 1 + operations/8
	}
	boot, life := h.Node.Boots(), bootLife
	switch draw.IntN(5) {
	case 0:
		life = time.Duration(draw.IntN(30_000)) * time.Microsecond
	case 1, 2:
		h.Machine.Index().CutPowerAt(operations - 1)
	default:
		h.Machine.Disk().CutAt(int64(operations))
	}
	h.World.At(life, func() {
		if h.Node.Boots() == boot {
			h.Node.Crash()
		}
	})
}

// verifyClean verifies, and finds nothing wrong.
func verifyClean(s *Session) {
	verified, err := s.Verify()
	switch {
	case err != nil:
		s.Broken("verify: %v (%q)", err, err.Code)
	case verified.Count > 0:
		s.Broken("verification found %d problems: %s of %s", verified.Count,
			verified.Problems[0].Reason, verified.Problems[0].Block.Short())
	}
}
