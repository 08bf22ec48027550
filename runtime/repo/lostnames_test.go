package repo_test

import (
	"errors"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/repo"
)

// TestNamesOfALostDirectoryAreNotFree: which names a directory has whose blocks
// are lost nobody can tell, so none is taken to be free: what is stored under it
// would hide what may be there, once the blocks come back.
func TestNamesOfALostDirectoryAreNotFree(t *testing.T) {
	r := newLostRepo(t, "/tree", func(*repo.Repo, messages.Link) error { return nil })
	ctx, unavailable := t.Context(), &messages.Error{Code: messages.CodeUnavailable}
	if err := r.MakeDirectory(ctx, "/sound", false); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func(path string) error{
		"Stat": func(path string) error {
			_, err := r.Stat(ctx, messages.Target{Path: path})
			return err
		},
		"MakeDirectory":  func(path string) error { return r.MakeDirectory(ctx, path, false) },
		"MakeWithParent": func(path string) error { return r.MakeDirectory(ctx, path+"/below", true) },
		"Rename":         func(path string) error { return r.Rename(ctx, "/sound", path, false) },
		"Remove":         func(path string) error { return r.Remove(ctx, path, false) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/tree/wide/000003", "/tree/wide/never"} {
				if err := do(path); !errors.Is(err, unavailable) {
					t.Errorf("%s: got %v, want that it is unavailable", path, err)
				}
			}
		})
	}
	// Beside it all goes on, and the directory itself can be removed.
	if err := r.Rename(ctx, "/sound", "/tree/sound", false); err != nil {
		t.Error(err)
	}
	if err := r.Remove(ctx, "/tree/wide", true); err != nil {
		t.Error(err)
	}
}
