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

var update = flag.Bool("update", false, "write testdata/tree.txt and the README's drawing anew")

const (
	treeFile   = "testdata/tree.txt"
	readmeFile = "../../README.md"
	treeBegin  = "<!-- tree:begin -->\n"
	treeEnd    = "<!-- tree:end -->"
)

// TestTreeGolden freezes the supervision tree: who there is, how often each
// may panic, whom each sends to.
func TestTreeGolden(t *testing.T) {
	var printed strings.Builder
	if err := tree.Print(&printed, node.Spec(node.FromSettings(config.Default()))); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(treeFile, []byte(printed.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(treeFile)
	if err != nil {
		t.Fatal(err)
	}
	if got := printed.String(); got != string(want) {
		t.Errorf("the tree has changed; got\n%s\nwant\n%s\n"+
			"if that is meant: go test ./runtime/node -run Golden -update", got, want)
	}
}

// TestReadmeTreeGenerated keeps the README's drawing of the tree.
func TestReadmeTreeGenerated(t *testing.T) {
	drawing := "```mermaid\n" + tree.Mermaid(node.Spec(node.FromSettings(config.Default()))) + "```\n"
	readme, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(readme), treeBegin)
	old, after, ends := strings.Cut(rest, treeEnd)
	if !begins || !ends {
		t.Fatalf("%s has no place for the tree: %s … %s", readmeFile, treeBegin, treeEnd)
	}
	if old == drawing {
		return
	}
	if !*update {
		t.Fatalf("%s shows another tree: run go test ./runtime/node -run Generated -update", readmeFile)
	}
	text := before + treeBegin + drawing + treeEnd + after
	if err := os.WriteFile(readmeFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
