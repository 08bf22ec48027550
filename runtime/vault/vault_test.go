package vault

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/atomicfile"
	"pgregory.net/rapid"
)

func passphrase(tb testing.TB, text string) Passphrase {
	tb.Helper()
	p, err := NewPassphrase([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// credentialsOf returns working credentials of each mode.
func credentialsOf(tb testing.TB, mode Mode) Credentials {
	tb.Helper()
	switch mode {
	case ModePassphrase:
		return WithPassphrase(passphrase(tb, "correct horse"))
	case ModeKeyFile:
		return WithKeyFile(filepath.Join(tb.TempDir(), "key"))
	}
	return WithNothing()
}

func newVaultIn(tb testing.TB, dir string, c Credentials) *Vault {
	tb.Helper()
	v, err := Create(dir, c, LowestCost())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(v.Close)
	return v
}

func wantSameKeys(tb testing.TB, dir string, c Credentials, want *Vault) {
	tb.Helper()
	v, err := Open(dir, c)
	if err != nil {
		tb.Fatalf("open: %v", err)
	}
	defer v.Close()
	if v.RepositoryID() != want.RepositoryID() {
		tb.Error("another repository id")
	}
	for _, p := range Purposes() {
		if v.Derive(p) != want.Derive(p) {
			tb.Errorf("another key for %q", p)
		}
	}
}

var allModes = []Mode{ModePassphrase, ModeKeyFile, ModeNone}

func TestOpenGivesWhatCreateMade(t *testing.T) {
	for _, mode := range allModes {
		t.Run(mode.String(), func(t *testing.T) {
			dir, c := t.TempDir(), credentialsOf(t, mode)
			v := newVaultIn(t, dir, c)
			wantSameKeys(t, dir, c, v)
			if got, err := ModeOf(dir); err != nil || got != mode || v.Mode() != mode {
				t.Errorf("got mode %v, %v, want %v", got, err, mode)
			}
			info, err := os.Stat(filepath.Join(dir, FileName))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("got file mode %v, %v, want 0600", info.Mode(), err)
			}
			if _, err := Create(dir, c, LowestCost()); !errors.Is(err, ErrExists) {
				t.Errorf("second Create: got %v, want ErrExists", err)
			}
			wantSameKeys(t, dir, c, v)
		})
	}
}

func TestEveryKeyIsAnother(t *testing.T) {
	seen := make(map[messages.Secret]string)
	for _, dir := range []string{t.TempDir(), t.TempDir()} {
		v := newVaultIn(t, dir, WithNothing())
		for _, p := range Purposes() {
			key := v.Derive(p)
			if before, ok := seen[key]; ok || key.IsZero() {
				t.Errorf("%q and %q share a key", p, before)
			}
			seen[key] = string(p)
		}
	}
}

// The expected value was computed apart from this code, with Python's hmac:
// RFC 5869 extract and expand with SHA-256.
func TestDeriveVector(t *testing.T) {
	var h header
	var master messages.Secret
	for i := range h.repository {
		h.repository[i] = byte(0xf0 + i)
	}
	for i := range master {
		master[i] = byte(i)
	}
	v, err := newVault(h, &master)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	want := "4002bbdfb971f5c6de0163cc022cf8858c5752168f327869989cdb3b1dab989c"
	key := v.Derive(PurposeIndexValues)
	if got := hex.EncodeToString(key[:]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !master.IsZero() {
		t.Error("the master key is still where it was before it was locked")
	}
}

func TestWrongCredentials(t *testing.T) {
	other := t.TempDir()
	otherKey := filepath.Join(other, "key")
	newVaultIn(t, t.TempDir(), WithKeyFile(otherKey))
	short := filepath.Join(other, "short")
	long := filepath.Join(other, "long")
	for path, size := range map[string]int{short: KeyFileSizeMin - 1, long: KeyFileSizeMax + 1} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wrong := WithPassphrase(passphrase(t, "correct horsf"))
	for _, test := range []struct {
		name string
		mode Mode
		with Credentials
		want error
	}{
		{"Passphrase", ModePassphrase, wrong, ErrWrongPassphrase},
		{"EmptyPassphrase", ModePassphrase, WithPassphrase(Passphrase{}), ErrWrongPassphrase},
		{"KeyFile", ModeKeyFile, WithKeyFile(otherKey), ErrWrongKeyFile},
		{"MissingKeyFile", ModeKeyFile, WithKeyFile(filepath.Join(other, "no")), ErrKeyFile},
		{"ShortKeyFile", ModeKeyFile, WithKeyFile(short), ErrKeyFile},
		{"LongKeyFile", ModeKeyFile, WithKeyFile(long), ErrKeyFile},
		{"FolderAsKeyFile", ModeKeyFile, WithKeyFile(other), ErrKeyFile},
		{"KeyFileForPassphrase", ModePassphrase, WithKeyFile(otherKey), ErrCredentials},
		{"NothingForPassphrase", ModePassphrase, WithNothing(), ErrCredentials},
		{"PassphraseForNothing", ModeNone, wrong, ErrCredentials},
		{"Zero", ModeNone, Credentials{}, ErrCredentials},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, right := t.TempDir(), credentialsOf(t, test.mode)
			v := newVaultIn(t, dir, right)
			if _, err := Open(dir, test.with); !errors.Is(err, test.want) {
				t.Errorf("Open: got %v, want %v", err, test.want)
			}
			err := ChangePassphrase(dir, test.with, WithNothing(), LowestCost())
			if !errors.Is(err, test.want) {
				t.Errorf("ChangePassphrase: got %v, want %v", err, test.want)
			}
			wantSameKeys(t, dir, right, v)
		})
	}
}

func TestWrongPassphraseCostsWhatARightOneCosts(t *testing.T) {
	dir := t.TempDir()
	newVaultIn(t, dir, credentialsOf(t, ModePassphrase))
	allocated := func(c Credentials) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v, err := Open(dir, c)
		runtime.ReadMemStats(&after)
		if err == nil {
			v.Close()
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	right := allocated(credentialsOf(t, ModePassphrase))
	if right < MemoryKiBMin<<10 {
		t.Fatalf("a right passphrase costs %d bytes, less than Argon2id's memory", right)
	}
	for name, c := range map[string]Credentials{
		"Wrong": WithPassphrase(passphrase(t, "wrong")),
		"Empty": WithPassphrase(Passphrase{}),
	} {
		if got := allocated(c); got < MemoryKiBMin<<10 || got > right+1<<20 {
			t.Errorf("%s costs %d bytes, a right passphrase %d", name, got, right)
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	strong := WithPassphrase(passphrase(t, "x"))
	for _, test := range []struct {
		name    string
		with    Credentials
		options Options
		want    error
	}{
		{"NoCredentials", Credentials{}, Options{}, ErrCredentials},
		{"EmptyPassphrase", WithPassphrase(Passphrase{}), Options{}, ErrPassphrase},
		{"TooCheap", strong, Options{Argon2{1, MemoryKiBMin, 1}}, ErrCost},
		{"TooLittleMemory", strong, Options{Argon2{3, MemoryKiBMin - 1, 1}}, ErrCost},
		{"TooMuchMemory", strong, Options{Argon2{3, MemoryKiBMax + 1, 1}}, ErrCost},
		{"TooManyPasses", strong, Options{Argon2{PassesMax + 1, MemoryKiBMin, 1}}, ErrCost},
		{"NoLanes", strong, Options{Argon2{3, MemoryKiBMin, 0}}, ErrCost},
		{"KeyBesideLock", WithKeyFile(filepath.Join(dir, "key")), Options{}, ErrKeyFile},
		{"KeyBelowLock", WithKeyFile(filepath.Join(dir, "sub", "key")), Options{}, ErrKeyFile},
		{"KeyBehindLink", WithKeyFile(filepath.Join(link, "key")), Options{}, ErrKeyFile},
		{"KeyNowhere", WithKeyFile(filepath.Join(dir, "..", "no", "key")), Options{}, ErrKeyFile},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Create(dir, test.with, test.options); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if _, err := ModeOf(dir); !errors.Is(err, ErrNoVault) {
				t.Errorf("got %v, want ErrNoVault: something was written", err)
			}
		})
	}
	if _, err := Open(dir, strong); !errors.Is(err, ErrNoVault) {
		t.Errorf("Open: got %v, want ErrNoVault", err)
	}
}

func TestCreateUsesAKeyFileThatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	want := bytes.Repeat([]byte("0123456789abcdef"), 4)
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	wantSameKeys(t, dir, WithKeyFile(path), newVaultIn(t, dir, WithKeyFile(path)))
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the key file was changed: %v", err)
	}
}

