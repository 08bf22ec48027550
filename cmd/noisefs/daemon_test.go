package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/noisefs/noisefs/runtime/repo"
)

// runHere runs a command line in this process, as a client of the daemon.
func runHere(t *testing.T, stdin []byte, args ...string) outcome {
	var out, said bytes.Buffer
	code := run(t.Context(), args, terminal{bytes.NewReader(stdin), &out, &said})
	return outcome{out.String(), said.String(), code}
}

func TestDaemonServesManyClients(t *testing.T) {
	const clients = 100
	dir := newRepository(t)
	daemon := startDaemon(t, dir)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			path := fmt.Sprintf("/clients/%03d/file", i)
			data := randomBytes(uint64(i), 1+i*i*40) // 1 B to 392 KB
			steps := []struct {
				stdin, want []byte
				args        []string
			}{
				{data, nil, []string{"put", "-", "--to", path}},
				{nil, []byte("file\n"), []string{"ls", filepath.Dir(path)}},
				{nil, data, []string{"cat", path}},
				{nil, nil, []string{"mv", path, path + ".moved"}},
				{nil, data, []string{"get", path + ".moved", "-o", "-"}},
				{nil, nil, []string{"share", path + ".moved"}},
				{nil, nil, []string{"ls", "/clients"}},
			}
			for _, step := range steps {
				got := runHere(t, step.stdin, step.args...)
				if got.code != exitOK {
					t.Errorf("%q: exit code %d: %s", step.args, got.code, got.err)
					return
				}
				if step.want != nil && got.out != string(step.want) {
					t.Errorf("%q printed %d bytes, want %d", step.args, len(got.out), len(step.want))
					return
				}
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.Fatalf("the daemon said: %s", daemon.said)
	}
	listing := must(t, "", "ls", "-R", "/clients")
	if got := strings.Count(listing, "file.moved\n"); got != clients {
		t.Errorf("%d files are listed, want %d", got, clients)
	}
	must(t, "", "repo", "verify")
	daemon.stop()
	must(t, "", "repo", "verify") // now without it
}

func TestDaemonEndsPutsBeforeItStops(t *testing.T) {
	dir := newRepository(t)
	daemon := startDaemon(t, dir)
	in, w := pipe(t)
	put := start(t, in, "put", "-", "--to", "/late")
	_ = in.Close() // the process has it
	data := randomBytes(1, 700_000)
	write(t, w, data[:300_000])
	eventually(t, "the daemon has begun to store it", func() bool {
		return strings.Contains(must(t, "", "block", "ls"), "bafkrei")
	})
	daemon.signal(syscall.SIGTERM)
	eventually(t, "the daemon is stopping", func() bool {
		return strings.Contains(daemon.said.String(), "stopping")
	})
	write(t, w, data[300_000:])
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if code := put.end(); code != exitOK {
		t.Errorf("put ended with %d: %s", code, put.said)
	}
	if code := daemon.end(); code != exitOK {
		t.Errorf("the daemon ended with %d: %s", code, daemon.said)
	}
	if got := must(t, "", "cat", "/late"); got != string(data) {
		t.Errorf("got %d other bytes, want %d", len(got), len(data))
	}
}

func TestDaemonKilledAndStartedAgain(t *testing.T) {
	dir := newRepository(t)
	socket, err := repo.SocketPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		daemon := startDaemon(t, dir)
		name := "/round" + strconv.Itoa(round)
		must(t, name, "put", "-", "--to", name)
		in, w := pipe(t)
		put := start(t, in, "put", "-", "--to", "/never")
		_ = in.Close()
		write(t, w, randomBytes(2, 500_000))
		daemon.signal(syscall.SIGKILL)
		daemon.end()
		_ = w.Close()
		if code := put.end(); code == exitOK {
			t.Error("put claims to have stored what the dead daemon cannot have")
		}
		if _, err := os.Lstat(socket); err != nil {
			t.Fatalf("no stale socket to test with: %v", err)
		}
		// The stale socket stops nobody: neither a command nor a daemon.
		if got := must(t, "", "cat", name); got != name {
			t.Errorf("got %q, want %q", got, name)
		}
		mustFail(t, exitNotFound, "stat", "/never")
	}
	daemon := startDaemon(t, dir)
	if got := must(t, "", "ls"); got != "round0\nround1\nround2\n" {
		t.Errorf("got %q", got)
	}
	must(t, "", "repo", "verify")
	daemon.stop()
	if _, err := os.Lstat(socket); err == nil {
		t.Error("a daemon that stopped left its socket")
	}
}

