package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// PutFile implements [node.Client].
func (c *Client) PutFile(
	ctx context.Context, r io.Reader, options node.PutOptions,
) (messages.Link, error) {
	return c.put(ctx, "/v1/file", options, func(w io.Writer) error {
		_, err := io.Copy(w, r)
		return err
	})
}

// PutTree implements [node.Client].
func (c *Client) PutTree(
	ctx context.Context, source node.TreeSource, options node.PutOptions,
) (messages.Link, error) {
	return c.put(ctx, "/v1/tree", options, func(w io.Writer) error {
		return writeTar(w, source)
	})
}

// put streams what write writes as the body of a request. When write fails,
// the body ends without its end mark, so that the daemon stores nothing.
func (c *Client) put(
	ctx context.Context, path string, options node.PutOptions, write func(io.Writer) error,
) (messages.Link, error) {
	body, w := io.Pipe()
	var wrote error
	done := make(chan struct{})
	go func() {
		defer close(done)
		wrote = write(countingWriter{w, options.Progress})
		w.CloseWithError(wrote)
	}()
	response, err := c.send(ctx, http.MethodPut, path+putQuery(options), body)
	var stored linkReply
	if err == nil {
		defer response.Body.Close()
		err = decodeReply(response, &stored)
	}
	body.CloseWithError(io.ErrClosedPipe) // frees the writer if the daemon refused early
	<-done
	if wrote != nil && !errors.Is(wrote, io.ErrClosedPipe) {
		return messages.Link{}, wrote
	}
	return stored.Link.Link, err
}

// countingWriter tells progress of what goes through it.
type countingWriter struct {
	w        io.Writer
	progress func(int64)
}

func (c countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if c.progress != nil {
		c.progress(int64(n))
	}
	return n, err
}

// file is a file that the daemon has open for us.
type file struct {
	client *Client
	handle string
	info   messages.Info
}

var _ node.File = (*file)(nil)

// Open implements [node.Client].
func (c *Client) Open(ctx context.Context, target messages.Target) (node.File, error) {
	var opened openReply
	if err := c.do(ctx, http.MethodPost, "/v1/open", toTarget(target), &opened); err != nil {
		return nil, err
	}
	return &file{c, opened.Handle, opened.Info.info()}, nil
}

// Info implements [node.File].
func (f *file) Info() messages.Info { return f.info }

// Close implements [node.File].
func (f *file) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return f.client.do(ctx, http.MethodPost, "/v1/close", readRequest{Handle: f.handle}, nil)
}

// ReadAt implements [node.File].
func (f *file) ReadAt(ctx context.Context, p []byte, offset int64) (int, error) {
	w := sliceWriter{p: p}
	n, err := f.CopyTo(ctx, &w, offset, int64(len(p)))
	if err == nil && n < int64(len(p)) {
		err = io.EOF
	}
	return int(n), err
}

// sliceWriter writes into a slice.
type sliceWriter struct {
	p []byte
	n int
}

func (w *sliceWriter) Write(p []byte) (int, error) {
	n := copy(w.p[w.n:], p)
	w.n += n
	if n < len(p) {
		return n, io.ErrShortWrite
	}
	return n, nil
}

// CopyTo implements [node.File].
func (f *file) CopyTo(ctx context.Context, w io.Writer, offset, length int64) (int64, error) {
	response, err := f.client.send(ctx, http.MethodPost, "/v1/read",
		jsonBody(readRequest{f.handle, offset, length}))
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	n, err := io.CopyBuffer(w, struct{ io.Reader }{response.Body}, make([]byte, 256<<10))
	if err == nil {
		err = failure(response)
	}
	if err != nil {
		return n, err
	}
	if want := max(0, int64(f.info.Size)-offset); length < 0 || length > want {
		length = want
	}
	if n != length {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// ReadTree implements [node.Client].
func (c *Client) ReadTree(
	ctx context.Context, target messages.Target, sink node.TreeSink,
) error {
	response, err := c.send(ctx, http.MethodPost, "/v1/tree/read", jsonBody(toTarget(target)))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	readErr := readTar(response.Body, sink)
	// What the daemon says of its failure is better than how the tar broke.
	if _, err := io.Copy(io.Discard, response.Body); err != nil && readErr == nil {
		readErr = fmt.Errorf("api: tree: %w", err)
	}
	if err := failure(response); err != nil {
		return err
	}
	return readErr
}
