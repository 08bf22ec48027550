package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// ErrNoDaemon reports that nobody answers on the socket.
var ErrNoDaemon = errors.New("api: no daemon answers")

const (
	// greetingTimeout bounds the wait for a daemon that listens but answers
	// late, since it serves as many clients as it may.
	greetingTimeout = time.Minute
	// closeTimeout bounds the closing of a file, which may be left to the
	// daemon.
	closeTimeout = 2 * time.Second
	// replyBytesMax bounds a JSON reply that is read whole.
	replyBytesMax = 64 << 20
)

// Client is a node.Client over a daemon's socket.
type Client struct{ http *http.Client }

var _ node.Client = (*Client)(nil)

// Dial connects to the daemon at a unix socket. ErrNoDaemon when nobody
// listens there, ErrForeignSocket when it may be another user who does; any
// other error is that of a daemon that does not answer.
func Dial(ctx context.Context, socket string) (*Client, error) {
	if err := checkSocket(socket); errors.Is(err, ErrForeignSocket) {
		return nil, err
	}
	c := &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
		DisableCompression: true,
		MaxIdleConns:       8, MaxIdleConnsPerHost: 8,
		WriteBufferSize: 256 << 10, ReadBufferSize: 256 << 10,
	}}}
	greeting, cancel := context.WithTimeout(ctx, greetingTimeout)
	defer cancel()
	err := c.do(greeting, http.MethodGet, "/v1/version", nil, &struct{ API int }{})
	var network *net.OpError
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &network) && network.Op == "dial":
		err = fmt.Errorf("%w: %w", ErrNoDaemon, err)
	case greeting.Err() != nil && ctx.Err() == nil:
		err = messages.Errorf(messages.CodeOverload, "the daemon listens and does not answer")
	}
	c.http.CloseIdleConnections()
	return nil, err
}

// Close implements [node.Client].
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// send sends a request and returns the reply, whose status is a success.
func (c *Client) send(
	ctx context.Context, method, path string, body io.Reader,
) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://noisefs"+path, body)
	if err != nil {
		return nil, fmt.Errorf("api: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, &messages.Error{
				Code: messages.CodeCanceled, Text: "interrupted", Err: ctx.Err(),
			}
		}
		var failed *url.Error // its text would hold the request's path
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, fmt.Errorf("api: the daemon does not answer: %w", err)
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		var failure struct{ Error *errorJSON }
		err := json.NewDecoder(io.LimitReader(response.Body, replyBytesMax)).Decode(&failure)
		if err != nil || failure.Error == nil {
			return nil, messages.Errorf(messages.CodeInternal, "the daemon answers %s", response.Status)
		}
		return nil, failure.Error.err()
	}
	return response, nil
}

// do sends a JSON request and decodes the JSON reply, if any is wanted.
func (c *Client) do(ctx context.Context, method, path string, request, reply any) error {
	var body io.Reader
	if request != nil {
		text, err := json.Marshal(request)
		if err != nil {
			return fmt.Errorf("api: %w", err)
		}
		body = bytes.NewReader(text)
	}
	response, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if reply == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, replyBytesMax)).Decode(reply); err != nil {
		return fmt.Errorf("api: reply: %w", err)
	}
	return nil
}

// failure returns the error that ended a stream, from its trailer.
func failure(response *http.Response) error {
	text := response.Trailer.Get(errorTrailer)
	if text == "" {
		return nil
	}
	var wire errorJSON
	if err := json.Unmarshal([]byte(text), &wire); err != nil {
		return messages.Errorf(messages.CodeInternal, "the daemon failed")
	}
	return wire.err()
}

// eachLine decodes a reply of JSON lines.
func eachLine[L any](response *http.Response, each func(L) error) error {
	defer response.Body.Close()
	decoder := json.NewDecoder(response.Body)
	for {
		var line L
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return failure(response)
		}
		if err != nil {
			return fmt.Errorf("api: reply: %w", err)
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

func putQuery(options node.PutOptions) string {
	query := url.Values{}
	if options.Name != "" {
		query.Set("name", options.Name)
	}
	if options.Place.Path != "" {
		query.Set("path", options.Place.Path)
	}
	if options.Place.Replace {
		query.Set("replace", "true")
	}
	query.Set("mode", strconv.FormatUint(uint64(options.Attributes.Mode), 8))
	query.Set("mtime", options.Attributes.ModTime.UTC().Format(time.RFC3339Nano))
	return "?" + query.Encode()
}
