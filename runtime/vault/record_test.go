package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// fileOf returns the bytes of a fresh vault.json.
func fileOf(tb testing.TB, mode Mode) []byte {
	tb.Helper()
	dir := tb.TempDir()
	newVaultIn(tb, dir, credentialsOf(tb, mode))
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func TestEveryFlippedBitAndCutIsNoticed(t *testing.T) {
	for _, mode := range allModes {
		t.Run(mode.String(), func(t *testing.T) {
			good := fileOf(t, mode)
			if _, err := decode(good); err != nil {
				t.Fatal(err)
			}
			for i := range good {
				for bit := range 8 {
					bad := bytes.Clone(good)
					bad[i] ^= 1 << bit
					_, err := decode(bad)
					if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) &&
						!errors.Is(err, ErrCost) {
						t.Fatalf("bit %d of byte %d flipped: got %v", bit, i, err)
					}
				}
				if _, err := decode(good[:i]); !errors.Is(err, ErrCorrupt) {
					t.Fatalf("cut to %d bytes: got %v", i, err)
				}
			}
		})
	}
}

// A forger can compute the checksum, but not the tag.
func TestForgedHeaderDoesNotOpen(t *testing.T) {
	dir, c := t.TempDir(), credentialsOf(t, ModePassphrase)
	newVaultIn(t, dir, c)
	original, err := readRecord(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		forge func(*record)
		want  error
	}{
		{"MorePasses", func(r *record) { r.argon2.Passes++ }, ErrWrongPassphrase},
		{"MoreMemory", func(r *record) { r.argon2.MemoryKiB++ }, ErrWrongPassphrase},
		{"MoreLanes", func(r *record) { r.argon2.Lanes++ }, ErrWrongPassphrase},
		{"Repository", func(r *record) { r.repository[0] ^= 1 }, ErrWrongPassphrase},
		{"ShorterSalt", func(r *record) { r.salt = r.salt[:saltSizeMin] }, ErrWrongPassphrase},
		{"Nonce", func(r *record) { r.key[0] ^= 1 }, ErrWrongPassphrase},
		{"SealedKey", func(r *record) { r.key[12] ^= 1 }, ErrWrongPassphrase},
		{"Tag", func(r *record) { r.key[wrappedSize-1] ^= 1 }, ErrWrongPassphrase},
		{"Mode", func(r *record) { r.mode = ModeKeyFile }, ErrCredentials},
		{"FewerPasses", func(r *record) { r.argon2.Passes-- }, ErrCost},
		{"LessMemory", func(r *record) { r.argon2.MemoryKiB-- }, ErrCost},
		{"Exhaustion", func(r *record) { r.argon2.MemoryKiB = 1 << 31 }, ErrCost},
		{"NoSalt", func(r *record) { r.salt = r.salt[:saltSizeMin-1] }, ErrCorrupt},
		{"LongSalt", func(r *record) { r.salt = make([]byte, saltSizeMax+1) }, ErrCorrupt},
		{"ShortKey", func(r *record) { r.key = r.key[1:] }, ErrCorrupt},
	} {
		t.Run(test.name, func(t *testing.T) {
			forged := original
			forged.salt, forged.key = bytes.Clone(original.salt), bytes.Clone(original.key)
			test.forge(&forged)
			if err := os.WriteFile(filepath.Join(dir, FileName), forged.encode(), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, c); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(fileOf(t, ModeNone))
	for _, test := range []struct {
		name, text string
		want       error
	}{
		{"Empty", "", ErrCorrupt},
		{"NotJSON", "noisefs", ErrCorrupt},
		{"Array", "[]", ErrCorrupt},
		{"EmptyObject", "{}", ErrCorrupt},
		{"Null", "null", ErrCorrupt},
		{"Newer", `{"version": 1, "anything": [{}]}`, ErrNewer},
		{"Negative", strings.Replace(good, `"version": 0`, `"version": -1`, 1), ErrCorrupt},
		{"UnknownField", strings.Replace(good, "{", `{"more": 1,`, 1), ErrCorrupt},
		{"Twice", strings.Replace(good, "{", `{"version": 0,`, 1), ErrCorrupt},
		{"OtherCase", strings.Replace(good, `"version"`, `"Version"`, 1), ErrCorrupt},
		{"Trailing", good + "\n", ErrCorrupt},
		{"Huge", good + strings.Repeat(" ", fileSizeMax), ErrCorrupt},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := decode([]byte(test.text)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := ModeOf(dir); !errors.Is(err, test.want) {
				t.Errorf("ModeOf: got %v, want %v", err, test.want)
			}
		})
	}
}

func TestDefaultCostIsTheSecondChoiceOfRFC9106(t *testing.T) {
	dir := t.TempDir()
	c := credentialsOf(t, ModePassphrase)
	v, err := Create(dir, c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	r, err := readRecord(dir)
	if want := (Argon2{Passes: 3, MemoryKiB: 65536, Lanes: 4}); err != nil || r.argon2 != want {
		t.Errorf("got cost %+v, %v, want %+v", r.argon2, err, want)
	}
	wantSameKeys(t, dir, c, v)
}

func TestNoneSaysItPlainly(t *testing.T) {
	var fields map[string]any
	if err := json.Unmarshal(fileOf(t, ModeNone), &fields); err != nil {
		t.Fatal(err)
	}
	if fields["mode"] != "none" || fields["readable_key"] == nil || fields["wrapped_key"] != nil {
		t.Errorf("got fields %v", fields)
	}
}

// The golden files hold every version this code must open.
// They were written by version 0 with the passphrase below.
func TestGoldenVaults(t *testing.T) {
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, c := range map[string]Credentials{
		"v0-passphrase.json": WithPassphrase(passphrase(t, "golden passphrase")),
		"v0-key-file.json":   WithKeyFile(keyFile),
		"v0-none.json":       WithNothing(),
	} {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			r, err := decode(data)
			if err != nil {
				t.Fatal(err)
			}
			var got, want messages.Secret
			for i := range want {
				want[i] = byte(i)
			}
			if err := r.unwrap(c, &got); err != nil || got != want {
				t.Errorf("got another master key, %v", err)
			}
		})
	}
}

func FuzzReadVault(f *testing.F) {
	for _, file := range []string{"v0-passphrase.json", "v0-none.json", "v0-key-file.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decode(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) && !errors.Is(err, ErrCost) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if !bytes.Equal(r.encode(), data) {
			t.Fatal("decoded what encode would not write")
		}
		switch r.mode {
		case ModePassphrase:
			if err := r.argon2.Validate(); err != nil {
				t.Fatal(err)
			}
		case ModeKeyFile:
			if r.argon2 != (Argon2{}) {
				t.Fatal("a key file with a cost")
			}
		case ModeNone:
			var master messages.Secret
			if err := r.unwrap(WithNothing(), &master); err != nil {
				t.Fatal(err)
			}
		}
	})
}
