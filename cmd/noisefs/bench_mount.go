package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/bench"
	"github.com/noisefs/noisefs/bench/drives"
	"github.com/noisefs/noisefs/runtime/config"
)

// sizeLeast is the least that bench mount writes: enough for its blocks of random content.
const sizeLeast = 8 << 20

func newBenchMountCommand(g *globals) *cobra.Command {
	var o drives.Options
	var size string
	cmd := &cobra.Command{
		Use:   "mount",
		Short: "Measure the mounted drive beside other file systems",
		Long: `Mount does the same work on several file systems in turn: the host's own, the loopback of
go-fuse (what the way through FUSE alone costs), gocryptfs where it is installed, and a
mounted drive. It writes and reads a large file in large and in small pieces, makes, looks
at, reads and removes many small files, unpacks the source of a Go package, and clones a
repository of it. What is written is synced, and what is read was forgotten by the cache
of the mount. It removes everything it made.`,
		Example: `  noisefs bench mount
  noisefs bench mount --size 64MiB --files 500 --rounds 1 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.SizeBytes, err = config.ParseSize(size); err != nil || o.SizeBytes < sizeLeast {
				return usagef("--size takes a size of 8 MiB or more, as 256MiB; not %q", size)
			}
			if o.Files < 1 || o.Rounds < 1 {
				return usagef("--files and --rounds take 1 or more")
			}
			if o.Executable, err = os.Executable(); err != nil {
				return err
			}
			o.Say = func(what string) { g.remark("… %s", what) }
			report := bench.MountReport{
				Machine: bench.ThisMachine(cmp.Or(o.Dir, os.TempDir())), SizeBytes: o.SizeBytes, Files: o.Files,
				Rounds: o.Rounds, Command: "noisefs " + strings.Join(os.Args[1:], " "),
			}
			if report.Report, err = drives.Measure(cmd.Context(), o); err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			if g.json {
				return printJSON(g.out, report)
			}
			return report.Print(g.out)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&size, "size", "256MiB", "size of the large file")
	flags.IntVar(&o.Files, "files", 5000, "how many files of 4 KiB")
	flags.IntVar(&o.Rounds, "rounds", 3, "rounds that medians are taken over")
	flags.StringVar(&o.Source, "source", "",
		"folder of source code to unpack and clone (default: Go's own net, where Go is installed)")
	flags.StringVar(&o.Dir, "dir", "",
		"folder to measure in (default: the system's temporary folder)")
	return cmd
}

// newBenchLoopbackCommand is a process that bench mount measures beside.
func newBenchLoopbackCommand() *cobra.Command {
	return &cobra.Command{
		Use: "mount-loopback BELOW OVER", Hidden: true, Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return drives.ServeLoopback(cmd.Context(), args[0], args[1])
		},
	}
}