func TestDaemonOfLongPath(t *testing.T) {
	base := t.TempDir()
	runtimeDir := filepath.Join(base, "run")
	t.Setenv("XDG_RUNTIME_DIR", runtimeDir)
	dir := filepath.Join(base, strings.Repeat("long/", 30), "repo")
	t.Setenv("NOISEFS_REPO", dir)
	must(t, "", "init", "--no-passphrase")
	daemon := startDaemon(t, dir)
	must(t, "content", "put", "-", "--to", "/a")
	if daemon.ProcessState != nil {
		t.Fatal("the daemon has ended")
	}
	sockets, err := filepath.Glob(filepath.Join(runtimeDir, "*"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("got sockets %q, %v; want one", sockets, err)
	}
	// A second repository with as long a path has a socket of its own.
	other := dir + "2"
	must(t, "", "init", "--no-passphrase", "--repo", other)
	second := startDaemon(t, other)
	if got := must(t, "", "ls"); got != "a\n" {
		t.Errorf("got %q, want a", got)
	}
	if got := must(t, "", "ls", "--repo", other); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
	second.stop()
	daemon.stop()
	if got := must(t, "", "cat", "/a"); got != "content" {
		t.Errorf("got %q", got)
	}
}

func TestSecondDaemonIsRefused(t *testing.T) {
	dir := newRepository(t)
	daemon := startDaemon(t, dir)
	got := mustFail(t, exitLocked, "daemon", "-O", "daemon.lock_wait=100ms")
	want := fmt.Sprintf("noisefs daemon, process %d", daemon.Process.Pid)
	if !strings.Contains(got.err, want) {
		t.Errorf("got %q, want %q in it", got.err, want)
	}
	must(t, "x", "put", "-", "--to", "/still-there") // its socket was left alone
	daemon.stop()
}

func TestDaemonWaitsForCommand(t *testing.T) {
	dir := newRepository(t)
	in, w := pipe(t)
	put := start(t, in, "put", "-", "--to", "/a")
	_ = in.Close()
	write(t, w, randomBytes(3, 300_000))
	eventually(t, "put has the repository", func() bool {
		text, _ := os.ReadFile(filepath.Join(dir, "lock")) // not there at first
		return strings.Contains(string(text), "command")
	})
	// Another command does not wait for long, and says who has it.
	got := mustFail(t, exitLocked, "ls")
	want := fmt.Sprintf("process %d", put.Process.Pid)
	if !strings.Contains(got.err, want) {
		t.Errorf("got %q, want %q in it", got.err, want)
	}
	daemon := start(t, nil, "daemon", "-O", "daemon.lock_wait=1m")
	mustFail(t, exitLocked, "ls")
	if !daemon.running() {
		t.Fatalf("the daemon did not wait: %s", daemon.said)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if code := put.end(); code != exitOK {
		t.Fatalf("put ended with %d: %s", code, put.said)
	}
	daemon.await()
	if got := must(t, "", "ls"); got != "a\n" {
		t.Errorf("got %q, want a", got)
	}
	daemon.stop()
}

func TestInterruptedPutStoresNothing(t *testing.T) {
	for _, way := range []string{"Directly", "ThroughDaemon"} {
		t.Run(way, func(t *testing.T) {
			dir := newRepository(t)
			if way == "ThroughDaemon" {
				startDaemon(t, dir)
			}
			in, w := pipe(t)
			put := start(t, in, "put", "-", "--to", "/a")
			_ = in.Close()
			write(t, w, randomBytes(4, 2<<20))
			put.signal(syscall.SIGINT)
			if code := put.end(); code != exitCanceled {
				t.Errorf("got exit code %d, want %d: %s", code, exitCanceled, put.said)
			}
			_ = w.Close()
			mustFail(t, exitNotFound, "stat", "/a")
			collectAll(t)
		})
	}
}

func TestMetricsPage(t *testing.T) {
	dir := newRepository(t)
	daemon := startDaemon(t, dir, "--metrics", "127.0.0.1:0")
	_, rest, ok := strings.Cut(daemon.said.String(), "address=")
	if !ok {
		t.Fatalf("the log does not say where: %s", daemon.said)
	}
	must(t, string(randomBytes(5, 400_000)), "put", "-", "--to", "/canary-name")
	link := must(t, "", "share", "/canary-name")
	must(t, "", "cat", "/canary-name")
	cid, _, _ := strings.Cut(must(t, "", "block", "ls"), "\n")
	page := fetch(t, "http://"+strings.Fields(rest)[0]+"/metrics")
	if got := fetch(t, "http://"+strings.Fields(rest)[0]+"/healthz"); got != "ok\n" {
		t.Errorf("its health is %q", got)
	}
	for _, want := range []string{
		"noisefs_actor_mailbox_messages{role=\"drive\"}", "noisefs_actor_restarts_total",
		"noisefs_actor_processing_seconds_total", "noisefs_store_put_blocks_total",
		"noisefs_store_put_seconds", "noisefs_cache_blocks_total{tier=\"memory\"}",
		"noisefs_randomizers_reused_total", "noisefs_blocks ",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, secret := range []string{"canary", cid, strings.TrimSpace(link), dir} {
		if strings.Contains(page, secret) {
			t.Errorf("the page tells %q", secret)
		}
	}
	daemon.stop()
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, response.Status, err)
	}
	return string(text)
}

// pipe makes a pipe that one end of is for a process.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	return r, w
}

