package drive_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/actors/drive"
	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/actors/reader"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/disk"
	"github.com/noisefs/noisefs/sim/memindex"
)

// testConfig has small bounds, so that tests come to them.
func testConfig() drive.Config {
	return drive.Config{
		OperationsMax: 64, PathDepthMax: 32, RowsMax: 256, DecodedNodesMax: 32, NodeReadsMax: 2,
		WindowMax:  64,
		InodeLease: 4, KeptOpenMax: 8, ScanRows: 8,
		TreesMax: 4, PendingEntriesMax: 32, PackJobsMax: 4, SealsMax: 4, SharePage: 8,
		WalksMax: 2, WalkReadsMax: 3, WalkStackMax: 1 << 14, WalkSeenMax: 64,
		WalkChangesMax: 256, WalkInodesMax: 4096, WalkIdle: time.Hour,
		ImportsHeldMax: 4, HoldWait: time.Minute,
	}
}

// settings are what a test may change of a house before it is built.
type settings struct {
	seed   uint64
	panics bool // panics are injected
	drive  drive.Config
	disk   disk.Costs
}

func newSettings(seed uint64) settings { return settings{seed: seed, drive: testConfig()} }

// house is a whole node over a simulated disk and index, and a client of it.
type house struct {
	t      sim.Test
	params format.Params
	world  *sim.World
	node   *sim.Node
	client *sim.Client
	disk   *disk.Disk
	index  *memindex.Index
	engine *blockstore.Engine
}

func newHouse(t sim.Test, s settings) *house {
	t.Helper()
	if err := s.drive.Validate(); err != nil {
		t.Fatalf("%v", err)
	}
	h := &house{
		t: t, params: format.Params{BlockSize: 1024},
		world: sim.NewWorld(sim.Options{
			Seed: s.seed, AllowPanics: s.panics, WorkPerInstantMax: 1 << 24,
		}),
		disk: disk.New(disk.Options{Seed: s.seed, Costs: s.disk}),
		index: memindex.New(memindex.Options{
			Rand:  rand.New(rand.NewPCG(s.seed, 1)),
			Costs: memindex.DefaultCosts(),
		}),
	}
	h.node = h.world.AddNode(t, sim.NodeConfig{
		Name: "n1", Spec: h.spec(s), Open: h.open,
		PowerCut: func() { h.disk.PowerCut(); h.index.PowerCut() },
	})
	h.client = h.world.Client(t, h.node)
	return h
}

func (h *house) spec(s settings) tree.Spec {
	storeConfig := store.Config{
		RefreshBytes: 1 << 20, RecordOverheadBytes: 64, PutsMax: 64, PutBlocksMax: 64,
		LoadsMax: 1024, CompactDeadShare: 0.5, VerifyBatches: 1, VerifyBatchBlocks: 64,
		VerifyRefs: 4,
	}
	readerConfig := reader.Config{
		HandlesMax: 8, ReadsMax: 8, UnsealsMax: 32, BatchChunks: 8, BatchesMax: 4,
		ReadAheadMax: 4, ReadAheadBytesMax: 1 << 16, UnsealedBlocksMax: 4,
	}
	child := func(role string, make func(*shell.Env) shell.Behaviour, needs ...string) tree.ChildSpec {
		return tree.ChildSpec{
			Role: role, Doc: "the real one", New: make, Needs: needs,
			Intensity: 1 << 20, Period: time.Nanosecond,
		}
	}
	stored := child(store.Role, store.New(storeConfig, h.params), randomizer.Role)
	stored.NeedsLater = []string{cache.Role, splitter.Role, drive.Role, reader.Role}
	return tree.Spec{Children: []tree.ChildSpec{
		child(randomizer.Role, randomizer.New(randomizer.DefaultConfig(), h.params)),
		stored,
		child(cache.Role, cache.New(cache.Config{
			MemoryBytes: 1 << 16, LoadsMax: 256, AsksMax: 256,
		}, h.params), store.Role),
		child(splitter.Role, splitter.New(splitter.DefaultConfig(), h.params),
			randomizer.Role, cache.Role, store.Role),
		child(reader.Role, reader.New(readerConfig, h.params), cache.Role),
		child(drive.Role, drive.New(s.drive, h.params), splitter.Role, reader.Role),
	}}
}

