package repo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/index"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/vault"
)

// Create makes a repository in dir, which must be absent or empty, with
// settings written to its configuration. The last thing written is
// repo.json: without it there is no repository.
func Create(
	dir string, credentials vault.Credentials, cost vault.Options, settings map[string]string,
) error {
	if err := prepareDir(dir); err != nil {
		return err
	}
	if err := fill(dir, credentials, cost, settings); err != nil {
		return errors.Join(err, empty(dir)) // so that the next try finds no half of one
	}
	return nil
}

// fill makes everything in an empty folder.
func fill(
	dir string, credentials vault.Credentials, cost vault.Options, settings map[string]string,
) error {
	v, err := vault.Create(dir, credentials, cost)
	if err != nil {
		return err
	}
	defer v.Close()
	e := &engines{dir: dir, log: slog.New(slog.DiscardHandler), create: true}
	if err := e.open(v, config.Default()); err != nil {
		return errors.Join(err, e.close())
	}
	if err := e.close(); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if err := config.Set(filepath.Join(dir, config.FileName), key, settings[key]); err != nil {
			return fmt.Errorf("repo: %w", err)
		}
	}
	return writeHeader(dir)
}

// Check returns an error unless dir has a repository that this program can
// read. It opens nothing.
func Check(dir string) error {
	_, err := readHeader(dir)
	return err
}

// Options say how a repository is opened.
type Options struct {
	// Who tells other processes, in words, what this one is.
	Who string
	// Wait is how long to wait for a process that has the repository open.
	Wait time.Duration
	// Credentials is asked for what opens the vault, after the lock was
	// taken: nobody types a passphrase in vain.
	Credentials func(context.Context, vault.Mode) (vault.Credentials, error)
	Config      *config.Config // nil: defaults
	Log         *slog.Logger   // nil: nothing is logged
	// Join, if set, connects the node with others. nil: the node is alone.
	Join func(identity Identity, settings *config.Config) (Network, error)
	// WrapDisk, if set, puts something between the block engine and its
	// disk: a counter, or faults in a test.
	WrapDisk func(port.Disk) port.Disk
}

// Identity is what the vault knows of who a node is among others. It is good
// until Join returns.
type Identity struct {
	Seed messages.Secret // of its key (Ed25519)
	// Network is the secret of the private network that it is in; nil: none.
	Network *messages.Secret
	// KeepNetwork seals another one in the vault. It is durable when it returns.
	KeepNetwork func(*messages.Secret) error
}

// Network is how an open repository is connected with others.
type Network interface {
	port.Wire
	node.Edge
	// Seeds are the nodes through which this one joins.
	Seeds() []messages.NodeID
	// Close ends it. The node has stopped by then.
	Close() error
}

// Repo is an open repository with a node over it.
type Repo struct {
	*node.Local
	lock    *lock
	engines *engines
	damage  damage
	ports   *host.Ports
	network Network // nil: the node is alone
	metrics *metrics.Set
}

