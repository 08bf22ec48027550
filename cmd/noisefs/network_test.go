package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/noisefs/noisefs/runtime/node"
)

// member is a daemon that is one of many.
type member struct {
	*process
	dir string
}

// quickly makes a network settle in seconds.
var quickly = []string{
	"-O", "network.disperse_delay=500ms", "-O", "network.probe_interval=300ms",
}

// startMember starts a daemon that listens on loopback, in a repository that
// it makes if there is none.
func startMember(t *testing.T, dir string, args ...string) *member {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		must(t, "", "init", "--no-passphrase", "--repo", dir)
	}
	args = append([]string{"--listen", "/ip4/127.0.0.1/tcp/0"}, args...)
	return &member{startDaemon(t, dir, append(args, quickly...)...), dir}
}

// startNetwork starts n daemons, the others through the first, and waits until
// each knows of all.
func startNetwork(t *testing.T, n int) []*member {
	t.Helper()
	root := fastTempDir(t)
	members := []*member{startMember(t, filepath.Join(root, "0"))}
	first := members[0].address()
	for i := 1; i < n; i++ {
		dir := filepath.Join(root, fmt.Sprint(i))
		members = append(members, startMember(t, dir, "--bootstrap", first))
	}
	for _, m := range members {
		eventually(t, "everybody knows of everybody", func() bool { return m.status().Members == n })
	}
	return members
}

func (m *member) address() string {
	m.t.Helper()
	address, _, _ := strings.Cut(must(m.t, "", "net", "addrs", "--repo", m.dir), "\n")
	return address
}

func (m *member) status() node.NetworkStatus {
	m.t.Helper()
	var status node.NetworkStatus
	decodeJSON(m.t, must(m.t, "", "net", "status", "--json", "--repo", m.dir), &status)
	return status
}

// blocks is how many blocks the node has stored.
func (m *member) blocks() int64 {
	m.t.Helper()
	var status node.RepoStatus
	decodeJSON(m.t, must(m.t, "", "repo", "stat", "--json", "--repo", m.dir), &status)
	return status.Blocks
}

func decodeJSON(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// kill ends the daemon as a power cut does.
func (m *member) kill() {
	m.t.Helper()
	m.signal(syscall.SIGKILL)
	m.end()
}

// put stores noise and returns it with its link.
func (m *member) put(size int, seed byte) (data []byte, link string) {
	m.t.Helper()
	data = noise(size, seed)
	printed := must(m.t, string(data), "put", "-", "--repo", m.dir)
	link, _, _ = strings.Cut(strings.TrimSpace(printed), "\t")
	return data, link
}

// noise is size bytes that no compression shortens.
func noise(size int, seed byte) []byte {
	var data bytes.Buffer
	for sum := sha256.Sum256([]byte{seed}); data.Len() < size; sum = sha256.Sum256(sum[:]) {
		data.Write(sum[:])
	}
	return data.Bytes()[:size]
}

// wantFile reads a link through a node and compares.
func (m *member) wantFile(link string, want []byte) {
	m.t.Helper()
	got := noisefs(m.t, link, "cat", "-", "--repo", m.dir)
	if got.code != exitOK {
		m.t.Fatalf("cat: exit code %d: %s\nthe daemon said: %s", got.code, got.err, m.said)
	}
	if got.out != string(want) {
		m.t.Fatalf("read %d other bytes, want %d", len(got.out), len(want))
	}
}

// held is how many blocks the nodes hold for the network, in all.
func held(members []*member) int64 {
	total := int64(0)
	for _, m := range members {
		total += m.status().Replicas
	}
	return total
}

func skipNetworks(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("networks of processes are tested without -short")
	}
}

