package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// terminal is where a run reads and writes.
type terminal struct {
	in       io.Reader
	out, err io.Writer
}

// globals are the flags that every command has.
type globals struct {
	terminal
	repoDir           string
	passphraseFile    string
	passphraseCommand string
	keyFile           string
	logLevel          string
	logFormat         string
	options           []string // key=value settings
	json, quiet       bool
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, args []string, t terminal) int {
	g := &globals{terminal: t}
	root := newRootCommand(g)
	root.SetArgs(args)
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("interrupted: %w", context.Canceled)
	}
	if err != nil {
		fmt.Fprintln(t.err, "noisefs: "+harmless(plain(err)))
	}
	return exitCode(err)
}

// suggestionDistance is how many letters a word may be off from the command
// that is suggested for it.
const suggestionDistance = 2

// plain words an error for a person: without the marker of wrong usage, which is in
// front, or behind the name of the operation.
func plain(err error) string {
	text := err.Error()
	if !errors.Is(err, errUsage) {
		return text
	}
	mark := errUsage.Error() + ": "
	if rest, found := strings.CutPrefix(text, mark); found {
		return rest
	}
	return strings.Replace(text, ": "+mark, ": ", 1)
}

func usagef(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errUsage}, args...)...)
}

func newRootCommand(g *globals) *cobra.Command {
	root := &cobra.Command{
		Use:   "noisefs",
		Short: "A private drive on a public block network",
		Long: `NoiseFS keeps your files as blocks of noise. A file is cut into 128 KiB chunks,
each is encrypted under a key of its own and mixed with two other blocks, so
that every stored block is random, alike, and used by many files. A link is all
that is needed to read a file back, and nothing less is enough.`,
		Example: `  noisefs init
  noisefs put report.pdf --to /docs/report.pdf
  noisefs ls -l /docs
  noisefs get /docs/report.pdf -o copy.pdf`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          runGroup,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%v\nsee '%s --help'", err, cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.StringVar(&g.repoDir, "repo", "", "repository (default: $NOISEFS_REPO, else ~/.noisefs)")
	flags.StringVar(&g.passphraseFile, "passphrase-file", "", "read the passphrase from a file")
	flags.StringVar(&g.passphraseCommand, "passphrase-command", "",
		"read the passphrase from the output of a command")
	flags.StringVar(&g.keyFile, "key-file", "", "the repository's key file, if it is opened by one")
	flags.StringVar(&g.logLevel, "log-level", "", "debug, info, warn or error")
	flags.StringVar(&g.logFormat, "log-format", "", "text or json")
	flags.StringArrayVarP(&g.options, "option", "O", nil,
		"set a configuration key for this run, as key=value; repeatable")
	flags.BoolVar(&g.json, "json", false, "print results as JSON (see 'noisefs help json')")
	flags.BoolVarP(&g.quiet, "quiet", "q", false, "print results only: no progress, no remarks")

	root.AddCommand(
		newInitCommand(g), newDaemonCommand(g), newDemoCommand(g),
		newPutCommand(g), newGetCommand(g), newCatCommand(g), newLsCommand(g),
		newStatCommand(g), newStatusCommand(g), newMvCommand(g), newRmCommand(g), newMkdirCommand(g),
		newMountCommand(g), newUmountCommand(g), newShareCommand(g), newUnshareCommand(g), newImportCommand(g),
		newNetCommand(g), newPeersCommand(g), newReplicasCommand(g),
		newRepoCommand(g), newBlockCommand(g), newConfigCommand(g),
		newVaultCommand(g), newTreeCommand(g), newVersionCommand(g),
		newBenchCommand(g), newSimCommand(g, simulateFleet), newExitCodesCommand(), newJSONCommand(),
		newDamageCommand(),
	)
	for _, cmd := range root.Commands() {
		wrapArgs(cmd)
	}
	completeDrive(g, root)
	return root
}

// wrapArgs makes wrong arguments a usage error, with the way to the help.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usagef("%v\nsee '%s --help'", err, cmd.CommandPath())
			}
			return nil
		}
	}
	for _, child := range cmd.Commands() {
		wrapArgs(child)
	}
}

// group makes a command that only has subcommands.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs, RunE: runGroup}
	cmd.AddCommand(children...)
	return cmd
}

// runGroup is what a command does that only has subcommands: show its help,
// or refuse a word that is none of them.
func runGroup(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	hint := ""
	cmd.SuggestionsMinimumDistance = suggestionDistance
	near := cmd.SuggestionsFor(args[0])
	// What begins alike is meant rather than what differs by as many letters.
	slices.SortStableFunc(near, func(a, b string) int {
		return cmp.Compare(alike(b, args[0]), alike(a, args[0]))
	})
	if len(near) > 0 {
		hint = fmt.Sprintf("; did you mean '%s %s'?", cmd.CommandPath(), near[0])
	}
	return usagef("there is no '%s %s'%s\nsee '%s --help'", cmd.CommandPath(), args[0], hint,
		cmd.CommandPath())
}

// alike is how many letters two words begin with alike.
func alike(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func newExitCodesCommand() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesHelp}
}

func newJSONCommand() *cobra.Command {
	return &cobra.Command{Use: "json", Short: "How results look as JSON", Long: jsonHelp}
}

// repository returns the directory that commands work on.
func (g *globals) repository() (string, error) {
	if g.repoDir != "" {
		return g.repoDir, nil
	}
	if dir := os.Getenv("NOISEFS_REPO"); dir != "" {
		return dir, nil
	}
	dir, err := usualRepository()
	if err != nil {
		return "", usagef("no home folder: name the repository with --repo")
	}
	return dir, nil
}

// usualRepository is where the repository is unless another one is named.
func usualRepository() (string, error) {
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".noisefs"), err
}

// remark tells a person something that is not a result.
func (g *globals) remark(format string, args ...any) {
	if !g.quiet {
		fmt.Fprintln(g.err, harmless(fmt.Sprintf(format, args...)))
	}
}

// inputBufferBytes is how much of standard input is read at once.
const inputBufferBytes = 256 << 10

// input is standard input, whose reads fail when ctx ends. A read of a pipe
// or terminal cannot be interrupted: it goes on in a goroutine of its own
// until something comes, or the process ends.
func (g *globals) input(ctx context.Context) io.Reader {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { _ = r.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{g.in},
			make([]byte, inputBufferBytes))
		_ = w.CloseWithError(err)
	}()
	return r
}

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
