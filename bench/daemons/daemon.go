package daemons

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
)

// Errors of this package.
var (
	ErrDaemon = errors.New("daemons: a daemon failed")
	ErrWrong  = errors.New("daemons: what was read is not what was stored")
)

const (
	// patience bounds every wait for a network to settle.
	patience = 2 * time.Minute
	// poll is how often it is looked whether it has.
	poll = 100 * time.Millisecond
	// stopWait is how long a daemon has to end that was told to.
	stopWait = 30 * time.Second
	// saidMax bounds what is kept of a daemon's log, in bytes.
	saidMax = 64 << 10
)

// quickly makes a network settle in seconds.
var quickly = []string{
	"-O", "network.disperse_delay=500ms", "-O", "network.probe_interval=300ms",
}

// daemon is a running daemon.
type daemon struct {
	dir    string
	cmd    *exec.Cmd
	said   *said
	client *api.Client
	ended  chan struct{} // closed when it has
	// metricsAt is where it serves its metrics; "" as long as nobody has looked.
	metricsAt string
}

// start makes a repository in dir if there is none, and runs a daemon over it.
func start(ctx context.Context, executable, dir string, args ...string) (*daemon, error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		made := exec.CommandContext(ctx, executable, "init", "--quiet", "--no-passphrase", "--repo", dir)
		if out, err := made.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%w: init: %w: %s", ErrDaemon, err, bytes.TrimSpace(out))
		}
	}
	args = append([]string{"daemon", "--repo", dir, "--listen", "/ip4/127.0.0.1/tcp/0"}, args...)
	d := &daemon{
		dir: dir, cmd: exec.CommandContext(ctx, executable, args...), said: &said{},
		ended: make(chan struct{}),
	}
	d.cmd.Stderr = d.said
	d.cmd.Cancel = func() error { return d.cmd.Process.Signal(syscall.SIGTERM) }
	d.cmd.WaitDelay = stopWait
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDaemon, err)
	}
	go func() {
		_ = d.cmd.Wait() // stop tells how it ended
		close(d.ended)
	}()
	if err := d.dial(ctx); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

// dial waits until the daemon answers.
func (d *daemon) dial(ctx context.Context) error {
	socket, err := repo.SocketPath(d.dir)
	if err != nil {
		return err
	}
	return await(ctx, "a daemon answers", func() (bool, error) {
		select {
		case <-d.ended:
			return false, fmt.Errorf("%w: %s", ErrDaemon, d.said)
		default:
		}
		client, err := api.Dial(ctx, socket)
		if errors.Is(err, api.ErrNoDaemon) {
			return false, nil
		}
		d.client = client
		return err == nil, err
	})
}

// stop ends the daemon as SIGTERM does.
func (d *daemon) stop() error {
	if d.client != nil {
		_ = d.client.Close()
		d.client = nil
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-d.ended:
	case <-time.After(stopWait):
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
	if d.cmd.ProcessState.ExitCode() != 0 {
		return fmt.Errorf("%w: %s: %s", ErrDaemon, d.cmd.ProcessState, d.said)
	}
	return nil
}

// kill ends the daemon as a power cut does.
func (d *daemon) kill() {
	_ = d.client.Close()
	_ = d.cmd.Process.Kill()
	<-d.ended
}

// network asks the daemon how it does among others.
func (d *daemon) network(ctx context.Context) (node.NetworkStatus, error) {
	return d.client.Network(ctx)
}

// address is where others reach it.
func (d *daemon) address(ctx context.Context) (string, error) {
	status, err := d.network(ctx)
	if err != nil {
		return "", err
	}
	if len(status.Addresses) == 0 {
		return "", fmt.Errorf("%w: it has no address", ErrDaemon)
	}
	return status.Addresses[0], nil
}

// knows waits until the daemon knows of so many members or more, itself
// included.
func (d *daemon) knows(ctx context.Context, members int) error {
	return await(ctx, fmt.Sprintf("a daemon knows of %d members", members), func() (bool, error) {
		status, err := d.network(ctx)
		return status.Members >= members, err
	})
}

// finds waits until the daemon can have the first block of what a link names:
// members are told to the actors that fetch a moment after they are known.
func (d *daemon) finds(ctx context.Context, text string) error {
	link, err := format.ParseLink(text)
	if err != nil {
		return err
	}
	return await(ctx, "a daemon finds a block", func() (bool, error) {
		_, err := d.client.Stat(ctx, messages.Target{Link: &link})
		switch {
		case errors.Is(err, &messages.Error{Code: messages.CodeUnavailable}),
			errors.Is(err, &messages.Error{Code: messages.CodeNotFound}):
			return false, nil
		}
		return err == nil, err
	})
}

// await waits until something is so.
func await(ctx context.Context, what string, so func() (bool, error)) error {
	for end := time.Now().Add(patience); ; {
		done, err := so()
		if err != nil || done {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%w: waited in vain until %s", ErrDaemon, what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(poll):
		}
	}
}

// fleet is a network of daemons in the folders of one folder.
type fleet struct {
	dir, executable string
	args            []string // that each daemon is started with
	daemons         []*daemon
}

// add starts a daemon that joins through the first.
func (f *fleet) add(ctx context.Context, name string, args ...string) (*daemon, error) {
	args = append(args, f.args...)
	if len(f.daemons) > 0 {
		first, err := f.daemons[0].address(ctx)
		if err != nil {
			return nil, err
		}
		args = append(args, "--bootstrap", first)
	}
	d, err := start(ctx, f.executable, filepath.Join(f.dir, name), args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f.daemons = append(f.daemons, d)
	return d, nil
}

// close stops all.
func (f *fleet) close() error {
	var failures []error
	for _, d := range f.daemons {
		failures = append(failures, d.stop())
	}
	f.daemons = nil
	return errors.Join(failures...)
}

// said is the end of what a daemon logged.
type said struct {
	mu   sync.Mutex
	text []byte
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	if len(s.text) > saidMax {
		s.text = append([]byte(nil), s.text[len(s.text)-saidMax/2:]...)
	}
	return len(p), nil
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(string(s.text))
}
