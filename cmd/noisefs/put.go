package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/node"
)

// putFlags are the flags of put.
type putFlags struct {
	to        string
	recursive bool
	force     bool
	replicas  int // other holders to wait for; 0: none
}

func newPutCommand(g *globals) *cobra.Command {
	var flags putFlags
	cmd := &cobra.Command{
		Use:   "put [-r] SRC… [--to PATH]",
		Short: "Store files and trees",
		Long: `Put stores files, and with -r directory trees, and prints LINK<TAB>SRC for each
on standard output once it is durable: a power cut at any instant after that
loses nothing. SRC may be - for standard input.

With --to it gets that name in the drive (missing parent directories are made);
if PATH is a directory there or ends in a slash, SRC keeps its own name below
it. Without --to it is kept under its link alone, until 'noisefs unshare LINK'.

With --wait-replicas N it returns only when N other nodes hold every block, and
these keep that many while this node runs. What is stored stays stored if that
fails or is interrupted; 'noisefs replicas' shows how far it came.

Files with holes keep them. Sockets, pipes and devices in a tree are skipped
with a remark.`,
		Example: `  noisefs put report.pdf
  noisefs put -r ~/photos --to /photos
  tar c src | noisefs put - --to /backup/src.tar`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.replicas < 1 && cmd.Flags().Changed("wait-replicas") {
				return usagef("--wait-replicas is %d, want 1 or more", flags.replicas)
			}
			return runPut(cmd.Context(), g, args, flags)
		},
	}
	cmd.Flags().StringVar(&flags.to, "to", "", "name in the drive")
	_ = cmd.RegisterFlagCompletionFunc("to", // it is there: defined in the line above
		func(cmd *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return g.completePath(cmd.Context(), word)
		})
	cmd.Flags().BoolVarP(&flags.recursive, "recursive", "r", false, "store directory trees")
	cmd.Flags().BoolVarP(&flags.force, "force", "f", false, "replace a file that has that name")
	cmd.Flags().IntVar(&flags.replicas, "wait-replicas", 0,
		"wait until that many other nodes hold every block")
	return cmd
}

func runPut(ctx context.Context, g *globals, sources []string, flags putFlags) error {
	if err := checkSources(sources, flags.recursive); err != nil {
		return err
	}
	client, err := g.open(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	if flags.replicas > 0 {
		if err := g.needOthers(ctx, client); err != nil {
			return fmt.Errorf("put: nothing was stored: %w", err)
		}
	}
	intoDir, err := putsInto(ctx, client, flags.to, len(sources))
	if err != nil {
		return err
	}
	for _, source := range sources {
		place := messages.Place{Replace: flags.force}
		if flags.to != "" {
			place.Path = drivePath(flags.to)
			if intoDir {
				place.Path = path.Join(place.Path, sourceName(source))
			}
			if err := client.MakeDirectory(ctx, path.Dir(place.Path), true); err != nil {
				return fmt.Errorf("make %s: %w", path.Dir(place.Path), err)
			}
		}
		link, err := putOne(ctx, g, client, source, place)
		if err != nil {
			return putFailed(source, place.Path, err)
		}
		if err := printPut(g, link, source, place.Path); err != nil {
			return err
		}
		if flags.replicas > 0 {
			if err := waitReplicas(ctx, g, client, messages.Target{Link: &link}, flags.replicas); err != nil {
				return fmt.Errorf("put %s: it is stored, but: %w", source, err)
			}
		}
	}
	return nil
}

// putFailed words why a source was not stored.
func putFailed(source, place string, err error) error {
	if place != "" && errors.Is(err, &messages.Error{Code: messages.CodeExists}) {
		return fmt.Errorf("put %s to %s: %w; use --force to replace it", source, place, err)
	}
	return fmt.Errorf("put %s: %w", source, err)
}

// checkSources refuses what cannot be stored before anything is.
func checkSources(sources []string, recursive bool) error {
	for _, source := range sources {
		if source == "-" {
			continue
		}
		info, err := os.Stat(source)
		switch {
		case err != nil:
			return err
		case info.IsDir() && !recursive:
			return usagef("%s is a directory: use -r", source)
		case !info.IsDir() && !info.Mode().IsRegular():
			return usagef("%s is neither a file nor a directory; to store what a pipe gives, use -",
				source)
		}
	}
	return nil
}

// putsInto tells whether sources go below the path rather than become it.
func putsInto(ctx context.Context, client node.Client, to string, sources int) (bool, error) {
	if to == "" {
		return false, nil
	}
	if strings.HasSuffix(to, "/") {
		return true, nil
	}
	info, err := client.Stat(ctx, messages.Target{Path: drivePath(to)})
	isDir := err == nil && info.Type == messages.TypeDirectory
	if err != nil && exitCode(err) != exitNotFound {
		return false, fmt.Errorf("put to %s: %w", to, err)
	}
	if sources > 1 && !isDir {
		return false, usagef("several sources go into a directory: %s is none; end it with a slash", to)
	}
	return isDir, nil
}

// sourceName is the name that a source has of its own.
func sourceName(source string) string {
	if source == "-" {
		return "stdin"
	}
	if abs, err := filepath.Abs(source); err == nil {
		source = abs
	}
	return filepath.Base(source)
}

func printPut(g *globals, link messages.Link, source, place string) error {
	text, err := linkText(link)
	if err != nil {
		return err
	}
	if g.json {
		return printJSONLine(g.out, struct {
			Link   string   `json:"link"`
			Source api.Text `json:"source"`
			Path   api.Text `json:"path,omitempty"`
		}{text, api.Text(source), api.Text(place)})
	}
	_, err = fmt.Fprintf(g.out, "%s\t%s\n", text, source)
	return err
}

func putOne(
	ctx context.Context, g *globals, client node.Client, source string, place messages.Place,
) (messages.Link, error) {
	bar := g.newProgress("put "+sourceName(source), sourceSize(source))
	defer bar.finish()
	options := node.PutOptions{Name: sourceName(source), Place: place, Progress: bar.add}
	if source == "-" {
		options.Name = ""
		options.Attributes = messages.Attributes{Mode: 0o644, ModTime: time.Now().UTC()}
		return client.PutFile(ctx, g.input(ctx), options)
	}
	info, err := os.Stat(source)
	if err != nil {
		return messages.Link{}, err
	}
	options.Attributes = attributesOf(info)
	if info.IsDir() {
		walker := newTreeWalker(source, g.remark)
		defer walker.close()
		return client.PutTree(ctx, walker, options)
	}
	file, err := openSteady(source)
	if err != nil {
		return messages.Link{}, err
	}
	defer file.Close()
	return client.PutFile(ctx, file, options)
}

func sourceSize(source string) int64 {
	if info, err := os.Stat(source); err == nil && info.Mode().IsRegular() {
		return info.Size()
	}
	return 0
}

// attributesOf takes from the file system what the formats keep.
func attributesOf(info os.FileInfo) messages.Attributes {
	mode := uint32(info.Mode().Perm())
	for _, special := range []struct {
		os  os.FileMode
		bit uint32
	}{{os.ModeSetuid, 0o4000}, {os.ModeSetgid, 0o2000}, {os.ModeSticky, 0o1000}} {
		if info.Mode()&special.os != 0 {
			mode |= special.bit
		}
	}
	return messages.Attributes{Mode: mode, ModTime: info.ModTime().UTC()}
}
