package bench

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// benchBytes is the size of the file that the benchmarks store.
const benchBytes = 64 << 20

// BenchmarkPut stores a file, each time into the same repository: warm but
// for the first.
func BenchmarkPut(b *testing.B) {
	ctx := context.Background()
	client, err := openRepo(ctx, filepath.Join(b.TempDir(), "repo"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	noise := make([]byte, benchBytes)
	if _, err := io.ReadFull(newNoise(), noise); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchBytes)
	for b.Loop() {
		if _, err := client.PutFile(ctx, bytes.NewReader(noise), node.PutOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGet reads a file that the page cache holds.
func BenchmarkGet(b *testing.B) {
	ctx := context.Background()
	client, err := openRepo(ctx, filepath.Join(b.TempDir(), "repo"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	link, err := client.PutFile(ctx, io.LimitReader(newNoise(), benchBytes), node.PutOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(benchBytes)
	for b.Loop() {
		file, err := client.Open(ctx, messages.Target{Link: &link})
		if err != nil {
			b.Fatal(err)
		}
		if n, err := file.CopyTo(ctx, io.Discard, 0, -1); err != nil || n != benchBytes {
			b.Fatal(n, err)
		}
		if err := file.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPutTree stores small files.
func BenchmarkPutTree(b *testing.B) {
	ctx := context.Background()
	client, err := openRepo(ctx, filepath.Join(b.TempDir(), "repo"), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	b.SetBytes(1000 * 4096)
	for b.Loop() {
		tree := &noiseTree{files: 1000, fileBytes: 4096, noise: newNoise()}
		if _, err := client.PutTree(ctx, tree, node.PutOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
