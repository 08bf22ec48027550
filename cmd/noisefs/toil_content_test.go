package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// item is what a name or link of the toiler should hold: one line for each
// entry at and below it, "PATH\tTYPE DIGEST", in any order.
type item []string

func fileItem(seed uint64, size int) item {
	return item{fileLine("", randomBytes(seed, size))}
}

func fileLine(path string, data []byte) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%s\tfile %d %s", path, len(data), hex.EncodeToString(sum[:]))
}

// below returns the item's lines as they are inside a directory, under name.
func (i item) below(name string) item {
	var lines item
	for _, line := range i {
		path, rest, _ := strings.Cut(line, "\t")
		lines = append(lines, strings.TrimSuffix(name+"/"+path, "/")+"\t"+rest)
	}
	return lines
}

// digest stands for the item in a word.
func (i item) digest() string {
	lines := slices.Sorted(slices.Values(i))
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

const (
	directoryLine = "\tdirectory"
	symlinkLine   = "\tsymlink "
)

// toilTree is a tree that a seed stands for, as a source.
type toilTree struct {
	items   []node.TreeItem
	content [][]byte
	at      int
	reader  bytes.Reader
}

var _ node.TreeSource = (*toilTree)(nil)

// newToilTree draws a tree: small files that share chunks, a large one that
// does not, an empty directory, a symlink.
func newToilTree(seed uint64) *toilTree {
	rng := rand.New(rand.NewPCG(seed, 1))
	t := &toilTree{}
	add := func(path string, kind messages.FileType, target string, data []byte) {
		t.items = append(t.items, node.TreeItem{
			Path: path, Type: kind, Size: int64(len(data)), Attributes: toilAttributes, Target: target,
		})
		t.content = append(t.content, data)
	}
	add("", messages.TypeDirectory, "", nil)
	for i := range rng.IntN(8) {
		add(fmt.Sprintf("a%d", i), messages.TypeFile, "", randomBytes(rng.Uint64(), rng.IntN(9000)))
	}
	if rng.IntN(2) == 0 {
		add("big", messages.TypeFile, "", randomBytes(rng.Uint64(), 64<<10+rng.IntN(300<<10)))
	}
	add("empty", messages.TypeDirectory, "", nil)
	add("link", messages.TypeSymlink, fmt.Sprintf("target-%d", rng.IntN(100)), nil)
	add("sub", messages.TypeDirectory, "", nil)
	for i := range rng.IntN(5) {
		add(fmt.Sprintf("sub/b%d", i), messages.TypeFile, "",
			randomBytes(rng.Uint64(), rng.IntN(40000)))
	}
	return t
}

// Next implements [node.TreeSource].
func (t *toilTree) Next() (node.TreeItem, error) {
	if t.at == len(t.items) {
		return node.TreeItem{}, io.EOF
	}
	t.reader.Reset(t.content[t.at])
	t.at++
	return t.items[t.at-1], nil
}

// Read implements [node.TreeSource].
func (t *toilTree) Read(p []byte) (int, error) { return t.reader.Read(p) }

func treeItem(seed uint64) item {
	t := newToilTree(seed)
	var lines item
	for i, entry := range t.items {
		lines = append(lines, entryLine(entry, t.content[i]))
	}
	return lines
}

func entryLine(entry node.TreeItem, data []byte) string {
	switch entry.Type {
	case messages.TypeDirectory:
		return entry.Path + directoryLine
	case messages.TypeSymlink:
		return entry.Path + symlinkLine + entry.Target
	}
	return fileLine(entry.Path, data)
}

// itemAt reads the whole of what a target holds.
func itemAt(ctx context.Context, client node.Client, target messages.Target) (item, error) {
	info, err := client.Stat(ctx, target)
	if err != nil {
		return nil, err
	}
	if info.Type == messages.TypeDirectory {
		var lines itemSink
		err := client.ReadTree(ctx, target, &lines)
		return item(lines), err
	}
	var data bytes.Buffer
	if err := copyFile(ctx, client, target, &data); err != nil {
		return nil, err
	}
	return item{fileLine("", data.Bytes())}, nil
}

// digestAt is the digest of itemAt.
func digestAt(ctx context.Context, client node.Client, target messages.Target) (string, error) {
	found, err := itemAt(ctx, client, target)
	if err != nil {
		return "", err
	}
	return found.digest(), nil
}

// itemSink collects the lines of a tree.
type itemSink item

// Entry implements [node.TreeSink].
func (s *itemSink) Entry(entry node.TreeItem, content io.Reader) error {
	var data []byte
	if content != nil {
		var err error
		if data, err = io.ReadAll(content); err != nil {
			return err
		}
	}
	*s = append(*s, entryLine(entry, data))
	return nil
}
