package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// An empty block store must not be taken for that of a repository which had
// blocks: what it kept would look removed, and be collected from the index.
func TestOpenRefusesVanishedBlocks(t *testing.T) {
	for name, remove := range map[string]func(dir string) error{
		"AllFiles": func(dir string) error {
			names, err := filepath.Glob(filepath.Join(dir, "blocks", "*"))
			for _, name := range names {
				err = errors.Join(err, os.Remove(name))
			}
			return err
		},
		"Folder": func(dir string) error { return os.RemoveAll(filepath.Join(dir, "blocks")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := repo.Create(dir, vault.WithNothing(), vault.Options{}, nil); err != nil {
				t.Fatal(err)
			}
			if err := remove(dir); err != nil {
				t.Fatal(err)
			}
			opened, err := reopen(dir)
			if err == nil {
				_ = opened.Close()
			}
			if !errors.Is(err, port.ErrBlockCorrupt) && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("got %v, want an error that says the blocks are gone", err)
			}
		})
	}
}
