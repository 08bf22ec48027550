package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// A node that is alone says what makes it one of many, by what its settings say
// and whether its daemon runs.
func TestWayToOthers(t *testing.T) {
	skipNetworks(t)
	dir := newRepository(t)
	want := func(hint string) {
		t.Helper()
		for _, args := range [][]string{{"peers"}, {"net", "status"}, {"net", "invite"}, {"net", "id"}} {
			got := mustFail(t, exitFailure, append(args, "--repo", dir)...)
			if !strings.Contains(got.err, hint) {
				t.Errorf("%v: no %q in %s", args, hint, got.err)
			}
		}
	}
	want("run 'noisefs daemon --listen")
	daemon := startDaemon(t, dir)
	want("restart its daemon with --listen")
	must(t, "", "config", "set", "network.listen", "/ip4/127.0.0.1/tcp/0", "--repo", dir)
	want("restart it")
	daemon.stop()
	want("start it: 'noisefs daemon'")
}

// A link that leads to what is not here may lead to what others have.
func TestLinkOfANodeThatIsAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("command lines are tested without -short")
	}
	printed := must(t, "noise", "put", "-", "--repo", newRepository(t))
	link, _, _ := strings.Cut(printed, "\t")
	stranger := newRepository(t)
	for _, args := range [][]string{{"get", link, "-o", "-"}, {"cat", link}} {
		got := mustFail(t, exitNotFound, append(args, "--repo", stranger)...)
		if !strings.Contains(got.err, "this node is alone") {
			t.Errorf("noisefs %s does not say what to do: %s", args[0], got.err)
		}
	}
}

// Two nodes of one machine do not get the same port, neither when one has its port
// already nor when both join before a daemon starts.
func TestJoinTakesAFreePort(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	usual := filepath.Join(home, ".noisefs")
	first := freeListen(usual)
	if again := freeListen(usual); again != first {
		t.Errorf("one node is to listen on %s, then on %s", first, again)
	}
	for _, other := range []string{"b", "/srv/b", "/srv/c"} {
		if freeListen(other) == first {
			t.Errorf("the nodes of %s and %s are to listen on %s", usual, other, first)
		}
	}
	if one, two := freeListen("/srv/b"), freeListen("/srv/c"); one == two {
		t.Errorf("two nodes are to listen on %s", one)
	}
	port := first[strings.LastIndexByte(first, '/')+1:]
	listener, err := net.Listen("tcp4", ":"+port)
	if err != nil {
		t.Skipf("others of this machine have all ports: %v", err)
	}
	defer listener.Close()
	if second := freeListen(usual); second == first {
		t.Errorf("two nodes are to listen on %s", second)
	}
}

// Who joins by its own invitation, or while its daemon runs, is told; and leaving
// takes back what joining wrote.
func TestJoinAndLeave(t *testing.T) {
	skipNetworks(t)
	root := fastTempDir(t)
	psk := filepath.Join(root, "net.psk")
	var made struct{ File string }
	decodeJSON(t, must(t, "", "net", "psk", "new", psk, "--json"), &made)
	if made.File != psk {
		t.Errorf("the secret is in %q", made.File)
	}
	host := startMember(t, filepath.Join(root, "host"), "--psk", psk)
	invite := strings.TrimSpace(must(t, "", "net", "invite", "--repo", host.dir))
	if got := mustFail(t, exitUsage, "net", "join", invite, "--repo", host.dir); !strings.Contains(got.err, "itself") {
		t.Errorf("its own invitation: %s", got.err)
	}
	dir := filepath.Join(root, "guest")
	must(t, "", "init", "--no-passphrase", "--repo", dir)
	daemon := startDaemon(t, dir)
	var now joined
	decodeJSON(t, must(t, "", "net", "join", invite, "--json", "--repo", dir), &now)
	if !strings.HasPrefix(now.Listen, "/ip4/0.0.0.0/tcp/4") || len(now.Bootstrap) == 0 || !now.Restart {
		t.Errorf("joined: %+v", now)
	}
	if got := noisefs(t, "", "net", "join", invite, "--repo", dir); !strings.Contains(got.err, "restart") {
		t.Errorf("the daemon goes on alone, and it says: %s", got.err)
	}
	daemon.stop()
	guest := startMember(t, dir)
	eventually(t, "it is in", func() bool { return guest.status().Members == 2 })
	guest.stop()
	decodeJSON(t, must(t, "", "net", "leave", "--json", "--repo", dir), &now)
	if !strings.HasPrefix(now.Listen, "/ip4/0.0.0.0/tcp/4") || len(now.Bootstrap) != 0 || now.Restart {
		t.Errorf("left: %+v", now)
	}
	must(t, "", "net", "leave", "--repo", dir) // twice is once
	left := startMember(t, dir)
	mustFail(t, exitFailure, "net", "connect", host.address(), "--repo", left.dir)
}
