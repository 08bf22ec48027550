package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
	"github.com/noisefs/noisefs/sim/report"
)

// SimLarge is from how many nodes on a run is about memory rather than speed.
const SimLarge = 10_000

// SimCost is what it cost to simulate a network. Events and CPU are of the
// measured span, peak memory is of the whole run.
type SimCost struct {
	Nodes          int     `json:"nodes"`
	VirtualSeconds float64 `json:"virtualSeconds"`
	WallSeconds    float64 `json:"wallSeconds"`
	// Speed is virtual seconds per second of the wall clock.
	Speed           float64 `json:"speed"`
	Events          uint64  `json:"events"`
	EventsPerSecond float64 `json:"eventsPerSecond"` // of the wall clock
	CPUSeconds      float64 `json:"cpuSeconds"`      // user and system
	// CPUPerNodeSecond is CPU seconds per node and virtual second.
	CPUPerNodeSecond float64 `json:"cpuPerNodeSecond"`
	PeakMiB          float64 `json:"peakRSSMiB"`
	BeforeMiB        float64 `json:"beforeRSSMiB"` // before the run

	TraceHash          report.Hash    `json:"traceHash"`
	InvariantsChecked  uint64         `json:"invariantsChecked"`
	InvariantsViolated []string       `json:"invariantsViolated"`
	Figures            report.Figures `json:"figures"`
}

// spanMeter takes what the process used between the beginning and the end of
// the measured span. It learns of them from the run's progress.
type spanMeter struct {
	inside      bool
	begin, took usage
	last        uint64 // events at the last look
}

type usage struct {
	cpu    time.Duration
	events uint64
}

func usageNow(events uint64) usage {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return usage{events: events}
	}
	return usage{time.Duration(u.Utime.Nano() + u.Stime.Nano()), events}
}

func (m *spanMeter) hear(p fleet.Progress) {
	m.last = p.Events
	if p.Phase == fleet.PhaseMeasured && !m.inside {
		m.inside, m.begin = true, usageNow(p.Events)
	}
	if p.Phase != fleet.PhaseMeasured {
		m.end()
	}
}

// end ends the span. A run that broke off in it has no later phase.
func (m *spanMeter) end() {
	if !m.inside {
		return
	}
	now := usageNow(m.last)
	m.took = usage{now.cpu - m.begin.cpu, now.events - m.begin.events}
	m.inside = false
}

// MeasureSim runs a plan on one core and measures what that costs. Nothing
// else should run in the process: its CPU and memory are taken. progress
// hears how far the run is; it may be nil.
func MeasureSim(
	ctx context.Context, p *plan.Plan, progress func(fleet.Progress),
) (SimCost, *report.Result, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	forgetPeak()
	before := peakMemory(os.Getpid())
	var meter spanMeter
	start := time.Now()
	result, err := fleet.Run(p, fleet.Options{
		Context: ctx,
		Wall:    func() time.Duration { return time.Since(start) },
		Progress: func(now fleet.Progress) {
			meter.hear(now)
			if progress != nil {
				progress(now)
			}
		},
	})
	if err != nil {
		return SimCost{}, nil, fmt.Errorf("bench: simulate %d nodes: %w", p.Nodes, err)
	}
	meter.end()
	c := SimCost{
		Nodes: p.Nodes, VirtualSeconds: result.VirtualSeconds, WallSeconds: result.WallSeconds,
		Events: meter.took.events, CPUSeconds: meter.took.cpu.Seconds(),
		PeakMiB: peakMemory(os.Getpid()), BeforeMiB: before, TraceHash: result.TraceHash,
		InvariantsChecked:  result.InvariantsChecked,
		InvariantsViolated: result.InvariantsViolated, Figures: result.Figures,
	}
	c.CPUPerNodeSecond = c.CPUSeconds / c.VirtualSeconds / float64(c.Nodes)
	if c.WallSeconds > 0 {
		c.Speed = c.VirtualSeconds / c.WallSeconds
		c.EventsPerSecond = float64(c.Events) / c.WallSeconds
	}
	return c, result, nil
}

// forgetPeak gives back what is no longer used, and has the kernel count the
// peak of resident memory anew (proc(5), clear_refs). Where that is not
// allowed, a peak is that of all runs so far.
func forgetPeak() {
	debug.FreeOSMemory()
	const resetPeak = "5"
	_ = os.WriteFile("/proc/self/clear_refs", []byte(resetPeak), 0)
}

// SimReport is what 'noisefs bench sim' prints.
type SimReport struct {
	Machine  Machine   `json:"machine"`
	Command  string    `json:"command"`
	Scenario string    `json:"scenario"`
	Seed     uint64    `json:"seed"`
	Runs     []SimCost `json:"runs"`
}

// Violated returns the invariants that were violated: how fast a run was that
// broke the promises of a node does not matter.
func (r SimReport) Violated() []string {
	var all []string
	for _, c := range r.Runs {
		all = append(all, c.InvariantsViolated...)
	}
	return all
}

// Print writes the report as a table.
func (r SimReport) Print(w io.Writer) error {
	if err := r.Machine.print(w, r.Command); err != nil {
		return err
	}
	for _, c := range r.Runs {
		fmt.Fprintf(w, "\n%s, %d nodes, seed %d: %.0f s simulated in %.1f s on one core\n\n",
			r.Scenario, c.Nodes, r.Seed, c.VirtualSeconds, c.WallSeconds)
		if err := c.print(w); err != nil {
			return err
		}
	}
	return nil
}

func (c SimCost) print(w io.Writer) error {
	speedTarget, memoryTarget := "must reach 10", ""
	if c.Nodes >= SimLarge {
		speedTarget, memoryTarget = "", "must be below 1,024 MiB"
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(what, value, note string) { fmt.Fprintf(t, "%s\t%s\t%s\n", what, value, note) }
	row("virtual seconds per second", fmt.Sprintf("%.2f", c.Speed), speedTarget)
	row("events per second", fmt.Sprintf("%.0f", c.EventsPerSecond),
		fmt.Sprintf("%d in the measured span", c.Events))
	row("CPU per node and virtual second", report.Format(c.CPUPerNodeSecond, report.UnitSeconds), "")
	row("peak RSS", fmt.Sprintf("%.0f MiB", c.PeakMiB), memoryTarget)
	for _, figure := range []report.Figure{
		report.Reads, report.Availability, report.P99Seconds,
	} {
		if value, ok := c.Figures[figure]; ok {
			d, _ := report.Describe(figure)
			row(d.Label, report.Format(value, d.Unit), "")
		}
	}
	row("invariants checked", fmt.Sprint(c.InvariantsChecked),
		fmt.Sprintf("%d violated", len(c.InvariantsViolated)))
	for _, violated := range c.InvariantsViolated {
		row("VIOLATED", violated, "")
	}
	row("trace hash", c.TraceHash.String(), "")
	return t.Flush()
}
