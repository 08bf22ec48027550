package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

// fakeClient is a node that keeps files in a map. It counts what is open,
// and fails where it is told to.
type fakeClient struct {
	mu    sync.Mutex
	files map[string][]byte // by path; a directory ends in a slash
	open  int
	// failAfter, if not negative, makes a read fail after so many bytes.
	failAfter int
	// whileReading, if set, is called before each read of a file.
	whileReading func()
}

var _ node.Client = (*fakeClient)(nil)

func newFakeClient() *fakeClient {
	return &fakeClient{files: map[string][]byte{}, failAfter: -1}
}

var errNotThere = messages.Errorf(messages.CodeNotFound, "no such file or directory")

// linkOf makes a link that differs for each name.
func linkOf(name string) messages.Link {
	link := messages.Link{Kind: messages.LinkFile}
	link.Root.D[0], link.Root.A[0], link.Root.B[0] = 1, 2, 3
	link.Root.Key[0], link.Root.Level, link.Root.Length = 1, 1, 100
	copy(link.Root.D[1:], name)
	return link
}

func (c *fakeClient) PutFile(
	ctx context.Context, r io.Reader, options node.PutOptions,
) (messages.Link, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return messages.Link{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files[options.Place.Path] = data
	return linkOf(options.Place.Path), ctx.Err()
}

func (c *fakeClient) PutTree(
	ctx context.Context, source node.TreeSource, options node.PutOptions,
) (messages.Link, error) {
	added := map[string][]byte{}
	for {
		item, err := source.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return messages.Link{}, err
		}
		name := path.Join(options.Place.Path, item.Path)
		switch item.Type {
		case messages.TypeFile:
			if added[name], err = io.ReadAll(source); err != nil {
				return messages.Link{}, err
			}
		case messages.TypeSymlink:
			added[name] = []byte("-> " + item.Target)
		default:
			added[name+"/"] = nil
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(c.files, added)
	return linkOf(options.Place.Path), ctx.Err()
}

type fakeFile struct {
	client *fakeClient
	data   []byte
	info   messages.Info
	closed sync.Once
}

func (c *fakeClient) Open(ctx context.Context, target messages.Target) (node.File, error) {
	info, err := c.Stat(ctx, target)
	if err != nil {
		return nil, err
	}
	if info.Type == messages.TypeDirectory {
		return nil, messages.Errorf(messages.CodeIsDirectory, "it is a directory")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open++
	return &fakeFile{client: c, data: c.files[target.Path], info: info}, nil
}

func (f *fakeFile) Info() messages.Info { return f.info }

func (f *fakeFile) Close() error {
	f.closed.Do(func() {
		f.client.mu.Lock()
		defer f.client.mu.Unlock()
		f.client.open--
	})
	return nil
}

func (f *fakeFile) ReadAt(_ context.Context, p []byte, offset int64) (int, error) {
	return bytes.NewReader(f.data).ReadAt(p, offset)
}

func (f *fakeFile) CopyTo(
	ctx context.Context, w io.Writer, offset, length int64,
) (int64, error) {
	if f.client.whileReading != nil {
		f.client.whileReading()
	}
	if offset < 0 {
		return 0, messages.Errorf(messages.CodeInvalid, "negative offset")
	}
	data := f.data[min(offset, int64(len(f.data))):]
	if length >= 0 {
		data = data[:min(length, int64(len(data)))]
	}
	if limit := f.client.failAfter; limit >= 0 && limit < len(data) {
		n, _ := w.Write(data[:limit])
		return int64(n), messages.Errorf(messages.CodeCorrupt, "a block is corrupt")
	}
	n, err := w.Write(data)
	return int64(n), errors.Join(err, ctx.Err())
}

func (c *fakeClient) ReadTree(
	ctx context.Context, target messages.Target, sink node.TreeSink,
) error {
	c.mu.Lock()
	names := slices.Sorted(maps.Keys(c.files))
	c.mu.Unlock()
	for _, name := range names {
		below, ok := strings.CutPrefix(name, target.Path)
		if !ok {
			continue
		}
		item := node.TreeItem{
			Path: strings.Trim(below, "/"), Type: messages.TypeDirectory, Size: int64(len(c.files[name])),
			Attributes: messages.Attributes{Mode: 0o750, ModTime: time.Unix(1, 2).UTC()},
		}
		var content io.Reader
		if !strings.HasSuffix(name, "/") {
			item.Type, content = messages.TypeFile, bytes.NewReader(c.files[name])
		}
		if c.failAfter >= 0 {
			return messages.Errorf(messages.CodeCorrupt, "a block is corrupt")
		}
		if err := sink.Entry(item, content); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (c *fakeClient) Stat(_ context.Context, target messages.Target) (messages.Info, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info := messages.Info{
		Name: path.Base(target.Path), Type: messages.TypeFile,
		Attributes: messages.Attributes{Mode: 0o640, ModTime: time.Unix(3, 4).UTC()},
	}
	data, ok := c.files[target.Path]
	if !ok {
		if _, ok = c.files[target.Path+"/"]; !ok && target.Path != "/" {
			return messages.Info{}, errNotThere
		}
		info.Type = messages.TypeDirectory
	}
	info.Size = uint64(len(data))
	return info, nil
}

func (c *fakeClient) List(
	ctx context.Context, target messages.Target, after string, limit int,
) ([]messages.Info, bool, error) {
	if limit < 1 || limit > messages.ListMax {
		return nil, false, messages.Errorf(messages.CodeInternal, "the server let limit %d pass", limit)
	}
	c.mu.Lock()
	names := slices.Sorted(maps.Keys(c.files))
	c.mu.Unlock()
	var page []messages.Info
	for _, name := range names {
		base, dir := path.Base(name), path.Dir(strings.TrimSuffix(name, "/"))
		if dir == path.Clean("/"+target.Path) && base > after {
			if len(page) == limit {
				return page, true, nil
			}
			info, err := c.Stat(ctx, messages.Target{Path: name})
			if err != nil {
				return nil, false, err
			}
			page = append(page, info)
		}
	}
	return page, false, nil
}

func (c *fakeClient) MakeDirectory(_ context.Context, name string, _ bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.files[name+"/"]; ok {
		return messages.Errorf(messages.CodeExists, "it is there")
	}
	c.files[name+"/"] = nil
	return nil
}

func (c *fakeClient) Rename(_ context.Context, from, to string, _ bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, ok := c.files[from]
	if !ok {
		return errNotThere
	}
	delete(c.files, from)
	c.files[to] = data
	return nil
}

func (c *fakeClient) Remove(_ context.Context, name string, _ bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.files[name]; !ok {
		return errNotThere
	}
	delete(c.files, name)
	return nil
}

func (c *fakeClient) Share(_ context.Context, name string) (messages.Link, error) {
	return linkOf(name), nil
}

func (c *fakeClient) Shares(_ context.Context, each func(messages.SharedLink) error) error {
	for i := range 3 {
		err := each(messages.SharedLink{
			Link: linkOf(string(rune('a' + i))), Path: "/\xff", Name: "name",
		})
		if err != nil {
			return err
		}
		if c.failAfter == i {
			return messages.Errorf(messages.CodeIO, "the disk failed")
		}
	}
	return nil
}

func (c *fakeClient) Unshare(context.Context, messages.Link) error { return errNotThere }

func (c *fakeClient) Import(_ context.Context, link messages.Link, name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files[name] = link.Root.D[:]
	return nil
}

func (c *fakeClient) Status(context.Context) (node.RepoStatus, error) {
	return node.RepoStatus{Profile: "balanced", Blocks: 7, Overhead: 1.5}, nil
}

func (c *fakeClient) Counters(context.Context) (node.RepoStatus, error) {
	return node.RepoStatus{Profile: "balanced", Blocks: 8}, nil
}

func (c *fakeClient) Verify(
	_ context.Context, progress func(node.Progress),
) (node.VerifyReport, error) {
	progress(node.Progress{Phase: "blocks", Done: 1, Total: 2})
	if c.failAfter >= 0 {
		return node.VerifyReport{}, messages.Errorf(messages.CodeOverload, "too busy")
	}
	return node.VerifyReport{Blocks: 2, Problems: []messages.Problem{{Reason: "broken"}}}, nil
}

func (c *fakeClient) Collect(
	_ context.Context, options node.CollectOptions, progress func(node.Progress),
) (node.CollectReport, error) {
	progress(node.Progress{Phase: "walk", Done: 5})
	return node.CollectReport{FreedBlocks: 3, DryRun: options.DryRun}, nil
}

func (c *fakeClient) Blocks(_ context.Context, each func(messages.CID) error) error {
	return each(messages.CID{1})
}

func (c *fakeClient) Block(_ context.Context, cid messages.CID) ([]byte, error) {
	if cid != (messages.CID{1}) {
		return nil, errNotThere
	}
	return bytes.Repeat([]byte{7}, 100), nil
}

// The fake node has two peers.
var (
	fakeNetwork = node.NetworkStatus{
		ID: messages.NodeID{1}, Addresses: []string{"/ip4/192.0.2.1/tcp/4021"}, Members: 3,
		Connections: 2, OfferedBytes: 1 << 40, Replicas: 5, Watched: 7, UnderReplicated: 2,
		Waiting: 1, PushedBlocks: 9, RepairedBlocks: 4, FetchedBlocks: 8,
	}
	fakePeers = []node.PeerStatus{
		{
			ID: messages.NodeID{2}, Status: "alive", OfferedBytes: 1 << 30, Domain: "attic",
			Address: "/ip4/192.0.2.2/tcp/4021", BytesIn: 10, BytesOut: 20, LatencySeconds: 0.25,
			InFlight: 3, Served: 100, Failed: 1,
		},
		{ID: messages.NodeID{3}, Status: "suspect"},
	}
)

func (c *fakeClient) Network(context.Context) (node.NetworkStatus, error) {
	return fakeNetwork, nil
}

func (c *fakeClient) Peers(context.Context) ([]node.PeerStatus, error) { return fakePeers, nil }

func (c *fakeClient) Invite(_ context.Context, expires time.Time) (string, error) {
	return "come until " + expires.UTC().Format(time.RFC3339), nil
}

func (c *fakeClient) Connect(_ context.Context, address string) (messages.NodeID, error) {
	if address != fakePeers[0].Address {
		return messages.NodeID{}, messages.Errorf(messages.CodeUnavailable, "nobody is there")
	}
	return fakePeers[0].ID, nil
}

// fakeReplicas is what the fake node knows of the blocks of each target.
var fakeReplicas = []node.BlockReplicas{
	{
		CID: messages.CID{1}, Watched: true, Factor: 3, Here: true,
		Others: []messages.NodeID{{2}, {3}}, Looked: time.Unix(1_900_000_000, 0).UTC(),
	},
	{CID: messages.CID{2}},
}

func (c *fakeClient) Replicas(
	_ context.Context, _ messages.Target, each func(node.BlockReplicas) error,
) error {
	for _, b := range fakeReplicas {
		if err := each(b); err != nil {
			return err
		}
	}
	return nil
}

func (c *fakeClient) Spread(
	_ context.Context, target messages.Target, others int, progress func(node.Progress),
) error {
	if others > len(fakePeers) {
		return messages.Errorf(messages.CodeUnavailable, "there are %d others", len(fakePeers))
	}
	progress(node.Progress{Phase: target.Path, Done: 1, Total: int64(others)})
	return nil
}

func (c *fakeClient) Close() error { return nil }

// opened returns how many files are open.
func (c *fakeClient) opened() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}
