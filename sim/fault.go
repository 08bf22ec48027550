package sim

import (
	"errors"
	"slices"

	"github.com/noisefs/noisefs/runtime/shell"
)

// ErrInjected is what an injected panic panics with.
var ErrInjected = errors.New("sim: injected panic")

// Fault is a panic waiting to happen.
type Fault struct {
	role  string
	left  int
	after bool
	fired bool
}

// PanicAt makes the actors of a role panic at the nth message from now
// (n = 1: the next one), before it is handled. Starts count as messages, and
// so do timers and port answers.
func (w *World) PanicAt(role string, n int) *Fault { return w.inject(role, n, false) }

// PanicAfter is PanicAt, but the message has been handled: what the actor
// sent stands, what it remembered is lost.
func (w *World) PanicAfter(role string, n int) *Fault { return w.inject(role, n, true) }

func (w *World) inject(role string, n int, after bool) *Fault {
	f := &Fault{role: role, left: n, after: after}
	w.faults = append(w.faults, f)
	return f
}

// Fired reports whether the panic has happened.
func (f *Fault) Fired() bool { return f.fired }

// strike panics if a fault is due at this delivery.
func (w *World) strike(d shell.Delivery, after bool) {
	for i, f := range w.faults {
		if f.after != after || d.Incarnation == 0 || d.To.Role() != f.role {
			continue
		}
		if f.left--; f.left <= 0 {
			f.fired = true
			w.faults = slices.Delete(w.faults, i, i+1)
			panic(ErrInjected)
		}
	}
}
