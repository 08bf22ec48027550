package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/fuse"
	"github.com/noisefs/noisefs/runtime/api"
)

func newMountCommand(g *globals) *cobra.Command {
	var options []string
	var readOnly, allowOther bool
	var readTimeout time.Duration
	cmd := &cobra.Command{
		Use:   "mount DIR",
		Short: "Show the drive as a folder",
		Long: `Mount shows the drive on a folder, which must be empty. Changes made by the
other commands show at once. What is written to a file is stored when the file is
closed, or by fsync. Of several folders one can be writable; the others take
--read-only.

The running daemon serves it, until it stops or the drive is unmounted. Without
a daemon this command is one, in the foreground, and ends when the drive is
unmounted ('noisefs umount DIR') or on SIGTERM. See docs/mount.md.

Options of -o: ro, rw, allow_other, nonempty, read_timeout=30s, and of the kernel
nodev, nosuid and noexec.`,
		Example: `  noisefs mount ~/drive
  noisefs mount ~/drive -o noexec --read-timeout 5s`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if allowOther {
				options = append(options, "allow_other")
			}
			if readOnly {
				options = append(options, "ro")
			}
			if readTimeout != 0 {
				options = append(options, "read_timeout="+readTimeout.String())
			}
			return runMount(cmd.Context(), g, args[0], strings.Join(options, ","))
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&options, "mount-option", "o", nil, "mount options, separated by commas")
	flags.BoolVar(&readOnly, "read-only", false, "refuse changes")
	flags.BoolVar(&allowOther, "allow-other", false, "let other users in, as permissions say")
	flags.DurationVar(&readTimeout, "read-timeout", 0,
		"how long a read may wait for the network before it fails (default 30s)")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		return new(fuse.Options).Parse(strings.Join(options, ","))
	}
	return cmd
}

func runMount(ctx context.Context, g *globals, folder, options string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	dir, err := g.repository()
	if err != nil {
		return err
	}
	cfg, err := g.loadConfig(dir)
	if err != nil {
		return err
	}
	socket, err := socketPath(dir, cfg)
	if err != nil {
		return err
	}
	daemon, err := api.Dial(ctx, socket)
	if errors.Is(err, api.ErrNoDaemon) {
		return runDaemon(ctx, g, mounting{dirs: []string{folder}, options: options, only: true})
	}
	if err != nil {
		return err
	}
	return errors.Join(daemon.Mount(ctx, folder, options), daemon.Close())
}

func newUmountCommand(*globals) *cobra.Command {
	return &cobra.Command{
		Use:     "umount DIR",
		Aliases: []string{"unmount"},
		Short:   "Take the drive away from a folder",
		Long: `Umount takes the mounted drive away from a folder, whoever serves it. It fails
while files of it are open. A mount whose daemon was killed is taken away too.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return fuse.Unmount(args[0]) },
	}
}

// mounting is where a daemon is to mount the drive from its start.
type mounting struct {
	dirs    []string
	options string // as mount(8) has them
	only    bool   // the daemon is only for them and ends when none is left
}

// mounts are the folders that the drive is mounted on.
type mounts struct {
	client fuse.Client
	repo   string // the repository's folder
	log    *slog.Logger

	mu      sync.Mutex
	mounted map[*fuse.Mount]bool
	waiting sync.WaitGroup // for the ends of all that were mounted
}

func newMounts(client fuse.Client, repo string, log *slog.Logger) *mounts {
	return &mounts{
		client: client, repo: repo, log: log, mounted: make(map[*fuse.Mount]bool),
	}
}

// addAll mounts what is wanted. over is closed when none of it is mounted any
// more and the daemon is only for that.
func (m *mounts) addAll(wanted mounting) (over <-chan struct{}, err error) {
	for _, dir := range wanted.dirs {
		if err := m.add(dir, wanted.options); err != nil {
			return nil, err
		}
	}
	if !wanted.only {
		return nil, nil
	}
	ended := make(chan struct{})
	go func() {
		m.waiting.Wait()
		close(ended)
	}()
	return ended, nil
}

// add mounts the drive on one more folder.
func (m *mounts) add(dir, list string) error {
	options := fuse.Options{Log: m.log}
	if err := options.Parse(list); err != nil {
		return err
	}
	if err := m.apart(dir); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for other := range m.mounted {
		if !options.ReadOnly && other.Writable() {
			return fmt.Errorf("%w: the drive can be changed through %s already, and one "+
				"folder alone can be writable; mount this one with --read-only",
				fuse.ErrMountPoint, other.Dir())
		}
	}
	mount, err := fuse.New(m.client, dir, options)
	if err != nil {
		return err
	}
	m.mounted[mount] = true
	m.waiting.Go(func() {
		mount.Wait()
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.mounted, mount)
		m.log.Info("Drive is unmounted")
	})
	m.log.Info("Drive is mounted")
	return nil
}

// apart refuses to hide the repository under the mount that needs it.
func (m *mounts) apart(dir string) error {
	folder, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	repo, err := filepath.Abs(m.repo)
	if err != nil {
		return err
	}
	below, err := filepath.Rel(folder, repo)
	if err == nil && below != ".." && !strings.HasPrefix(below, "../") {
		return fmt.Errorf("%w: the repository is inside %s", fuse.ErrMountPoint, folder)
	}
	return nil
}

// close takes all mounts away.
func (m *mounts) close() error {
	m.mu.Lock()
	all := make([]*fuse.Mount, 0, len(m.mounted))
	for mount := range m.mounted {
		all = append(all, mount)
	}
	m.mu.Unlock()
	var failed error
	for _, mount := range all {
		failed = errors.Join(failed, mount.Unmount())
	}
	return failed
}
