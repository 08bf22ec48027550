package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var errInjected = errors.New("injected")

// failingFiles is the real system that fails at one step and writes down
// what it was asked to do.
type failingFiles struct {
	osFiles
	failAt string
	trace  []string
}

func (s *failingFiles) step(name string) error {
	s.trace = append(s.trace, name)
	if s.failAt == name {
		return errInjected
	}
	return nil
}

func (s *failingFiles) create(name string, perm fs.FileMode) (file, error) {
	if err := s.step("create"); err != nil {
		return nil, err
	}
	f, err := s.osFiles.create(name, perm)
	return &failingFile{f, s}, err
}

func (s *failingFiles) rename(oldName, newName string) error {
	if err := s.step("rename"); err != nil {
		return err
	}
	return s.osFiles.rename(oldName, newName)
}

func (s *failingFiles) syncDir(dir string) error {
	if err := s.step("syncDir"); err != nil {
		return err
	}
	return s.osFiles.syncDir(dir)
}

type failingFile struct {
	file
	sys *failingFiles
}

func (f *failingFile) Write(p []byte) (int, error) {
	if err := f.sys.step("write"); err != nil {
		n, _ := f.file.Write(p[:len(p)/2]) // a full disk takes a part
		return n, err
	}
	return f.file.Write(p)
}

func (f *failingFile) Sync() error {
	if err := f.sys.step("sync"); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *failingFile) Close() error {
	return errors.Join(f.sys.step("close"), f.file.Close())
}

func TestReplaceWritesInTheOneSafeOrder(t *testing.T) {
	sys := &failingFiles{}
	path := filepath.Join(t.TempDir(), "f")
	if err := replace(sys, path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "create write sync close rename syncDir"
	if got := strings.Join(sys.trace, " "); got != want {
		t.Errorf("got steps %q, want %q", got, want)
	}
}

func TestReplaceKeepsTheOldContentWhenAStepFails(t *testing.T) {
	for _, step := range []string{"create", "write", "sync", "close", "rename", "syncDir"} {
		t.Run(step, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "f")
			if err := Replace(path, []byte("old content"), 0o600); err != nil {
				t.Fatal(err)
			}
			secret := []byte("new content")
			err := replace(&failingFiles{failAt: step}, path, secret, 0o600)
			if !errors.Is(err, errInjected) {
				t.Fatalf("got error %v, want the injected one", err)
			}
			if strings.Contains(fmt.Sprintf("%+v", err), string(secret)) {
				t.Error("the error shows the data")
			}
			want := "old content"
			if step == "syncDir" { // documented: in place, not yet durable
				want = "new content"
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
			wantOnly(t, dir, "f")
		})
	}
}

func TestReplaceOverALeftoverAndALooseFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	victim := filepath.Join(dir, "victim")
	if err := os.WriteFile(victim, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, path+TempSuffix); err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("new"), 1000)
	if err := Replace(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	if got, _ := os.ReadFile(victim); string(got) != "untouched" {
		t.Error("the write followed a symbolic link")
	}
	wantOnly(t, dir, "f", "victim")
}

func TestReplaceInAMissingFolder(t *testing.T) {
	err := Replace(filepath.Join(t.TempDir(), "absent", "f"), []byte("x"), 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func TestDiscard(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := Discard(path); err != nil {
		t.Errorf("with nothing to discard: %v", err)
	}
	if err := os.WriteFile(path+TempSuffix, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Discard(path); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, dir)
}

func wantOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(entries))
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("folder has %q, want %q", got, want)
	}
}
