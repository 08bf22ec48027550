package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
)

const (
	// inviteExpires is for how long an invitation is good unless it is said.
	inviteExpires = 24 * time.Hour
	// joinPort is where the node of the usual repository listens that joins and
	// listened nowhere. Others of this machine have one of the next joinPorts.
	joinPort, joinPorts = 4021, 900
	// joinTries is how many ports are tried in a row.
	joinTries = 16
)

func newNetInviteCommand(g *globals) *cobra.Command {
	expires, drawn := inviteExpires, false
	cmd := &cobra.Command{
		Use: "invite", Short: "Print a text by which another node joins the running one's network",
		Long: `Invite prints one line for 'noisefs net join' on another machine: the addresses of
this node and, of a private network, its secret. Send it as you would a password:
whoever has the line of a private network is in. After the time in --expires,
net join refuses it; that is a guard against old messages, not against somebody
who takes the secret out of it.

On a terminal that is wide enough the line is drawn as a QR code, too; --qr draws
it in any case, and --qr=false never does.`,
		Example: "  noisefs net invite --expires 1h",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if expires < time.Second {
				return usagef("--expires is %s, want a second or more", expires)
			}
			return g.withOthers(cmd.Context(), func(client node.Client) error {
				text, err := client.Invite(cmd.Context(), time.Now().Add(expires))
				if err != nil {
					return fmt.Errorf("net invite: %w", err)
				}
				if g.json {
					return printJSON(g.out, map[string]string{"invite": text})
				}
				if _, err = fmt.Fprintln(g.out, text); err != nil {
					return err
				}
				if asked := cmd.Flags().Changed("qr"); asked && !drawn || !asked && !isTerminal(g.out) {
					return nil
				}
				if err := printQR(g.out, text, columns(g.out)); err != nil {
					if drawn {
						return err
					}
					g.remark("%v", err)
				}
				return nil
			})
		},
	}
	cmd.Flags().DurationVar(&expires, "expires", expires, "for how long it is good")
	cmd.Flags().BoolVar(&drawn, "qr", false, "draw it as a QR code (default: on a terminal)")
	return cmd
}

func newNetJoinCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "join INVITE|@FILE|-", Short: "Join the network that an invitation is of",
		Long: `Join writes what an invitation says into the configuration of the repository: the
addresses to network.bootstrap, and, if the node listened nowhere, a port that is
free to network.listen: 4021, or for a repository in another place than ~/.noisefs
one of its own from 4022 to 4936. The secret of a private network is sealed in the
vault, so that the passphrase is asked for. The daemon joins when it starts next.

The invitation may be given as @FILE or as - (standard input), which keeps it
out of the process list and shell history.`,
		Example: `  noisefs net join -
  noisefs daemon`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := runJoin(cmd.Context(), g, args[0]); err != nil {
				return fmt.Errorf("net join: %w", err)
			}
			return nil
		},
	}
}

func runJoin(ctx context.Context, g *globals, arg string) error {
	text := arg
	if arg == "-" || strings.HasPrefix(arg, "@") {
		given, _, err := g.linkText(ctx, arg)
		if err != nil {
			return err
		}
		text = given
	}
	invite, err := cluster.ParseInvite(text, time.Now())
	if err != nil {
		return err
	}
	dir, err := g.existingRepository()
	if err != nil {
		return err
	}
	cfg, err := g.loadConfig(dir)
	if err != nil {
		return err
	}
	if err := g.refuseOwnInvite(ctx, dir, invite); err != nil {
		return err
	}
	if err := g.joinSecret(ctx, dir, cfg.Network.PSKFile, invite.Secret); err != nil {
		return err
	}
	bootstrap := strings.Fields(cfg.Network.Bootstrap)
	for _, address := range invite.Addresses {
		if !slices.Contains(bootstrap, address) {
			bootstrap = append(bootstrap, address)
		}
	}
	settings := [][2]string{{"network.bootstrap", strings.Join(bootstrap, " ")}}
	listen := cfg.Network.Listen
	if listen == "" { // first: nobody joins without
		listen = freeListen(dir)
		settings = append([][2]string{{"network.listen", listen}}, settings...)
	}
	for _, setting := range settings {
		err := config.Set(filepath.Join(dir, config.FileName), setting[0], setting[1])
		if err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
	}
	if cfg.Network.Listen == "" {
		g.remark("the node will listen on %s", listen)
	}
	return g.printJoined(ctx, dir, "joins", joined{Listen: listen, Bootstrap: bootstrap})
}

// freeListen returns where the node of a repository may listen: on a port that
// nobody has. One that joined, and whose daemon did not start yet, has none, so
// repositories in other places than the usual one begin at another port each,
// which their path tells.
func freeListen(dir string) string {
	first := firstPort(dir)
	for port := first; port < first+joinTries; port++ {
		listener, err := net.Listen("tcp4", fmt.Sprintf(":%d", port))
		if err == nil {
			_ = listener.Close()
			return joinAddress(port)
		}
	}
	return joinAddress(first)
}

func firstPort(dir string) int {
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	if usual, err := usualRepository(); err == nil && dir == usual {
		return joinPort
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(dir)) // never fails
	return joinPort + 1 + int(sum.Sum32()%joinPorts)
}

func joinAddress(port int) string { return fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", port) }

// refuseOwnInvite refuses an invitation that the repository's own node made. Only
// a daemon that runs can tell without the passphrase, and without one nobody
// made an invitation lately.
func (g *globals) refuseOwnInvite(
	ctx context.Context, dir string, invite cluster.Invite,
) error {
	client, err := g.dialDaemon(ctx, dir)
	if err != nil || client == nil {
		return err
	}
	defer client.Close()
	status, err := client.Network(ctx)
	if errors.Is(err, errUnavailable) {
		return nil // it has made none
	}
	if err != nil {
		return err
	}
	for _, address := range invite.Addresses {
		if strings.HasSuffix(address, "/p2p/"+status.ID.String()) {
			return usagef("the invitation is of this node itself: it is for other machines")
		}
	}
	return nil
}
