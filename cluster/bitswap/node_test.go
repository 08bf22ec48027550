package bitswap_test

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/cluster"
	"github.com/noisefs/noisefs/cluster/bitswap"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/blockstore"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/host"
	"github.com/noisefs/noisefs/runtime/index"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// One goroutine of the whole process, which ticks while there is traffic.
		goleak.IgnoreAnyFunction("github.com/libp2p/go-flow-metrics.(*sweeper).run"))
}

// depot is a real store on a real disk and a real wire, with pretended
// siblings.
type depot struct {
	tb      testing.TB
	host    *cluster.Host
	engine  *counted
	gate    *shell.Gate
	running *tree.Running
}

// counted counts the looks at the disk.
type counted struct {
	port.BlockEngine
	looks atomic.Int64
}

func (c *counted) Get(cid messages.CID, buf []byte, verify bool) ([]byte, error) {
	c.looks.Add(1)
	return c.BlockEngine.Get(cid, buf, verify)
}

func (c *counted) Has(cids []messages.CID) []bool {
	c.looks.Add(1)
	return c.BlockEngine.Has(cids)
}

// must ends the test when something fails that it only stands on.
func must[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}

func newHost(tb testing.TB, listen string, sources ...string) *cluster.Host {
	tb.Helper()
	return startHost(tb, cluster.Config{Listen: []string{listen}, Sources: sources})
}

func startHost(tb testing.TB, c cluster.Config) *cluster.Host {
	tb.Helper()
	c.Bitswap = true
	_, _ = rand.Read(c.Seed[:])
	h := must(cluster.Start(c))(tb)
	tb.Cleanup(func() {
		if err := h.Close(); err != nil {
			tb.Error(err)
		}
	})
	return h
}

const onTCP = "/ip4/127.0.0.1/tcp/0"

// newDepot starts a store that is one of many.
func newDepot(tb testing.TB, listen string) *depot {
	tb.Helper()
	return newDepotWith(tb, listen, bitswap.Bounds{})
}

func newDepotWith(tb testing.TB, listen string, bounds bitswap.Bounds) *depot {
	tb.Helper()
	dir := tb.TempDir()
	disk := must(host.OpenDisk(filepath.Join(dir, "blocks")))(tb)
	blocks := must(blockstore.Open(disk, blockstore.Options{Reserve: -1}))(tb)
	rows := must(index.Create(filepath.Join(dir, "index"), index.Keys{
		Names: messages.Secret{1}, Values: messages.Secret{2},
	}, index.Options{}))(tb)
	tb.Cleanup(func() {
		for _, end := range []func() error{rows.Close, blocks.Close, disk.Close} {
			if err := end(); err != nil {
				tb.Error(err)
			}
		}
	})
	d := &depot{tb: tb, engine: &counted{BlockEngine: blocks}}
	d.host = startHost(tb, cluster.Config{Listen: []string{listen}, BitswapBounds: bounds})
	ports := host.New(host.Config{Blocks: d.engine, Index: rows, Wire: d.host})
	system := shell.NewSystem(shell.Options{Now: time.Now, Elapsed: host.NewElapsed()})
	d.running = must(tree.Start(system, "depot", depotSpec(), ports))(tb)
	d.gate = system.NewGate("client", 0)
	tb.Cleanup(func() {
		if err := d.running.Stop(); err != nil {
			tb.Error(err)
		}
		ports.Stop()
	})
	return d
}

