package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

const (
	// shortIDMin is how many letters of an ID are shown at least, shortIDMax as
	// many as it has.
	shortIDMin = 6
	shortIDMax = 52
	columnGap  = 2
)

// peerColumn is a column of the table of peers.
type peerColumn struct {
	title string
	cell  func(node.PeerStatus) string
	spare int // of those that do not fit, the highest goes first; 0: none goes
}

// peerColumns are all columns.
func peerColumns(name func(messages.NodeID) string) []peerColumn {
	count := func(n uint64) string { return fmt.Sprint(n) }
	return []peerColumn{
		{"NODE", func(p node.PeerStatus) string { return name(p.ID) }, 0},
		{"STATUS", func(p node.PeerStatus) string { return p.Status }, 0},
		{"OFFERS", func(p node.PeerStatus) string { return bytesText(p.OfferedBytes) }, 1},
		{"IN", func(p node.PeerStatus) string { return bytesText(p.BytesIn) }, 0},
		{"OUT", func(p node.PeerStatus) string { return bytesText(p.BytesOut) }, 0},
		{"BLOCK TAKES", func(p node.PeerStatus) string { return spanText(p.LatencySeconds) }, 2},
		{"SCORE", func(p node.PeerStatus) string { return spanText(p.CostSeconds) }, 0},
		{"IN FLIGHT", func(p node.PeerStatus) string { return fmt.Sprint(p.InFlight) }, 3},
		{"SERVED", func(p node.PeerStatus) string { return count(p.Served) }, 0},
		{"FAILED", func(p node.PeerStatus) string { return count(p.Failed) }, 0},
		{"DOMAIN", func(p node.PeerStatus) string { return textOr(harmless(p.Domain), "-") }, 4},
		{"ADDRESS", func(p node.PeerStatus) string { return textOr(p.Address, "not connected") }, 5},
	}
}

func textOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// print writes the table, in so many columns of a terminal; 0: there is none, and
// everything is written in full.
func (l peersLook) print(w io.Writer, width int) error {
	name := messages.NodeID.String
	if width > 0 {
		name = shortNames(l.Peers)
	}
	columns := peerColumns(name)
	for width > 0 && l.width(columns) > width {
		last := slices.MaxFunc(columns, func(a, b peerColumn) int { return a.spare - b.spare })
		if last.spare == 0 {
			break
		}
		columns = slices.DeleteFunc(columns, func(c peerColumn) bool { return c.spare == last.spare })
	}
	table := tabwriter.NewWriter(w, 0, 0, columnGap, ' ', 0)
	line := make([]string, len(columns))
	for i, c := range columns {
		line[i] = c.title
	}
	fmt.Fprintln(table, strings.Join(line, "\t"))
	for _, p := range l.Peers {
		for i, c := range columns {
			line[i] = c.cell(p)
		}
		fmt.Fprintln(table, strings.Join(line, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "this node holds %d blocks for the network\n", l.Holds)
	return err
}

// width is how wide the table is with those columns.
func (l peersLook) width(columns []peerColumn) int {
	sum := columnGap * (len(columns) - 1)
	for _, c := range columns {
		widest := utf8.RuneCountInString(c.title)
		for _, p := range l.Peers {
			widest = max(widest, utf8.RuneCountInString(c.cell(p)))
		}
		sum += widest
	}
	return sum
}

// shortNames cuts IDs, which begin alike, to so many of their last letters that no
// two of the peers look alike.
func shortNames(peers []node.PeerStatus) func(messages.NodeID) string {
	letters := shortIDMin
	tail := func(id messages.NodeID) string {
		text := id.String()
		return text[max(0, len(text)-letters):]
	}
	for ; letters < shortIDMax; letters++ {
		seen := make(map[string]bool)
		for _, p := range peers {
			seen[tail(p.ID)] = true
		}
		if len(seen) == len(peers) {
			break
		}
	}
	return func(id messages.NodeID) string { return "…" + tail(id) }
}

// width is how wide the terminal is that results go to, 0 if they go elsewhere.
func (g *globals) width() int {
	if !isTerminal(g.out) {
		return 0
	}
	return columns(g.out)
}
