package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// treeDirFiles is how many files of the tree lie in one directory.
const treeDirFiles = 100

// noiseTree is a tree of small files of random bytes, in directories of
// treeDirFiles.
type noiseTree struct {
	files, fileBytes int
	noise            io.Reader
	next             int // items told
	left             int // bytes of the current file
}

var _ node.TreeSource = (*noiseTree)(nil)

// Next implements [node.TreeSource].
func (t *noiseTree) Next() (node.TreeItem, error) {
	item := node.TreeItem{
		Type: messages.TypeDirectory,
		Attributes: messages.Attributes{
			Mode: 0o755, ModTime: time.Unix(1_700_000_000, int64(t.next)).UTC(),
		},
	}
	defer func() { t.next++ }()
	if t.next == 0 {
		return item, nil
	}
	// Each directory is followed by its files.
	dir, at := (t.next-1)/(treeDirFiles+1), (t.next-1)%(treeDirFiles+1)
	if dir*treeDirFiles+max(at-1, 0) >= t.files {
		return item, io.EOF
	}
	item.Path = fmt.Sprintf("dir%05d", dir)
	if at > 0 {
		item.Path += fmt.Sprintf("/file%05d", at)
		item.Type, item.Size, item.Attributes.Mode = messages.TypeFile, int64(t.fileBytes), 0o644
		t.left = t.fileBytes
	}
	return item, nil
}

// Read implements [node.TreeSource].
func (t *noiseTree) Read(p []byte) (int, error) {
	if t.left == 0 {
		return 0, io.EOF
	}
	n, err := t.noise.Read(p[:min(len(p), t.left)])
	t.left -= n
	return n, err
}

// treeSpace stores the tree and returns bytes stored per byte of its files.
func (r *storeRun) treeSpace(ctx context.Context, client node.Client) (float64, error) {
	before, err := client.Status(ctx)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	_, err = client.PutTree(ctx, r.newTree(), node.PutOptions{
		Attributes: messages.Attributes{Mode: 0o755, ModTime: begin.UTC()},
	})
	if err != nil {
		return 0, err
	}
	r.report.TreeFilesPerSecond = float64(r.TreeFiles) / time.Since(begin).Seconds()
	after, err := client.Status(ctx)
	if err != nil {
		return 0, err
	}
	return spent(before, after, int64(r.TreeFiles)*int64(r.TreeBytes)), nil
}

func (r *storeRun) newTree() *noiseTree {
	return &noiseTree{files: r.TreeFiles, fileBytes: r.TreeBytes, noise: newNoise()}
}

// tree stores the tree in an empty repository.
func (r *storeRun) tree(ctx context.Context) error {
	if r.TreeFiles == 0 {
		return nil
	}
	r.Say("space of a tree, cold")
	dir := filepath.Join(r.work, "repo-tree")
	opened, err := openRepo(ctx, dir, nil)
	if err != nil {
		return err
	}
	defer func() {
		_ = opened.Close()
		_ = os.RemoveAll(dir)
	}()
	r.report.TreeFiles, r.report.TreeFileBytes = r.TreeFiles, r.TreeBytes
	r.report.TreeCold, err = r.treeSpace(ctx, opened)
	return err
}
