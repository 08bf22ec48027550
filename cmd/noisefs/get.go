package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/node"
)

func newGetCommand(g *globals) *cobra.Command {
	var out string
	var force bool
	cmd := &cobra.Command{
		Use:   "get LINK|PATH [-o OUT|-]",
		Short: "Read a file or tree back",
		Long: `Get writes a file or a tree to OUT (for a tree, OUT becomes the tree), with its
modes and times. Without -o, OUT is the name it has, in the current folder;
-o - writes a file to standard output. Nothing is overwritten without --force,
and an interrupted get leaves nothing behind.

` + linkHelp,
		Example: `  noisefs get /docs/report.pdf
  noisefs get @link.txt -o report.pdf
  noisefs get noisefs:… -o photos`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runGet(cmd.Context(), g, args[0], out, force)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "where to write; - for standard output")
	cmd.Flags().BoolVarP(&force, "force", "f", false, "overwrite files that are there")
	return cmd
}

func runGet(ctx context.Context, g *globals, arg, out string, force bool) error {
	target, err := g.parseTarget(ctx, arg)
	if err != nil {
		return err
	}
	client, err := g.open(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	info, err := client.Stat(ctx, target)
	if err != nil {
		return fmt.Errorf("get %s: %w", shown(arg, target), g.orAlone(ctx, client, target, err))
	}
	if out == "" {
		if out = ownName(target, info); out == "" {
			return usagef("this link tells no name: say where to write with -o")
		}
		if out == "-" { // its name, which is not to mean standard output
			out = "./-"
		}
	}
	bar := g.newProgress("get "+filepath.Base(out), int64(info.Size))
	defer bar.finish()
	switch {
	case info.Type == messages.TypeDirectory && out == "-":
		return usagef("a tree does not go to standard output: use -o FOLDER")
	case info.Type == messages.TypeDirectory:
		err = getTree(ctx, client, target, out, force, bar)
	case info.Type == messages.TypeSymlink:
		err = usagef("it is a symlink to %q: get the file itself", info.Target)
	case out == "-":
		err = copyFile(ctx, client, target, barWriter{g.out, bar})
	default:
		err = getFile(ctx, client, target, out, force, bar)
	}
	if err != nil {
		return fmt.Errorf("get %s: %w", shown(arg, target), g.orAlone(ctx, client, target, err))
	}
	return printGot(g, out, info)
}

// shown is how errors name a target: never by a link.
func shown(arg string, target messages.Target) string {
	if target.Link == nil {
		return arg
	}
	if target.Path != "" {
		return "link, " + target.Path
	}
	return "link"
}

func ownName(target messages.Target, info messages.Info) string {
	if target.Path != "" && target.Path != "/" {
		return path.Base(target.Path)
	}
	if target.Link != nil {
		return info.Name
	}
	return ""
}

func printGot(g *globals, out string, info messages.Info) error {
	if !g.json || out == "-" {
		return nil
	}
	return printJSON(g.out, struct {
		Output api.Text `json:"output"`
		Type   string   `json:"type"`
		Size   uint64   `json:"size"`
	}{api.Text(out), info.Type.String(), info.Size})
}

func copyFile(ctx context.Context, client node.Client, target messages.Target, w io.Writer) error {
	file, err := client.Open(ctx, target)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.CopyTo(ctx, w, 0, -1)
	return err
}

// getFile writes to a temporary neighbour and renames it when it is whole.
func getFile(
	ctx context.Context, client node.Client, target messages.Target, out string, force bool,
	bar *progress,
) error {
	if err := refuseExisting(out, force); err != nil {
		return err
	}
	file, err := client.Open(ctx, target)
	if err != nil {
		return err
	}
	defer file.Close()
	info := file.Info()
	root, err := os.OpenRoot(filepath.Dir(out))
	if err != nil {
		return err
	}
	defer root.Close()
	return writeFile(root, filepath.Base(out), info.Attributes, force,
		func(w *sparseWriter) error {
			_, err := file.CopyTo(ctx, w.counting(bar), 0, -1)
			return err
		})
}

// refuseExisting is the early, friendly check; writeFile's is the safe one.
func refuseExisting(out string, force bool) error {
	info, err := os.Lstat(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder: %w", out, fs.ErrExist)
	}
	if !force {
		return fmt.Errorf("%s: %w; use --force to replace it", out, fs.ErrExist)
	}
	return nil
}

func getTree(
	ctx context.Context, client node.Client, target messages.Target, out string, force bool,
	bar *progress,
) error {
	out = filepath.Clean(out) // "photos/" is the folder photos, beside which it is made
	if _, err := os.Lstat(out); err == nil {
		if !force {
			return fmt.Errorf("%s: %w; use --force to write into it", out, fs.ErrExist)
		}
		return extractTree(ctx, client, target, out, true, bar)
	}
	// A new tree appears whole, under its name, or not at all.
	temp, err := os.MkdirTemp(filepath.Dir(out), ".noisefs-get-")
	if err != nil {
		return err
	}
	err = extractTree(ctx, client, target, temp, false, bar)
	if err == nil {
		err = os.Rename(temp, out)
	}
	if err != nil {
		makeRemovable(temp)
		return errors.Join(err, os.RemoveAll(temp))
	}
	return nil
}

// makeRemovable gives write permission back to folders whose own mode was
// restored already.
func makeRemovable(dir string) {
	_ = filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(name, 0o700)
		}
		return nil
	})
}
