package repo_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// wideFiles is how many files make a directory that takes more than a node:
// each packed one has a key of its own in there.
const wideFiles = 4000

// wideTree is a tree of one directory, "wide", with many small files.
type wideTree struct {
	told    int
	content io.Reader
}

func (w *wideTree) Next() (node.TreeItem, error) {
	at := w.told
	w.told++
	switch {
	case at == 0:
		return node.TreeItem{Type: messages.TypeDirectory}, nil
	case at == 1:
		return node.TreeItem{Path: "wide", Type: messages.TypeDirectory}, nil
	case at > wideFiles+1:
		return node.TreeItem{}, io.EOF
	}
	text := fmt.Sprintf("this is file number %d", at)
	w.content = strings.NewReader(text)
	return node.TreeItem{
		Path: fmt.Sprintf("wide/%06d", at), Type: messages.TypeFile, Size: int64(len(text)),
	}, nil
}

func (w *wideTree) Read(p []byte) (int, error) { return w.content.Read(p) }

// newLostRepo makes a repository, puts the wide tree in it and does what then
// says; and then all blocks are lost but those of the tree's root.
func newLostRepo(
	t *testing.T, to string, then func(*repo.Repo, messages.Link) error,
) *repo.Repo {
	t.Helper()
	dir := t.TempDir()
	if err := repo.Create(dir, vault.WithNothing(), vault.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	opened, err := reopen(dir)
	if err != nil {
		t.Fatal(err)
	}
	link, err := opened.PutTree(t.Context(), &wideTree{}, node.PutOptions{
		Name: "lost", Place: messages.Place{Path: to},
	})
	if err == nil {
		err = then(opened, link)
	}
	if err := errors.Join(err, opened.Close()); err != nil {
		t.Fatal(err)
	}
	loseBlocks(t, filepath.Join(dir, "blocks"), link.Root)
	if opened, err = reopen(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	return opened
}

// loseBlocks deletes all blocks of a closed repository but those of one ref.
func loseBlocks(t *testing.T, dir string, but messages.BlockRef) {
	t.Helper()
	disk, err := host.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := blockstore.Open(disk, blockstore.Options{MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	all, more := engine.List(messages.CID{}, 1<<20)
	keep := but.Tuple()
	lost := slices.DeleteFunc(all, func(cid messages.CID) bool {
		return slices.Contains(keep[:], cid)
	})
	if more || len(lost) == 0 {
		t.Fatalf("%d blocks to lose, and more: %v", len(lost), more)
	}
	if err := errors.Join(engine.Delete(lost), engine.Close(), disk.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestCollectionTellsWhatIsToBlame: a collection that cannot read something
// deletes nothing, and tells which name or link to end; after that it works.
func TestCollectionTellsWhatIsToBlame(t *testing.T) {
	for _, test := range []struct {
		name  string
		to    string
		share bool // the tree, and remove it
		want  []string
	}{
		{name: "Name", to: "/tree", want: []string{`"/tree/wide"`, "noisefs rm -r"}},
		{
			name: "Share", to: "/tree", share: true,
			want: []string{`"/tree"`, "noisefs unshare", "share --list"},
		},
		{name: "KeptLink", want: []string{`"lost"`, "noisefs unshare", "share --list"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var link messages.Link
			r := newLostRepo(t, test.to, func(r *repo.Repo, put messages.Link) (err error) {
				if link = put; test.share {
					link, err = r.Share(t.Context(), test.to)
					err = errors.Join(err, r.Remove(t.Context(), test.to, true))
				}
				return err
			})
			before := len(storedBlocks(t, r))
			_, err := r.Collect(t.Context(), node.CollectOptions{}, nil)
			if !errors.Is(err, &messages.Error{Code: messages.CodeCorrupt}) {
				t.Fatalf("got %v, want an error that something cannot be read", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %s", err, want)
				}
			}
			var logged bytes.Buffer
			slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "err", err)
			if name := strings.Trim(test.want[0], `"`); strings.Contains(logged.String(), name) {
				t.Errorf("a log would hold the name: %s", &logged)
			}
			if after := len(storedBlocks(t, r)); after != before {
				t.Errorf("%d blocks of %d are left", after, before)
			}
			if test.to != "" && !test.share {
				err = r.Remove(t.Context(), "/tree/wide", true)
			} else {
				err = r.Unshare(t.Context(), link)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.Collect(t.Context(), node.CollectOptions{}, nil); err != nil {
				t.Errorf("the collection after that failed: %v", err)
			}
		})
	}
}
