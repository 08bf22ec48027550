package store_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/disk"
)

const blockSize = 1024

func testConfig() store.Config {
	return store.Config{
		RecordOverheadBytes: 128, RefreshBytes: 1 << 20,
		PutsMax: 8, PutBlocksMax: 64, LoadsMax: 8, CompactDeadShare: 0.2,
		VerifyBatches: 2, VerifyBatchBlocks: 8, VerifyRefs: 4,
	}
}

// depot is a node of a store over the real engine and a simulated disk, with
// pretended siblings.
type depot struct {
	t      sim.Test
	rand   *rand.Rand
	world  *sim.World
	node   *sim.Node
	client *sim.Client
	disk   *disk.Disk
	engine *blockstore.Engine

	refs       []messages.NeededRef // that the drive walks
	forgotten  []messages.CID       // of the cache
	ended      int                  // EndCollection commands
	walksEnded int
	silent     bool   // the drive does not answer
	onRetire   func() // before the randomizer answers RetireBlocks
	unsealed   int

	member *member // nil: there is no network
}

func newDepot(t sim.Test, cfg store.Config, seed uint64) *depot {
	t.Helper()
	return newDepotOf(t, cfg, seed, nil)
}

// newDepotOf makes a depot that may be a member of a network.
func newDepotOf(t sim.Test, cfg store.Config, seed uint64, m *member) *depot {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatalf("%v", err)
	}
	d := &depot{
		t: t, rand: rand.New(rand.NewPCG(seed, 1)), member: m,
		world: sim.NewWorld(sim.Options{Seed: seed}),
		disk: disk.New(disk.Options{Seed: seed, Costs: disk.Costs{
			Operation: 10 * time.Microsecond, Sync: time.Millisecond, BytesPerSecond: 1 << 30,
		}}),
	}
	fake := func(role string, receive func(shell.Ctx, any)) tree.ChildSpec {
		return tree.ChildSpec{Role: role, Doc: "pretended", New: (&sim.Fake{OnReceive: receive}).New}
	}
	newStore := store.New(cfg, format.Params{BlockSize: blockSize})
	children := []tree.ChildSpec{
		fake("cache", d.cache), fake("reader", d.reader), fake("drive", d.drive),
		fake("randomizer", d.randomizer), fake("splitter", d.splitter),
		{
			Role: store.Role, Doc: "blocks", New: newStore,
			Needs: []string{"cache", "reader", "drive", "randomizer", "splitter"},
		},
	}
	if m != nil {
		children = m.join(d, children, seed)
	}
	d.node = d.world.AddNode(t, sim.NodeConfig{
		Name: "n1",
		Spec: tree.Spec{Children: children},
		Open: func(boot sim.Boot) (sim.Engines, error) {
			if boot.Number > 1 {
				d.disk = d.disk.Restart()
			}
			engine, err := blockstore.Open(d.disk, blockstore.Options{
				BlockSize: blockSize, SegmentBytes: 20 << 10, Reserve: -1, Shuffle: d.rand.Shuffle,
			})
			d.engine = engine
			engines := sim.Engines{Blocks: engine, BlocksCost: d.disk}
			if m != nil {
				engines.Index, engines.IndexCost = m.boot(boot), m.index
			}
			return engines, err
		},
		PowerCut: func() {
			d.disk.PowerCut()
			if m != nil {
				m.index.PowerCut()
			}
		},
	})
	d.client = d.world.Client(t, d.node)
	d.settle()
	d.ended, d.walksEnded = 0, 0 // the store has said so at its start
	return d
}

func (d *depot) settle() {
	d.t.Helper()
	if err := d.world.RunUntilIdle(time.Hour); err != nil {
		d.t.Fatalf("%v", err)
	}
}

func (d *depot) cache(_ shell.Ctx, msg any) {
	d.forgotten = append(d.forgotten, msg.(messages.ForgetBlocks).CIDs...)
}

func (d *depot) reader(ctx shell.Ctx, msg any) {
	m, ok := msg.(messages.UnsealBlock)
	if !ok {
		return // ForgetBlocks
	}
	d.unsealed++
	for _, cid := range m.Ref.Tuple() {
		if !d.engine.Has([]messages.CID{cid})[0] {
			ctx.Fail(ctx.Caller(), messages.Errorf(messages.CodeNotFound, "no block %v", cid))
			return
		}
	}
	ctx.Reply(ctx.Caller(), messages.BlockUnsealed{Answer: ctx.Caller().Answer()})
}

