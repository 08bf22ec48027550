package main

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

const (
	// completeWait bounds how long a shell waits for names of the drive.
	completeWait = 2 * time.Second
	// completeMax bounds how many names it is told.
	completeMax = 256
)

// takesPaths says which arguments of a command are paths of the drive: those
// from first on, up to and without end.
type takesPaths struct{ first, end int }

// pathArguments are the commands that take paths of the drive.
var pathArguments = map[string]takesPaths{
	"ls": {0, math.MaxInt}, "stat": {0, math.MaxInt}, "cat": {0, math.MaxInt}, "get": {0, 1},
	"mv": {0, math.MaxInt}, "rm": {0, math.MaxInt}, "mkdir": {0, math.MaxInt},
	"share": {0, 1}, "import": {1, 2}, "replicas": {0, 1},
}

// completeDrive makes shells complete paths of the drive where they are meant, and
// not the names of local files.
func completeDrive(g *globals, root *cobra.Command) {
	for _, cmd := range root.Commands() {
		if takes, ok := pathArguments[cmd.Name()]; ok {
			cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) (
				[]cobra.Completion, cobra.ShellCompDirective,
			) {
				switch {
				case len(args) >= takes.end:
					return nil, cobra.ShellCompDirectiveNoFileComp
				case len(args) < takes.first || strings.HasPrefix(word, "@"):
					return nil, cobra.ShellCompDirectiveDefault // a link, or a file that has one
				}
				return g.completePath(cmd.Context(), word)
			}
		}
	}
}

// completePath returns the paths that a word may become. It says nothing when it
// cannot: whoever presses a key wants no errors.
func (g *globals) completePath(
	ctx context.Context, word string,
) ([]cobra.Completion, cobra.ShellCompDirective) {
	const alone = cobra.ShellCompDirectiveNoFileComp
	ctx, cancel := context.WithTimeout(ctx, completeWait)
	defer cancel()
	client, err := g.openSilently(ctx)
	if err != nil || client == nil {
		return nil, alone
	}
	defer client.Close()
	name := strings.LastIndexByte(word, '/') + 1
	typed, prefix := word[:name], word[name:]
	entries, _, err := client.List(ctx, messages.Target{Path: drivePath(typed)}, before(prefix),
		completeMax)
	if err != nil {
		return nil, alone
	}
	var paths []cobra.Completion
	directive := alone
	for _, entry := range entries {
		switch {
		case !strings.HasPrefix(entry.Name, prefix):
		case harmless(entry.Name) != entry.Name || strings.Contains(entry.Name, "\n"):
			// A shell takes a line for each, and a terminal would obey the rest.
		case entry.Type == messages.TypeDirectory:
			paths = append(paths, typed+entry.Name+"/")
			directive |= cobra.ShellCompDirectiveNoSpace // its entries may follow
		default:
			paths = append(paths, typed+entry.Name)
		}
	}
	return paths, directive
}

// before is a name that is less than all that begin with prefix, and greater than
// most that are less than these; "" when there is none.
func before(prefix string) string {
	if prefix == "" {
		return ""
	}
	last := len(prefix) - 1
	return prefix[:last] + string([]byte{prefix[last] - 1, 0xff})
}

// openSilently makes a client like open, if that takes no question and no waiting:
// of the daemon, or of a repository that no passphrase is for. nil: it would.
func (g *globals) openSilently(ctx context.Context) (node.Client, error) {
	dir, err := g.repository()
	if err != nil {
		return nil, err
	}
	if client, err := g.dialDaemon(ctx, dir); err != nil || client != nil {
		return client, err
	}
	cfg, err := g.loadConfig(dir)
	if err != nil {
		return nil, err
	}
	mode, err := vault.ModeOf(dir)
	if err != nil || mode != vault.ModeNone && (mode != vault.ModeKeyFile || g.keyFile == "") {
		return nil, err
	}
	opened, err := g.openRepo(ctx, dir, repo.Options{
		Who: "a shell's completion", Config: cfg, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return opened, nil
}
