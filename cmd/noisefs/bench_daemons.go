package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/bench"
	"github.com/noisefs/noisefs/bench/daemons"
	"github.com/noisefs/noisefs/runtime/config"
)

func newBenchIdleCommand(g *globals) *cobra.Command {
	var o daemons.IdleOptions
	var size string
	cmd := &cobra.Command{
		Use:   "idle",
		Short: "Measure what a daemon costs that nobody uses",
		Long: `Idle starts a network of daemons on this machine, each a process with the shipped
settings, stores a file in it, waits, and prints what a daemon costs from then on in CPU,
traffic and memory. An hour is made from the span that is measured: of the traffic, the
summaries of demand come once in ten minutes from each daemon, at a time of its own.`,
		Example: "  noisefs bench idle --duration 10m --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.SizeBytes, err = config.ParseSize(size); err != nil {
				return usagef("--size takes a size, as 64MiB; not %q", size)
			}
			if o.Peers < 1 || o.Peers >= daemonsMost || o.Duration < time.Second || o.Settle < 0 {
				return usagef("--peers takes 1 to %d, --duration 1s or more, --settle 0s or more",
					daemonsMost-1)
			}
			if o.Executable, err = os.Executable(); err != nil {
				return err
			}
			o.Say = func(what string) { g.remark("… %s", what) }
			report := bench.IdleReport{
				Machine: bench.ThisMachine("."), Command: "noisefs " + strings.Join(os.Args[1:], " "),
			}
			if report.Cost, err = daemons.Idle(cmd.Context(), o); err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			if g.json {
				return printJSON(g.out, report)
			}
			return report.Print(g.out)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Peers, "peers", 20, "how many peers each daemon has")
	flags.StringVar(&size, "size", "64MiB", "what is stored before; 0: nothing")
	flags.DurationVar(&o.Settle, "settle", time.Minute, "pause before it is measured")
	flags.DurationVar(&o.Duration, "duration", 10*time.Minute, "span that is measured")
	flags.StringVar(&o.Profile, "profile", "", "keep the CPU profile of one daemon here")
	flags.StringVar(&o.Dir, "dir", "", "folder to work in (default: the system's temporary folder)")
	return cmd
}

func newBenchChurnCommand(g *globals) *cobra.Command {
	var o daemons.ChurnOptions
	var size string
	cmd := &cobra.Command{
		Use:   "churn",
		Short: "Watch what daemons have open while others come and go",
		Long: `Churn starts daemons on this machine, each a process. Some of them stay. Of the others
one goes in each round, killed or stopped in turn, and comes back after a guest with a new
identity has joined, read a file, and left for ever. It prints what those that stayed had
over time: memory, goroutines, open files, streams, connections.`,
		Example: "  noisefs bench churn --duration 5m",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.SizeBytes, err = config.ParseSize(size); err != nil || o.SizeBytes < 1 {
				return usagef("--size takes a size, as 4MiB; not %q", size)
			}
			if o.Stable < 2 || o.Fickle < 1 || o.Stable+o.Fickle > daemonsMost ||
				o.Every < time.Second || o.Duration < 4*o.Every {
				return usagef("--stable takes 2 or more, --fickle 1 or more, %d together; --every 1s or "+
					"more, --duration four times as much or more", daemonsMost)
			}
			if o.Executable, err = os.Executable(); err != nil {
				return err
			}
			o.Say = func(what string) { g.remark("… %s", what) }
			report := bench.ChurnReport{
				Machine: bench.ThisMachine("."), Command: "noisefs " + strings.Join(os.Args[1:], " "),
			}
			if report.Churned, err = daemons.Churn(cmd.Context(), o); err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			report.Grown = report.Churned.Grown()
			if g.json {
				return printJSON(g.out, report)
			}
			return report.Print(g.out)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Stable, "stable", 6, "how many daemons stay")
	flags.IntVar(&o.Fickle, "fickle", 4, "how many go and come back")
	flags.StringVar(&size, "size", "4MiB", "size of the file that guests read")
	flags.DurationVar(&o.Duration, "duration", 20*time.Minute, "for how long")
	flags.DurationVar(&o.Every, "every", 30*time.Second, "how often it is sampled")
	flags.StringVar(&o.Dir, "dir", "", "folder to work in (default: the system's temporary folder)")
	return cmd
}
