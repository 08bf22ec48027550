package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
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

With --blocks or --json it prints a line per block.

` + linkHelp,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := g.parseTarget(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return g.withClient(cmd.Context(), func(client node.Client) error {
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
	byOthers               map[int]int // blocks by how many others hold them
	byNode                 map[messages.NodeID]int
}

func (c *replicaCount) add(b node.BlockReplicas) {
	c.blocks++
	if !b.Watched {
		c.strange++
		return
	}
	held := len(b.Others)
	if b.Here {
		held++
	}
	if held < b.Factor || b.Looked.IsZero() {
		c.under++
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
			_, err := fmt.Fprintf(g.out, "%s\t%d of %d\t%s\n", b.CID, len(b.Others), b.Factor,
				joined(b.Others))
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

func joined(ids []messages.NodeID) string {
	text := ""
	for i, id := range ids {
		if i > 0 {
			text += " "
		}
		text += id.String()
	}
	return text
}

func (c *replicaCount) print(g *globals) error {
	table := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%d blocks; %d have fewer holders than they should\n", c.blocks, c.under)
	if c.strange > 0 {
		fmt.Fprintf(table, "%d are not looked after by this node\n", c.strange)
	}
	for _, others := range slices.Sorted(maps.Keys(c.byOthers)) {
		fmt.Fprintf(table, "held by %d others\t%d blocks\n", others, c.byOthers[others])
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
