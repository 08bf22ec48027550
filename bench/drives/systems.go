package drives

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// mountWait is how long a mount may take, and stopWait its end.
	mountWait = time.Minute
	stopWait  = 30 * time.Second
	// signalled is how gocryptfs ends when a signal was its reason, now and then.
	signalled = 15
	// poll is how often it is looked.
	poll = 20 * time.Millisecond
)

// kind is a file system that can be measured.
type kind struct {
	name    string
	missing func() string // why it is not here; "": it is
	start   func(ctx context.Context, o Options, dir string) (*system, error)
}

// system is a file system that is there.
type system struct {
	name string
	dir  string // where it is worked in
	stop func() error
}

var kinds = []kind{
	{Host, present, startHost},
	{Loopback, present, startLoopback},
	{Gocryptfs, noGocryptfs, startGocryptfs},
	{NoiseFS, present, startNoiseFS},
}

func present() string { return "" }

func noGocryptfs() string {
	if _, err := exec.LookPath("gocryptfs"); err != nil {
		return "it is not on the PATH (Debian: apt-get install gocryptfs)"
	}
	return ""
}

func startHost(_ context.Context, _ Options, dir string) (*system, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	return &system{name: Host, dir: dir, stop: func() error { return nil }}, nil
}

func startLoopback(ctx context.Context, o Options, dir string) (*system, error) {
	below, over, err := two(dir)
	if err != nil {
		return nil, err
	}
	return mounted(ctx, Loopback, over, exec.CommandContext(ctx,
		o.Executable, "bench", "mount-loopback", below, over))
}

func startGocryptfs(ctx context.Context, _ Options, dir string) (*system, error) {
	below, over, err := two(dir)
	if err != nil {
		return nil, err
	}
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("bench\n"), 0o600); err != nil {
		return nil, err
	}
	made := exec.CommandContext(ctx, "gocryptfs", "-init", "-q", "-scryptn", "10",
		"-passfile", password, below)
	if out, err := made.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: gocryptfs -init: %w: %s", ErrSystem, err, bytes.TrimSpace(out))
	}
	return mounted(ctx, Gocryptfs, over,
		exec.CommandContext(ctx, "gocryptfs", "-fg", "-q", "-passfile", password, below, over))
}

func startNoiseFS(ctx context.Context, o Options, dir string) (*system, error) {
	_, over, err := two(dir)
	if err != nil {
		return nil, err
	}
	repo := filepath.Join(dir, "repo")
	made := exec.CommandContext(ctx, o.Executable, "init", "--quiet", "--no-passphrase",
		"--repo", repo)
	if out, err := made.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: init: %w: %s", ErrSystem, err, bytes.TrimSpace(out))
	}
	return mounted(ctx, NoiseFS, over,
		exec.CommandContext(ctx, o.Executable, "daemon", "--repo", repo, "--mount", over))
}

// two makes the folder below a mount and the one that it is mounted on.
func two(dir string) (below, over string, err error) {
	below, over = filepath.Join(dir, "below"), filepath.Join(dir, "over")
	return below, over, errors.Join(os.MkdirAll(below, 0o755), os.MkdirAll(over, 0o755))
}

// mounted runs what serves a mount, in the foreground, and waits for it.
func mounted(ctx context.Context, name, over string, serve *exec.Cmd) (*system, error) {
	var said bytes.Buffer
	serve.Stdout, serve.Stderr = &said, &said
	serve.Cancel = func() error { return serve.Process.Signal(syscall.SIGTERM) }
	serve.WaitDelay = stopWait
	if err := serve.Start(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSystem, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- serve.Wait() }()
	s := &system{name: name, dir: over, stop: func() error {
		_ = serve.Process.Signal(syscall.SIGTERM) // at worst it has ended
		select {
		case err := <-ended:
			var exit *exec.ExitError
			told := errors.As(err, &exit) && exit.ExitCode() == signalled
			if err != nil && !told && ctx.Err() == nil {
				return fmt.Errorf("%w: %s: %w: %s", ErrSystem, name, err, tail(said.String()))
			}
			return nil
		case <-time.After(stopWait):
			return errors.Join(fmt.Errorf("%w: %s does not end", ErrSystem, name),
				serve.Process.Kill(), unix.Unmount(over, unix.MNT_DETACH))
		}
	}}
	for until := time.Now().Add(mountWait); ; time.Sleep(poll) {
		is, err := isMount(over)
		select {
		case failed := <-ended:
			return nil, fmt.Errorf("%w: %w: %s", ErrSystem, failed, tail(said.String()))
		default:
		}
		switch {
		case is:
			return s, nil
		case err != nil || time.Now().After(until) || ctx.Err() != nil:
			return nil, errors.Join(
				fmt.Errorf("%w: %s is not mounted", ErrSystem, name), err, s.stop())
		}
	}
}

// isMount reports whether another file system begins at a folder.
func isMount(dir string) (bool, error) {
	var here, above unix.Stat_t
	err := errors.Join(unix.Stat(dir, &here), unix.Stat(filepath.Dir(dir), &above))
	return here.Dev != above.Dev, err
}

// tail is the end of what a process said.
func tail(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}