func (d *depot) drive(ctx shell.Ctx, msg any) {
	answer := ctx.Caller().Answer()
	if _, ok := msg.(messages.EndWalks); ok {
		d.walksEnded++
		ctx.Reply(ctx.Caller(), messages.WalksEnded{Answer: answer})
		return
	}
	if d.silent {
		return
	}
	switch msg.(type) {
	case messages.BeginWalk:
		ctx.Reply(ctx.Caller(), messages.WalkBegun{Answer: answer, Walk: 1})
	case messages.ContinueWalk:
		ctx.Reply(ctx.Caller(), messages.WalkContinued{Answer: answer, Refs: d.refs, Done: true})
	case messages.HoldImports:
		ctx.Reply(ctx.Caller(), messages.ImportsHeld{Answer: answer})
	case messages.EndWalk:
		ctx.Reply(ctx.Caller(), messages.WalkEnded{Answer: answer})
	}
}

func (d *depot) randomizer(ctx shell.Ctx, msg any) {
	answer := ctx.Caller().Answer()
	switch m := msg.(type) {
	case messages.AdmitBlocks:
		d.member.admitted = append(d.member.admitted, m)
		ctx.Reply(ctx.Caller(), messages.BlocksAdmitted{Answer: answer})
	case messages.RandomizersLost:
		d.member.lost = append(d.member.lost, m.CIDs...)
	case messages.BeginCollection:
		ctx.Reply(ctx.Caller(), messages.CollectionBegun{Answer: answer})
	case messages.RetireBlocks:
		if d.onRetire != nil {
			d.onRetire()
		}
		ctx.Reply(ctx.Caller(), messages.BlocksRetired{Answer: answer, CIDs: m.CIDs})
	case messages.EndCollection:
		d.ended++
		ctx.Reply(ctx.Caller(), messages.CollectionEnded{Answer: answer})
	}
}

func (d *depot) splitter(ctx shell.Ctx, _ any) {
	ctx.Reply(ctx.Caller(), messages.InFlightListed{Answer: ctx.Caller().Answer()})
}

// blocks makes n new blocks.
func (d *depot) blocks(n int) []messages.Block {
	blocks := make([]messages.Block, n)
	for i := range blocks {
		data := make([]byte, blockSize)
		for j := range data {
			data[j] = byte(d.rand.Uint32())
		}
		blocks[i] = messages.Block{CID: format.Name(data), Data: data}
	}
	return blocks
}

func put(blocks []messages.Block) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.PutBlocks{Call: call, Blocks: blocks}
	}
}

func load(cids ...messages.CID) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.LoadBlocks{Call: call, CIDs: cids}
	}
}

func collect(call messages.Call) messages.Command { return messages.Collect{Call: call} }
func verify(call messages.Call) messages.Command  { return messages.VerifyStore{Call: call} }
func stat(call messages.Call) messages.Command    { return messages.StatStore{Call: call} }
func statJob(call messages.Call) messages.Command { return messages.StatJob{Call: call} }

func cidsOf(blocks []messages.Block) []messages.CID {
	var cids []messages.CID
	for _, b := range blocks {
		cids = append(cids, b.CID)
	}
	return cids
}

// need makes the drive name these blocks.
func (d *depot) need(blocks []messages.Block) {
	for i := 0; i+2 < len(blocks); i += 3 {
		d.refs = append(d.refs, messages.NeededRef{Kind: messages.KindChunk, Ref: messages.BlockRef{
			D: blocks[i].CID, A: blocks[i+1].CID, B: blocks[i+2].CID,
		}})
	}
}

// check loads blocks and compares them.
func (d *depot) check(blocks []messages.Block) {
	d.t.Helper()
	for chunk := range slices.Chunk(blocks, messages.LoadMax) {
		loaded := d.client.Must(store.Role, load(cidsOf(chunk)...)).(messages.BlocksLoaded)
		for i, b := range chunk {
			if loaded.Blocks[i].CID != b.CID || !bytes.Equal(loaded.Blocks[i].Data, b.Data) {
				d.t.Fatalf("block %d of %d was not loaded as it was put", i, len(chunk))
			}
		}
	}
}