// What is stored through one of two nodes is read through the other, after
// the first has died.
func TestTwoDaemons(t *testing.T) {
	skipNetworks(t)
	members := startNetwork(t, 2)
	first, second := members[0], members[1]
	data, link := first.put(3<<20, 1)
	blocks := first.blocks()
	if blocks < 24 {
		t.Fatalf("3 MiB are %d blocks", blocks)
	}
	eventually(t, "the other one holds every block", func() bool {
		return second.status().Replicas == blocks
	})
	first.kill()
	second.wantFile(link, data)
	second.stop()
	if strings.Contains(second.said.String(), "level=ERROR") {
		t.Errorf("the daemon said: %s", second.said)
	}
	// What is held for others outlives the daemon, and a collection without it.
	must(t, "", "repo", "gc", "--repo", second.dir)
	must(t, "", "repo", "verify", "--repo", second.dir)
	again := startMember(t, second.dir)
	if n := again.status().Replicas; n != blocks {
		t.Errorf("it holds %d blocks after a restart, and held %d", n, blocks)
	}
	again.wantFile(link, data)
}

// Of five nodes two may die: each block has three holders.
func TestFiveDaemons(t *testing.T) {
	skipNetworks(t)
	members := startNetwork(t, 5)
	data, link := members[0].put(3<<20, 2)
	blocks := members[0].blocks()
	eventually(t, "each block has three holders", func() bool { return held(members) >= 3*blocks })
	for _, m := range members[1:] {
		if n := m.status().Replicas; n == 0 || n == blocks {
			t.Errorf("a node holds %d of %d blocks: they are not spread", n, blocks)
		}
	}
	members[0].kill()
	members[3].kill()
	for _, m := range []*member{members[1], members[2], members[4]} {
		m.wantFile(link, data)
	}
	if fetched := members[1].status().FetchedBlocks; fetched == 0 {
		t.Error("nothing was fetched from the others")
	}
}

func TestNetCommands(t *testing.T) {
	skipNetworks(t)
	root := fastTempDir(t)
	a := startMember(t, filepath.Join(root, "a"), "--storage", "50MB", "--failure-domain", "attic")
	b := startMember(t, filepath.Join(root, "b"))
	id := strings.TrimSpace(must(t, "", "net", "id", "--repo", a.dir))
	if address := a.address(); !strings.HasSuffix(address, "/p2p/"+id) {
		t.Errorf("the address of %s is %s", id, address)
	}
	must(t, "", "net", "connect", a.address(), "--repo", b.dir)
	eventually(t, "they know of each other", func() bool {
		return a.status().Members == 2 && b.status().Members == 2
	})
	var look peersLook
	decodeJSON(t, must(t, "", "peers", "--json", "--repo", b.dir), &look)
	if len(look.Peers) != 1 {
		t.Fatalf("got %+v", look)
	}
	peer := look.Peers[0]
	if peer.ID.String() != id || peer.Status != "alive" || peer.Domain != "attic" ||
		peer.OfferedBytes > 50e6 || peer.OfferedBytes < 49e6 || peer.Address == "" {
		t.Errorf("got %+v", peer)
	}
	if table := must(t, "", "peers", "--repo", b.dir); !strings.Contains(table, id) {
		t.Errorf("no %s in\n%s", id, table)
	}
	mustFail(t, exitUsage, "net", "connect", "localhost:4021", "--repo", b.dir)
	mustFail(t, exitUsage, "net", "connect", b.address(), "--repo", b.dir)
	nobody := "/ip4/127.0.0.1/tcp/1/p2p/" + id
	mustFail(t, exitFailure, "net", "connect", strings.Replace(nobody, id, id[:len(id)-4]+"1111", 1),
		"--repo", b.dir)
}

