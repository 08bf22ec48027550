package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/sim/report"
)

func newSimRunCommand(g *globals, run simulate) *cobra.Command {
	var s scenario
	var page, events string
	cmd := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "Run a scenario and say what came of it",
		Long: `Run simulates a scenario and prints what it measured, which of its assertions
hold, how often invariants were checked, the trace hash of the run, and the command
that replays it. The files of --report and --events follow from scenario and seed,
byte for byte; what the wall clock said is printed only.

` + simScenarioHelp + "\n\n" + simExitHelp,
		Example: `  noisefs sim run steady
  noisefs sim run flash-crowd --nodes 1000 --seed 7 --report crowd.html
  noisefs sim run mine.yaml --duration 10m --events mine.jsonl --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeScenarios(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.name = args[0]
			result, err := runScenario(cmd.Context(), g, run, &s, events)
			if err != nil {
				return err
			}
			if err := createFile(page, result.WriteHTML); err != nil {
				return err
			}
			if g.json {
				err = result.WriteJSON(g.out)
			} else {
				err = result.WriteTable(g.out)
			}
			return errors.Join(err, verdict(result))
		},
	}
	s.addFlags(cmd)
	cmd.Flags().StringVar(&page, "report", "", "write a page of HTML with plots to this file")
	cmd.Flags().StringVar(&events, "events", "", "write events to this file, a line of JSON each")
	return cmd
}

func runScenario(
	ctx context.Context, g *globals, run simulate, s *scenario, events string,
) (result *report.Result, err error) {
	overrides, err := s.overrides()
	if err != nil {
		return nil, err
	}
	p, err := loadPlan(s.name, overrides)
	if err != nil {
		return nil, err
	}
	var o simOptions
	if events != "" {
		file, err := os.Create(events)
		if err != nil {
			return nil, err
		}
		o.events = report.NewEventWriter(file)
		defer func() { err = errors.Join(err, o.events.Close(), file.Close()) }()
	}
	shown := g.startProgress(p.Name, 0, false)
	defer shown.finish()
	o.progress = func(phase string, done, total time.Duration) {
		shown.set(phaseProgress(phase, done, total))
	}
	useLargePages(p.Nodes)
	return runPlan(ctx, run, p, o, replayCommand(s.name, overrides, p.Seed))
}

// phaseProgress is how far a phase of a run is, as the terminal shows it.
func phaseProgress(phase string, done, total time.Duration) node.Progress {
	return node.Progress{
		Phase: phase + ", virtual seconds",
		Done:  int64(done.Seconds()), Total: int64(total.Seconds()),
	}
}
