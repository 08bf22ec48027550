package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

func TestFilesThroughTheSocket(t *testing.T) {
	client, _ := newDialed(t, newFakeClient(), Options{})
	for _, size := range []int{0, 1, 1000, 300_000, 3 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			data := bytes.Repeat([]byte{0, 1, 2, 3, 5, 7, 11}, size/7+1)[:size]
			path, told := fmt.Sprintf("/odd \xff\n#?&%%/%d", size), int64(0)
			link, err := client.PutFile(t.Context(), bytes.NewReader(data), node.PutOptions{
				Place:    messages.Place{Path: path, Replace: true},
				Progress: func(n int64) { told += n },
			})
			if err != nil {
				t.Fatal(err)
			}
			if link != linkOf(path) {
				t.Error("another link came back")
			}
			if told != int64(size) {
				t.Errorf("progress of %d bytes, want %d", told, size)
			}
			readBack(t, client, path, data)
		})
	}
}

// readBack reads a file whole and in parts.
func readBack(t *testing.T, client node.Client, path string, data []byte) {
	t.Helper()
	file, err := client.Open(t.Context(), messages.Target{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var whole bytes.Buffer
	if _, err := file.CopyTo(t.Context(), &whole, 0, -1); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(whole.Bytes(), data) {
		t.Errorf("got %d other bytes, want %d", whole.Len(), len(data))
	}
	part := make([]byte, 100)
	n, err := file.ReadAt(t.Context(), part, 50)
	want := data[min(50, len(data)):]
	want = want[:min(100, len(want))]
	if !bytes.Equal(part[:n], want) || (n < 100) != (err == io.EOF) {
		t.Errorf("read at 50: got %d bytes, %v; want %d", n, err, len(want))
	}
}

func TestNamesThroughTheSocket(t *testing.T) {
	fake := newFakeClient()
	client, _ := newDialed(t, fake, Options{})
	ctx := t.Context()
	odd := "/d\xff/ü\n"
	if err := client.MakeDirectory(ctx, "/d\xff", true); err != nil {
		t.Fatal(err)
	}
	fake.files["/a"] = []byte("abc")
	if err := client.Rename(ctx, "/a", odd, true); err != nil {
		t.Fatal(err)
	}
	info, err := client.Stat(ctx, messages.Target{Path: odd})
	if err != nil || info.Name != "ü\n" || info.Size != 3 || info.Mode != 0o640 ||
		info.ModTime.UnixNano() != 3e9+4 {
		t.Errorf("got %q %d %o, %v", info.Name, info.Size, info.Mode, err)
	}
	page, more, err := client.List(ctx, messages.Target{Path: "/d\xff"}, "", 10)
	if err != nil || more || len(page) != 1 || page[0].Name != "ü\n" {
		t.Errorf("got %d entries, %v, %v", len(page), more, err)
	}
	if err := client.Remove(ctx, odd, false); err != nil {
		t.Error(err)
	}
	var coded *messages.Error
	err = client.Remove(ctx, odd, false)
	if !errors.As(err, &coded) || coded.Code != messages.CodeNotFound {
		t.Errorf("got %v, want not found", err)
	}
	link, err := client.Share(ctx, "/x")
	if err != nil || link != linkOf("/x") {
		t.Errorf("share: %v", err)
	}
	if err := client.Import(ctx, link, "/in"); err != nil {
		t.Error(err)
	}
	var shares []messages.SharedLink
	err = client.Shares(ctx, func(share messages.SharedLink) error {
		shares = append(shares, share)
		return nil
	})
	if err != nil || len(shares) != 3 || shares[2].Path != "/\xff" || shares[0].Link != linkOf("a") {
		t.Errorf("got %d shares, %v", len(shares), err)
	}
}

func TestWorkThroughTheSocket(t *testing.T) {
	fake := newFakeClient()
	client, _ := newDialed(t, fake, Options{})
	ctx := t.Context()
	var told []node.Progress
	progress := func(p node.Progress) { told = append(told, p) }
	report, err := client.Verify(ctx, progress)
	if err != nil || report.Blocks != 2 || len(report.Problems) != 1 || len(told) != 1 ||
		told[0] != (node.Progress{Phase: "blocks", Done: 1, Total: 2}) {
		t.Errorf("got %+v, %v, told %v", report, err, told)
	}
	collected, err := client.Collect(ctx, node.CollectOptions{DryRun: true}, nil)
	if err != nil || collected.FreedBlocks != 3 || !collected.DryRun {
		t.Errorf("got %+v, %v", collected, err)
	}
	counters, err := client.Counters(ctx)
	if err != nil || counters.Blocks != 8 {
		t.Errorf("counters: got %+v, %v", counters, err)
	}
	status, err := client.Status(ctx)
	if err != nil || status.Blocks != 7 || status.Overhead != 1.5 {
		t.Errorf("got %+v, %v", status, err)
	}
	var cids []messages.CID
	err = client.Blocks(ctx, func(cid messages.CID) error { cids = append(cids, cid); return nil })
	if err != nil || !slices.Equal(cids, []messages.CID{{1}}) {
		t.Errorf("got %v, %v", cids, err)
	}
	data, err := client.Block(ctx, messages.CID{1})
	if err != nil || len(data) != 100 {
		t.Errorf("got %d bytes, %v", len(data), err)
	}
}

func TestNetworkThroughTheSocket(t *testing.T) {
	client, _ := newDialed(t, newFakeClient(), Options{})
	status, err := client.Network(t.Context())
	if diff := cmp.Diff(fakeNetwork, status); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	peers, err := client.Peers(t.Context())
	if diff := cmp.Diff(fakePeers, peers); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	id, err := client.Connect(t.Context(), fakePeers[0].Address)
	if err != nil || id != fakePeers[0].ID {
		t.Errorf("got %s, %v", id, err)
	}
	text, err := client.Invite(t.Context(), time.Unix(1_800_000_000, 0))
	if err != nil || text != "come until 2027-01-15T08:00:00Z" {
		t.Errorf("got %q, %v", text, err)
	}
	_, err = client.Connect(t.Context(), "/ip4/192.0.2.9/tcp/1")
	if !errors.Is(err, &messages.Error{Code: messages.CodeUnavailable}) {
		t.Errorf("got %v of nobody, want CodeUnavailable", err)
	}
}

func TestReplicasThroughTheSocket(t *testing.T) {
	client, _ := newDialed(t, newFakeClient(), Options{})
	target := messages.Target{Path: "/a"}
	var got []node.BlockReplicas
	err := client.Replicas(t.Context(), target, func(b node.BlockReplicas) error {
		got = append(got, b)
		return nil
	})
	if diff := cmp.Diff(fakeReplicas, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	var last node.Progress
	err = client.Spread(t.Context(), target, 2, func(p node.Progress) { last = p })
	if want := (node.Progress{Phase: "/a", Done: 1, Total: 2}); err != nil || last != want {
		t.Errorf("%v, progress %+v", err, last)
	}
	err = client.Spread(t.Context(), target, 3, nil)
	if !errors.Is(err, &messages.Error{Code: messages.CodeUnavailable}) {
		t.Errorf("got %v of too few, want CodeUnavailable", err)
	}
}

// What fails after the reply has begun must not look like success.
func TestFailuresInTheMiddle(t *testing.T) {
	for _, after := range []int{0, 1, 100_000, 399_999} {
		fake := newFakeClient()
		fake.files["/a"] = make([]byte, 400_000)
		client, _ := newDialed(t, fake, Options{})
		file, err := client.Open(t.Context(), messages.Target{Path: "/a"})
		if err != nil {
			t.Fatal(err)
		}
		fake.failAfter = after
		var coded *messages.Error
		n, err := file.CopyTo(t.Context(), io.Discard, 0, -1)
		if !errors.As(err, &coded) || coded.Code != messages.CodeCorrupt {
			t.Errorf("after %d bytes: got %d, %v; want corrupt", after, n, err)
		}
		err = client.ReadTree(t.Context(), messages.Target{Path: "/"}, discardTree{})
		if !errors.As(err, &coded) || coded.Code != messages.CodeCorrupt {
			t.Errorf("tree: got %v, want corrupt", err)
		}
		if _, err := client.Verify(t.Context(), nil); !errors.As(err, &coded) ||
			coded.Code != messages.CodeOverload {
			t.Errorf("verify: got %v, want too busy", err)
		}
		fake.failAfter = 1
		count := 0
		err = client.Shares(t.Context(), func(messages.SharedLink) error { count++; return nil })
		if !errors.As(err, &coded) || coded.Code != messages.CodeIO || count != 2 {
			t.Errorf("shares: got %d, %v; want 2 and a disk error", count, err)
		}
	}
}

type discardTree struct{}

func (discardTree) Entry(node.TreeItem, io.Reader) error { return nil }

// A daemon that dies in the middle of a reply must not look like success.
func TestDaemonDiesInTheMiddle(t *testing.T) {
	socket := t.TempDir() + "/s"
	listener, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			reader := bufio.NewReader(conn)
			line, _ := reader.ReadString('\n')
			switch {
			case strings.Contains(line, "/v1/version"):
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n{\"api\":1}")
			case strings.Contains(line, "/v1/tree"):
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n200\r\n./")
			default:
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
			}
			conn.Close()
		}
	}()
	client, err := Dial(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx := t.Context()
	failed := map[string]error{
		"tree":   client.ReadTree(ctx, messages.Target{Path: "/"}, discardTree{}),
		"shares": client.Shares(ctx, func(messages.SharedLink) error { return nil }),
		"blocks": client.Blocks(ctx, func(messages.CID) error { return nil }),
	}
	_, failed["verify"] = client.Verify(ctx, nil)
	_, failed["collect"] = client.Collect(ctx, node.CollectOptions{}, nil)
	_, failed["block"] = client.Block(ctx, messages.CID{1})
	for what, err := range failed {
		if err == nil {
			t.Errorf("%s: a reply cut short passes for whole", what)
		}
	}
}

// A source that fails leaves nothing behind, and its own error comes back.
func TestSourceFails(t *testing.T) {
	fake := newFakeClient()
	client, _ := newDialed(t, fake, Options{})
	broken := errors.New("the disk of the source is broken")
	_, err := client.PutFile(t.Context(),
		io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), failing{broken}),
		node.PutOptions{Place: messages.Place{Path: "/a"}})
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want the source's error", err)
	}
	if _, ok := fake.files["/a"]; ok {
		t.Error("half of a file was stored")
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// A client that goes away in the middle of an upload stores nothing.
func TestSenderVanishes(t *testing.T) {
	fake := newFakeClient()
	socket, _ := newServed(t, fake, Options{})
	for _, head := range []string{
		"PUT /v1/file?path=/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf of it",
		"PUT /v1/file?path=/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
		"PUT /v1/tree?path=/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
	} {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, head)
		if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		reply, err := io.ReadAll(conn) // until the server is done with it
		if err != nil {
			t.Fatal(err)
		}
		status := strings.TrimPrefix(string(reply), "HTTP/1.1 ")
		if !strings.HasPrefix(status, "4") && !strings.HasPrefix(status, "5") {
			t.Errorf("the server answers %q", reply)
		}
		conn.Close()
	}
	if len(fake.files) > 0 {
		t.Errorf("half a file was stored: %q", fake.files)
	}
}

