package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/tree"
)

func newTreeCommand(g *globals) *cobra.Command {
	var mermaid bool
	cmd := &cobra.Command{
		Use:   "tree",
		Short: "Print the supervision tree of a node",
		Long:  "Tree prints the actors of a node, what each does, and how it is restarted.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			spec := node.Spec(node.FromSettings(config.Default()))
			if g.json {
				return printJSON(g.out, treeJSON(spec))
			}
			if mermaid {
				_, err := fmt.Fprint(g.out, tree.Mermaid(spec))
				return err
			}
			return tree.Print(g.out, spec)
		},
	}
	cmd.Flags().BoolVar(&mermaid, "mermaid", false, "print it as a Mermaid drawing")
	return cmd
}

// actorJSON is an actor of the tree as --json shows it.
type actorJSON struct {
	Role    string   `json:"role"`
	Does    string   `json:"does"`
	SendsTo []string `json:"sendsTo"`
}

// treeJSON lists the actors in the order in which they start.
func treeJSON(spec tree.Spec) []actorJSON {
	actors := []actorJSON{}
	for _, child := range spec.Children {
		to := append(append([]string{}, child.Needs...), child.NeedsLater...)
		actors = append(actors, actorJSON{child.Role, child.Doc, to})
	}
	return actors
}

func newVersionCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := readVersion()
			if g.json {
				return printJSON(g.out, v)
			}
			_, err := fmt.Fprintf(g.out, "noisefs %s (repository format %d, %s, %s)\n",
				v.Version, v.Format, v.Go, v.Platform)
			return err
		},
	}
}

type versionJSON struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Format   int    `json:"format"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func readVersion() versionJSON {
	v := versionJSON{
		Version: "devel", Format: repo.FormatVersion, Go: runtime.Version(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	return v
}