// Nodes of a private network are alone with those that have its secret.
func TestPrivateNetwork(t *testing.T) {
	skipNetworks(t)
	root := fastTempDir(t)
	psk := filepath.Join(root, "net.psk")
	must(t, "", "net", "psk", "new", psk)
	mustFail(t, exitExists, "net", "psk", "new", psk)
	if info, err := os.Stat(psk); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file is %v, %v", info.Mode(), err)
	}
	a := startMember(t, filepath.Join(root, "a"), "--psk", psk)
	b := startMember(t, filepath.Join(root, "b"), "--psk", psk, "--bootstrap", a.address())
	other := filepath.Join(root, "other.psk")
	must(t, "", "net", "psk", "new", other)
	strangers := []*member{
		startMember(t, filepath.Join(root, "c"), "--bootstrap", a.address()),
		startMember(t, filepath.Join(root, "d"), "--bootstrap", a.address(), "--psk", other),
	}
	eventually(t, "those with the secret meet", func() bool {
		return a.status().Members == 2 && b.status().Members == 2
	})
	for i, stranger := range strangers {
		mustFail(t, exitFailure, "net", "connect", a.address(), "--repo", stranger.dir)
		if n := stranger.status().Members; n != 1 {
			t.Errorf("stranger %d knows of %d members", i, n)
		}
	}
	mustFail(t, exitUsage, "daemon", "--repo", newRepository(t), "--psk", psk,
		"--listen", "/ip4/127.0.0.1/udp/0/quic-v1")
	mustFail(t, exitUsage, "daemon", "--repo", newRepository(t), "--psk", psk, "--public-dht",
		"--listen", "/ip4/127.0.0.1/tcp/0")
	secret := strings.Fields(read(t, psk))[2]
	if strings.Contains(a.said.String()+b.said.String(), secret) {
		t.Error("the secret is in the log")
	}
}

// An invitation is all that a node needs to join, with a secret and without.
func TestInviteAndJoin(t *testing.T) {
	skipNetworks(t)
	root := fastTempDir(t)
	psk := filepath.Join(root, "net.psk")
	must(t, "", "net", "psk", "new", psk)
	for name, args := range map[string][]string{"open": nil, "private": {"--psk", psk}} {
		t.Run(name, func(t *testing.T) {
			host := startMember(t, filepath.Join(root, name+"-host"), args...)
			dir := filepath.Join(root, name+"-guest")
			must(t, "", "init", "--no-passphrase", "--repo", dir)
			invite := must(t, "", "net", "invite", "--repo", host.dir)
			must(t, invite, "net", "join", "-", "--repo", dir)
			must(t, invite, "net", "join", "-", "--repo", dir) // twice is once
			guest := startMember(t, dir)                       // its flag overrides the address that join chose
			eventually(t, "they know of each other", func() bool {
				return host.status().Members == 2 && guest.status().Members == 2
			})
			if strings.Contains(host.said.String()+guest.said.String(), "noisefs-invite") {
				t.Error("the invitation is in the log")
			}
		})
	}
	other := filepath.Join(root, "other.psk")
	must(t, "", "net", "psk", "new", other)
	host := startMember(t, filepath.Join(root, "other"), "--psk", other)
	invite := strings.TrimSpace(must(t, "", "net", "invite", "--expires", "1s", "--repo", host.dir))
	mustFail(t, exitUsage, "net", "join", invite, "--repo", filepath.Join(root, "private-guest"))
	mustFail(t, exitUsage, "net", "join", invite[:len(invite)-1], "--repo", host.dir)
	fresh := newRepository(t)
	eventually(t, "it expires", func() bool {
		got := noisefs(t, "", "net", "join", invite, "--repo", fresh)
		return got.code == exitUsage && strings.Contains(got.err, "expired")
	})
}

func TestNetCommandsOfANodeThatIsAlone(t *testing.T) {
	dir := newRepository(t)
	for _, args := range [][]string{{"net", "id"}, {"net", "addrs"}, {"peers"}} {
		if got := mustFail(t, exitFailure, args...); !strings.Contains(got.err, "--listen") {
			t.Errorf("noisefs %q does not say what to do: %s", args, got.err)
		}
	}
	for _, args := range [][]string{
		{"--listen", "/ip4/127.0.0.1/udp/4021"},
		{"--listen", "127.0.0.1:4021"},
		{"--listen", "/ip4/127.0.0.1/tcp/0", "--bootstrap", "/ip4/127.0.0.1/tcp/4021"},
		{"--bootstrap", "/ip4/127.0.0.1/tcp/4021/p2p/12D3KooWETkKNkfQ2Q7rn9Lb7TPQuMkucU7csQxnNUXbmgLJRK4P"},
		{"--listen", "/ip4/127.0.0.1/tcp/0", "--failure-domain", strings.Repeat("x", 65)},
	} {
		mustFail(t, exitUsage, append([]string{"daemon", "--repo", dir}, args...)...)
	}
}
