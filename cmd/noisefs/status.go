package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
)

const (
	// fullShare is how much of the space may be used before it is worth a word,
	// and givenShare how much of what is offered to others.
	fullShare  = 0.9
	givenShare = 0.99
)

func newStatusCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show on one screen how the node is doing, and what to do about it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				return runStatus(cmd.Context(), g, client)
			})
		},
	}
}

// nodeHealth is what status shows.
type nodeHealth struct {
	Repo    node.RepoStatus     `json:"repo"`
	Network *node.NetworkStatus `json:"network"` // null: the node is alone
	Absent  bool                `json:"absent"`  // alone, though its settings make it one of many
	Advice  []string            `json:"advice"`  // empty: all is well
}

func runStatus(ctx context.Context, g *globals, client node.Client) error {
	stored, err := client.Status(ctx)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	health := nodeHealth{Repo: stored}
	network, err := client.Network(ctx)
	switch {
	case err == nil:
		health.Network = &network
	case !errors.Is(err, errUnavailable):
		return fmt.Errorf("status: %w", err)
	}
	if health.Network == nil {
		if health.Absent, err = g.listens(); err != nil {
			return fmt.Errorf("status: %w", err)
		}
	}
	health.Advice = advise(health)
	if g.json {
		return printJSON(g.out, health)
	}
	return printHealth(g, health)
}

// advise says what is wrong, and what to do about it.
func advise(h nodeHealth) []string {
	advice := []string{}
	s := h.Repo
	if d := s.Damage; d != nil {
		advice = append(advice, fmt.Sprintf("'noisefs repo verify' found %d problems%s: 'noisefs help "+
			"damage' says what to do, until it finds none", d.Problems, since(d.Found)))
	}
	if room := s.BlockBytes + s.FreeBytes; room > 0 && float64(s.BlockBytes) > fullShare*float64(room) {
		advice = append(advice, fmt.Sprintf("only %s are left: remove files and run "+
			"'noisefs repo gc', or raise storage.quota_bytes", bytesText(s.FreeBytes)))
	}
	n := h.Network
	switch {
	case h.Absent:
		return append(advice, "others cannot reach this node, and it holds nothing for them, until "+
			"'noisefs daemon' runs (start it, or start it again)")
	case n == nil:
		return advice
	case n.Members == 1:
		return append(advice, "no other node is known: 'noisefs net join' or 'noisefs net connect'")
	case n.UnderReplicated > 0 && n.Waiting == 0 && n.Members <= demoHolders:
		advice = append(advice, fmt.Sprintf("%d blocks have fewer holders than they should, and the "+
			"network has %d members: invite more ('noisefs net invite')", n.UnderReplicated, n.Members))
	case n.UnderReplicated > 0:
		advice = append(advice, fmt.Sprintf("%d blocks have fewer holders than they should: leave "+
			"the daemon running until they have spread", n.UnderReplicated))
	}
	if n.Undialable && !strings.Contains(strings.Join(n.Addresses, " "), "/p2p-circuit") {
		advice = append(advice, "others cannot connect to this node: let its port through the router "+
			"and firewall, or leave it at that: it connects to those that can be reached")
	}
	switch held := n.Replicas * int64(format.Production().BlockSize); {
	case n.OfferedBytes == 0:
		advice = append(advice, "this node holds nothing for others: raise network.storage_bytes")
	case float64(held) >= givenShare*float64(n.OfferedBytes):
		advice = append(advice, fmt.Sprintf("the %s that this node offers to others are in use, and it "+
			"takes no more: raise network.storage_bytes (--storage)", bytesText(n.OfferedBytes)))
	}
	return advice
}

// since says when something was found, if that is known.
func since(found time.Time) string {
	if found.IsZero() {
		return ""
	}
	return " on " + found.Local().Format("2 January 2006 at 15:04")
}

func printHealth(g *globals, h nodeHealth) error {
	s := h.Repo
	word := "well"
	if len(h.Advice) > 0 {
		word = "see below"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "health       %s\n", word)
	fmt.Fprintf(&b, "files        %d, %s\n", s.UserFiles, bytesText(s.UserBytes))
	fmt.Fprintf(&b, "space        %s used, %s free\n", bytesText(s.BlockBytes+s.IndexBytes),
		bytesText(s.FreeBytes))
	if n := h.Network; n == nil {
		b.WriteString("network      none: the node is alone\n")
	} else {
		fmt.Fprintf(&b, "network      %d members, this one included; %d connections\n",
			n.Members, n.Connections)
		fmt.Fprintf(&b, "for others   %d blocks held, of %s offered\n", n.Replicas,
			bytesText(n.OfferedBytes))
		fmt.Fprintf(&b, "spreading    %d blocks have too few holders, %d wait for their turn\n",
			n.UnderReplicated, n.Waiting)
	}
	for _, advice := range h.Advice {
		fmt.Fprintf(&b, "* %s\n", advice)
	}
	_, err := fmt.Fprint(g.out, b.String())
	return err
}