func TestInterruptedClient(t *testing.T) {
	fake := newFakeClient()
	client, _ := newDialed(t, fake, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	go func() {
		_, _ = w.Write(make([]byte, 1000))
		cancel()
		_, _ = w.Write(make([]byte, 1000))
		w.Close()
	}()
	_, err := client.PutFile(ctx, r, node.PutOptions{Place: messages.Place{Path: "/a"}})
	_ = r.Close()
	var coded *messages.Error
	if !errors.As(err, &coded) || coded.Code != messages.CodeCanceled ||
		!errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want interrupted", err)
	}
	if len(fake.files) > 0 {
		t.Error("an interrupted put stored something")
	}
}

func TestTreesThroughTheSocket(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		source := drawTree(rt)
		var stream bytes.Buffer
		if err := writeTar(&stream, &listSource{items: source}); err != nil {
			rt.Fatal(err)
		}
		var sink listSink
		if err := readTar(&stream, &sink); err != nil {
			rt.Fatal(err)
		}
		if len(sink) != len(source) {
			rt.Fatalf("got %d entries, want %d", len(sink), len(source))
		}
		for i, want := range source {
			got := sink[i]
			if got.Path != want.Path || got.Type != want.Type || got.Target != want.Target ||
				got.Attributes.Mode != want.Attributes.Mode ||
				!got.Attributes.ModTime.Equal(want.Attributes.ModTime) ||
				!bytes.Equal(got.data, want.data) {
				rt.Fatalf("entry %d: got %+v, want %+v", i, got, want)
			}
		}
	})
}

