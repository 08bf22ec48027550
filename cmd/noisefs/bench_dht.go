package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/bench"
	"github.com/noisefs/noisefs/bench/dht"
)

// hostsMost bounds the hosts that a measurement has in one process; each takes
// about 1 MiB of memory, and a file for every connection.
const hostsMost = 300

func newBenchDHTCommand(g *globals) *cobra.Command {
	var keys int
	var hosts []int
	cmd := &cobra.Command{
		Use:   "dht",
		Short: "Measure what finding holders by a DHT would take, beside computing them",
		Long: `Dht makes networks of libp2p hosts in this process, over loopback, that keep provider
records as IPFS does, and provides and looks up keys in them, each from a host that has no
connection. It prints how long that took, how many requests were sent and how many
connections opened, and beside it what placement takes, by which nodes of NoiseFS know
without asking who holds a block.`,
		Example: "  noisefs bench dht --hosts 20,100 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tooMany := func(n int) bool { return n < 2 || n > hostsMost }
			if len(hosts) == 0 || slices.ContainsFunc(hosts, tooMany) || keys < 1 {
				return usagef("--hosts takes 2 to %d, --keys 1 or more", hostsMost)
			}
			report := bench.DHTReport{
				Machine: bench.ThisMachine("."), Command: "noisefs " + strings.Join(os.Args[1:], " "),
			}
			for _, n := range hosts {
				measured, err := dht.Measure(cmd.Context(), dht.Options{
					Hosts: n, Keys: keys, Say: func(what string) { g.remark("… %s", what) },
				})
				if err != nil {
					return fmt.Errorf("bench: %w", err)
				}
				report.Networks = append(report.Networks, measured)
			}
			if g.json {
				return printJSON(g.out, report)
			}
			return report.Print(g.out)
		},
	}
	cmd.Flags().IntSliceVar(&hosts, "hosts", []int{20, 100}, "how many hosts a network has")
	cmd.Flags().IntVar(&keys, "keys", 50, "how many keys are provided and looked up")
	return cmd
}
