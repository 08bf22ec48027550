package main

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
