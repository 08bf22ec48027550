package main

import (
	"bytes"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newSecretFile makes the secret of a network and returns its file, and what
// must not be found elsewhere.
func newSecretFile(t *testing.T, path string) (text string, raw []byte) {
	t.Helper()
	must(t, "", "net", "psk", "new", path)
	text = strings.Fields(read(t, path))[2]
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return text, raw
}

// wantSealed fails if a secret can be read in a folder.
func wantSealed(t *testing.T, dir, text string, raw []byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, raw) || bytes.Contains(content, []byte(text)) {
			t.Errorf("the secret can be read in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What an older net join left in a readable file is moved into the vault, and
// the node stays in its network.
func TestSecretMovesIntoTheVault(t *testing.T) {
	skipNetworks(t)
	root := fastTempDir(t)
	psk := filepath.Join(root, "net.psk")
	text, raw := newSecretFile(t, psk)
	host := startMember(t, filepath.Join(root, "host"), "--psk", psk)
	dir := filepath.Join(root, "guest")
	must(t, "", "init", "--no-passphrase", "--repo", dir)
	loose := filepath.Join(dir, "network.psk")
	if err := os.WriteFile(loose, []byte(read(t, psk)), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "", "config", "set", "network.psk_file", loose, "--repo", dir)
	for range 2 { // from the file, and from the vault
		guest := startMember(t, dir, "--bootstrap", host.address())
		eventually(t, "it is in", func() bool { return guest.status().Members == 2 })
		guest.stop()
		if _, err := os.Stat(loose); !os.IsNotExist(err) {
			t.Fatalf("the file is still there: %v", err)
		}
	}
	wantSealed(t, dir, text, raw)
}

func TestSecretInTheVault(t *testing.T) {
	skipNetworks(t)
	root := fastTempDir(t)
	psk, other := filepath.Join(root, "net.psk"), filepath.Join(root, "other.psk")
	text, raw := newSecretFile(t, psk)
	newSecretFile(t, other)
	host := startMember(t, filepath.Join(root, "host"), "--psk", psk)
	dir := filepath.Join(root, "guest")
	must(t, "", "init", "--no-passphrase", "--repo", dir)
	must(t, "", "net", "psk", "import", psk, "--repo", dir)
	must(t, "", "net", "psk", "import", psk, "--repo", dir) // twice is once
	mustFail(t, exitUsage, "net", "psk", "import", other, "--repo", dir)
	wantSealed(t, dir, text, raw)
	guest := startMember(t, dir, "--bootstrap", host.address())
	eventually(t, "it is in", func() bool { return guest.status().Members == 2 })
	if strings.Contains(guest.said.String(), text) {
		t.Error("the secret is in the log")
	}
	guest.stop()
	listen := []string{"daemon", "--repo", dir, "--listen", "/ip4/127.0.0.1/tcp/0"}
	mustFail(t, exitUsage, append(listen, "--psk", other)...)

	must(t, "", "net", "psk", "forget", "--repo", dir)
	stranger := startMember(t, dir)
	mustFail(t, exitFailure, "net", "connect", host.address(), "--repo", stranger.dir)
}

// Who joins a private network by an invitation keeps its secret sealed, and
// does not get into an open one by mistake.
func TestJoinSealsTheSecret(t *testing.T) {
	skipNetworks(t)
	root := fastTempDir(t)
	psk := filepath.Join(root, "net.psk")
	text, raw := newSecretFile(t, psk)
	host := startMember(t, filepath.Join(root, "host"), "--psk", psk)
	open := startMember(t, filepath.Join(root, "open"))
	dir := filepath.Join(root, "guest")
	must(t, "", "init", "--no-passphrase", "--repo", dir)
	must(t, must(t, "", "net", "invite", "--repo", host.dir), "net", "join", "-", "--repo", dir)
	wantSealed(t, dir, text, raw)
	mustFail(t, exitUsage, "net", "join",
		strings.TrimSpace(must(t, "", "net", "invite", "--repo", open.dir)), "--repo", dir)
}
