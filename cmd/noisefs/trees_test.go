package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// randomBytes returns n bytes, the same for the same seed.
func randomBytes(seed uint64, n int) []byte {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	data := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(data) // never fails
	return data
}

func scriptSameTree(ts *testscript.TestScript, neg bool, args []string) {
	one, err := describeTree(ts.MkAbs(args[0]))
	ts.Check(err)
	two, err := describeTree(ts.MkAbs(args[1]))
	ts.Check(err)
	if equal := one == two; equal == neg {
		ts.Fatalf("equal is %v; the trees are\n%s\nand\n%s", equal, one, two)
	}
}

// describeTree writes down all that a stored tree must give back: names,
// types, modes, times, symlinks, content.
func describeTree(root string) (string, error) {
	var text strings.Builder
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%q %s %d", below, info.Mode(), info.ModTime().UnixNano())
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&text, " -> %q", target)
		case info.Mode().IsRegular():
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&text, " %d %x", len(data), sha256.Sum256(data))
		}
		text.WriteByte('\n')
		return nil
	})
	return text.String(), err
}

func scriptOddTree(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(makeOddTree(ts.MkAbs(args[0])))
}

// oddNames are names that a file system takes and programs trip over.
var oddNames = [...]string{
	"-rf", "--help", " leading and trailing ", "new\nline", "tab\there", "back\\slash",
	"quote'\"`$(x)", "*?[a]", "not utf-8 \xff\xfe\x80", "\x01\x02\x7f", "...", "..data",
	".hidden", "~", "@file", "noisefs:link", "ünïcödé", "u\u0308 combined",
	"日本語", "\u202egnp.exe", "\ufffd", "con", "NUL", "%00%2f", "a=b&c=d#e;f",
}

// makeOddTree makes a tree with all that a stored tree must keep: odd and
// long names, empty files and directories, files of every kind of storing,
// modes, times before and after the epoch to the nanosecond, and symlinks
// that dangle or leave.
func makeOddTree(root string) error {
	b := treeBuilder{root: root}
	b.dir("", 0o755)
	b.dir("odd", 0o755)
	names := append(oddNames[:len(oddNames):len(oddNames)], strings.Repeat("n", 255))
	for i, name := range names {
		b.file(filepath.Join("odd", name), randomBytes(uint64(i), i*7), 0o644)
	}
	b.dir("odd dirs", 0o750)
	for _, name := range names[:12] {
		b.dir(filepath.Join("odd dirs", name), 0o755)
		b.file(filepath.Join("odd dirs", name, "inside"), []byte(name), 0o600)
	}
	b.dir("sizes", 0o755)
	for _, size := range []int{
		0, 1, 100, 4095, 4096, 65535, 65536, 65537, 131071, 131072, 131073, 300_000,
	} {
		b.file(fmt.Sprintf("sizes/%07d", size), randomBytes(uint64(size), size), 0o644)
	}
	b.dir("modes", 0o755)
	for _, mode := range []os.FileMode{
		0o400, 0o444, 0o600, 0o777, 0o755 | os.ModeSetuid, 0o755 | os.ModeSetgid,
	} {
		b.file(fmt.Sprintf("modes/%04o", uint32(mode)), []byte("x"), mode)
	}
	b.dir("modes/sticky", 0o777|os.ModeSticky)
	b.dir("empty", 0o700)
	b.dir("readonly", 0o555)
	b.file("readonly/file", []byte("kept"), 0o444)
	deep := "deep"
	for range 40 {
		b.dir(deep, 0o755)
		deep = filepath.Join(deep, "down")
	}
	b.dir(deep, 0o755)
	b.file(filepath.Join(deep, "bottom"), []byte("bottom"), 0o644)
	b.dir("links", 0o755)
	for name, target := range map[string]string{
		"dangling": "no/such/file", "absolute": "/etc/passwd", "up": "../../..",
		"odd": "not utf-8 \xff\nand a line", "self": "self", "good": "../sizes/0000001",
	} {
		b.symlink("links/"+name, target)
	}
	return b.finish()
}

// treeBuilder makes a tree and sets modes and times last, deepest first.
type treeBuilder struct {
	root  string
	made  []string
	modes []os.FileMode
	err   error
}

func (b *treeBuilder) dir(name string, mode os.FileMode) {
	if b.err == nil {
		b.err = os.MkdirAll(filepath.Join(b.root, name), 0o755)
		b.made, b.modes = append(b.made, name), append(b.modes, mode)
	}
}

func (b *treeBuilder) file(name string, data []byte, mode os.FileMode) {
	if b.err == nil {
		b.err = os.WriteFile(filepath.Join(b.root, name), data, 0o600)
		b.made, b.modes = append(b.made, name), append(b.modes, mode)
	}
}

func (b *treeBuilder) symlink(name, target string) {
	if b.err == nil {
		b.err = os.Symlink(target, filepath.Join(b.root, name))
	}
}

func (b *treeBuilder) finish() error {
	for i := len(b.made) - 1; i >= 0 && b.err == nil; i-- {
		name := filepath.Join(b.root, b.made[i])
		at := time.Date(1960+i%110, time.Month(1+i%12), 3, 4, 5, 6, 789_000_001+i, time.UTC)
		if b.err = os.Chmod(name, b.modes[i]); b.err == nil {
			b.err = os.Chtimes(name, at, at)
		}
	}
	return b.err
}

// TestTreeWithFewSessions: a tree and a large file in it are written at one
// time, so that one session would never be enough.
func TestTreeWithFewSessions(t *testing.T) {
	if testing.Short() {
		t.Skip("command lines are tested without -short")
	}
	newRepository(t)
	source := t.TempDir()
	for i := range 5 {
		large := randomBytes(uint64(i), 300_000)
		if err := os.WriteFile(filepath.Join(source, fmt.Sprint(i)), large, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "", "put", "-r", source, "--to", "/tree", "-O", "splitter.sessions_max=2")
	said := mustFail(t, exitUsage, "put", "-r", source, "-O", "splitter.sessions_max=1").err
	if !strings.Contains(said, "a large file in it another") {
		t.Errorf("the refusal does not say why: %s", said)
	}
}
