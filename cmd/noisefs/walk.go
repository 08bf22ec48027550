package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// treeWalker lists a directory tree of the file system. It holds the names
// of the directories on the way down, and one open file.
type treeWalker struct {
	root   string
	remark func(format string, args ...any)
	stack  []walkDir
	begun  bool
	file   *steadyFile
}

type walkDir struct {
	path    string // below the root, slash-separated
	entries []os.DirEntry
}

var (
	_ node.TreeSource = (*treeWalker)(nil)
	_ node.HoleReader = (*treeWalker)(nil)
)

func newTreeWalker(root string, remark func(string, ...any)) *treeWalker {
	return &treeWalker{root: root, remark: remark}
}

// Next implements [node.TreeSource].
func (w *treeWalker) Next() (node.TreeItem, error) {
	w.close()
	if !w.begun {
		w.begun = true
		info, err := os.Stat(w.root)
		if err != nil {
			return node.TreeItem{}, err
		}
		return w.enter("", info)
	}
	for len(w.stack) > 0 {
		top := &w.stack[len(w.stack)-1]
		if len(top.entries) == 0 {
			w.stack = w.stack[:len(w.stack)-1]
			continue
		}
		entry := top.entries[0]
		top.entries = top.entries[1:]
		item, ok, err := w.item(path.Join(top.path, entry.Name()))
		if ok || err != nil {
			return item, err
		}
	}
	return node.TreeItem{}, io.EOF
}

// item describes one entry; ok is false when it is skipped.
func (w *treeWalker) item(below string) (item node.TreeItem, ok bool, err error) {
	name := w.osPath(below)
	info, err := os.Lstat(name)
	if err != nil {
		return item, false, err
	}
	switch {
	case info.IsDir():
		item, err = w.enter(below, info)
		return item, true, err
	case info.Mode()&os.ModeSymlink != 0:
		target, err := os.Readlink(name)
		return node.TreeItem{
			Path: below, Type: messages.TypeSymlink, Attributes: attributesOf(info), Target: target,
		}, true, err
	case info.Mode().IsRegular():
		w.file, err = openSteady(name)
		if err != nil {
			return item, false, err
		}
		return node.TreeItem{
			Path: below, Type: messages.TypeFile, Size: w.file.before.Size(),
			Attributes: attributesOf(w.file.before),
		}, true, nil
	}
	w.remark("skipped %s: neither file, directory nor symlink", name)
	return item, false, nil
}

func (w *treeWalker) enter(below string, info os.FileInfo) (node.TreeItem, error) {
	entries, err := os.ReadDir(w.osPath(below)) // sorted bytewise
	if err != nil {
		return node.TreeItem{}, err
	}
	w.stack = append(w.stack, walkDir{below, entries})
	return node.TreeItem{
		Path: below, Type: messages.TypeDirectory, Attributes: attributesOf(info),
	}, nil
}

func (w *treeWalker) osPath(below string) string {
	return filepath.Join(w.root, filepath.FromSlash(below))
}

// Read implements [node.TreeSource].
func (w *treeWalker) Read(p []byte) (int, error) {
	if w.file == nil {
		return 0, io.EOF
	}
	n, err := w.file.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", w.file.file.Name(), err)
	}
	return n, err
}

// SkipHole implements [node.HoleReader].
func (w *treeWalker) SkipHole(unit int64) (int64, error) {
	if w.file == nil {
		return 0, nil
	}
	return w.file.SkipHole(unit)
}

func (w *treeWalker) close() {
	if w.file != nil {
		_ = w.file.Close()
		w.file = nil
	}
}
