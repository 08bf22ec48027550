package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/repo"
)

// shutdownWait is how long requests under way may take to end after the
// daemon was told to stop.
const shutdownWait = 20 * time.Second

func newDaemonCommand(g *globals) *cobra.Command {
	var metrics, profile string
	var network networkFlags
	var wanted mounting
	cmd := &cobra.Command{
		Use:   "daemon",
		Short: "Run the node as a service",
		Long: `Daemon keeps the repository open and serves the API on a unix socket; other
noisefs commands then go through it, any number at once. SIGTERM or SIGINT stops
it cleanly. A starting daemon waits up to 10 s for a command that has the
repository open. Logs go to standard error.

With --listen the node is one of many: new blocks are spread over the others,
blocks of theirs are held here, and files that are not here are read from them.
Each --bootstrap is the address of a node to join through, as 'noisefs net
addrs' prints it there. Flags that are always the same are better kept in the
configuration (network.listen and so on).`,
		Example: `  noisefs daemon --passphrase-file /run/secrets/noisefs --metrics 127.0.0.1:9300
  noisefs daemon --listen /ip4/0.0.0.0/tcp/4021 --storage 50GB \
      --bootstrap /ip4/192.0.2.7/tcp/4021/p2p/12D3KooW…`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if metrics != "" {
				g.options = append(g.options, "metrics.listen="+metrics)
			}
			g.options = append(g.options, network.options()...)
			return profiled(profile, func() error { return runDaemon(cmd.Context(), g, wanted) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&metrics, "metrics", "", "serve /metrics and /healthz on this address, as 127.0.0.1:9300")
	flags.StringVar(&profile, "cpu-profile", "", "write a CPU profile here")
	_ = flags.MarkHidden("cpu-profile") // it is there: defined in the line above
	flags.StringArrayVar(&wanted.dirs, "mount", nil,
		"mount the drive on this folder (see 'noisefs mount --help'); repeatable")
	flags.StringVar(&wanted.options, "mount-options", "", "as 'noisefs mount -o' takes them")
	flags.StringArrayVar(&network.listen, "listen", nil,
		"listen for other nodes on this multiaddr, TCP or QUIC; repeatable")
	flags.StringArrayVar(&network.bootstrap, "bootstrap", nil,
		"join through the node at this multiaddr; repeatable")
	flags.BoolVar(&network.mdns, "mdns", false, "find nodes on the local network")
	flags.BoolVar(&network.publicDHT, "public-dht", false,
		"look for addresses of members in the public DHT of IPFS, which tells it of this node")
	flags.StringVar(&network.psk, "psk", "",
		"be in the private network of the secret in this file (see 'noisefs net psk new')")
	flags.StringVar(&network.storage, "storage", "", "what to hold for others at most, as 50GB")
	flags.StringVar(&network.up, "limit-up", "", "what to send to others at most, as 10MB/s")
	flags.StringVar(&network.down, "limit-down", "", "what to take from others at most, as 10MB/s")
	flags.StringVar(&network.domain, "failure-domain", "",
		"what this node fails together with: a house, a rack, a provider")
	return cmd
}

// profiled does something, and writes what it spent CPU time on to a file; ""
// writes nothing.
func profiled(path string, do func() error) (err error) {
	if path == "" {
		return do()
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return do()
}

// runDaemon runs a node until it is told to stop, with the drive mounted where
// it is wanted.
func runDaemon(ctx context.Context, g *globals, wanted mounting) (err error) {
	dir, err := g.repository()
	if err != nil {
		return err
	}
	if err := repo.Check(dir); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	cfg, err := g.loadConfig(dir)
	if err != nil {
		return err
	}
	log := newLog(g.err, cfg.Log)
	opened, err := g.openRepo(ctx, dir, repo.Options{
		Who: daemonName, Wait: cfg.Daemon.LockWait, Config: cfg, Log: log,
		Join: joinNetwork(dir, cfg, log),
	})
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	stopMetrics, err := serveMetrics(cfg.Metrics, opened, log)
	if err != nil {
		return err
	}
	defer stopMetrics()
	mounts := newMounts(opened, dir, log)
	defer func() { err = errors.Join(err, mounts.close()) }()
	over, err := mounts.addAll(wanted)
	if err != nil {
		return err
	}
	return serveAPI(ctx, dir, cfg, opened, mounts, over, log)
}

// serveAPI serves until ctx ends, over is closed, or the node fails.
func serveAPI(
	ctx context.Context, dir string, cfg *config.Config, opened *repo.Repo,
	mounts *mounts, over <-chan struct{}, log *slog.Logger,
) error {
	socket, err := socketPath(dir, cfg)
	if err != nil {
		return err
	}
	listener, err := api.Listen(socket)
	if err != nil {
		return err
	}
	server := api.NewServer(opened, api.Options{
		ConnectionsMax: cfg.API.ConnectionsMax, RequestBytesMax: cfg.API.RequestBytesMax,
		HandlesMax: cfg.API.HandlesMax, HandleIdleMax: cfg.API.HandleIdleMax, Log: log,
		Mount: mounts.add,
	})
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Info("Daemon is ready", "process", os.Getpid())
	var failure error
	select {
	case failure = <-served:
	case <-opened.Done():
		failure = opened.Err()
	case <-over:
	case <-ctx.Done():
		log.Info("Daemon is stopping")
	}
	stopping, cancel := context.WithTimeout(context.Background(), shutdownWait)
	defer cancel()
	return errors.Join(failure, server.Shutdown(stopping))
}

// healthTimeout is how long the node may take to say that it is well.
const healthTimeout = 5 * time.Second

// serveMetrics serves /metrics and /healthz when it is asked for.
func serveMetrics(
	cfg config.Metrics, opened *repo.Repo, log *slog.Logger,
) (stop func(), err error) {
	if cfg.Listen == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
		defer cancel()
		if _, err := opened.Counters(ctx); err != nil {
			http.Error(w, "the node does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		opened.WriteMetrics(r.Context(), w)
	})
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go func() { _ = server.Serve(listener) }()
	log.Info("Metrics are served", "address", listener.Addr().String())
	return func() { _ = server.Close() }, nil
}
