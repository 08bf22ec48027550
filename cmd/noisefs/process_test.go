package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests. It is never reached unless
// something hangs, so its length says nothing about speed.
const patience = 2 * time.Minute

// outcome is what became of a command.
type outcome struct {
	out, err string
	code     int
}

// noisefs runs a command as a process of its own, with what is put to its
// standard input.
func noisefs(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "noisefs", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{out.String(), said.String(), cmd.ProcessState.ExitCode()}
}

// must runs a command that has to succeed and returns what it printed.
func must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	got := noisefs(t, stdin, args...)
	if got.code != exitOK {
		t.Fatalf("noisefs %q: exit code %d: %s", args, got.code, got.err)
	}
	return got.out
}

// mustFail runs a command that has to end with a code.
func mustFail(t *testing.T, code int, args ...string) outcome {
	t.Helper()
	got := noisefs(t, "", args...)
	if got.code != code {
		t.Fatalf("noisefs %q: got exit code %d, want %d: %s", args, got.code, code, got.err)
	}
	return got
}

// newRepository makes a repository and makes it the one that commands use.
func newRepository(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "repo")
	t.Setenv("NOISEFS_REPO", dir)
	must(t, "", "init", "--no-passphrase")
	return dir
}

// fastTempDir makes a folder in memory where the system has one, for tests
// that write much and gain nothing by a real disk.
func fastTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "noisefs-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// process is a command that goes on while the test does other things.
type process struct {
	*exec.Cmd
	t    *testing.T
	said *lockedBuffer
	out  *lockedBuffer
	done chan struct{} // closed when it has ended
}

// start starts a command. It is killed when the test ends, if it is still
// there then.
func start(t *testing.T, stdin *os.File, args ...string) *process {
	t.Helper()
	p := &process{
		Cmd: exec.Command("noisefs", args...), t: t,
		said: new(lockedBuffer), out: new(lockedBuffer), done: make(chan struct{}),
	}
	if stdin != nil {
		p.Stdin = stdin
	}
	p.Stdout, p.Stderr = p.out, p.said
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait() // its exit code is looked at by end
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.done
	})
	return p
}

// end waits for the process and returns its exit code, -1 if a signal ended
// it.
func (p *process) end() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%q does not end: %s", p.Args, p.said)
	}
	return p.ProcessState.ExitCode()
}

// running reports whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	// One that has just ended by itself is as good as killed.
	if err := p.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// startDaemon starts a daemon of a repository and waits until it answers.
func startDaemon(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := start(t, nil, append([]string{"daemon", "--repo", dir}, args...)...)
	p.await()
	return p
}

// await waits until the daemon answers.
func (p *process) await() {
	p.t.Helper()
	eventually(p.t, "the daemon answers", func() bool {
		if !p.running() {
			p.t.Fatalf("the daemon has ended: %s", p.said)
		}
		return strings.Contains(p.said.String(), "Daemon is ready")
	})
}

// stop ends a daemon by SIGTERM, which must be clean.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.end(); code != exitOK {
		p.t.Fatalf("the daemon ended with %d: %s", code, p.said)
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// collectAll collects until no block is left. Once may not do: what a client
// left behind that went away is given up soon after, not before.
func collectAll(t *testing.T) {
	t.Helper()
	eventually(t, "all blocks are collected", func() bool {
		must(t, "", "repo", "gc")
		return must(t, "", "block", "ls") == ""
	})
}

// lockedBuffer is a buffer that is written and read at one time.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