func (h *house) open(boot sim.Boot) (sim.Engines, error) {
	if boot.Number > 1 {
		h.disk, h.index = h.disk.Restart(), h.index.Restart()
	}
	engine, err := blockstore.Open(h.disk, blockstore.Options{
		BlockSize: h.params.BlockSize, SegmentBytes: 1 << 20, Reserve: -1,
		Shuffle: func(n int, swap func(i, j int)) {
			for i := n - 1; i > 0; i-- {
				swap(i, int(boot.Entropy.Uint64N(uint64(i+1))))
			}
		},
	})
	h.engine = engine
	return sim.Engines{
		Blocks: engine, BlocksCost: h.disk, Index: h.index, IndexCost: h.index,
		Dead: h.index.Dead,
	}, err
}

// stop ends the node in order, and the test if that fails.
func (h *house) stop() {
	h.t.Helper()
	if err := h.node.Stop(); err != nil {
		h.t.Fatalf("stop: %v", err)
	}
}

// crash cuts the power and boots again.
func (h *house) crash() {
	h.t.Helper()
	if h.node.Running() {
		h.node.Crash()
	}
	if err := h.node.Boot(); err != nil {
		h.t.Fatalf("boot: %v", err)
	}
}

// result asks the drive, and returns its reply or its error.
func (h *house) result(build shell.Make) (messages.Reply, *messages.Error) {
	h.t.Helper()
	return h.resultOf(drive.Role, build)
}

// errCut is what a command gets when the power goes before its reply.
func errCut() *messages.Error { return messages.Errorf(messages.CodeCanceled, "the power was cut") }

func (h *house) resultOf(role string, build shell.Make) (messages.Reply, *messages.Error) {
	h.t.Helper()
	pending := h.client.Start(role, build)
	for waited := 0; !pending.Done(); waited++ {
		if !h.node.Running() {
			return nil, errCut()
		}
		if waited > 1000 {
			pending.Wait() // which says what is wrong
		}
		if err := h.world.Run(time.Millisecond); err != nil {
			h.t.Fatalf("%v", err)
		}
	}
	if failed, ok := pending.Wait().(messages.Failed); ok {
		return nil, failed.Err
	}
	return pending.Wait(), nil
}

// patient is resultOf that asks again when an actor was interrupted.
func (h *house) patient(role string, build shell.Make) messages.Reply {
	h.t.Helper()
	for range 10 {
		reply, err := h.resultOf(role, build)
		if err == nil {
			return reply
		}
		if err.Code != messages.CodeRestarted {
			h.t.Fatalf("%s failed: %v", role, err)
		}
	}
	h.t.Fatalf("%s is interrupted again and again", role)
	return nil
}

func (h *house) must(build shell.Make) messages.Reply {
	h.t.Helper()
	return h.client.Must(drive.Role, build)
}

// refused expects the drive to fail with a code.
func (h *house) refused(code messages.Code, build shell.Make) {
	h.t.Helper()
	if text := h.client.Failure(drive.Role, code, build).Error(); strings.Contains(text, "secret") {
		h.t.Fatalf("the error names a file: %s", text)
	}
}

// The commands.

func stat(path string) shell.Make { return statTarget(messages.Target{Path: path}) }

func statTarget(target messages.Target) shell.Make {
	return func(c messages.Call) messages.Command { return messages.Stat{Call: c, Target: target} }
}

func list(target messages.Target, after string, limit int) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.List{Call: c, Target: target, After: after, Limit: limit}
	}
}

func mkdir(path string, parents bool) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.MakeDirectory{Call: c, Path: path, Parents: parents}
	}
}

func rename(from, to string, replace bool) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.Rename{Call: c, From: from, To: to, Replace: replace}
	}
}

func remove(path string, recursive bool) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.Remove{Call: c, Path: path, Recursive: recursive}
	}
}

func share(path string) shell.Make {
	return func(c messages.Call) messages.Command { return messages.Share{Call: c, Path: path} }
}

func unshare(link messages.Link) shell.Make {
	return func(c messages.Call) messages.Command { return messages.Unshare{Call: c, Link: link} }
}

func importLink(link messages.Link, path string) shell.Make {
	return func(c messages.Call) messages.Command {
		return messages.Import{Call: c, Link: link, Path: path}
	}
}

// openStream opens a stream; closeStream ends it.
func (h *house) openStream() messages.StreamID {
	h.t.Helper()
	return h.client.Must(splitter.Role, func(c messages.Call) messages.Command {
		return messages.OpenStream{Call: c, ChildrenMax: h.params.Fanout()}
	}).(messages.StreamOpened).Stream
}

