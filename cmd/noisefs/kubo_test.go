package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kubo is a daemon of IPFS as others run it: the program ipfs, which knows
// nothing of NoiseFS.
type kubo struct {
	t   *testing.T
	env []string
}

// startKubo starts a daemon of IPFS on loopback that knows nobody. Without
// ipfs on the PATH the test is skipped.
func startKubo(t *testing.T) *kubo {
	t.Helper()
	if _, err := exec.LookPath("ipfs"); err != nil {
		t.Skip("no ipfs on the PATH: https://docs.ipfs.tech/install/command-line/")
	}
	dir := fastTempDir(t)
	k := &kubo{t, append(os.Environ(), "IPFS_PATH="+filepath.Join(dir, "ipfs"), "HOME="+dir,
		"IPFS_TELEMETRY=off")}
	k.run("init", "--profile=test")
	for key, value := range map[string]any{
		"Addresses.Swarm": []string{"/ip4/127.0.0.1/tcp/0"}, "Addresses.API": "/ip4/127.0.0.1/tcp/0",
		"Addresses.Gateway": "", "Bootstrap": []string{}, "Routing.Type": "none",
		"AutoConf.Enabled": false, "AutoTLS.Enabled": false, "DNS.Resolvers": map[string]string{},
		"Routing.DelegatedRouters": []string{}, "Ipns.DelegatedPublishers": []string{},
	} {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		k.run("config", "--json", key, string(encoded))
	}
	daemon := exec.Command("ipfs", "daemon")
	daemon.Env = k.env
	var said lockedBuffer
	daemon.Stdout, daemon.Stderr = &said, &said
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.run("shutdown")
		if err := daemon.Wait(); err != nil {
			t.Errorf("ipfs daemon: %v: %s", err, said.String())
		}
	})
	eventually(t, "ipfs runs", func() bool { return strings.Contains(said.String(), "Daemon is ready") })
	return k
}

// run runs a command of ipfs and returns what it printed.
func (k *kubo) run(args ...string) []byte {
	k.t.Helper()
	command := exec.Command("ipfs", args...)
	command.Env = k.env
	var said bytes.Buffer
	command.Stderr = &said
	printed, err := command.Output()
	if err != nil {
		k.t.Fatalf("ipfs %q: %v: %s", args, err, said.String())
	}
	return printed
}

// address is where it is reached, with /p2p/ID.
func (k *kubo) address() string {
	k.t.Helper()
	var who struct{ Addresses []string }
	if err := json.Unmarshal(k.run("id"), &who); err != nil || len(who.Addresses) == 0 {
		k.t.Fatalf("ipfs id: %v: %v", who, err)
	}
	return who.Addresses[0]
}

// A real daemon of IPFS fetches what ours hold for the network; and once those
// are gone, one of ours reads the file from it.
func TestKubo(t *testing.T) {
	skipNetworks(t)
	ipfs := startKubo(t)
	members := startNetwork(t, 2)
	data := noise(1<<20, 5)
	link := must(t, string(data), "put", "-", "--to", "/a", "--wait-replicas", "1",
		"--quiet", "--repo", members[0].dir)
	link, _, _ = strings.Cut(strings.TrimSpace(link), "\t")

	ipfs.run("swarm", "connect", members[1].address())
	for _, block := range members[0].replicas("/a") {
		got := ipfs.run("block", "get", block.CID.String())
		if len(got) != 128<<10 || sha256.Sum256(got) != block.CID {
			t.Fatalf("ipfs has %d bytes of %s, and other ones", len(got), block.CID)
		}
	}
	for _, m := range members {
		m.kill()
	}
	late := startMember(t, filepath.Join(fastTempDir(t), "late"),
		"-O", "network.bitswap=on", "-O", "network.ipfs_peers="+ipfs.address())
	late.wantFile(link, data)
}
