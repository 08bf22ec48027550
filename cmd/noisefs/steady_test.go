package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// A file that grows while it is read is refused whoever reads it, also
// io.Copy, which goes by WriteTo where there is one.
func TestSteadyFileThatGrows(t *testing.T) {
	for _, reading := range []struct {
		name string
		read func(io.Reader) error
	}{
		{"copy", func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }},
		{"read all", func(r io.Reader) error { _, err := io.ReadAll(r); return err }},
	} {
		name := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(name, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := openSteady(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("before and after"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := reading.read(file); !errors.Is(err, errChanged) {
			t.Errorf("%s: %v, want errChanged", reading.name, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What a terminal would obey is written out, in names and in errors.
func TestNothingForTheTerminalToObey(t *testing.T) {
	for _, row := range []struct{ text, name, inError string }{
		{"plain – naïve", "plain – naïve", "plain – naïve"},
		{"a\x1b[2Jb", `"a\x1b[2Jb"`, `a\x1b[2Jb`},
		{"a\u009b2Jb", `"a\u009b2Jb"`, `a\u009b2Jb`}, // the one-character CSI
		{"txt\u202egpj", `"txt\u202egpj"`, `txt\u202egpj`},
		{"a\nb", `"a\nb"`, "a\nb"},
		{"a\xffb", `"a\xffb"`, "a\ufffdb"},
	} {
		if got := quoteName(row.text); got != row.name {
			t.Errorf("quoteName(%q) = %s, want %s", row.text, got, row.name)
		}
		if got := harmless(row.text); got != row.inError {
			t.Errorf("harmless(%q) = %q, want %q", row.text, got, row.inError)
		}
	}
}
