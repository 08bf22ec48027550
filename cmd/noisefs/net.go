package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

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
			return g.withClient(cmd.Context(), func(client node.Client) error {
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
		newNetInviteCommand(g), newNetJoinCommand(g), newNetPSKCommand(g))
}

// withNetwork asks the running node how it does among others.
func (g *globals) withNetwork(ctx context.Context, do func(node.NetworkStatus) error) error {
	return g.withClient(ctx, func(client node.Client) error {
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

func newPeersCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "peers",
		Short: "List the other nodes that the running node knows of",
		Long: `Peers lists the members of the network: whether each is believed alive, what it
offers to hold for others, what it has sent us and we have sent it, how long a
block from it took of late, and the address of the connection, if there is one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				peers, err := client.Peers(cmd.Context())
				if err != nil {
					return fmt.Errorf("peers: %w", err)
				}
				if g.json {
					for _, peer := range peers {
						if err := printJSONLine(g.out, peer); err != nil {
							return err
						}
					}
					return nil
				}
				return printPeers(g, peers)
			})
		},
	}
}

func printPeers(g *globals, peers []node.PeerStatus) error {
	table := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NODE\tSTATUS\tOFFERS\tIN\tOUT\tBLOCK TAKES\tDOMAIN\tADDRESS")
	for _, p := range peers {
		latency, domain, address := "-", "-", "not connected"
		if p.LatencySeconds > 0 {
			latency = time.Duration(p.LatencySeconds * float64(time.Second)).
				Round(time.Millisecond / 10).String()
		}
		if p.Domain != "" {
			domain = harmless(p.Domain)
		}
		if p.Address != "" {
			address = p.Address
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Status,
			bytesText(p.OfferedBytes), bytesText(p.BytesIn), bytesText(p.BytesOut), latency, domain,
			address)
	}
	return table.Flush()
}
