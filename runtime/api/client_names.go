package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

func jsonBody(value any) io.Reader {
	text, err := json.Marshal(value)
	if err != nil { // our own types: only a link without a text form
		return bytes.NewReader(nil)
	}
	return bytes.NewReader(text)
}

func decodeReply(response *http.Response, value any) error {
	err := json.NewDecoder(io.LimitReader(response.Body, replyBytesMax)).Decode(value)
	if err != nil {
		return fmt.Errorf("api: reply: %w", err)
	}
	return nil
}

// post sends a JSON request.
func (c *Client) post(ctx context.Context, path string, request, reply any) error {
	return c.do(ctx, http.MethodPost, path, request, reply)
}

// Stat implements [node.Client].
func (c *Client) Stat(ctx context.Context, target messages.Target) (messages.Info, error) {
	var info infoJSON
	err := c.post(ctx, "/v1/stat", toTarget(target), &info)
	return info.info(), err
}

// List implements [node.Client].
func (c *Client) List(
	ctx context.Context, target messages.Target, after string, limit int,
) ([]messages.Info, bool, error) {
	var listed listReply
	request := listRequest{toTarget(target), Text(after), limit}
	if err := c.post(ctx, "/v1/list", request, &listed); err != nil {
		return nil, false, err
	}
	entries := make([]messages.Info, 0, len(listed.Entries))
	for _, entry := range listed.Entries {
		entries = append(entries, entry.info())
	}
	return entries, listed.More, nil
}

// MakeDirectory implements [node.Client].
func (c *Client) MakeDirectory(ctx context.Context, path string, parents bool) error {
	return c.post(ctx, "/v1/mkdir", pathRequest{Path: Text(path), Parents: parents}, nil)
}

// Rename implements [node.Client].
func (c *Client) Rename(ctx context.Context, from, to string, replace bool) error {
	return c.post(ctx, "/v1/rename", renameRequest{Text(from), Text(to), replace}, nil)
}

// Remove implements [node.Client].
func (c *Client) Remove(ctx context.Context, path string, recursive bool) error {
	return c.post(ctx, "/v1/remove", pathRequest{Path: Text(path), Recursive: recursive}, nil)
}

// Share implements [node.Client].
func (c *Client) Share(ctx context.Context, path string) (messages.Link, error) {
	var shared linkReply
	err := c.post(ctx, "/v1/share", pathRequest{Path: Text(path)}, &shared)
	return shared.Link.Link, err
}

// Shares implements [node.Client].
func (c *Client) Shares(ctx context.Context, each func(messages.SharedLink) error) error {
	response, err := c.send(ctx, http.MethodGet, "/v1/shares", nil)
	if err != nil {
		return err
	}
	return eachLine(response, func(line shareLine) error {
		return each(messages.SharedLink{
			Link: line.Link.Link, Path: string(line.Path), Name: string(line.Name),
		})
	})
}

// Unshare implements [node.Client].
func (c *Client) Unshare(ctx context.Context, link messages.Link) error {
	return c.post(ctx, "/v1/unshare", linkRequest{Link: &linkText{link}}, nil)
}

// Import implements [node.Client].
func (c *Client) Import(ctx context.Context, link messages.Link, path string) error {
	return c.post(ctx, "/v1/import", linkRequest{&linkText{link}, Text(path)}, nil)
}

// Status implements [node.Client].
func (c *Client) Status(ctx context.Context) (node.RepoStatus, error) {
	var status node.RepoStatus
	err := c.do(ctx, http.MethodGet, "/v1/status", nil, &status)
	return status, err
}

// Counters implements [node.Client].
func (c *Client) Counters(ctx context.Context) (node.RepoStatus, error) {
	var status node.RepoStatus
	err := c.do(ctx, http.MethodGet, "/v1/counters", nil, &status)
	return status, err
}

// Verify implements [node.Client].
func (c *Client) Verify(
	ctx context.Context, progress func(node.Progress),
) (node.VerifyReport, error) {
	return runWork[node.VerifyReport](ctx, c, "/v1/verify", struct{}{}, progress)
}

// Collect implements [node.Client].
func (c *Client) Collect(
	ctx context.Context, options node.CollectOptions, progress func(node.Progress),
) (node.CollectReport, error) {
	request := collectRequest{options.DryRun, Text(options.Without), options.Purge}
	return runWork[node.CollectReport](ctx, c, "/v1/collect", request, progress)
}

// runWork follows the lines of long work to its result.
func runWork[R any](
	ctx context.Context, c *Client, path string, request any, progress func(node.Progress),
) (R, error) {
	var result *R
	var failed error
	var none R
	response, err := c.send(ctx, http.MethodPost, path, jsonBody(request))
	if err != nil {
		return none, err
	}
	err = eachLine(response, func(line workLine[R]) error {
		switch {
		case line.Error != nil:
			failed = line.Error.err()
		case line.Result != nil:
			result = line.Result
		case line.Progress != nil && progress != nil:
			progress(*line.Progress)
		}
		return nil
	})
	if failed != nil || err != nil {
		if failed == nil {
			failed = err
		}
		return none, failed
	}
	if result == nil {
		return none, messages.Errorf(messages.CodeInternal, "the daemon stopped before the end")
	}
	return *result, nil
}

// Blocks implements [node.Client].
func (c *Client) Blocks(ctx context.Context, each func(messages.CID) error) error {
	response, err := c.send(ctx, http.MethodGet, "/v1/blocks", nil)
	if err != nil {
		return err
	}
	return eachLine(response, func(line cidLine) error {
		cid, err := messages.ParseCID(line.CID)
		if err != nil {
			return err
		}
		return each(cid)
	})
}

// Block implements [node.Client].
func (c *Client) Block(ctx context.Context, cid messages.CID) ([]byte, error) {
	response, err := c.send(ctx, http.MethodGet, "/v1/block/"+cid.String(), nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, replyBytesMax))
	if err == nil {
		err = failure(response)
	}
	return data, err
}
