package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
)

// networked connects a repository's node with others.
type networked struct{ *cluster.Host }

var _ repo.Network = networked{}

// joinNetwork returns what connects the node of the repository in dir, or nil
// when it is to be alone.
func joinNetwork(
	dir string, cfg *config.Config, log *slog.Logger,
) func(repo.Identity, *config.Config) (repo.Network, error) {
	if cfg.Network.Listen == "" {
		return nil
	}
	return func(identity repo.Identity, c *config.Config) (repo.Network, error) {
		secret, err := networkSecret(dir, identity, c, log)
		if err != nil {
			return nil, err
		}
		if secret != nil {
			defer clear(secret[:])
		}
		host, err := cluster.Start(cluster.Config{
			Seed: identity.Seed, Secret: secret, Listen: strings.Fields(c.Network.Listen),
			Bootstrap: strings.Fields(c.Network.Bootstrap), MDNS: c.Network.MDNS == "on",
			PublicDHT: c.Network.PublicDHT == "on",
			Bitswap:   c.Network.Bitswap == "on", Sources: strings.Fields(c.Network.IPFSPeers),
			Relayed: choice(c.Network.Relay), RelayOthers: choice(c.Network.RelayService),
			Bounds: cluster.Bounds{
				ConnectionsLow: c.Network.ConnectionsLow, ConnectionsHigh: c.Network.ConnectionsHigh,
				UpMax: c.Network.UpMax, DownMax: c.Network.DownMax,
				PeerUpMax: c.Network.PeerUpMax, PeerDownMax: c.Network.PeerDownMax,
				ReservationsMax: c.Network.RelayNodesMax,
				CircuitBytesMax: c.Network.RelayCircuitBytes,
			},
			Log: log,
		})
		if errors.Is(err, cluster.ErrPort) {
			return nil, fmt.Errorf("%w; choose another one by --listen or network.listen", err)
		}
		if err != nil {
			return nil, err
		}
		return networked{host}, nil
	}
}

// choice is what a setting says of what the node can find out by itself.
func choice(text string) cluster.Choice {
	switch text {
	case "on":
		return cluster.Always
	case "off":
		return cluster.Never
	default:
		return cluster.Auto
	}
}

// Invite implements [node.Edge].
func (n networked) Invite(expires time.Time) (string, error) {
	invite, err := n.Host.Invite(expires)
	if err != nil {
		return "", messages.Errorf(messages.CodeUnavailable, "%v", err)
	}
	return cluster.FormatInvite(invite), nil
}

// Connections implements [node.Edge].
func (n networked) Connections() []node.Connection {
	var all []node.Connection
	for _, peer := range n.Peers() {
		all = append(all, node.Connection(peer))
	}
	return all
}

// Traffic implements [node.Edge].
func (n networked) Traffic() node.Traffic {
	return node.Traffic(n.Host.Traffic())
}

// Connect implements [node.Edge].
func (n networked) Connect(ctx context.Context, address string) (messages.NodeID, error) {
	id, err := n.Host.Connect(ctx, address)
	switch {
	case err == nil:
		return id, nil
	case ctx.Err() != nil:
		return id, &messages.Error{Code: messages.CodeCanceled, Text: "interrupted", Err: ctx.Err()}
	case errors.Is(err, cluster.ErrAddress):
		return id, messages.Errorf(messages.CodeInvalid, "%v", err)
	}
	return id, messages.Errorf(messages.CodeUnavailable, "%s cannot be reached: %v", address, err)
}

// networkFlags are the settings of the network that the daemon has flags of
// its own for.
type networkFlags struct {
	listen, bootstrap []string
	mdns, publicDHT   bool
	storage, domain   string
	psk               string
	up, down          string
}

// options returns the flags as settings.
func (f *networkFlags) options() []string {
	var options []string
	set := func(key, value string) {
		if value != "" {
			options = append(options, fmt.Sprintf("%s=%s", key, value))
		}
	}
	set("network.listen", strings.Join(f.listen, " "))
	set("network.bootstrap", strings.Join(f.bootstrap, " "))
	set("network.storage_bytes", f.storage)
	set("network.failure_domain", f.domain)
	set("network.psk_file", f.psk)
	set("network.up_max", strings.TrimSuffix(f.up, "/s"))
	set("network.down_max", strings.TrimSuffix(f.down, "/s"))
	if f.publicDHT {
		set("network.public_dht", "on")
	}
	if f.mdns {
		set("network.mdns", "on")
	}
	return options
}
