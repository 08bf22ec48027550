package main

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/node"
)

// withClient runs f with a client and closes it.
func (g *globals) withClient(ctx context.Context, f func(node.Client) error) error {
	client, err := g.open(ctx)
	if err != nil {
		return err
	}
	err = f(client)
	if closeErr := client.Close(); err == nil {
		err = closeErr
	}
	return err
}

func newCatCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "cat LINK|PATH…",
		Short:   "Write files to standard output",
		Long:    "Cat writes files to standard output, one after the other.\n\n" + linkHelp,
		Example: "  noisefs cat /notes/today.txt\n  noisefs cat - < link.txt",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				for _, arg := range args {
					target, err := g.parseTarget(cmd.Context(), arg)
					if err != nil {
						return err
					}
					if err := copyFile(cmd.Context(), client, target, g.out); err != nil {
						err = g.orAlone(cmd.Context(), client, target, err)
						return fmt.Errorf("cat %s: %w", shown(arg, target), err)
					}
				}
				return nil
			})
		},
	}
}

func newMvCommand(g *globals) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "mv FROM… TO",
		Short: "Rename and move files and directories of the drive",
		Long: `Mv gives what is at FROM the name TO; if TO is a directory or ends in a slash,
FROM keeps its own name below it.`,
		Example: "  noisefs mv /a.txt /docs/b.txt",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				return runMv(cmd.Context(), client, args[:len(args)-1], args[len(args)-1], force)
			})
		},
	}
	cmd.Flags().BoolVarP(&force, "force", "f", false, "replace a file that has that name")
	return cmd
}

func runMv(ctx context.Context, client node.Client, sources []string, to string, force bool) error {
	into, err := putsInto(ctx, client, to, len(sources))
	if err != nil {
		return err
	}
	for _, from := range sources {
		target := drivePath(to)
		if into {
			target = path.Join(target, path.Base(drivePath(from)))
		}
		if err := client.Rename(ctx, drivePath(from), target, force); err != nil {
			return fmt.Errorf("mv %s to %s: %w", from, target, err)
		}
	}
	return nil
}

