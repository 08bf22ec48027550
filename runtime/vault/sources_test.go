package vault

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestPassphraseFromFile(t *testing.T) {
	full := strings.Repeat("p", PassphraseSizeMax)
	for _, test := range []struct{ name, text, want string }{
		{"Plain", "secret", "secret"},
		{"Newline", "secret\n", "secret"},
		{"CRLF", "secret\r\n", "secret"},
		{"OneNewlineOnly", "secret\n\n", "secret\n"},
		{"InnerLines", "one\ntwo\n", "one\ntwo"},
		{"Spaces", " secret \n", " secret "},
		{"Longest", full, full},
		{"LongestLine", full + "\r\n", full},
		{"Empty", "", ""},
		{"OnlyNewline", "\n", ""},
		{"TooLong", full + "p", ""},
		{"TooLongLine", full + "p\n", ""},
		{"Endless", full + full + full, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pass")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := PassphraseFromFile(path)
			if test.want == "" {
				if !errors.Is(err, ErrPassphrase) || !p.IsEmpty() {
					t.Errorf("got %v, want ErrPassphrase", err)
				}
				return
			}
			if err != nil || string(p.Bytes()) != test.want {
				t.Errorf("got another passphrase, %v", err)
			}
		})
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "absent"), t.TempDir()} {
		if _, err := PassphraseFromFile(path); !errors.Is(err, ErrPassphrase) {
			t.Errorf("got %v, want ErrPassphrase", err)
		}
	}
}

func TestPassphraseFromCommand(t *testing.T) {
	ctx := context.Background()
	var stderr bytes.Buffer
	p, err := PassphraseFromCommand(ctx, "echo to people >&2; echo 'a b'", CommandTimeout, &stderr)
	if err != nil || string(p.Bytes()) != "a b" {
		t.Errorf("got another passphrase, %v", err)
	}
	if got := stderr.String(); got != "to people\n" {
		t.Errorf("got %q on stderr", got)
	}
	for _, test := range []struct{ name, command, want string }{
		{"Fails", "echo secret; exit 3", "exit status 3"},
		{"Silent", "true", "it is empty"},
		{"Unknown", "no-such-program-anywhere", "it is empty"},
		{"Endless", "yes", "longer than"},
		{"StandardInput", "cat", "it is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := PassphraseFromCommand(ctx, test.command, CommandTimeout, nil)
			if !errors.Is(err, ErrPassphrase) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if !p.IsEmpty() {
				t.Error("a passphrase in spite of the error")
			}
		})
	}
}

func TestPassphraseCommandIsStopped(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, command := range []string{
		"exec sleep 600",              // the shell itself
		"sleep 600",                   // a child of it, which keeps the pipe open
		"echo x; sleep 600 & :",       // one that outlives it
		"echo x; exec >&-; sleep 600", // nothing more to read, and no end
	} {
		_, err := PassphraseFromCommand(context.Background(), command, 200*time.Millisecond, nil)
		if !errors.Is(err, ErrPassphrase) || !strings.Contains(err.Error(), "took longer") {
			t.Errorf("%q: got %v, want a timeout", command, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := PassphraseFromCommand(ctx, "sleep 600", CommandTimeout, nil); !errors.Is(
		err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestWipeEmptiesAllCopies(t *testing.T) {
	raw := []byte("wipe me now")
	p, err := NewPassphrase(raw)
	if err != nil {
		t.Fatal(err)
	}
	other, credentials := p, WithPassphrase(p)
	p.Wipe()
	p.Wipe()
	if !p.IsEmpty() || !other.IsEmpty() || !credentials.passphrase.IsEmpty() {
		t.Error("a copy is not empty")
	}
	if !bytes.Equal(raw, make([]byte, len(raw))) {
		t.Error("the bytes are still in memory")
	}
	Passphrase{}.Wipe()
}

func TestEqual(t *testing.T) {
	a, b, c := passphrase(t, "same"), passphrase(t, "same"), passphrase(t, "other")
	if !a.Equal(b) || a.Equal(c) || a.Equal(Passphrase{}) {
		t.Error("Equal is wrong")
	}
}
