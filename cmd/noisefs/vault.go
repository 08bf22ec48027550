package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// existingRepository returns the directory of a repository that is there.
func (g *globals) existingRepository() (string, error) {
	dir, err := g.repository()
	if err != nil {
		return "", err
	}
	if err := repo.Check(dir); err != nil {
		return "", fmt.Errorf("%s: %w", dir, err)
	}
	return dir, nil
}

func newVaultCommand(g *globals) *cobra.Command {
	var next newSecret
	passphrase := &cobra.Command{
		Use:   "passphrase",
		Short: "Change what opens the repository",
		Long: `Passphrase replaces the passphrase or key file, without touching data: the master
key is wrapped anew. The old one comes from where every command takes it
(--passphrase-file, --passphrase-command, --key-file, or a prompt), the new one
from the --new-… flags, or a prompt. A running daemon goes on undisturbed.`,
		Example: `  noisefs vault passphrase
  noisefs vault passphrase --passphrase-file old.txt --new-passphrase-file new.txt`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runVaultPassphrase(cmd.Context(), g, next)
		},
	}
	passphrase.Flags().StringVar(&next.passphraseFile, "new-passphrase-file", "",
		"read the new passphrase from a file")
	passphrase.Flags().StringVar(&next.passphraseCommand, "new-passphrase-command", "",
		"read the new passphrase from the output of a command")
	passphrase.Flags().StringVar(&next.keyFile, "new-key-file", "",
		"open by this key file from now on; made if it is not there")
	passphrase.Flags().BoolVar(&next.none, "no-passphrase", false,
		"from now on protect the repository by nothing")
	mode := &cobra.Command{
		Use: "mode", Short: "Tell what protects the repository", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := g.existingRepository()
			if err != nil {
				return err
			}
			mode, err := vault.ModeOf(dir)
			if err != nil {
				return err
			}
			if g.json {
				return printJSON(g.out, map[string]string{"mode": mode.String()})
			}
			_, err = fmt.Fprintln(g.out, mode)
			return err
		},
	}
	return group("vault", "Look after the keys", passphrase, mode)
}

// newSecret says what is to open the repository from now on.
type newSecret struct {
	passphraseFile, passphraseCommand, keyFile string
	none                                       bool
}

func runVaultPassphrase(ctx context.Context, g *globals, next newSecret) error {
	dir, err := g.existingRepository()
	if err != nil {
		return err
	}
	if err := vault.DisableCoreDumps(); err != nil {
		return err
	}
	mode, err := vault.ModeOf(dir)
	if err != nil {
		return err
	}
	old, err := g.credentials(ctx, mode)
	if err != nil {
		return err
	}
	// The same ways to name a secret, under other flags.
	asked := &globals{
		terminal: g.terminal, passphraseFile: next.passphraseFile,
		passphraseCommand: next.passphraseCommand, keyFile: next.keyFile,
	}
	replacement, err := asked.nextCredentials(ctx, next.none)
	if err != nil {
		return err
	}
	if err := vault.ChangePassphrase(dir, old, replacement, vault.Options{}); err != nil {
		return err
	}
	g.remark("changed; the old passphrase or key file opens nothing any more")
	return nil
}

// nextCredentials is newCredentials without the environment, which names the
// old passphrase.
func (g *globals) nextCredentials(ctx context.Context, none bool) (vault.Credentials, error) {
	if g.passphraseFile == "" && g.passphraseCommand == "" && g.keyFile == "" && !none {
		if !isTerminal(g.in) {
			return vault.Credentials{}, usagef("say what is to open the repository: " +
				"--new-passphrase-file, --new-passphrase-command, --new-key-file or --no-passphrase")
		}
		passphrase, err := vault.PromptNew(ctx, os.Stdin, g.err)
		return vault.WithPassphrase(passphrase), err
	}
	if none && g.passphraseFile == "" && g.passphraseCommand == "" && g.keyFile == "" {
		return vault.WithNothing(), nil
	}
	if g.keyFile != "" && g.passphraseFile == "" && g.passphraseCommand == "" && !none {
		return vault.WithKeyFile(g.keyFile), nil
	}
	return g.newCredentials(ctx, none)
}