func (h *house) closeStream(id messages.StreamID) {
	h.t.Helper()
	h.resultOf(splitter.Role, func(c messages.Call) messages.Command {
		return messages.CloseStream{Call: c, Stream: id}
	})
}

// content stores bytes on a stream, inline if they are few.
func (h *house) content(stream messages.StreamID, data []byte) (messages.Content, *messages.Error) {
	h.t.Helper()
	if len(data) <= h.params.InlineMax() {
		return messages.Content{Size: uint64(len(data)), Inline: data}, nil
	}
	size := h.params.BlockSize
	for i := 0; i*size < len(data); i++ {
		chunk := data[i*size : min(len(data), (i+1)*size)]
		buffer := h.params.NewBuffer()[:len(chunk)]
		copy(buffer, chunk)
		_, err := h.resultOf(splitter.Role, func(c messages.Call) messages.Command {
			return messages.WriteChunk{Call: c, Stream: stream, Index: uint64(i), Data: buffer}
		})
		if err != nil {
			return messages.Content{}, err
		}
	}
	reply, err := h.resultOf(splitter.Role, func(c messages.Call) messages.Command {
		return messages.FinishStream{Call: c, Stream: stream, Size: uint64(len(data))}
	})
	if err != nil {
		return messages.Content{}, err
	}
	return reply.(messages.StreamFinished).Content, nil
}

// put stores a file.
func (h *house) put(data []byte, name string, to messages.Place) (messages.Link, *messages.Error) {
	h.t.Helper()
	reply, err := h.resultOf(splitter.Role, func(c messages.Call) messages.Command {
		return messages.OpenStream{Call: c, ChildrenMax: h.params.Fanout()}
	})
	if err != nil {
		return messages.Link{}, err
	}
	stream := reply.(messages.StreamOpened).Stream
	defer h.closeStream(stream)
	content, err := h.content(stream, data)
	if err != nil {
		return messages.Link{}, err
	}
	reply, err = h.result(func(c messages.Call) messages.Command {
		return messages.StoreFile{
			Call: c, Stream: stream, Place: to, Name: name, Attributes: attributes(name), Content: content,
		}
	})
	if err != nil {
		return messages.Link{}, err
	}
	return reply.(messages.RootStored).Link, nil
}

func (h *house) mustPut(data []byte, path string) messages.Link {
	h.t.Helper()
	link, err := h.put(data, "n", messages.Place{Path: path})
	if err != nil {
		h.t.Fatalf("put: %v", err)
	}
	return link
}

// attributes are a function of the name, so that tests can tell.
func attributes(name string) messages.Attributes {
	return messages.Attributes{
		Mode: 0o600 + uint32(len(name))%8, ModTime: time.Unix(int64(len(name))*1000, 7).UTC(),
	}
}

// read returns the bytes of a content through the reader.
func (h *house) read(content messages.Content) []byte {
	h.t.Helper()
	handle := h.client.Must(reader.Role, func(c messages.Call) messages.Command {
		return messages.OpenContent{Call: c, Content: content}
	}).(messages.ContentOpened).Handle
	var all bytes.Buffer
	for uint64(all.Len()) < content.Size {
		reply := h.client.Must(reader.Role, func(c messages.Call) messages.Command {
			return messages.ReadRange{Call: c, Handle: handle, Offset: uint64(all.Len()), Length: 4096}
		}).(messages.RangeRead)
		for _, part := range reply.Parts {
			if part.Data == nil {
				all.Write(make([]byte, part.Zeros))
			}
			all.Write(part.Data)
		}
	}
	h.client.Must(reader.Role, func(c messages.Call) messages.Command {
		return messages.CloseContent{Call: c, Handle: handle}
	})
	return all.Bytes()
}

// cat returns the bytes of a file.
func (h *house) cat(target messages.Target) []byte {
	h.t.Helper()
	return h.read(h.must(statTarget(target)).(messages.Statted).Content)
}

// names lists a whole directory, page by page.
func (h *house) names(target messages.Target, page int) []messages.Info {
	h.t.Helper()
	var all []messages.Info
	after := ""
	for {
		listed := h.must(list(target, after, page)).(messages.Listed)
		if len(listed.Entries) > page {
			h.t.Fatalf("listed %d entries, limit %d", len(listed.Entries), page)
		}
		all = append(all, listed.Entries...)
		if !listed.More {
			return all
		}
		if len(listed.Entries) == 0 {
			h.t.Fatalf("an empty page that is not the last")
		}
		after = listed.Entries[len(listed.Entries)-1].Name
	}
}
