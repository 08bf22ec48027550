package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/bench"
	"github.com/noisefs/noisefs/bench/daemons"
	"github.com/noisefs/noisefs/bench/lanes"
	"github.com/noisefs/noisefs/runtime/config"
)

// blocksMost bounds what a measurement holds in memory.
const blocksMost = 16_000

// daemonsMost bounds the daemons that a measurement starts; each takes about
// 50 MiB of memory.
const daemonsMost = 64

// netBench are the flags of bench net.
type netBench struct {
	lanes.Options
	size, dir, profile string
	peers              []int
}

func newBenchNetCommand(g *globals) *cobra.Command {
	var n netBench
	cmd := &cobra.Command{
		Use:   "net",
		Short: "Measure how fast blocks travel, and files are read from other nodes",
		Long: `Net starts a second process and has the same blocks from it, over loopback, by several
means in turn: raw TCP, a bare stream of libp2p over TCP and over QUIC, the lane between
nodes, and bitswap. Every block is hashed on arrival. CPU is that of both processes.

Then it stores a file of random bytes in a network of daemons, each a process of its own,
stops the one that stored it, and reads it through a new one that has nothing: once from
one peer, and once from four. CPU is that of all processes. It prints how many blocks
were moved for each chunk of 128 KiB, and where the daemon that reads spent its time. With
--profile its CPU profile is kept, for 'go tool pprof'; PEERS in the name stands for the
number of peers. It needs about 12 times --size on disk, and removes everything it made.`,
		Example: `  noisefs bench net --json
  noisefs bench net --blocks 0 --size 256MiB --peers 4 --profile cold.pprof`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return n.run(cmd.Context(), g) },
	}
	flags := cmd.Flags()
	flags.IntVar(&n.Blocks, "blocks", 2000, "how many blocks of 128 KiB; 0: only read a file")
	flags.IntVar(&n.Rounds, "rounds", 3, "rounds that medians are taken over")
	flags.StringVar(&n.size, "size", "1GiB", "size of the file that is read; 0: only move blocks")
	flags.IntSliceVar(&n.peers, "peers", []int{1, 4}, "how many peers the file is read from")
	flags.StringVar(&n.profile, "profile", "", "keep the CPU profile of the daemon that reads here")
	flags.StringVar(&n.dir, "dir", "",
		"folder to measure in (default: the system's temporary folder)")
	return cmd
}

func (n *netBench) run(ctx context.Context, g *globals) error {
	size, err := config.ParseSize(n.size)
	switch {
	case err != nil || size != 0 && size < 1<<20:
		return usagef("--size takes a size of 1 MiB or more, as 1GiB, or 0; not %q", n.size)
	case n.Blocks < 0 || n.Blocks > blocksMost || n.Rounds < 1:
		return usagef("--blocks takes 0 to %d, --rounds 1 or more", blocksMost)
	case slices.ContainsFunc(n.peers, func(p int) bool { return p < 1 || p > daemonsMost }):
		return usagef("--peers takes 1 to %d", daemonsMost)
	}
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	n.Say = func(what string) { g.remark("… %s", what) }
	report := bench.NetReport{
		Machine: bench.ThisMachine(n.dir), Command: "noisefs " + strings.Join(os.Args[1:], " "),
		Blocks: n.Blocks, Rounds: n.Rounds,
	}
	if n.Blocks > 0 {
		n.Holder = exec.CommandContext(ctx, executable, "bench", "net-holder", strconv.Itoa(n.Blocks))
		n.Holder.Stderr = g.err
		if report.Lanes, err = lanes.Measure(ctx, n.Options); err != nil {
			return fmt.Errorf("bench: %w", err)
		}
	}
	for _, peers := range n.peers {
		if size == 0 {
			break
		}
		cold, err := daemons.Get(ctx, daemons.ColdOptions{
			Dir: n.dir, Executable: executable, SizeBytes: size, Peers: peers, Say: n.Say,
			Profile: strings.ReplaceAll(n.profile, "PEERS", strconv.Itoa(peers)),
		})
		if err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		report.Cold = append(report.Cold, cold)
	}
	if g.json {
		return printJSON(g.out, report)
	}
	return report.Print(g.out)
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
