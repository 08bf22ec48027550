package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// looseSecretName is the file, in the repository, that 'noisefs net join' once
// left the secret of a private network in, readable for whoever has the disk.
const looseSecretName = "network.psk"

// errOtherNetwork reports two secrets where there can be one.
var errOtherNetwork = fmt.Errorf("%w: the vault has the secret of another private network "+
	"('noisefs net psk forget' removes it)", errUsage)

// networkSecret finds the secret of the private network that a node is in: that
// in the vault, or in the file named in the settings. nil: it is in an open
// one. A file that net join once made is moved into the vault.
func networkSecret(
	dir string, identity repo.Identity, settings *config.Config, log *slog.Logger,
) (*cluster.NetworkSecret, error) {
	secret, file := identity.Network, settings.Network.PSKFile
	if file != "" {
		given, err := readSecret(file)
		if err != nil {
			return nil, err
		}
		if secret != nil && *secret != *given {
			return nil, errOtherNetwork
		}
		secret = given
	}
	loose := filepath.Join(dir, looseSecretName)
	if !joinedByFile(settings) || !oneFile(file, loose) {
		return secret, nil
	}
	// In the vault BEFORE it is nowhere else.
	if err := identity.KeepNetwork(secret); err != nil {
		return nil, err
	}
	if err := config.Set(filepath.Join(dir, config.FileName), pskFileKey, ""); err != nil {
		return nil, fmt.Errorf("move the network's secret into the vault: %w", err)
	}
	if err := os.Remove(loose); err != nil {
		return nil, fmt.Errorf("move the network's secret into the vault: %w", err)
	}
	log.Info("The secret of the private network was moved into the vault")
	return secret, nil
}

// pskFileKey is the setting that names the file of a secret.
const pskFileKey = "network.psk_file"

// joinedByFile reports whether the configuration file, which net join writes,
// names the file of a secret: what a flag or the environment names is the
// user's.
func joinedByFile(settings *config.Config) bool {
	return slices.ContainsFunc(settings.Show(), func(s config.Setting) bool {
		return s.Key == pskFileKey && strings.HasPrefix(s.Origin, config.FileName)
	})
}

// oneFile reports whether two names are those of one file that is there.
func oneFile(a, b string) bool {
	first, errFirst := os.Stat(a)
	second, errSecond := os.Stat(b)
	return errFirst == nil && errSecond == nil && os.SameFile(first, second)
}

// openVault opens the vault of a repository alone, with what the user gives.
func (g *globals) openVault(ctx context.Context, dir string) (*vault.Vault, error) {
	mode, err := vault.ModeOf(dir)
	if err != nil {
		return nil, err
	}
	credentials, err := g.credentials(ctx, mode)
	if err != nil {
		return nil, err
	}
	return vault.Open(dir, credentials)
}

// importSecret seals the secret in a file in the vault.
func (g *globals) importSecret(ctx context.Context, file string) error {
	dir, err := g.existingRepository()
	if err != nil {
		return err
	}
	secret, err := readSecret(file)
	if err != nil {
		return err
	}
	defer clear(secret[:])
	return g.keepSecret(ctx, dir, secret)
}

// keepSecret seals a secret in the vault, unless that has another one.
func (g *globals) keepSecret(ctx context.Context, dir string, secret *cluster.NetworkSecret) error {
	opened, err := g.openVault(ctx, dir)
	if err != nil {
		return err
	}
	defer opened.Close()
	known, err := opened.Network(dir)
	switch {
	case err != nil:
		return err
	case known == nil:
		return opened.KeepNetwork(dir, secret)
	case *known != *secret:
		return errOtherNetwork
	}
	return nil
}

// joinSecret takes in the secret of an invitation; nil: the network is open.
// file is where the settings have a secret, or "".
func (g *globals) joinSecret(
	ctx context.Context, dir, file string, secret *cluster.NetworkSecret,
) error {
	if file != "" {
		known, err := readSecret(file)
		if err != nil {
			return err
		}
		if secret == nil || *known != *secret {
			return usagef("the node is in another private network, by %s", file)
		}
		return nil
	}
	if secret != nil {
		return g.keepSecret(ctx, dir, secret)
	}
	if _, err := os.Stat(filepath.Join(dir, vault.NetworkName)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return usagef("the node is in a private network, and the invitation is to an open one " +
		"('noisefs net psk forget' leaves the first)")
}
