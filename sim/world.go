package sim

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim/network"
)

// WorkPerInstantMaxDefault bounds the slices and timers of one virtual
// instant, in all nodes together.
const WorkPerInstantMaxDefault = 1_000_000

// Options make a [World]. The zero value is a good one.
type Options struct {
	// Seed is what every draw comes from.
	Seed uint64
	// InOrder runs actors first come, first served, instead of in drawn
	// order: easier to read when a trace is studied.
	InOrder bool
	// Start is the wall-clock time at which the world begins; zero means
	// 2030-01-01 UTC.
	Start time.Time
	// WorkPerInstantMax bounds the slices and timers of one virtual instant.
	// 0 means WorkPerInstantMaxDefault; raise it with the number of nodes.
	WorkPerInstantMax int
	// RecordFlow counts who sends what to whom.
	RecordFlow bool
	// AllowPanics keeps panics that were not injected from failing clients.
	AllowPanics bool
	// Observe sees every delivery before it is handled, for checkers. It may
	// not send, and it may be nil.
	Observe func(shell.Delivery)
	// Network is what lies between the nodes; nil: nothing, and nodes have
	// neither Net nor Gossip. Seed decides its draws, not Network.Seed.
	// NewWorld panics when Network.Validate reports an error.
	Network *network.Options
	// Log receives what nodes log; nil discards it.
	Log *slog.Logger
	// Reuse takes over the actor registry of an earlier world that is done
	// with, which saves some milliseconds where many worlds are made.
	Reuse *World
}

// World is a simulated world. It is used by one goroutine.
type World struct {
	options Options
	loop    *loop
	trace   *trace
	system  *shell.System
	free    timerGroup // timers of no incarnation
	nodes   []*Node
	wire    *wire // nil without a network
	faults  []*Fault
	panics  []shell.Panic
}

// NewWorld makes an empty world.
func NewWorld(o Options) *World {
	if o.Start.IsZero() {
		o.Start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.WorkPerInstantMax == 0 {
		o.WorkPerInstantMax = WorkPerInstantMaxDefault
	}
	w := &World{
		options: o,
		loop:    &loop{workMax: o.WorkPerInstantMax},
		trace:   newTrace(o.RecordFlow),
	}
	if !o.InOrder {
		w.loop.pick = rand.New(rand.NewPCG(o.Seed, hashText("order of actors")))
	}
	system := shell.Options{
		Dispatcher: w.loop, SingleThreaded: true, Now: w.Now, Log: o.Log,
		Before: w.before, After: w.after, OnPanic: w.onPanic,
	}
	if o.Reuse != nil {
		o.Reuse.end()
		system.Reuse = o.Reuse.system
	}
	w.system = shell.NewSystem(system)
	if o.Network != nil {
		w.wire = newWire(w, *o.Network)
	}
	w.options.Reuse = nil // or each world would keep all before it alive
	return w
}

// end takes the actors of a world that is done with out of the registry,
// which would keep the world alive. What they still do does not matter.
func (w *World) end() {
	for _, n := range w.nodes {
		n.Crash()
	}
	_ = w.Run(0) // an error only says that it was busy
}

// Now returns the virtual time.
func (w *World) Now() time.Time { return w.options.Start.Add(w.Elapsed()) }

// Elapsed returns the virtual time since the start of the world.
func (w *World) Elapsed() time.Duration { return time.Duration(w.loop.nowNS) }

// Steps counts what the loop has run: slices of actors, and timers.
func (w *World) Steps() uint64 { return w.loop.steps }

// TraceHash is a hash over all deliveries so far.
func (w *World) TraceHash() uint64 { return w.trace.hash }

// Deliveries counts the messages that were handled.
func (w *World) Deliveries() uint64 { return w.trace.events }

// TraceTail shows the last deliveries, one a line.
func (w *World) TraceTail() string { return w.trace.String() }

// TraceAbout shows the last deliveries from and to the actors of some nodes,
// as far as they are among the last of all, one a line.
func (w *World) TraceAbout(nodes ...string) string { return w.trace.about(nodes...) }

// Flows tells who sent what to whom; Options.RecordFlow turns it on.
func (w *World) Flows() []Flow { return w.trace.flows() }

// Panics returns the panics so far that were not injected.
func (w *World) Panics() []shell.Panic { return w.panics }

// Gate makes a gate into the world, for workloads that are not clients.
func (w *World) Gate(name string, inFlightMax int) *shell.Gate {
	return w.system.NewGate(name, inFlightMax)
}

// At runs f after d of virtual time, between two slices.
func (w *World) At(d time.Duration, f func()) { w.loop.after(d, &w.free, f) }

// Run lets d of virtual time pass.
func (w *World) Run(d time.Duration) error {
	untilNS := w.loop.nowNS + int64(d)
	if err := w.runUntil(untilNS, func() bool { return false }); err != nil {
		return err
	}
	w.loop.nowNS, w.loop.work = untilNS, 0
	return nil
}

// RunUntilIdle runs until nothing is left to do: no message, no timer. It is
// an error if that takes more than limit of virtual time.
func (w *World) RunUntilIdle(limit time.Duration) error {
	if err := w.runUntil(w.loop.nowNS+int64(limit), func() bool { return false }); err != nil {
		return err
	}
	if !w.loop.idle() {
		return fmt.Errorf("sim: not idle after %s of virtual time", limit)
	}
	return nil
}

// RunUntil runs until done reports true. It is an error if that does not
// come about within limit of virtual time, or before nothing is left to do.
func (w *World) RunUntil(limit time.Duration, done func() bool) error {
	if err := w.runUntil(w.loop.nowNS+int64(limit), done); err != nil {
		return err
	}
	if !done() {
		return fmt.Errorf("sim: waited in vain until %s", w.Elapsed())
	}
	return nil
}

// runUntil runs until done reports true, there is nothing left to run, or
// the time is reached.
func (w *World) runUntil(untilNS int64, done func() bool) error {
	for !done() {
		more, err := w.loop.step(untilNS)
		if err != nil {
			return fmt.Errorf("%w: more than %d steps at %s; busiest: %s",
				err, w.options.WorkPerInstantMax, w.Elapsed(), w.trace.offenders())
		}
		if !more {
			return nil
		}
	}
	return nil
}

func (w *World) before(d shell.Delivery) {
	w.trace.add(w.loop.nowNS, d)
	if w.options.Observe != nil {
		w.options.Observe(d)
	}
	w.strike(d, false)
}

func (w *World) after(d shell.Delivery) { w.strike(d, true) }

func (w *World) onPanic(p shell.Panic) {
	if err, ok := p.Value.(error); ok && errors.Is(err, ErrInjected) {
		return
	}
	w.panics = append(w.panics, p)
}
