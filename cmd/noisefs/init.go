package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

func newInitCommand(g *globals) *cobra.Command {
	var profile string
	var noPassphrase bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a repository",
		Long: `Init makes an empty repository. It is protected by a passphrase (asked for on the
terminal, or taken from --passphrase-file or --passphrase-command), by a key
file (--key-file, generated if it is not there), or, with --no-passphrase, by
nothing: then whoever has the disk reads everything.

The profile says how often blocks are reused as randomizers: balanced (the
default), strict (slot A is always a new block) or thrifty (nearly never).`,
		Example: `  noisefs init
  noisefs init --repo /srv/drive --profile strict --passphrase-file /root/pass`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runInit(cmd.Context(), g, profile, noPassphrase)
		},
	}
	cmd.Flags().StringVar(&profile, "profile", config.ProfileBalanced,
		"balanced, strict or thrifty")
	cmd.Flags().BoolVar(&noPassphrase, "no-passphrase", false, "protect the repository by nothing")
	return cmd
}

func runInit(ctx context.Context, g *globals, profile string, noPassphrase bool) error {
	dir, err := g.repository()
	if err != nil {
		return err
	}
	if profile != config.ProfileBalanced && profile != config.ProfileStrict &&
		profile != config.ProfileThrifty {
		return usagef("there is no profile %q: take balanced, strict or thrifty", profile)
	}
	if err := vault.DisableCoreDumps(); err != nil {
		return err
	}
	// Before a passphrase is typed in vain.
	if err := repo.Check(dir); err == nil {
		return fmt.Errorf("%s: %w", dir, repo.ErrExists)
	}
	credentials, err := g.newCredentials(ctx, noPassphrase)
	if err != nil {
		return err
	}
	settings := map[string]string{"storage.profile": profile}
	if err := repo.Create(dir, credentials, vault.Options{}, settings); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if g.json {
		return printJSON(g.out, map[string]any{"repo": api.Text(dir), "profile": profile})
	}
	g.remark("made a repository in %s (profile %s)", dir, profile)
	if noPassphrase {
		g.remark("no passphrase protects it: whoever has the disk reads everything")
	} else {
		g.remark("without its passphrase or key file nothing in it can ever be read: keep it safe")
	}
	return nil
}

// newCredentials finds what a new vault, or a changed one, is to open by.
func (g *globals) newCredentials(
	ctx context.Context, noPassphrase bool,
) (vault.Credentials, error) {
	passphrase, found, err := g.givenPassphrase(ctx)
	if err != nil {
		return vault.Credentials{}, err
	}
	chosen := 0
	for _, given := range []bool{noPassphrase, found, g.keyFile != ""} {
		if given {
			chosen++
		}
	}
	switch {
	case chosen > 1:
		return vault.Credentials{}, usagef(
			"choose one: a passphrase, --key-file, or --no-passphrase")
	case noPassphrase:
		return vault.WithNothing(), nil
	case g.keyFile != "":
		return vault.WithKeyFile(g.keyFile), nil
	case found:
		return vault.WithPassphrase(passphrase), nil
	case !isTerminal(g.in):
		return vault.Credentials{}, fmt.Errorf("%w, or --no-passphrase", errNoPassphrase)
	}
	passphrase, err = vault.PromptNew(ctx, os.Stdin, g.err)
	return vault.WithPassphrase(passphrase), err
}
