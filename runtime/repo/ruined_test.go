package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// Without its index a repository does not open, and says that it is the index.
// What a link names can be read all the same: in a new repository that is
// given the blocks of the old one, which is what 'noisefs help damage' says.
func TestRuinedIndex(t *testing.T) {
	for _, test := range []struct {
		name string
		ruin func(index string) error
	}{
		{"Removed", os.RemoveAll},
		{"Emptied", func(index string) error {
			return errors.Join(os.RemoveAll(index), os.Mkdir(index, 0o700))
		}},
		{"Overwritten", func(index string) error {
			return os.WriteFile(filepath.Join(index, "CURRENT"), []byte("x"), 0o600)
		}},
		{"NoTables", func(index string) error { return removeAll(index, "gen-*", "*.sst") }},
		{"NoManifest", func(index string) error { return removeAll(index, "gen-*", "MANIFEST*") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := newRepository(t)
			opened := mustReopen(t, dir)
			noise := strings.NewReader(strings.Repeat("noise", 1<<16))
			place := messages.Place{Path: "/a"}
			if _, err := opened.PutFile(t.Context(), noise, node.PutOptions{Place: place}); err != nil {
				t.Fatal(err)
			}
			link, err := opened.Share(t.Context(), "/")
			if err != nil {
				t.Fatal(err)
			}
			mustClose(t, opened)
			if err := test.ruin(filepath.Join(dir, "index")); err != nil {
				t.Fatal(err)
			}
			opened, err = reopen(dir)
			if err == nil {
				mustClose(t, opened)
			}
			if !errors.Is(err, repo.ErrIndex) || !errors.Is(err, port.ErrIndexCorrupt) {
				t.Fatalf("got %v, want %v", err, repo.ErrIndex)
			}

			rescue := newRepository(t)
			blocks := filepath.Join(rescue, "blocks")
			err = errors.Join(os.RemoveAll(blocks), os.Rename(filepath.Join(dir, "blocks"), blocks))
			if err != nil {
				t.Fatal(err)
			}
			opened = mustReopen(t, rescue)
			defer mustClose(t, opened)
			if err := opened.Import(t.Context(), link, "/old"); err != nil {
				t.Fatal(err)
			}
			_, err = opened.Collect(t.Context(), node.CollectOptions{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			file, err := opened.Open(t.Context(), messages.Target{Path: "/old/a"})
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			_, err = file.CopyTo(t.Context(), &got, 0, -1)
			if err = errors.Join(err, file.Close()); err != nil {
				t.Fatal(err)
			}
			if got.String() != strings.Repeat("noise", 1<<16) {
				t.Error("what was read differs")
			}
		})
	}
}

func removeAll(pattern ...string) error {
	names, err := filepath.Glob(filepath.Join(pattern...))
	for _, name := range names {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

func newRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := repo.Create(dir, vault.WithNothing(), vault.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	return dir
}

func mustReopen(t *testing.T, dir string) *repo.Repo {
	t.Helper()
	opened, err := reopen(dir)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func mustClose(t *testing.T, opened *repo.Repo) {
	t.Helper()
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
}
