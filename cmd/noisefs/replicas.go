package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

func newReplicasCommand(g *globals) *cobra.Command {
	var blocks bool
	cmd := &cobra.Command{
		Use:   "replicas PATH|LINK",
		Short: "Show which other nodes hold the blocks of a file or tree",
		Long: `Replicas shows how many other nodes hold each block that a file or tree needs, in
all slots of its tuples, and how many it should have: what the running node found
when it asked them last. A node looks at its blocks now and then, and soon after
somebody went or came; 'noisefs put --wait-replicas' asks for more.

With --blocks or --json it prints a line per block: with --blocks the CID, how many
nodes hold it of how many that should, this one included, and which: 'here' is this
node. A dash is for a block that it does not look after, or has not looked at since
it started.

` + linkHelp,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := g.parseTarget(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return g.withOthers(cmd.Context(), func(client node.Client) error {
				return showReplicas(cmd.Context(), g, client, target, blocks)
			})
		},
	}
	cmd.Flags().BoolVar(&blocks, "blocks", false, "print each block with its holders")
	return cmd
}

// replicaCount counts blocks by their holders.
type replicaCount struct {
	blocks, under, strange int
	unseen                 int         // looked after, and not looked at since the node started
	here                   int         // held by this node for the network
	byOthers               map[int]int // blocks by how many others hold them
	byNode                 map[messages.NodeID]int
}

func (c *replicaCount) add(b node.BlockReplicas) {
	c.blocks++
	if !b.Watched {
		c.strange++
		return
	}
	if b.Looked.IsZero() {
		c.unseen++
		return
	}
	if holdersOf(b) < b.Factor {
		c.under++
	}
	if b.Here {
		c.here++
	}
	c.byOthers[len(b.Others)]++
	for _, id := range b.Others {
		c.byNode[id]++
	}
}

func showReplicas(
	ctx context.Context, g *globals, client node.Client, target messages.Target, blocks bool,
) error {
	count := replicaCount{byOthers: make(map[int]int), byNode: make(map[messages.NodeID]int)}
	err := client.Replicas(ctx, target, func(b node.BlockReplicas) error {
		switch {
		case g.json:
			return printJSONLine(g.out, b)
		case blocks:
			_, err := fmt.Fprintln(g.out, replicaLine(b))
			return err
		}
		count.add(b)
		return nil
	})
	if err != nil {
		return fmt.Errorf("replicas: %w", err)
	}
	if g.json || blocks {
		return nil
	}
	return count.print(g)
}

// holdersOf is how many nodes hold a block, this one included.
func holdersOf(b node.BlockReplicas) int {
	if b.Here {
		return len(b.Others) + 1
	}
	return len(b.Others)
}

// replicaLine is what --blocks prints of a block.
func replicaLine(b node.BlockReplicas) string {
	switch {
	case !b.Watched:
		return fmt.Sprintf("%s\t-\tnot looked after by this node", b.CID)
	case b.Looked.IsZero():
		return fmt.Sprintf("%s\t-\tnot looked at yet", b.CID)
	}
	var holders []string
	if b.Here {
		holders = append(holders, "here")
	}
	for _, id := range b.Others {
		holders = append(holders, id.String())
	}
	return fmt.Sprintf("%s\t%d of %d\t%s", b.CID, holdersOf(b), b.Factor, strings.Join(holders, " "))
}

func (c *replicaCount) print(g *globals) error {
	table := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%d blocks; %d have fewer holders than they should\n", c.blocks, c.under)
	if c.strange > 0 {
		fmt.Fprintf(table, "%d are not looked after by this node\n", c.strange)
	}
	if c.unseen > 0 {
		fmt.Fprintf(table, "%d were not looked at since this node started\n", c.unseen)
	}
	for _, others := range slices.Sorted(maps.Keys(c.byOthers)) {
		fmt.Fprintf(table, "held by %d others\t%d blocks\n", others, c.byOthers[others])
	}
	if c.here > 0 {
		fmt.Fprintf(table, "this node\t%d blocks\n", c.here)
	}
	nodes := slices.SortedFunc(maps.Keys(c.byNode), func(a, b messages.NodeID) int {
		return cmp.Or(c.byNode[b]-c.byNode[a], cmp.Compare(a.String(), b.String()))
	})
	for _, id := range nodes {
		fmt.Fprintf(table, "%s\t%d blocks\n", id, c.byNode[id])
	}
	return table.Flush()
}

// waitReplicas returns when that many others hold every block of a target.
func waitReplicas(
	ctx context.Context, g *globals, client node.Client, target messages.Target, others int,
) error {
	bar := g.startProgress("replicas", 0, false)
	err := client.Spread(ctx, target, others, bar.set)
	bar.finish()
	if err != nil {
		return fmt.Errorf("wait for %d replicas: %w", others, err)
	}
	return nil
}