// depotSpec has the store, and of its siblings what it cannot start without.
func depotSpec() tree.Spec {
	config := store.Config{
		RecordOverheadBytes: 128, RefreshBytes: 64 << 20, PutsMax: 64, PutBlocksMax: 64,
		LoadsMax: 64, CompactDeadShare: 0.5, VerifyBatches: 1, VerifyBatchBlocks: 8, VerifyRefs: 1,
		Network: true, KeptMax: 10_000, ReplicaBytesMax: 1 << 30, CacheBytesMax: 1 << 30,
		ChangesMax: 16, CachesMax: 16, ServesMax: 8, BacklogMax: 10 * time.Second,
		ServedBatch: 64, ServedDelay: time.Second,
	}
	child := func(role string, receive func(shell.Ctx, any)) tree.ChildSpec {
		return tree.ChildSpec{Role: role, Doc: "pretended", New: (&sim.Fake{OnReceive: receive}).New}
	}
	var toStore shell.Ref
	spec := tree.Spec{Children: []tree.ChildSpec{
		{
			Role: store.Role, Doc: "blocks", New: store.New(config, format.Production()),
			NeedsLater: []string{
				"cache", "reader", "drive", "randomizer", "splitter", "popularity", "replication",
			},
		},
		child("drive", func(ctx shell.Ctx, msg any) {
			if _, ok := msg.(messages.EndWalks); ok {
				ctx.Reply(ctx.Caller(), messages.WalksEnded{Answer: ctx.Caller().Answer()})
			}
		}),
		child("randomizer", func(ctx shell.Ctx, msg any) {
			if _, ok := msg.(messages.EndCollection); ok {
				ctx.Reply(ctx.Caller(), messages.CollectionEnded{Answer: ctx.Caller().Answer()})
			}
		}),
		// The cache keeps what it is told to put.
		{
			Role: "cache", Doc: "pretended", Needs: []string{store.Role}, New: (&sim.Fake{
				OnEnv: func(env *shell.Env) { toStore = env.Sibling(store.Role) },
				OnReceive: func(ctx shell.Ctx, msg any) {
					if m, ok := msg.(messages.PutBlocks); ok {
						ctx.Tell(toStore, messages.KeepCached{Blocks: m.Blocks})
						ctx.Reply(ctx.Caller(), messages.BlocksStored{Answer: ctx.Caller().Answer()})
					}
				},
			}).New,
		},
	}}
	for _, role := range []string{"reader", "splitter", "popularity", "replication"} {
		spec.Children = append(spec.Children, child(role, nil))
	}
	return spec
}

func (d *depot) ask(role string, build shell.Make) {
	d.tb.Helper()
	if _, err := d.gate.Ask(context.Background(), d.running.Ref(role), build); err != nil {
		d.tb.Fatal(err)
	}
}

// hold keeps blocks for the network, put as its own, and cache since it read
// them.
func (d *depot) hold(blocks []messages.Block) {
	d.tb.Helper()
	for batch := range batches(blocks) {
		d.ask(store.Role, func(call messages.Call) messages.Command {
			return messages.HoldReplicas{
				Call: call, Blocks: batch, Until: time.Now().Add(24 * time.Hour),
				Origin: messages.NodeID{7},
			}
		})
	}
}

func (d *depot) put(blocks []messages.Block) {
	d.tb.Helper()
	d.ask(store.Role, func(call messages.Call) messages.Command {
		return messages.PutBlocks{Call: call, Blocks: blocks}
	})
}

func (d *depot) cache(blocks []messages.Block) {
	d.tb.Helper()
	d.ask("cache", func(call messages.Call) messages.Command {
		return messages.PutBlocks{Call: call, Blocks: blocks}
	})
	await(d.tb, func() bool {
		for _, block := range blocks {
			if !d.engine.BlockEngine.Has([]messages.CID{block.CID})[0] {
				return false
			}
		}
		return true
	})
}

// batches yields blocks in parts that a message to the store may have.
func batches(blocks []messages.Block) func(func([]messages.Block) bool) {
	return func(yield func([]messages.Block) bool) {
		for len(blocks) > 0 {
			n := min(len(blocks), messages.LoadMax)
			if !yield(blocks[:n]) {
				return
			}
			blocks = blocks[n:]
		}
	}
}

// await polls: the limit only keeps a failing test from hanging.
func await(tb testing.TB, done func() bool) {
	tb.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatal("waited in vain")
		}
	}
}

// many is n, or with -short as few as still take more than one message.
func many(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// randomBlocks makes n new blocks.
func randomBlocks(n int) []messages.Block {
	blocks := make([]messages.Block, n)
	for i := range blocks {
		data := make([]byte, format.Production().BlockSize)
		_, _ = rand.Read(data)
		blocks[i] = messages.Block{CID: format.Name(data), Data: data}
	}
	return blocks
}
