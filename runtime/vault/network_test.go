package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

func TestNetworkSecret(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	v := newVaultIn(t, dir, WithNothing())
	if got, err := v.Network(dir); got != nil || err != nil {
		t.Fatalf("before one is kept: %v, %v", got, err)
	}
	first, second := messages.Secret{1}, messages.Secret{2}
	for _, want := range []messages.Secret{first, second} {
		if err := v.KeepNetwork(dir, &want); err != nil {
			t.Fatal(err)
		}
		if got, err := v.Network(dir); err != nil || *got != want {
			t.Fatalf("kept and got another, or %v", err)
		}
	}
	path := filepath.Join(dir, NetworkName)
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, second[:]) || bytes.Contains(sealed, second[:8]) {
		t.Error("the secret can be read in the file")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	other := newVaultIn(t, elsewhere, WithNothing())
	if _, err := other.Network(dir); !errors.Is(err, ErrNetwork) {
		t.Errorf("another vault: got %v, want ErrNetwork", err)
	}
	for name, wrong := range map[string][]byte{
		"flipped": append([]byte{sealed[0] ^ 1}, sealed[1:]...),
		"longer":  append(bytes.Clone(sealed), 0),
		"shorter": sealed[:len(sealed)-1],
		"empty":   nil,
	} {
		if err := os.WriteFile(path, wrong, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Network(dir); !errors.Is(err, ErrNetwork) {
			t.Errorf("%s: got %v, want ErrNetwork", name, err)
		}
	}
	for range 2 {
		if err := ForgetNetwork(dir); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := v.Network(dir); got != nil || err != nil {
		t.Errorf("after it is forgotten: %v, %v", got, err)
	}
}
