package scenario

import (
	"fmt"
	"math/rand/v2"

	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/sim/disk"
	"github.com/noisefs/noisefs/sim/memindex"
)

// Faults is a run in which the disk or the index errs, is read-only or full
// for a while. Then the node is booted again, as its log would advise.
type Faults struct {
	Seed    uint64
	Rounds  int
	Workers int
	Steps   int // of each worker, in each round
	Reuse   *House
}

// Run lets workers work while things go wrong, boots, and checks that
// everything acknowledged is there; then again. At the end the node settles.
func (f Faults) Run() (*House, error) {
	h, err := New(Options{Seed: f.Seed, Faults: true, Reuse: f.Reuse})
	if err != nil {
		return h, err
	}
	draw := rand.New(rand.NewPCG(f.Seed, 0xfa017))
	workers := make([]*Worker, f.Workers)
	for i := range workers {
		workers[i] = h.NewWorker(i)
	}
	if err := h.each(workers, (*Worker).Begin); err != nil {
		return h, err
	}
	for range f.Rounds {
		h.goWrong(draw)
		work := func(w *Worker, s *Session) { w.Work(s, f.Steps) }
		if err := h.each(workers, work); err != nil {
			return h, err
		}
		h.Machine.Disk().SetFaults(disk.Faults{})
		h.Machine.Disk().FailAt(0, nil)
		if draw.IntN(2) == 0 {
			h.Node.Crash()
		} else {
			// What the engines say at their end was said before.
			_ = h.Node.Stop()
		}
		if err := h.Reboot(); err != nil {
			return h, err
		}
		if err := h.each(workers, (*Worker).Resolve); err != nil {
			return h, err
		}
	}
	return h, h.Settle(workers)
}

// goWrong draws what goes wrong.
func (h *House) goWrong(draw *rand.Rand) {
	reason := []error{port.ErrDiskIO, port.ErrDiskReadOnly, port.ErrDiskFull}[draw.IntN(3)]
	soon := 1 + draw.IntN(60)
	switch draw.IntN(4) {
	case 0:
		h.Machine.Disk().FailAt(int64(soon), reason)
	case 1:
		h.Machine.Disk().SetFaults(disk.Faults{
			Read: 0.02 * draw.Float64(), Change: 0.01 * draw.Float64(), Err: reason,
		})
	case 2:
		h.Machine.Index().Inject(memindex.Fault{
			After: soon, Applied: draw.IntN(2) == 0, Err: fmt.Errorf("sim: %w", reason),
		})
	default:
		h.Machine.Index().Inject(memindex.Fault{
			After: soon, Err: fmt.Errorf("sim: %w", port.ErrIndexFull),
		})
	}
}
