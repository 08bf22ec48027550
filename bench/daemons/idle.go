package daemons

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// IdleOptions say what [Idle] measures.
type IdleOptions struct {
	Dir        string // a folder that exists; everything made in it is removed
	Executable string
	Peers      int           // that each daemon has, 1 or more
	SizeBytes  int64         // stored and spread before; 0: nothing
	Settle     time.Duration // between that and the measurement
	Duration   time.Duration // of the measurement
	// Profile is where the CPU profile of one daemon is left; empty: nowhere.
	Profile string
	Say     func(what string)
}

// IdleCost is what a daemon costs that nobody uses: medians over all daemons,
// made into an hour from the span that was measured.
type IdleCost struct {
	Peers             int     `json:"peers"`
	StoredBytes       int64   `json:"storedBytes"`
	MeasuredSeconds   float64 `json:"measuredSeconds"`
	CPUSecondsPerHour float64 `json:"cpuSecondsPerHour"`
	CPUShare          float64 `json:"cpuShare"` // of one core, 0 to 1
	InMiBPerHour      float64 `json:"inMiBPerHour"`
	OutMiBPerHour     float64 `json:"outMiBPerHour"`
	MemoryMiB         float64 `json:"memoryMiB"` // at the end, as all that follows
	Goroutines        float64 `json:"goroutines"`
	Files             float64 `json:"files"`
	Streams           float64 `json:"streams"`
	Connections       float64 `json:"connections"`
}

// Idle measures a network of daemons with the shipped settings that nobody
// uses.
func Idle(ctx context.Context, o IdleOptions) (cost IdleCost, err error) {
	work, err := os.MkdirTemp(o.Dir, "noisefs-bench-")
	if err != nil {
		return cost, err
	}
	f := &fleet{dir: work, executable: o.Executable, args: measured}
	defer func() { err = errors.Join(err, f.close(), os.RemoveAll(work)) }()
	o.Say(fmt.Sprintf("starting %d daemons", o.Peers+1))
	for i := range o.Peers + 1 {
		var args []string
		if o.Profile != "" && i == o.Peers {
			args = []string{"--cpu-profile", o.Profile}
		}
		if _, err := f.add(ctx, fmt.Sprint(i), args...); err != nil {
			return cost, err
		}
	}
	for _, d := range f.daemons {
		if err := d.knows(ctx, o.Peers+1); err != nil {
			return cost, err
		}
	}
	if o.SizeBytes > 0 {
		o.Say("storing a file, and waiting until it has spread")
		if _, _, err := f.put(ctx, f.daemons[0], o.SizeBytes); err != nil {
			return cost, err
		}
	}
	o.Say(fmt.Sprintf("letting them settle for %s", o.Settle))
	if err := pause(ctx, o.Settle); err != nil {
		return cost, err
	}
	o.Say(fmt.Sprintf("measuring for %s", o.Duration))
	before, err := f.sample(ctx, time.Now())
	if err != nil {
		return cost, err
	}
	if err := pause(ctx, o.Duration); err != nil {
		return cost, err
	}
	after, err := f.sample(ctx, time.Now())
	if err != nil {
		return cost, err
	}
	cost = idleCost(before, after, o.Duration)
	cost.Peers, cost.StoredBytes = o.Peers, o.SizeBytes
	return cost, nil
}

// sample samples all daemons.
func (f *fleet) sample(ctx context.Context, since time.Time) ([]Sample, error) {
	var samples []Sample
	for _, d := range f.daemons {
		s, err := d.sample(ctx, since)
		if err != nil {
			return nil, err
		}
		samples = append(samples, s)
	}
	return samples, nil
}

func pause(ctx context.Context, span time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(span):
		return nil
	}
}

// idleCost compares samples of daemons that were taken so long apart.
func idleCost(before, after []Sample, span time.Duration) IdleCost {
	const mib = 1 << 20
	hours := span.Hours()
	grown := func(of func(Sample) float64) float64 {
		return medianOf(len(after), func(i int) float64 { return of(after[i]) - of(before[i]) }) / hours
	}
	now := func(of func(Sample) float64) float64 {
		return medianOf(len(after), func(i int) float64 { return of(after[i]) })
	}
	cpu := grown(func(s Sample) float64 { return s.CPUSeconds })
	return IdleCost{
		MeasuredSeconds: span.Seconds(), CPUSecondsPerHour: cpu, CPUShare: cpu / 3600,
		InMiBPerHour:  grown(func(s Sample) float64 { return s.BytesIn }) / mib,
		OutMiBPerHour: grown(func(s Sample) float64 { return s.BytesOut }) / mib,
		MemoryMiB:     now(func(s Sample) float64 { return s.MemoryMiB }),
		Goroutines:    now(func(s Sample) float64 { return s.Goroutines }),
		Files:         now(func(s Sample) float64 { return s.Files }),
		Streams:       now(func(s Sample) float64 { return s.Streams }),
		Connections:   now(func(s Sample) float64 { return s.Connections }),
	}
}

// medianOf is the median of n figures, 1 or more.
func medianOf(n int, figure func(int) float64) float64 {
	figures := make([]float64, n)
	for i := range figures {
		figures[i] = figure(i)
	}
	slices.Sort(figures)
	return figures[n/2]
}
