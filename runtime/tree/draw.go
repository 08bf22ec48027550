package tree

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// branchWidth is the width of "├── " in characters.
const branchWidth = 4

// Print writes the tree as text: role, what it does, restart policy, and
// whom it sends to.
func Print(w io.Writer, spec Spec) error {
	width := len("noisefs")
	for _, c := range spec.Children {
		width = max(width, len(c.Role)+branchWidth)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-*s  supervisor; restarts one for one, stops in reverse order\n",
		width, "noisefs")
	for i, c := range spec.Children {
		branch, stem := "├── ", "│   "
		if i == len(spec.Children)-1 {
			branch, stem = "└── ", "    "
		}
		fmt.Fprintf(&b, "%s%-*s  %s\n", branch, width-branchWidth, c.Role, c.Doc)
		policy := c.policy()
		fmt.Fprintf(&b, "%s%-*s  survives %d panics in %s", stem, width-branchWidth, "",
			policy.Intensity, shortDuration(policy.Period))
		if needs := slices.Concat(c.Needs, c.NeedsLater); len(needs) > 0 {
			fmt.Fprintf(&b, "; sends to %s", strings.Join(needs, ", "))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Mermaid returns the tree as a Mermaid diagram: solid lines from the
// supervisor to its children, dotted ones from an actor to those it sends to.
func Mermaid(spec Spec) string {
	var b strings.Builder
	b.WriteString("graph TD\n    noisefs([supervisor])\n")
	for _, c := range spec.Children {
		fmt.Fprintf(&b, "    noisefs --> %s\n", c.Role)
	}
	for _, c := range spec.Children {
		for _, role := range slices.Concat(c.Needs, c.NeedsLater) {
			fmt.Fprintf(&b, "    %s -.-> %s\n", c.Role, role)
		}
	}
	return b.String()
}

// shortDuration prints 1h rather than 1h0m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}
