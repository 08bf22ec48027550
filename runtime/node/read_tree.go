package node

import (
	"context"
	"io"
	"path"

	"github.com/noisefs/noisefs/messages"
)

// treePage is how many entries ReadTree lists at once.
const treePage = 512

// ReadTree implements [Client].
func (l *Local) ReadTree(ctx context.Context, target messages.Target, sink TreeSink) error {
	info, err := l.Stat(ctx, target)
	if err != nil {
		return err
	}
	if info.Type != messages.TypeDirectory {
		return messages.Errorf(messages.CodeNotDirectory, "it is no directory")
	}
	t := treeReader{local: l, target: target, sink: sink}
	return t.directory(ctx, info, "")
}

type treeReader struct {
	local  *Local
	target messages.Target
	sink   TreeSink
}

func (t *treeReader) at(below string) messages.Target {
	return messages.Target{Link: t.target.Link, Path: path.Join(t.target.Path, below)}
}

func (t *treeReader) directory(ctx context.Context, info messages.Info, below string) error {
	if err := t.sink.Entry(itemOf(info, below), nil); err != nil {
		return err
	}
	after := ""
	for {
		page, more, err := t.local.List(ctx, t.at(below), after, treePage)
		if err != nil {
			return err
		}
		for _, entry := range page {
			if err := t.entry(ctx, entry, path.Join(below, entry.Name)); err != nil {
				return err
			}
			after = entry.Name
		}
		if !more || len(page) == 0 {
			return nil
		}
	}
}

func (t *treeReader) entry(ctx context.Context, info messages.Info, below string) error {
	switch info.Type {
	case messages.TypeDirectory:
		return t.directory(ctx, info, below)
	case messages.TypeFile:
		opened, err := t.local.Open(ctx, t.at(below))
		if err != nil {
			return err
		}
		defer opened.Close()
		content := &fileContent{ctx: ctx, file: opened}
		return t.sink.Entry(itemOf(opened.Info(), below), content)
	}
	return t.sink.Entry(itemOf(info, below), nil)
}

func itemOf(info messages.Info, below string) TreeItem {
	return TreeItem{
		Path: below, Type: info.Type, Size: int64(info.Size),
		Attributes: info.Attributes, Target: info.Target,
	}
}

// fileContent reads a file front to back. It is an io.WriterTo, so that
// io.Copy moves whole ranges and leaves holes.
type fileContent struct {
	ctx    context.Context
	file   File
	offset int64
}

// Read implements [io.Reader].
func (c *fileContent) Read(p []byte) (int, error) {
	n, err := c.file.ReadAt(c.ctx, p, c.offset)
	c.offset += int64(n)
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

// WriteTo implements [io.WriterTo].
func (c *fileContent) WriteTo(w io.Writer) (int64, error) {
	n, err := c.file.CopyTo(c.ctx, w, c.offset, -1)
	c.offset += n
	return n, err
}
