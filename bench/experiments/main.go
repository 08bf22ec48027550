package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/noisefs/noisefs/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "experiments:", err)
		os.Exit(1)
	}
}

// all are the experiments, in the order in which they are run.
func all() []experiment {
	return []experiment{peersExperiment(), replicationExperiment(), costExperiment()}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("experiments", flag.ContinueOnError)
	dir := flags.String("dir", "docs/experiments", "folder of the scenarios, and of the pages")
	only := flags.String("only", "", "experiments to run, as peers,cost; empty: all")
	seeds := flags.Int("seeds", 0, "seeds per variant; 0: as many as the experiment has")
	nodesMax := flags.Int("nodes-max", 0, "leave out variants with more nodes; 0: none")
	jobs := flags.Int("jobs", runtime.GOMAXPROCS(0), "runs at one time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	r := &runner{dir: *dir, jobs: max(1, *jobs), say: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, time.Now().Format(time.TimeOnly)+" "+format+"\n", args...)
	}}
	for _, e := range chosen {
		if *seeds > 0 {
			e.seeds = *seeds
		}
		if *nodesMax > 0 {
			if err := r.dropLarge(&e, *nodesMax); err != nil {
				return err
			}
		}
		begin := time.Now()
		outcomes, err := r.run(ctx, e)
		if err != nil {
			return err
		}
		p := page{
			experiment: e, outcomes: outcomes, machine: bench.ThisMachine(*dir), made: begin,
			took: time.Since(begin), command: strings.TrimSpace("experiments " + strings.Join(args, " ")),
		}
		if err := p.write(*dir); err != nil {
			return err
		}
	}
	return nil
}

func choose(names string) ([]experiment, error) {
	if names == "" {
		return all(), nil
	}
	var chosen []experiment
	for _, name := range strings.Split(names, ",") {
		i := slices.IndexFunc(all(), func(e experiment) bool { return e.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no experiment is called %q", name)
		}
		chosen = append(chosen, all()[i])
	}
	return chosen, nil
}

// dropLarge leaves out what takes long, for a quick look.
func (r *runner) dropLarge(e *experiment, nodesMax int) error {
	var kept []variant
	for _, v := range e.variants {
		p, err := r.load(v, 1)
		if err != nil {
			return err
		}
		if p.Nodes <= nodesMax {
			kept = append(kept, v)
		}
	}
	if len(kept) == 0 {
		return fmt.Errorf("%s: no variant has %d nodes or fewer", e.name, nodesMax)
	}
	e.variants = kept
	return nil
}
