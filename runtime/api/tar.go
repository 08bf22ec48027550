package api

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// tarSink writes a tree as a tar stream.
type tarSink struct{ w *tar.Writer }

var _ node.TreeSink = tarSink{}

// Entry implements [node.TreeSink].
func (s tarSink) Entry(item node.TreeItem, content io.Reader) error {
	header := tar.Header{
		Format: tar.FormatPAX, Name: "./" + item.Path, Mode: int64(item.Attributes.Mode),
		ModTime: item.Attributes.ModTime,
	}
	switch item.Type {
	case messages.TypeDirectory:
		header.Typeflag = tar.TypeDir
		header.Name = strings.TrimSuffix(header.Name, "/") + "/"
	case messages.TypeSymlink:
		header.Typeflag = tar.TypeSymlink
		header.Linkname = item.Target
	case messages.TypeFile:
		header.Typeflag = tar.TypeReg
		header.Size = item.Size
	}
	if err := s.w.WriteHeader(&header); err != nil {
		return fmt.Errorf("api: tar: %w", err)
	}
	if content == nil {
		return nil
	}
	// A plain writer: tar.Writer's own ReadFrom would look for holes.
	_, err := io.Copy(struct{ io.Writer }{s.w}, content)
	return err
}

// tarSource reads a tree from a tar stream.
type tarSource struct{ r *tar.Reader }

var _ node.TreeSource = tarSource{}

// Next implements [node.TreeSource].
func (s tarSource) Next() (node.TreeItem, error) {
	header, err := s.r.Next()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return node.TreeItem{}, io.EOF
		}
		return node.TreeItem{}, fmt.Errorf("api: tar: %w", err)
	}
	item := node.TreeItem{
		Path: strings.TrimPrefix(path.Clean("/"+header.Name), "/"),
		Attributes: messages.Attributes{
			Mode: uint32(header.Mode) & 0o7777, ModTime: header.ModTime.UTC(),
		},
	}
	if item.Attributes.ModTime.IsZero() {
		item.Attributes.ModTime = time.Unix(0, 0).UTC()
	}
	switch header.Typeflag {
	case tar.TypeDir:
		item.Type = messages.TypeDirectory
	case tar.TypeSymlink:
		item.Type, item.Target = messages.TypeSymlink, header.Linkname
	case tar.TypeReg:
		item.Type, item.Size = messages.TypeFile, header.Size
	default:
		return item, messages.Errorf(messages.CodeInvalid,
			"a tar entry of type %q: only files, directories and symlinks are kept", header.Typeflag)
	}
	return item, nil
}

// Read implements [node.TreeSource].
func (s tarSource) Read(p []byte) (int, error) { return s.r.Read(p) }

// writeTar writes a source as a tar stream.
func writeTar(w io.Writer, source node.TreeSource) error {
	sink := tarSink{tar.NewWriter(w)}
	for {
		item, err := source.Next()
		if errors.Is(err, io.EOF) {
			return sink.w.Close()
		}
		if err != nil {
			return err
		}
		var content io.Reader
		if item.Type == messages.TypeFile {
			content = struct{ io.Reader }{source}
		}
		if err := sink.Entry(item, content); err != nil {
			return err
		}
	}
}

// readTar tells a sink every entry of a tar stream.
func readTar(r io.Reader, sink node.TreeSink) error {
	source := tarSource{tar.NewReader(r)}
	for {
		item, err := source.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var content io.Reader
		if item.Type == messages.TypeFile {
			content = struct{ io.Reader }{source}
		}
		if err := sink.Entry(item, content); err != nil {
			return err
		}
	}
}
