package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/bench"
	"github.com/noisefs/noisefs/bench/lanes"
)

// blocksMost bounds what a measurement holds in memory.
const blocksMost = 16_000

func newBenchNetCommand(g *globals) *cobra.Command {
	options := lanes.Options{}
	cmd := &cobra.Command{
		Use:   "net",
		Short: "Measure how fast blocks travel between two processes",
		Long: `Net starts a second process and has the same blocks from it, over loopback, by several
means in turn: raw TCP, a bare stream of libp2p over TCP and over QUIC, the lane between
nodes, and bitswap. Every block is hashed on arrival. CPU is that of both processes.`,
		Example: "  noisefs bench net --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if options.Blocks < 1 || options.Blocks > blocksMost || options.Rounds < 1 {
				return usagef("--blocks takes 1 to %d, --rounds 1 or more", blocksMost)
			}
			executable, err := os.Executable()
			if err != nil {
				return err
			}
			options.Holder = exec.CommandContext(cmd.Context(), executable,
				"bench", "net-holder", strconv.Itoa(options.Blocks))
			options.Holder.Stderr = g.err
			options.Say = func(what string) { g.remark("… %s", what) }
			report := bench.NetReport{
				Machine: bench.ThisMachine("."), Command: "noisefs " + strings.Join(os.Args[1:], " "),
				Blocks: options.Blocks, Rounds: options.Rounds,
			}
			if report.Lanes, err = lanes.Measure(cmd.Context(), options); err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			if g.json {
				return printJSON(g.out, report)
			}
			return report.Print(g.out)
		},
	}
	cmd.Flags().IntVar(&options.Blocks, "blocks", 2000, "how many blocks of 128 KiB")
	cmd.Flags().IntVar(&options.Rounds, "rounds", 3, "rounds that medians are taken over")
	return cmd
}

// newBenchHolderCommand is the second process of bench net.
func newBenchHolderCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "net-holder BLOCKS", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			blocks, err := strconv.Atoi(args[0])
			if err != nil || blocks < 1 || blocks > blocksMost {
				return usagef("it takes 1 to %d blocks", blocksMost)
			}
			return lanes.Hold(blocks, g.in, g.out)
		},
	}
}