// Open locks the repository in dir and starts a node over it. Errors wrap
// ErrNoRepository, ErrNewer, ErrBroken, ErrIndex, ErrLocked, and those of the vault and
// the engines.
func Open(ctx context.Context, dir string, options Options) (*Repo, error) {
	if err := Check(dir); err != nil {
		return nil, err
	}
	if options.Config == nil {
		options.Config = config.Default()
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	held, err := takeLock(ctx, dir, options.Who, options.Wait)
	if err != nil {
		return nil, err
	}
	r, err := openLocked(ctx, dir, options)
	if err != nil {
		return nil, errors.Join(err, held.release())
	}
	r.lock = held
	return r, nil
}

func openLocked(ctx context.Context, dir string, options Options) (*Repo, error) {
	mode, err := vault.ModeOf(dir)
	if err != nil {
		return nil, err
	}
	credentials, err := options.Credentials(ctx, mode)
	if err != nil {
		return nil, err
	}
	v, err := vault.Open(dir, credentials)
	if err != nil {
		return nil, err
	}
	defer v.Close() // the engines keep what they derived, and nothing else is needed
	e := &engines{dir: dir, log: options.Log, wrapDisk: options.WrapDisk}
	if err := e.open(v, options.Config); err != nil {
		return nil, errors.Join(err, e.close())
	}
	network, err := join(dir, v, options)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	r, err := startNode(e, network, options)
	if err != nil {
		return nil, errors.Join(err, leave(network), e.close())
	}
	return r, nil
}

// join connects with others, if that is wanted.
func join(dir string, v *vault.Vault, options Options) (Network, error) {
	if options.Join == nil {
		return nil, nil
	}
	identity := Identity{Seed: v.Derive(vault.PurposeIdentity)}
	defer clear(identity.Seed[:])
	var err error
	if identity.Network, err = v.Network(dir); err != nil {
		return nil, err
	}
	if identity.Network != nil {
		defer clear(identity.Network[:])
	}
	identity.KeepNetwork = func(secret *messages.Secret) error { return v.KeepNetwork(dir, secret) }
	return options.Join(identity, options.Config)
}

func leave(network Network) error {
	if network == nil {
		return nil
	}
	return network.Close()
}

// configure makes the configuration of the actors.
func configure(e *engines, network Network, settings *config.Config) (node.Config, error) {
	c := node.FromSettings(settings)
	if network != nil {
		return c.OneOfMany(settings, network.Seeds(), network), nil
	}
	// It may have been one of many before, and have blocks of others.
	kept, _, err := e.index.Scan(port.TableKept, nil, nil, 1)
	if err != nil {
		return c, fmt.Errorf("repo: index: %w", err)
	}
	if len(kept) > 0 {
		c = c.KeepForeign()
	}
	return c, nil
}

func startNode(e *engines, network Network, options Options) (*Repo, error) {
	set := metrics.NewSet()
	actors, err := configure(e, network, options.Config)
	if err != nil {
		return nil, err
	}
	var wire port.Wire
	if network != nil {
		wire = network
	}
	workers := options.Config.Workers
	ports := host.New(host.Config{
		Blocks: newMeteredBlocks(e.blocks, set), Index: e.index, Wire: wire,
		Workers: workers.CPU, BlockWrites: workers.BlockWrites, BlockReads: workers.BlockReads,
		Log: options.Log,
	})
	system := shell.NewSystem(shell.Options{
		Now: time.Now, Elapsed: host.NewElapsed(), Log: options.Log,
	})
	local, err := node.Start(system, "node", actors, ports, e.index)
	if err != nil {
		ports.Stop()
		return nil, err
	}
	return &Repo{
		Local: local, engines: e, damage: damage{dir: e.dir, log: options.Log},
		ports: ports, network: network, metrics: set,
	}, nil
}

// Close stops the node, closes what it stood on, and gives up the lock.
func (r *Repo) Close() error {
	err := r.Local.Close()
	r.ports.Stop()
	return errors.Join(err, leave(r.network), r.engines.close(), r.lock.release())
}

// engines are what lies on disk.
type engines struct {
	dir      string
	log      *slog.Logger
	wrapDisk func(port.Disk) port.Disk
	create   bool // the index does not exist yet
	disk     *host.Disk
	blocks   *blockstore.Engine
	index    *index.Index
}

func (e *engines) open(v *vault.Vault, cfg *config.Config) (err error) {
	blocksDir := filepath.Join(e.dir, blocksName)
	if e.create {
		if err := os.Mkdir(blocksDir, 0o700); err != nil {
			return fmt.Errorf("repo: %w", err)
		}
	}
	if e.disk, err = host.OpenDisk(blocksDir); err != nil {
		return fmt.Errorf("repo: blocks: %w", err)
	}
	var disk port.Disk = e.disk
	if e.wrapDisk != nil {
		disk = e.wrapDisk(disk)
	}
	e.blocks, err = blockstore.Open(disk, blockstore.Options{
		SegmentBytes: cfg.Storage.SegmentBytes, Reserve: cfg.Storage.ReserveBytes, Log: e.log,
		MustExist: !e.create,
	})
	if err != nil {
		return fmt.Errorf("repo: blocks: %w", err)
	}
	keys := index.Keys{
		Names:  v.Derive(vault.PurposeIndexNames),
		Values: v.Derive(vault.PurposeIndexValues),
	}
	openIndex := index.Open
	if e.create {
		openIndex = index.Create
	}
	e.index, err = openIndex(filepath.Join(e.dir, indexName), keys, index.Options{
		Logger: e.log, CacheBytes: cfg.Index.CacheBytes, MemtableBytes: cfg.Index.MemtableBytes,
	})
	if errors.Is(err, port.ErrIndexCorrupt) {
		return fmt.Errorf("%w: %w", ErrIndex, err)
	}
	if err != nil {
		return fmt.Errorf("repo: index: %w", err)
	}
	return nil
}

func (e *engines) close() error {
	var failures []error
	if e.index != nil {
		failures = append(failures, e.index.Close())
	}
	if e.blocks != nil {
		failures = append(failures, e.blocks.Close())
	}
	if e.disk != nil {
		failures = append(failures, e.disk.Close())
	}
	return errors.Join(failures...)
}