func write(t *testing.T, w io.Writer, data []byte) {
	t.Helper()
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Clients that vanish in the middle leave nothing open: there is room for
// others, and the collector frees what they had sent.
func TestVanishedClients(t *testing.T) {
	dir := newRepository(t)
	daemon := startDaemon(t, dir, "-O", "splitter.sessions_max=3", "-O", "reader.open_files_max=3")
	content := string(randomBytes(9, 300_000))
	must(t, content, "put", "-", "--to", "/kept")
	for range 4 {
		var gone []*process
		for range 3 {
			in, w := pipe(t)
			put := start(t, in, "put", "-", "--to", "/never")
			_ = in.Close()
			write(t, w, randomBytes(10, 60_000)) // less than a pipe takes
			gone = append(gone, put)
			out, outEnd := pipe(t)
			reader := start(t, nil, "cat", "/kept")
			_ = out.Close()
			_ = outEnd.Close()
			gone = append(gone, reader)
		}
		for _, p := range gone {
			p.signal(syscall.SIGKILL)
			p.end()
		}
	}
	must(t, content, "put", "-", "--to", "/after")
	for _, name := range []string{"/kept", "/after"} {
		if got := must(t, "", "cat", name); got != content {
			t.Errorf("%s: got %d other bytes", name, len(got))
		}
	}
	mustFail(t, exitNotFound, "stat", "/never")
	must(t, "", "rm", "/kept", "/after")
	collectAll(t)
	daemon.stop()
}

// A flood of large files is more than the node does at one time: they wait
// for each other, and none is refused.
func TestDaemonServesManyLargeFiles(t *testing.T) {
	const clients, size = 40, 3 << 20
	dir := newRepository(t)
	daemon := startDaemon(t, dir, "-O", "node.asks_max=100", "-O", "splitter.sessions_max=8")
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			path := fmt.Sprintf("/large%d", i)
			data := randomBytes(uint64(i), size)
			if got := runHere(t, data, "put", "-", "--to", path); got.code != exitOK {
				t.Errorf("put: exit code %d: %s", got.code, got.err)
				return
			}
			if got := runHere(t, nil, "cat", path); got.code != exitOK || got.out != string(data) {
				t.Errorf("cat: exit code %d, %d bytes: %s", got.code, len(got.out), got.err)
			}
		})
	}
	all.Wait()
	must(t, "", "repo", "verify")
	daemon.stop()
}

// A command given right after the daemon does not mind that it is not ready.
func TestCommandWhileDaemonStarts(t *testing.T) {
	dir := newRepository(t)
	passphrase := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(passphrase, []byte("slow to stretch\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "", "vault", "passphrase", "--new-passphrase-file", passphrase)
	t.Setenv("NOISEFS_PASSPHRASE_FILE", passphrase)
	daemon := start(t, nil, "daemon")
	eventually(t, "the daemon has the repository", func() bool {
		text, _ := os.ReadFile(filepath.Join(dir, "lock")) // not there at first
		return strings.Contains(string(text), "daemon")
	})
	must(t, "content", "put", "-", "--to", "/a")
	daemon.await()
	if got := must(t, "", "cat", "/a"); got != "content" {
		t.Errorf("got %q", got)
	}
	daemon.stop()
}

// A daemon that waits for a client to end its put is ended on the spot by a
// second signal, and nothing is lost by it.
func TestSecondSignalEndsDaemon(t *testing.T) {
	dir := newRepository(t)
	daemon := startDaemon(t, dir)
	must(t, "content", "put", "-", "--to", "/a")
	in, w := pipe(t)
	put := start(t, in, "put", "-", "--to", "/b")
	_ = in.Close()
	write(t, w, randomBytes(1, 400_000))
	eventually(t, "the daemon has begun to store it", func() bool {
		return strings.Count(must(t, "", "block", "ls"), "\n") > 3
	})
	daemon.signal(syscall.SIGTERM)
	eventually(t, "the daemon is stopping", func() bool {
		return strings.Contains(daemon.said.String(), "stopping")
	})
	if !daemon.running() {
		t.Fatal("the daemon did not wait for the put")
	}
	// The first signal may still be on its way to its handler, which would
	// take the second along.
	eventually(t, "the daemon has ended", func() bool {
		if daemon.running() {
			_ = daemon.Process.Signal(syscall.SIGTERM)
		}
		return !daemon.running()
	})
	if code := daemon.end(); code == exitOK {
		t.Error("a daemon that cut off its clients claims a clean end")
	}
	_ = w.Close()
	if code := put.end(); code == exitOK {
		t.Error("put claims to have stored what was cut off")
	}
	mustFail(t, exitNotFound, "stat", "/b")
	if got := must(t, "", "cat", "/a"); got != "content" {
		t.Errorf("got %q", got)
	}
	must(t, "", "repo", "verify")
}
