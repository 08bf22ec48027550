package drives

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ErrSystem reports a file system that could not be mounted or used.
var ErrSystem = errors.New("drives: a file system failed")

// Options say what is measured.
type Options struct {
	Executable string // noisefs, for its own mount and the loopback's process
	Dir        string // "": the system's temporary folder
	SizeBytes  int64  // of the file that is written and read, 8 MiB or more
	Files      int    // of 4 KiB, 1 or more
	Rounds     int    // that medians are taken over, 1 or more
	Source     string // a folder of source code for untar and git; "": Go's own net
	Say        func(what string)
}

// Result is one row of the comparison.
type Result struct {
	Row  string `json:"row"`
	Unit string `json:"unit"`
	// LessIsBetter tells that the values are times.
	LessIsBetter bool `json:"lessIsBetter,omitempty"`
	// Median has the value of each system that did it, by name.
	Median map[string]float64 `json:"median"`
}

// Ratio is how well a system does beside another: above 1 is better. false:
// one of them did not do it.
func (r Result) Ratio(system, beside string) (float64, bool) {
	mine, ok := r.Median[system]
	theirs, both := r.Median[beside]
	if !ok || !both || mine <= 0 || theirs <= 0 {
		return 0, false
	}
	if r.LessIsBetter {
		return theirs / mine, true
	}
	return mine / theirs, true
}

// Report is what was found.
type Report struct {
	Systems []string `json:"systems"` // the host first, noisefs last
	Missing []string `json:"missing"` // why others are not there
	Results []Result `json:"results"`
}

// Names of the systems.
const (
	Host      = "host"
	Loopback  = "loopback"
	Gocryptfs = "gocryptfs"
	NoiseFS   = "noisefs"
)

// Measure runs all rows on all systems.
func Measure(ctx context.Context, o Options) (report Report, err error) {
	work, err := os.MkdirTemp(o.Dir, "noisefs-bench-mount-")
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	load, err := newLoad(ctx, o, filepath.Join(work, "load"))
	if err != nil {
		return report, err
	}
	var systems []*system
	defer func() {
		for _, s := range slices.Backward(systems) {
			err = errors.Join(err, s.stop())
		}
	}()
	for _, k := range kinds {
		dir := filepath.Join(work, k.name)
		if missing := k.missing(); missing != "" {
			report.Missing = append(report.Missing, k.name+": "+missing)
			continue
		}
		o.Say("mounting " + k.name)
		s, err := k.start(ctx, o, dir)
		if err != nil {
			return report, fmt.Errorf("%s: %w", k.name, err)
		}
		systems = append(systems, s)
		report.Systems = append(report.Systems, k.name)
	}
	samples := make(map[string]map[string][]float64) // row → system → values
	for round := range o.Rounds {
		for _, s := range systems {
			o.Say(fmt.Sprintf("round %d of %d: %s", round+1, o.Rounds, s.name))
			if err := s.measure(ctx, load, round, samples); err != nil {
				return report, fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	for _, r := range rows {
		result := Result{
			Row: r.name, Unit: r.unit, LessIsBetter: r.unit == unitSeconds,
			Median: make(map[string]float64),
		}
		for name, values := range samples[r.name] {
			slices.Sort(values)
			result.Median[name] = values[len(values)/2]
		}
		report.Results = append(report.Results, result)
	}
	return report, nil
}

// measure does all rows once, in a new folder of a system.
func (s *system) measure(
	ctx context.Context, l *load, round int, samples map[string]map[string][]float64,
) error {
	dir := filepath.Join(s.dir, fmt.Sprintf("round%d", round))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, r := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if why := r.skipped(l); why != "" {
			continue
		}
		amount, took, err := r.run(ctx, l, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		value := took.Seconds()
		if r.unit != unitSeconds {
			value = amount / took.Seconds()
		}
		if samples[r.name] == nil {
			samples[r.name] = make(map[string][]float64)
		}
		samples[r.name][s.name] = append(samples[r.name][s.name], value)
	}
	return os.RemoveAll(dir)
}

// timed measures one piece of work.
func timed(do func() error) (time.Duration, error) {
	begun := time.Now()
	err := do()
	return time.Since(begun), err
}
