package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/bench"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
)

func newBenchCommand(g *globals) *cobra.Command {
	return group("bench", "Measure NoiseFS on this machine", newBenchStoreCommand(g),
		newBenchSimCommand(g), newBenchNetCommand(g), newBenchDHTCommand(g), newBenchIdleCommand(g),
		newBenchChurnCommand(g), newBenchMountCommand(g),
		newBenchHolderCommand(g), newBenchLoopbackCommand())
}

func newBenchSimCommand(g *globals) *cobra.Command {
	var s scenario
	var nodes int
	var large bool
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Measure how fast networks are simulated, and in how much memory",
		Long: `Sim runs the built-in scenario steady, in which every node reads one block a second,
on one core, with all actors and all checkers, and prints how many virtual seconds pass in
a second, what a node costs, and the memory it took. With --large it then does so with
10,000 nodes, which takes long and is about memory.`,
		Example: `  noisefs bench sim
  noisefs bench sim --nodes 300 --duration 30s --json
  noisefs bench sim --large`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sizes := []int{nodes}
			if large {
				sizes = append(sizes, bench.SimLarge)
			}
			s.name = "steady"
			report := bench.SimReport{Machine: bench.ThisMachine("."), Scenario: s.name}
			report.Command = "noisefs " + strings.Join(os.Args[1:], " ")
			for _, n := range sizes {
				s.nodes = strconv.Itoa(n)
				p, err := s.load()
				if err != nil {
					return err
				}
				cost, err := measureSim(cmd.Context(), g, p)
				if err != nil {
					return err
				}
				report.Seed, report.Runs = p.Seed, append(report.Runs, cost)
			}
			print := report.Print
			if g.json {
				print = func(w io.Writer) error { return printJSON(w, report) }
			}
			if err := print(g.out); err != nil {
				return err
			}
			if violated := report.Violated(); len(violated) > 0 {
				return fmt.Errorf("%w: %s", errViolated, violated[0])
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&nodes, "nodes", 1000, "how many nodes there are")
	flags.BoolVar(&large, "large", false, "measure 10,000 nodes, too")
	flags.StringVar(&s.seed, "seed", "", "seed of every draw (default: the scenario's)")
	flags.StringVar(&s.duration, "duration", "", "measured span, as 30s (default: the scenario's)")
	return cmd
}

func measureSim(ctx context.Context, g *globals, p *plan.Plan) (bench.SimCost, error) {
	shown := g.startProgress(fmt.Sprintf("%d nodes", p.Nodes), 0, false)
	defer shown.finish()
	defer collectLess(p.Nodes)()
	useLargePages(p.Nodes)
	cost, _, err := bench.MeasureSim(ctx, p, func(now fleet.Progress) {
		shown.set(phaseProgress(now.Phase, now.Done, now.Total))
	})
	return cost, err
}

func newBenchStoreCommand(g *globals) *cobra.Command {
	var size, dir string
	options := bench.StoreOptions{TreeBytes: 4096}
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Measure put and get beside bare loops, and what storing costs",
		Long: `Store makes a file of random bytes in a temporary folder and measures, in one run
and interleaved, putting and getting it beside loops that only hash and write or
read and hash the same number of blocks; then what it costs in space, cold and
warm, what a tree of small files costs, the memory of put and get as processes,
and ipfs and restic where they are on the PATH. It needs about five times the
size on disk, and removes everything it made.`,
		Example: "  noisefs bench store --size 1GiB --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := config.ParseSize(size)
			if err != nil || n < 1<<20 {
				return usagef("--size takes a size of 1 MiB or more, as 1GiB; not %q", size)
			}
			if options.Rounds < 1 || options.TreeFiles < 0 {
				return usagef("--rounds takes 1 or more, --tree 0 or more")
			}
			options.SizeBytes, options.Dir = n, dir
			if options.Executable, err = os.Executable(); err != nil {
				return err
			}
			options.Say = func(what string) { g.remark("… %s", what) }
			report, err := bench.Store(cmd.Context(), options)
			if err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			report.Command = "noisefs " + strings.Join(os.Args[1:], " ")
			if g.json {
				return printJSON(g.out, report)
			}
			return report.Print(g.out)
		},
	}
	cmd.Flags().StringVar(&size, "size", "1GiB", "size of the file")
	cmd.Flags().StringVar(&dir, "dir", "",
		"folder to measure in (default: the system's temporary folder)")
	cmd.Flags().IntVar(&options.Rounds, "rounds", 5, "rounds that medians are taken over")
	cmd.Flags().IntVar(&options.TreeFiles, "tree", 10_000, "files of 4 KiB in the tree; 0: no tree")
	return cmd
}
