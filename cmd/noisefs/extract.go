package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// extractor writes a tree below a folder and never outside of it: all names
// are resolved by os.Root, which follows no symlink out.
type extractor struct {
	root  *os.Root
	force bool
	bar   *progress
	// open holds the directories on the way down: their modes and times are
	// set when they are left, since writing into them changes the times and
	// may need a mode that is not theirs.
	open []node.TreeItem
}

var _ node.TreeSink = (*extractor)(nil)

func extractTree(
	ctx context.Context, client node.Client, target messages.Target, dir string, force bool,
	bar *progress,
) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	x := &extractor{root: root, force: force, bar: bar}
	if err := client.ReadTree(ctx, target, x); err != nil {
		return err
	}
	return x.leaveAbove("\x00") // all
}

// Entry implements [node.TreeSink].
func (x *extractor) Entry(item node.TreeItem, content io.Reader) error {
	if err := x.leaveAbove(item.Path); err != nil {
		return err
	}
	err := x.write(item, content)
	if err != nil {
		return fmt.Errorf("%s: %w", quoteName(item.Path), err)
	}
	return nil
}

func (x *extractor) write(item node.TreeItem, content io.Reader) error {
	switch item.Type {
	case messages.TypeDirectory:
		x.open = append(x.open, item)
		if item.Path == "" {
			return nil
		}
		err := x.root.Mkdir(item.Path, 0o700)
		if x.force && errors.Is(err, fs.ErrExist) {
			if info, statErr := x.root.Lstat(item.Path); statErr == nil && info.IsDir() {
				return nil
			}
		}
		return err
	case messages.TypeSymlink:
		if x.force {
			if info, err := x.root.Lstat(item.Path); err == nil && !info.IsDir() {
				if err := x.root.Remove(item.Path); err != nil {
					return err
				}
			}
		}
		if err := x.root.Symlink(item.Target, item.Path); err != nil {
			return err
		}
		return setLinkTime(x.root, item.Path, item.Attributes.ModTime)
	case messages.TypeFile:
		return writeFile(x.root, item.Path, item.Attributes, x.force, func(w *sparseWriter) error {
			_, err := io.Copy(w.counting(x.bar), content)
			return err
		})
	}
	return messages.Errorf(messages.CodeInvalid, "unknown type of entry: %v", item.Type)
}

// leaveAbove restores the attributes of the open directories that the item at
// next is not below.
func (x *extractor) leaveAbove(next string) error {
	for len(x.open) > 0 {
		top := x.open[len(x.open)-1]
		if top.Path == "" && next != "\x00" || isBelow(next, top.Path) {
			return nil
		}
		x.open = x.open[:len(x.open)-1]
		name := top.Path
		if name == "" {
			name = "."
		}
		if err := restore(x.root, name, top.Attributes); err != nil {
			return err
		}
	}
	return nil
}

func isBelow(name, dir string) bool {
	return len(name) > len(dir) && name[:len(dir)] == dir && name[len(dir)] == '/'
}

func restore(root *os.Root, name string, attributes messages.Attributes) error {
	if err := root.Chmod(name, fileMode(attributes.Mode)); err != nil {
		return err
	}
	return root.Chtimes(name, time.Time{}, attributes.ModTime)
}

func fileMode(mode uint32) os.FileMode {
	m := os.FileMode(mode & 0o777)
	if mode&0o4000 != 0 {
		m |= os.ModeSetuid
	}
	if mode&0o2000 != 0 {
		m |= os.ModeSetgid
	}
	if mode&0o1000 != 0 {
		m |= os.ModeSticky
	}
	return m
}

// writeFile writes a file under a temporary name, restores its attributes,
// and gives it its own name when it is whole.
func writeFile(
	root *os.Root, name string, attributes messages.Attributes, force bool,
	fill func(*sparseWriter) error,
) (err error) {
	file, temp, err := createTemp(root, path.Dir(name))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreNotExist(root.Remove(temp)))
		}
	}()
	w := &sparseWriter{file: file}
	err = fill(w)
	err = errors.Join(err, w.finish(), file.Close())
	if err != nil {
		return err
	}
	if err = restore(root, temp, attributes); err != nil {
		return err
	}
	if force {
		return root.Rename(temp, name)
	}
	// A hard link fails when the name is taken, where rename would replace.
	if err = root.Link(temp, name); err != nil {
		if !errors.Is(err, fs.ErrExist) { // no hard links here: as good as it gets
			if _, statErr := root.Lstat(name); errors.Is(statErr, fs.ErrNotExist) {
				return root.Rename(temp, name)
			}
		}
		return err
	}
	return root.Remove(temp)
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// createTempTries bounds the names that createTemp tries.
const createTempTries = 1000

func createTemp(root *os.Root, dir string) (*os.File, string, error) {
	for i := range createTempTries {
		name := path.Join(dir, ".noisefs-get-"+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(i))
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		var failed *fs.PathError
		switch {
		case err == nil:
			return file, name, nil
		case errors.Is(err, fs.ErrExist):
			continue
		case errors.As(err, &failed): // by a name that says nothing to a person
			failed.Op, failed.Path = "make a file in", filepath.Join(root.Name(), dir)
		}
		return nil, "", err
	}
	return nil, "", fmt.Errorf("no free temporary name: %w", fs.ErrExist)
}