type listItem struct {
	node.TreeItem
	data []byte
}

// drawTree draws a tree whose names are any bytes that a name may have.
func drawTree(rt *rapid.T) []listItem {
	name := rapid.Custom(func(rt *rapid.T) string {
		raw := rapid.SliceOfN(rapid.Byte(), 1, 120).Draw(rt, "name")
		text := strings.Map(func(r rune) rune {
			if r == '/' || r == 0 {
				return '_'
			}
			return r
		}, string(raw))
		if rapid.Bool().Draw(rt, "binary") {
			text = strings.NewReplacer("/", "_", "\x00", "_").Replace(string(raw))
		}
		if text == "." || text == ".." {
			text = "dots"
		}
		return text
	})
	attributes := func() messages.Attributes {
		return messages.Attributes{
			Mode: rapid.Uint32Range(0, 0o7777).Draw(rt, "mode"),
			ModTime: time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(rt, "seconds"),
				rapid.Int64Range(0, 999_999_999).Draw(rt, "nanoseconds")).UTC(),
		}
	}
	items := []listItem{{TreeItem: node.TreeItem{
		Type: messages.TypeDirectory, Attributes: attributes(),
	}}}
	for range rapid.IntRange(0, 6).Draw(rt, "entries") {
		item := listItem{TreeItem: node.TreeItem{
			Path: name.Draw(rt, "path"), Attributes: attributes(),
		}}
		switch rapid.IntRange(0, 2).Draw(rt, "type") {
		case 0:
			item.Type = messages.TypeDirectory
		case 1:
			item.Type, item.Target = messages.TypeSymlink, name.Draw(rt, "target")
		default:
			item.Type = messages.TypeFile
			item.data = rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(rt, "data")
			item.Size = int64(len(item.data))
		}
		items = append(items, item)
	}
	return items
}

type listSource struct {
	items []listItem
	at    int
	bytes.Reader
}

func (s *listSource) Next() (node.TreeItem, error) {
	if s.at == len(s.items) {
		return node.TreeItem{}, io.EOF
	}
	s.Reset(s.items[s.at].data)
	s.at++
	return s.items[s.at-1].TreeItem, nil
}

type listSink []listItem

func (s *listSink) Entry(item node.TreeItem, content io.Reader) error {
	got := listItem{TreeItem: item}
	if content != nil {
		var err error
		if got.data, err = io.ReadAll(content); err != nil {
			return err
		}
	}
	*s = append(*s, got)
	return nil
}
