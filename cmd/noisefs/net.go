package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

func newNetCommand(g *globals) *cobra.Command {
	id := &cobra.Command{
		Use: "id", Short: "Print the ID of the running node", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withNetwork(cmd.Context(), func(status node.NetworkStatus) error {
				if g.json {
					return printJSON(g.out, map[string]messages.NodeID{"id": status.ID})
				}
				_, err := fmt.Fprintln(g.out, status.ID)
				return err
			})
		},
	}
	addresses := &cobra.Command{
		Use: "addrs", Short: "Print the addresses at which others reach the running node",
		Long: `Addrs prints multiaddrs, each with the node's ID, one per line: what other nodes
take as --bootstrap, or 'noisefs net connect'.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withNetwork(cmd.Context(), func(status node.NetworkStatus) error {
				if g.json {
					return printJSON(g.out, map[string][]string{"addresses": status.Addresses})
				}
				for _, address := range status.Addresses {
					if _, err := fmt.Fprintln(g.out, address); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	connect := &cobra.Command{
		Use: "connect MULTIADDR", Short: "Connect the running node with another, and join its network",
		Example: "  noisefs net connect /ip4/192.0.2.7/tcp/4021/p2p/12D3KooW…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withOthers(cmd.Context(), func(client node.Client) error {
				id, err := client.Connect(cmd.Context(), args[0])
				if err != nil {
					return fmt.Errorf("net connect: %w", err)
				}
				if g.json {
					return printJSON(g.out, map[string]messages.NodeID{"id": id})
				}
				g.remark("connected with %s", id)
				return nil
			})
		},
	}
	status := &cobra.Command{
		Use: "status", Short: "Show how the running node does among others", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withNetwork(cmd.Context(), func(status node.NetworkStatus) error {
				if g.json {
					return printJSON(g.out, status)
				}
				return printNetwork(g, status)
			})
		},
	}
	return group("net", "The node among others", id, addresses, connect, status,
		newNetInviteCommand(g), newNetJoinCommand(g), newNetLeaveCommand(g), newNetPSKCommand(g))
}

// withNetwork asks the running node how it does among others.
func (g *globals) withNetwork(ctx context.Context, do func(node.NetworkStatus) error) error {
	return g.withOthers(ctx, func(client node.Client) error {
		status, err := client.Network(ctx)
		if err != nil {
			return err
		}
		return do(status)
	})
}

func printNetwork(g *globals, s node.NetworkStatus) error {
	_, err := fmt.Fprintf(g.out, `node         %s
members      %d, this one included; %d connections
offers       %s to others, and holds %d blocks for them
looks after  %d blocks; %d have fewer holders than they should, %d wait for their turn
moved        %d blocks pushed, %d of them for repair; %d fetched
traffic      %s in, %s out; %d streams
`,
		s.ID, s.Members, s.Connections, bytesText(s.OfferedBytes), s.Replicas,
		s.Watched, s.UnderReplicated, s.Waiting, s.PushedBlocks, s.RepairedBlocks, s.FetchedBlocks,
		bytesText(s.BytesIn), bytesText(s.BytesOut), s.Streams)
	return err
}
