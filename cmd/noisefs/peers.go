package main

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

const (
	// watchEvery is how often peers --watch looks.
	watchEvery = 2 * time.Second
	// clearScreen goes to the upper left corner and erases what is below.
	clearScreen = "\x1b[H\x1b[J"
)

func newPeersCommand(g *globals) *cobra.Command {
	var watch bool
	every := watchEvery
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "List the other nodes that the running node knows of",
		Long: `Peers lists the members of the network: whether each is believed alive, what it
offers to hold for others, what it has sent us and we have sent it, how long a
block from it took of late and what one more is expected to cost (its score: the
least is asked first), how many requests are under way, how many blocks it has
served and how many requests failed, and the address of the connection, if there
is one.

On a terminal IDs are cut to their last letters, and columns are left out, the
address first, until the table fits.

With --watch it looks again every 2 seconds until it is interrupted, also while the
daemon is restarted. On a terminal the table is drawn anew. With --json each look
is one line: the time, what this node holds for the network, and the peers.`,
		Example: `  noisefs peers --watch
  noisefs peers --watch --every 1m --json >>peers.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < 100*time.Millisecond {
				return usagef("--every is %s, want 100ms or more", every)
			}
			return g.withOthers(cmd.Context(), func(client node.Client) error {
				if watch {
					return watchPeers(cmd.Context(), g, client, every)
				}
				look, err := lookAtPeers(cmd.Context(), client)
				if err != nil {
					return err
				}
				if g.json {
					return printJSONLine(g.out, look)
				}
				return look.print(g.out, g.width())
			})
		},
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "look again and again")
	cmd.Flags().DurationVar(&every, "every", every, "how often --watch looks")
	return cmd
}

// peersLook is what there is to see of others at a moment.
type peersLook struct {
	Time  time.Time         `json:"time"`
	Node  messages.NodeID   `json:"node"`
	Holds int64             `json:"replicas"` // blocks that this node holds for the network
	Peers []node.PeerStatus `json:"peers"`
}

func lookAtPeers(ctx context.Context, client node.Client) (peersLook, error) {
	look := peersLook{Time: time.Now().UTC().Truncate(time.Millisecond)}
	peers, err := client.Peers(ctx)
	if err != nil {
		return look, fmt.Errorf("peers: %w", err)
	}
	status, err := client.Network(ctx)
	if err != nil {
		return look, fmt.Errorf("peers: %w", err)
	}
	look.Node, look.Holds, look.Peers = status.ID, status.Replicas, peers
	return look, nil
}

// watchPeers looks until ctx ends, which is no failure. Nor is a look that fails
// once one has succeeded: the daemon may be restarted. It is told once, until
// something else is wrong.
func watchPeers(
	ctx context.Context, g *globals, client node.Client, every time.Duration,
) error {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	seen, told := false, ""
	for {
		look, err := lookAtPeers(ctx, client)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			seen, told = true, ""
			if err := g.showLook(look); err != nil {
				return err
			}
		case !seen:
			return err
		case err.Error() != told:
			told = err.Error()
			fmt.Fprintln(g.err, "noisefs: "+harmless(plain(err)))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// showLook shows one look of several. A table is written at once, so that it
// does not flicker.
func (g *globals) showLook(look peersLook) error {
	if g.json {
		return printJSONLine(g.out, look)
	}
	var b bytes.Buffer
	if isTerminal(g.out) {
		b.WriteString(clearScreen)
	}
	fmt.Fprintf(&b, "at %s; Ctrl-C ends it\n", look.Time.Local().Format(time.TimeOnly))
	if err := look.print(&b, g.width()); err != nil {
		return err
	}
	_, err := g.out.Write(b.Bytes())
	return err
}

// spanText words a time that was measured; 0 was not.
func spanText(seconds float64) string {
	if seconds <= 0 {
		return "-"
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond / 10).String()
}