func newMkdirCommand(g *globals) *cobra.Command {
	var parents bool
	cmd := &cobra.Command{
		Use:     "mkdir PATH…",
		Short:   "Make directories in the drive",
		Example: "  noisefs mkdir -p /docs/2026",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				for _, arg := range args {
					err := client.MakeDirectory(cmd.Context(), drivePath(arg), parents)
					if err != nil {
						return fmt.Errorf("mkdir %s: %w", arg, err)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVarP(&parents, "parents", "p", false,
		"make missing parents too; a directory that is there is no error")
	return cmd
}

func newRmCommand(g *globals) *cobra.Command {
	var recursive, dryRun bool
	cmd := &cobra.Command{
		Use:   "rm [-r] PATH…",
		Short: "Remove names from the drive",
		Long: `Rm removes files, and with -r directories with all that is below them. The
space comes back with the next 'noisefs repo gc', as far as no other name, link
or tuple needs the blocks; --dry-run removes nothing and says what that would
be. A link that was shared goes on working until 'noisefs unshare'.`,
		Example: "  noisefs rm -r --dry-run /old\n  noisefs rm -r /old",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				for _, arg := range args {
					if err := runRm(cmd.Context(), g, client, arg, recursive, dryRun); err != nil {
						return fmt.Errorf("rm %s: %w", arg, err)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVarP(&recursive, "recursive", "r", false, "remove directories and their contents")
	cmd.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "only say what would be freed")
	return cmd
}

func runRm(
	ctx context.Context, g *globals, client node.Client, arg string, recursive, dryRun bool,
) error {
	if !dryRun {
		return client.Remove(ctx, drivePath(arg), recursive)
	}
	info, err := client.Stat(ctx, messages.Target{Path: drivePath(arg)})
	if err != nil {
		return err
	}
	if info.Type == messages.TypeDirectory && !recursive {
		return usagef("it is a directory: use -r")
	}
	bar := g.startProgress("rm --dry-run", 0, false)
	defer bar.finish()
	report, err := client.Collect(ctx,
		node.CollectOptions{DryRun: true, Without: drivePath(arg)}, bar.set)
	if err != nil {
		return err
	}
	if g.json {
		return printJSONLine(g.out, struct {
			Path api.Text `json:"path"`
			node.CollectReport
		}{api.Text(drivePath(arg)), report})
	}
	_, err = fmt.Fprintf(g.out, "%s: would free %d blocks, %s\n",
		arg, report.FreedBlocks, bytesText(report.FreedBytes))
	return err
}

func newImportCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "import LINK PATH",
		Short: "Give what a link opens a name in the drive",
		Long: `Import gives the file or tree of a link a name in the drive. It is there at once;
its blocks are read when they are needed.

` + linkHelp,
		Example: "  noisefs import @link.txt /shared/photos",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			link, err := g.parseLink(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return g.withClient(cmd.Context(), func(client node.Client) error {
				to := drivePath(args[1])
				if err := client.MakeDirectory(cmd.Context(), path.Dir(to), true); err != nil {
					return fmt.Errorf("make %s: %w", path.Dir(to), err)
				}
				if err := client.Import(cmd.Context(), link, to); err != nil {
					return fmt.Errorf("import to %s: %w", to, err)
				}
				return nil
			})
		},
	}
}

func newShareCommand(g *globals) *cobra.Command {
	var list bool
	cmd := &cobra.Command{
		Use:   "share PATH | share --list",
		Short: "Make a link to what is at a path now",
		Long: `Share prints a link to a file or directory of the drive as it is now. Whoever
has the link reads it and everything below it, and nothing else; later changes
do not show in it. What it needs is kept until 'noisefs unshare LINK'.
'noisefs share /' is a link to the whole drive, and so its backup.

--list prints every link that is kept, with the path that was shared, or
nothing there for what was stored without a path.`,
		Example: "  noisefs share /photos/2026\n  noisefs share --list",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if list != (len(args) == 0) {
				return usagef("share takes a PATH, or --list\nsee 'noisefs share --help'")
			}
			return g.withClient(cmd.Context(), func(client node.Client) error {
				if list {
					return listShares(cmd.Context(), g, client)
				}
				link, err := client.Share(cmd.Context(), drivePath(args[0]))
				if err != nil {
					return fmt.Errorf("share %s: %w", args[0], err)
				}
				return printShare(g, messages.SharedLink{Link: link, Path: drivePath(args[0])}, false)
			})
		},
	}
	cmd.Flags().BoolVarP(&list, "list", "l", false, "list the links that are kept")
	return cmd
}

func listShares(ctx context.Context, g *globals, client node.Client) error {
	return client.Shares(ctx, func(share messages.SharedLink) error {
		return printShare(g, share, true)
	})
}

func printShare(g *globals, share messages.SharedLink, listing bool) error {
	text, err := linkText(share.Link)
	if err != nil {
		return err
	}
	if g.json {
		return printJSONLine(g.out, struct {
			Link string   `json:"link"`
			Kind string   `json:"kind"`
			Path api.Text `json:"path,omitempty"`
			Name api.Text `json:"name,omitempty"`
		}{text, kindText(share.Link.Kind), api.Text(share.Path), api.Text(share.Name)})
	}
	if listing {
		text += "\t" + quoteName(share.Path) + "\t" + quoteName(share.Name)
	}
	_, err = fmt.Fprintln(g.out, strings.TrimRight(text, "\t"))
	return err
}

func kindText(kind messages.LinkKind) string {
	if kind == messages.LinkDirectory {
		return "directory"
	}
	return "file"
}

func newUnshareCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "unshare LINK…",
		Short: "Stop keeping what a link needs",
		Long: `Unshare ends the keeping of a link made by 'share', or by 'put' without --to. Its
blocks are freed by the next 'noisefs repo gc' unless something else needs
them. Copies that others took stay with them.

` + linkHelp,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				for _, arg := range args {
					link, err := g.parseLink(cmd.Context(), arg)
					if err != nil {
						return err
					}
					if err := client.Unshare(cmd.Context(), link); err != nil {
						return fmt.Errorf("unshare: %w", err)
					}
				}
				return nil
			})
		},
	}
}
