package vault

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// shownAs prints v in every way a program might.
func shownAs(v any) string {
	var out bytes.Buffer
	for _, verb := range "vTtbcdoOqxXUeEfFgGsp" {
		for _, flags := range []string{"", "+", "#", "-", " ", "0", "+#", "5.3", "# "} {
			fmt.Fprintf(&out, "%"+flags+string(verb)+"\n", v)
		}
	}
	// Unused, missing and misplaced arguments take other paths through fmt.
	for _, format := range []string{"%d %!", "%[2]*d", "none", "%[9]d"} {
		fmt.Fprintf(&out, format, 1, v)
	}
	fmt.Fprintln(&out, v, []any{v}, map[string]any{"v": v}, struct{ V any }{v}, &v)
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
		fmt.Fprintf(&out, verb, struct {
			Inner any
			Slice []any
		}{v, []any{v}})
	}
	for _, encode := range []func() ([]byte, error){
		func() ([]byte, error) { return json.Marshal(v) },
		func() ([]byte, error) { return json.Marshal(map[string]any{"v": v}) },
		func() ([]byte, error) { return xml.Marshal(v) },
		func() ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		},
	} {
		data, err := encode()
		out.Write(data)
		fmt.Fprintln(&out, err)
	}
	for _, handler := range []slog.Handler{
		slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}),
		slog.NewJSONHandler(&out, nil),
	} {
		log := slog.New(handler)
		log.Info("static", "value", v, "group", slog.GroupValue(slog.Any("inner", v)))
		log.With("value", v).Error("static", "err", fmt.Errorf("wrapped: %v", v))
		log.Info("static", "slice", []any{v})
	}
	return out.String()
}

// wantHidden fails when a secret is in text, in any spelling of its bytes.
func wantHidden(t *testing.T, what, text string, secret []byte) {
	t.Helper()
	decimals := strings.Trim(fmt.Sprint(secret), "[]")
	commas := strings.ReplaceAll(decimals, " ", ",")
	goBytes := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", secret), "[]byte{"), "}")
	for _, spelling := range []string{
		string(secret), hex.EncodeToString(secret), fmt.Sprintf("%X", secret),
		fmt.Sprintf("% x", secret), base64.StdEncoding.EncodeToString(secret)[:8],
		base64.RawURLEncoding.EncodeToString(secret)[:8], decimals, commas, goBytes,
		fmt.Sprintf("%q", secret), string(secret[:8]),
	} {
		if strings.Contains(text, spelling) {
			t.Errorf("%s shows the secret as %q", what, spelling)
		}
	}
}

func TestTheCanaryIsSeenWhereItIsNotHidden(t *testing.T) {
	secret := []byte("canary-of-the-leak-test")
	if text := shownAs(struct{ P []byte }{secret}); !strings.Contains(text, "99 97 110") {
		t.Error("shownAs does not show what is not hidden")
	}
}

func TestNothingPrintsAPassphrase(t *testing.T) {
	secret := []byte("canary of a passphrase")
	p, err := NewPassphrase(bytes.Clone(secret))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	v := newVaultIn(t, dir, WithPassphrase(p))
	for what, value := range map[string]any{
		"Passphrase": p, "*Passphrase": &p, "Credentials": WithPassphrase(p),
		"Vault": v, "struct": struct{ P Passphrase }{p}, "slice": []Passphrase{p},
	} {
		wantHidden(t, what, shownAs(value), secret)
	}
	if got := fmt.Sprintf("%v %+v %#v %s %x %d", p, p, p, p, p, p); got !=
		strings.TrimSuffix(strings.Repeat(messages.Redacted+" ", 6), " ") {
		t.Errorf("got %q", got)
	}
	if got, err := json.Marshal(map[string]any{"p": p}); err != nil ||
		string(got) != `{"p":"[redacted]"}` {
		t.Errorf("got %s, %v", got, err)
	}
	files := readAll(t, dir)
	wantHidden(t, "the repository", files, secret)
}

func TestNothingPrintsAMasterKey(t *testing.T) {
	for _, mode := range allModes {
		dir := t.TempDir()
		v := newVaultIn(t, dir, credentialsOf(t, mode))
		secret := bytes.Clone(v.master.Bytes())
		text := shownAs(v)
		wantHidden(t, "the vault", text, secret)
		if mode != ModeNone {
			wantHidden(t, "the repository", readAll(t, dir), secret)
		}
		record, err := readRecord(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range Purposes() {
			key := v.Derive(p)
			wantHidden(t, "the repository", readAll(t, dir), key[:])
		}
		if mode == ModeNone && !bytes.Equal(record.key, secret) {
			t.Error("the canary is not what it should be")
		}
	}
}

// Every way to fail, with every secret at hand.
func TestNoErrorTellsASecret(t *testing.T) {
	dir, keyDir := t.TempDir(), t.TempDir()
	secret := []byte("canary of a passphrase")
	p, _ := NewPassphrase(bytes.Clone(secret))
	wrong, _ := NewPassphrase(append(bytes.Clone(secret), '!'))
	v := newVaultIn(t, dir, WithPassphrase(p))
	master := bytes.Clone(v.master.Bytes())
	none := t.TempDir()
	noneVault := newVaultIn(t, none, WithNothing())
	noneMaster := bytes.Clone(noneVault.master.Bytes())

	var errs []error
	fail := func(err error) {
		t.Helper()
		if err == nil {
			t.Error("this should have failed")
		}
		errs = append(errs, err)
	}
	open := func(dir string, c Credentials) error { _, err := Open(dir, c); return err }
	fail(open(dir, WithPassphrase(wrong)))
	fail(open(dir, WithNothing()))
	fail(open(none, WithPassphrase(p)))
	fail(open(keyDir, WithPassphrase(p)))
	fail(ChangePassphrase(dir, WithPassphrase(wrong), WithPassphrase(p), LowestCost()))
	fail(ChangePassphrase(dir, WithPassphrase(p), Credentials{}, LowestCost()))
	fail(ChangePassphrase(dir, WithPassphrase(p), WithPassphrase(p), Options{Argon2{Passes: 99}}))
	_, err := Create(dir, WithPassphrase(p), LowestCost())
	fail(err)
	_, err = Create(filepath.Join(keyDir, "absent"), WithPassphrase(p), LowestCost())
	fail(err)
	// A readable vault that is damaged in every byte.
	data, err := os.ReadFile(filepath.Join(none, FileName))
	if err != nil {
		t.Fatal(err)
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] = '~'
		_, err := decode(bad)
		fail(err)
	}
	_, err = NewPassphrase(bytes.Repeat(secret, 1000))
	fail(err)
	long := filepath.Join(keyDir, "long")
	if err := os.WriteFile(long, bytes.Repeat(secret, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = PassphraseFromFile(long)
	fail(err)
	ctx := context.Background()
	_, err = PassphraseFromCommand(ctx, "cat "+long, CommandTimeout, nil)
	fail(err)
	_, err = PassphraseFromCommand(ctx, "head -c 20 "+long+"; exit 3", CommandTimeout, nil)
	fail(err)

	for _, err := range errs {
		text := shownAs(err)
		for e := err; e != nil; e = errors.Unwrap(e) {
			text += shownAs(e)
		}
		wantHidden(t, "an error", text, secret)
		wantHidden(t, "an error", text, master)
		wantHidden(t, "an error", text, noneMaster)
	}
}

// readAll returns every byte of every file below dir.
func readAll(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
