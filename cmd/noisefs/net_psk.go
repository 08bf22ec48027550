package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/vault"
)

// newNetPSKCommand makes the commands for the secret of a private network.
func newNetPSKCommand(g *globals) *cobra.Command {
	made := &cobra.Command{
		Use: "new FILE", Short: "Make the secret of a private network",
		Long: `New writes a fresh random secret to FILE, which must not exist yet. Give the file
to every node of the network, and start each with --psk FILE: nodes without it
get no connection. Whoever has the file is in; there is no taking it back but a
new secret. Such a network is over TCP alone.`,
		Example: `  noisefs net psk new ~/net.psk
  noisefs daemon --listen /ip4/0.0.0.0/tcp/4021 --psk ~/net.psk`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := writeNewSecret(args[0]); err != nil {
				return fmt.Errorf("net psk new: %w", err)
			}
			if g.json {
				return printJSON(g.out, map[string]api.Text{"file": api.Text(args[0])})
			}
			g.remark("wrote the secret of a network to %s", args[0])
			return nil
		},
	}
	imported := &cobra.Command{
		Use: "import FILE", Short: "Seal the secret of a private network in the vault",
		Long: `Import reads the secret from FILE and seals it in the vault of the repository: the
daemon is in that network from its next start on, without --psk. FILE is not
needed any more. The passphrase is asked for, since the vault is opened.`,
		Example: `  noisefs net psk import ~/net.psk && rm ~/net.psk`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := g.importSecret(cmd.Context(), args[0]); err != nil {
				return fmt.Errorf("net psk import: %w", err)
			}
			if g.json {
				return printJSON(g.out, map[string]bool{"secret": true})
			}
			g.remark("the secret is in the vault; the daemon uses it when it starts next")
			return nil
		},
	}
	forget := &cobra.Command{
		Use: "forget", Short: "Remove the secret of a private network from the vault",
		Long: `Forget leaves a private network: from its next start on the daemon is in an open one,
or in that of --psk.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := g.existingRepository()
			if err != nil {
				return err
			}
			if err := vault.ForgetNetwork(dir); err != nil {
				return fmt.Errorf("net psk forget: %w", err)
			}
			if g.json {
				return printJSON(g.out, map[string]bool{"secret": false})
			}
			g.remark("the vault has no secret of a private network; " +
				"a daemon that runs stays in it until it is started again")
			return nil
		},
	}
	return group("psk", "The secret of a private network", made, imported, forget)
}

// writeNewSecret writes a fresh secret to a new file.
func writeNewSecret(name string) error {
	var secret cluster.NetworkSecret
	defer clear(secret[:])
	_, _ = rand.Read(secret[:]) // never fails
	return writeSecret(name, cluster.FormatSecret(&secret))
}

// writeSecret writes a new file that only its owner can read.
func writeSecret(name string, content []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// readSecret reads the file of a network's secret.
func readSecret(name string) (*cluster.NetworkSecret, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, cluster.SecretFileBytesMax+1))
	if err != nil {
		return nil, err
	}
	defer clear(data)
	secret, err := cluster.ParseSecret(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return secret, nil
}