func TestChangePassphraseBetweenAllModes(t *testing.T) {
	for _, from := range allModes {
		for _, to := range allModes {
			t.Run(from.String()+"To"+to.String(), func(t *testing.T) {
				dir, old := t.TempDir(), credentialsOf(t, from)
				v := newVaultIn(t, dir, old)
				replacement := credentialsOf(t, to)
				if to == ModePassphrase {
					replacement = WithPassphrase(passphrase(t, "battery staple"))
				}
				if err := ChangePassphrase(dir, old, replacement, LowestCost()); err != nil {
					t.Fatal(err)
				}
				wantSameKeys(t, dir, replacement, v)
				if from == ModeNone && to == ModeNone {
					return
				}
				if _, err := Open(dir, old); err == nil {
					t.Error("the old credentials still open it")
				}
			})
		}
	}
}

func TestChangePassphraseDrawsANewSaltAndNonce(t *testing.T) {
	dir, c := t.TempDir(), credentialsOf(t, ModePassphrase)
	newVaultIn(t, dir, c)
	before, err := readRecord(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := ChangePassphrase(dir, c, c, LowestCost()); err != nil {
		t.Fatal(err)
	}
	after, err := readRecord(dir)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(before.salt, after.salt) || bytes.Equal(before.key[:12], after.key[:12]) {
		t.Error("the same passphrase was wrapped with an old salt or nonce")
	}
}

func TestOpenRemovesWhatACrashLeft(t *testing.T) {
	dir := t.TempDir()
	v := newVaultIn(t, dir, WithNothing())
	temp := filepath.Join(dir, FileName+atomicfile.TempSuffix)
	if err := os.WriteFile(temp, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantSameKeys(t, dir, WithNothing(), v)
	if _, err := os.Lstat(temp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the leftover is still there: %v", err)
	}
}

func TestDerivePanicsForBugs(t *testing.T) {
	v := newVaultIn(t, t.TempDir(), WithNothing())
	wantPanic := func(want string, f func()) {
		t.Helper()
		defer func() {
			if got, _ := recover().(string); !strings.Contains(got, want) {
				t.Errorf("got panic %q, want %q", got, want)
			}
		}()
		f()
	}
	wantPanic("undeclared", func() { v.Derive("made up") })
	v.Close()
	v.Close()
	wantPanic("after Close", func() { v.Derive(PurposeHistory) })
}

func TestDeriveFromManyGoroutines(t *testing.T) {
	v := newVaultIn(t, t.TempDir(), WithNothing())
	want := v.Derive(PurposeHistory)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				if v.Derive(PurposeHistory) != want {
					t.Error("another key")
				}
			}
		})
	}
	wait.Wait()
}

