package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/vault"
)

func newNetLeaveCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "leave", Short: "Forget the network that was joined",
		Long: `Leave takes back what 'noisefs net join' wrote, but for the address to listen on: it
empties network.bootstrap in the configuration of the repository, and removes the
secret of a private network from the vault. The daemon is in no network when it
starts next, until others join it or it joins again. What others hold of this
drive they keep until their promises end, and what is held here for them stays.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := runLeave(cmd.Context(), g); err != nil {
				return fmt.Errorf("net leave: %w", err)
			}
			return nil
		},
	}
}

func runLeave(ctx context.Context, g *globals) error {
	dir, err := g.existingRepository()
	if err != nil {
		return err
	}
	cfg, err := g.loadConfig(dir)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, config.FileName)
	if cfg.Network.Bootstrap != "" {
		if err := config.Set(file, "network.bootstrap", ""); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
	}
	if err := vault.ForgetNetwork(dir); err != nil {
		return err
	}
	return g.printJoined(ctx, dir, "leaves", joined{Listen: cfg.Network.Listen, Bootstrap: []string{}})
}

// joined is what net join and net leave print as JSON.
type joined struct {
	Listen    string   `json:"listen"`
	Bootstrap []string `json:"bootstrap"`
	// Restart tells that a daemon runs, which follows when it is started again.
	Restart bool `json:"restart"`
}

// printJoined says what the settings are now, and what has the daemon follow them:
// what it does then, as in "it joins".
func (g *globals) printJoined(ctx context.Context, dir, does string, now joined) error {
	client, err := g.dialDaemon(ctx, dir)
	if err != nil {
		return err
	}
	if now.Restart = client != nil; now.Restart {
		defer client.Close()
	}
	switch {
	case g.json:
		return printJSON(g.out, now)
	case now.Restart:
		g.remark("the daemon that runs %s when you restart it", does)
	default:
		g.remark("the daemon %s when it starts next: noisefs daemon", does)
	}
	return nil
}

// dialDaemon returns a client of the daemon of a repository, nil if none runs.
func (g *globals) dialDaemon(ctx context.Context, dir string) (node.Client, error) {
	cfg, err := g.loadConfig(dir)
	if err != nil {
		return nil, err
	}
	socket, err := socketPath(dir, cfg)
	if err != nil {
		return nil, err
	}
	client, err := api.Dial(ctx, socket)
	if err != nil {
		if isAny(err, api.ErrNoDaemon) {
			return nil, nil
		}
		return nil, err
	}
	return client, nil
}
