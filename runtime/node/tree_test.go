package node_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/tree"
)

var update = flag.Bool("update", false, "write the trees in testdata and the drawing in docs/actors.md anew")

const (
	actorsFile = "../../docs/actors.md"
	treeBegin  = "<!-- tree:begin -->\n"
	treeEnd    = "<!-- tree:end -->"
)

// alone is the tree of a node that keeps files on one machine.
func alone() tree.Spec { return node.Spec(node.FromSettings(config.Default())) }

// networked is the tree of a node in a network, as simulations run it.
func networked() tree.Spec {
	c := node.FromSettings(config.Default())
	n := node.DefaultNetwork()
	c.Network, c.Store.Network, c.Cache.Network = &n, true, true
	return node.Spec(c)
}

// TestTreeGolden freezes the supervision trees: who there is, how often each
// may panic, whom each sends to.
func TestTreeGolden(t *testing.T) {
	tests := []struct {
		name, file string
		spec       tree.Spec
	}{
		{"Alone", "testdata/tree.txt", alone()},
		{"Networked", "testdata/tree-network.txt", networked()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { wantTree(t, test.file, test.spec) })
	}
}

func wantTree(t *testing.T, file string, spec tree.Spec) {
	t.Helper()
	var printed strings.Builder
	if err := tree.Print(&printed, spec); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(printed.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := printed.String(); got != string(want) {
		t.Errorf("the tree has changed; got\n%s\nwant\n%s\n"+
			"if that is meant: go test ./runtime/node -run Golden -update", got, want)
	}
}

// TestDrawingGenerated keeps the drawing of the tree in the docs.
func TestDrawingGenerated(t *testing.T) {
	drawing := "```mermaid\n" + tree.Mermaid(networked()) + "```\n"
	page, err := os.ReadFile(actorsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(page), treeBegin)
	old, after, ends := strings.Cut(rest, treeEnd)
	if !begins || !ends {
		t.Fatalf("%s has no place for the tree: %s … %s", actorsFile, treeBegin, treeEnd)
	}
	if old == drawing {
		return
	}
	if !*update {
		t.Fatalf("%s shows another tree: run go test ./runtime/node -run Generated -update", actorsFile)
	}
	text := before + treeBegin + drawing + treeEnd + after
	if err := os.WriteFile(actorsFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
