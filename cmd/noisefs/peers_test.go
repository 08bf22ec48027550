package main

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// Watching goes on until it is interrupted, which is no failure.
func TestPeersWatch(t *testing.T) {
	skipNetworks(t)
	root := fastTempDir(t)
	a := startMember(t, filepath.Join(root, "a"))
	b := startMember(t, filepath.Join(root, "b"), "--bootstrap", a.address())
	eventually(t, "they know of each other", func() bool { return b.status().Members == 2 })
	watch := exec.Command("noisefs", "peers", "--watch", "--every", "100ms", "--json", "--repo", b.dir)
	out, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var last peersLook
	for i := range 3 {
		if !lines.Scan() {
			t.Fatalf("it ended after %d lines: %v", i, lines.Err())
		}
		var look peersLook
		decodeJSON(t, lines.Text(), &look)
		if len(look.Peers) != 1 || look.Node != b.status().ID || !look.Time.After(last.Time) {
			t.Errorf("look %d is %+v after %s", i, look, last.Time)
		}
		last = look
	}
	if err := watch.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // what was on its way
	}
	if err := watch.Wait(); err != nil {
		t.Errorf("interrupted, it ended with %v", err)
	}
	table := must(t, "", "peers", "--repo", b.dir)
	for _, word := range []string{"SCORE", "IN FLIGHT", "this node holds 0 blocks"} {
		if !strings.Contains(table, word) {
			t.Errorf("no %q in\n%s", word, table)
		}
	}
	mustFail(t, exitUsage, "peers", "--watch", "--every", "0s", "--repo", b.dir)
}

// The table fits a terminal, and no two peers look alike in it.
func TestPeersTable(t *testing.T) {
	var look peersLook
	for i := range 40 {
		id := messages.NodeID{31: byte(i)} // so that IDs end alike, too
		look.Peers = append(look.Peers, node.PeerStatus{
			ID: id, Status: "suspect", OfferedBytes: 1000 << 30, BytesIn: 1000 << 20, BytesOut: 1000 << 10,
			CostSeconds: 1.23456, LatencySeconds: 0.98765, Served: 123456, Failed: 12, Domain: "attic",
			Address: "/ip4/192.0.2.217/udp/40211/quic-v1",
		})
	}
	for width, want := range map[int]string{
		0: "ADDRESS", 80: "SCORE", 120: "DOMAIN", 200: "ADDRESS",
	} {
		var b strings.Builder
		if err := look.print(&b, width); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(b.String(), "\n")
		if !strings.Contains(lines[0], want) {
			t.Errorf("%d columns: no %s in %s", width, want, lines[0])
		}
		names := map[string]bool{}
		for _, line := range lines[:len(look.Peers)+1] {
			if n := utf8.RuneCountInString(line); width > 0 && n > width {
				t.Errorf("%d columns: a line has %d: %s", width, n, line)
			}
			names[strings.Fields(line)[0]] = true
		}
		if len(names) != len(look.Peers)+1 {
			t.Errorf("%d columns: %d names for %d peers", width, len(names)-1, len(look.Peers))
		}
		if full := names[look.Peers[0].ID.String()]; full != (width == 0) {
			t.Errorf("%d columns: whole IDs are shown: %v", width, full)
		}
	}
}

// Who watches sees the daemon again once it was restarted.
func TestPeersWatchOutlivesTheDaemon(t *testing.T) {
	skipNetworks(t)
	a := startMember(t, filepath.Join(fastTempDir(t), "a"))
	watch := exec.Command("noisefs", "peers", "--watch", "--every", "100ms", "--json", "--repo", a.dir)
	out, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said lockedBuffer
	watch.Stderr = &said
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("it sees nothing")
	}
	a.kill()
	eventually(t, "it tells that the daemon is gone", func() bool {
		return strings.Contains(said.String(), "noisefs: ")
	})
	again := startMember(t, a.dir)
	now := time.Now()
	for look := (peersLook{}); look.Time.Before(now); {
		if !lines.Scan() {
			t.Fatalf("it ended: %s", said.String())
		}
		decodeJSON(t, lines.Text(), &look)
	}
	if err := watch.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // what was on its way
	}
	if err := watch.Wait(); err != nil {
		t.Errorf("interrupted, it ended with %v", err)
	}
	if n := strings.Count(said.String(), "noisefs: "); n < 1 || n > 3 {
		t.Errorf("it told %d times that the daemon is gone: %s", n, said.String())
	}
	again.stop()
}

// An invitation is drawn when that is asked for.
func TestInviteAsQRCode(t *testing.T) {
	skipNetworks(t)
	m := startMember(t, filepath.Join(fastTempDir(t), "repo"))
	line, drawn, _ := strings.Cut(must(t, "", "net", "invite", "--qr", "--repo", m.dir), "\n")
	if !strings.HasPrefix(line, "noisefs-invite:") || !strings.Contains(drawn, "█") {
		t.Errorf("got %s\n%s", line, drawn)
	}
	plain := must(t, "", "net", "invite", "--repo", m.dir)
	if strings.Count(plain, "\n") != 1 {
		t.Errorf("what is no terminal got %s", plain)
	}
}
