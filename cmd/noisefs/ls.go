package main

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// listPage is how many entries ls asks for at once.
const listPage = 1000

func newLsCommand(g *globals) *cobra.Command {
	var long, recursive bool
	cmd := &cobra.Command{
		Use:   "ls [-l] [-R] [PATH|LINK…]",
		Short: "List directories",
		Long: "Ls lists directories of the drive or below links; without one, the drive's\n" +
			"root.\n\n" + linkHelp,
		Example: "  noisefs ls -l /docs\n  noisefs ls -R @link.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"/"}
			}
			return g.withClient(cmd.Context(), func(client node.Client) error {
				for _, arg := range args {
					target, err := g.parseTarget(cmd.Context(), arg)
					if err == nil {
						l := lister{g, client, long, recursive}
						err = l.list(cmd.Context(), target, "")
					}
					if err != nil {
						return fmt.Errorf("ls %s: %w", shown(arg, target), err)
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVarP(&long, "long", "l", false, "show mode, size and time")
	cmd.Flags().BoolVarP(&recursive, "recursive", "R", false, "list what is below, too")
	return cmd
}

type lister struct {
	*globals
	client          node.Client
	long, recursive bool
}

// list prints what is at target. below is where that is, seen from where the
// listing began.
func (l lister) list(ctx context.Context, target messages.Target, below string) error {
	info, err := l.client.Stat(ctx, target)
	if err != nil {
		return err
	}
	if info.Type != messages.TypeDirectory {
		return l.print(info.Name, info)
	}
	after := ""
	for more := true; more; {
		var page []messages.Info
		page, more, err = l.client.List(ctx, target, after, listPage)
		if err != nil {
			return err
		}
		for _, entry := range page {
			name := path.Join(below, entry.Name)
			if err := l.print(name, entry); err != nil {
				return err
			}
			if l.recursive && entry.Type == messages.TypeDirectory {
				child := target
				child.Path = path.Join(target.Path, entry.Name)
				if err := l.list(ctx, child, name); err != nil {
					return err
				}
			}
			after = entry.Name
		}
		more = more && len(page) > 0
	}
	return nil
}

func (l lister) print(name string, info messages.Info) error {
	var err error
	switch {
	case l.json:
		err = printJSONLine(l.out, toEntryJSON(name, info))
	case l.long:
		text := quoteName(name)
		if info.Type == messages.TypeSymlink {
			text += " -> " + quoteName(info.Target)
		}
		_, err = fmt.Fprintf(l.out, "%s %12d %s %s\n", modeText(info.Type, info.Mode), info.Size,
			info.ModTime.Local().Format("2006-01-02 15:04"), text)
	default:
		text := quoteName(name)
		if info.Type == messages.TypeDirectory {
			text += "/"
		}
		_, err = fmt.Fprintln(l.out, text)
	}
	return err
}

func newStatCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "stat PATH|LINK…",
		Short:   "Describe a file or directory",
		Long:    "Stat describes what a path or link names.\n\n" + linkHelp,
		Example: "  noisefs stat --json /docs/report.pdf",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				for _, arg := range args {
					target, err := g.parseTarget(cmd.Context(), arg)
					if err == nil {
						err = printStat(cmd.Context(), g, client, target)
					}
					if err != nil {
						return fmt.Errorf("stat %s: %w", shown(arg, target), err)
					}
				}
				return nil
			})
		},
	}
}

func printStat(
	ctx context.Context, g *globals, client node.Client, target messages.Target,
) error {
	info, err := client.Stat(ctx, target)
	if err != nil {
		return err
	}
	if g.json {
		return printJSON(g.out, toEntryJSON(info.Name, info))
	}
	_, err = fmt.Fprintf(g.out,
		"name      %s\ntype      %s\nsize      %d\nmode      %04o\nmodified  %s\n",
		quoteName(info.Name), info.Type, info.Size, info.Mode,
		info.ModTime.Local().Format(time.RFC3339Nano))
	if err == nil && info.Type == messages.TypeSymlink {
		_, err = fmt.Fprintf(g.out, "target    %s\n", quoteName(info.Target))
	}
	return err
}
