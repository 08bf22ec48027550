package repo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestMakeDurable(t *testing.T) {
	above := t.TempDir()
	deep := filepath.Join(above, "a", "b", "c")
	for range 2 { // the second time it is there already
		if err := makeDurable(deep); err != nil {
			t.Fatal(err)
		}
	}
	for dir := deep; dir != above; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode() != fs.ModeDir|0o700 {
			t.Errorf("%v, %v; want a folder for its owner alone", info, err)
		}
	}
	file := filepath.Join(above, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := makeDurable(file); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v, want ErrExist", err)
	}
	if err := makeDurable(filepath.Join(file, "below")); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("below a file: %v, want ENOTDIR", err)
	}
}