func TestAwkwardPassphrases(t *testing.T) {
	texts := []string{
		"a", "a\x00", "a\n", "\x00", "\xff\xfe", "Gr\u00fc\u00dfe", "[redacted]",
		strings.Repeat("long", PassphraseSizeMax/4),
	}
	for i, text := range texts {
		dir := t.TempDir()
		v := newVaultIn(t, dir, WithPassphrase(passphrase(t, text)))
		wantSameKeys(t, dir, WithPassphrase(passphrase(t, text)), v)
		next := texts[(i+1)%len(texts)]
		if _, err := Open(dir, WithPassphrase(passphrase(t, next))); !errors.Is(
			err, ErrWrongPassphrase) {
			t.Errorf("passphrase %d is opened by the next one: %v", i, err)
		}
	}
}

// Key files, because they cost no Argon2id: the wrapping is the same.
func TestAnyKeyFileOpensWhatItMade(t *testing.T) {
	parent := t.TempDir()
	keys := rapid.SliceOfN(rapid.Byte(), KeyFileSizeMin, 80)
	rapid.Check(t, func(rt *rapid.T) {
		key, other := keys.Draw(rt, "key"), keys.Draw(rt, "other")
		base, err := os.MkdirTemp(parent, "")
		if err != nil {
			rt.Fatal(err)
		}
		dir, path := filepath.Join(base, "repository"), filepath.Join(base, "key")
		otherPath := filepath.Join(base, "other")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(path, key, 0o600),
			os.WriteFile(otherPath, other, 0o600)); err != nil {
			rt.Fatal(err)
		}
		v, err := Create(dir, WithKeyFile(path), Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer v.Close()
		opened, err := Open(dir, WithKeyFile(path))
		if err != nil {
			rt.Fatal(err)
		}
		defer opened.Close()
		if opened.Derive(PurposeHistory) != v.Derive(PurposeHistory) {
			rt.Fatal("another key came out")
		}
		again, err := Open(dir, WithKeyFile(otherPath))
		if err == nil {
			again.Close()
		}
		if bytes.Equal(key, other) != (err == nil) {
			rt.Fatalf("same key: %v, got error %v", bytes.Equal(key, other), err)
		}
	})
}
