package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/bench"
	"github.com/noisefs/noisefs/runtime/config"
)

func newBenchCommand(g *globals) *cobra.Command {
	return group("bench", "Measure NoiseFS on this machine", newBenchStoreCommand(g))
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
