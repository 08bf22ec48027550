package cache_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

const blockSize = 1024

func testConfig() cache.Config {
	return cache.Config{MemoryBytes: 20 * blockSize, LoadsMax: messages.LoadMax, AsksMax: 8}
}

// larder is a node of a cache and a pretended store.
type larder struct {
	t      sim.Test
	rand   *rand.Rand
	world  *sim.World
	client *sim.Client

	blocks map[messages.CID][]byte
	bad    map[messages.CID]*messages.Error
	rotten map[messages.CID]*messages.Error // answers to checked loads
	refuse *messages.Error                  // answer to every load

	loads int                  // LoadBlocks so far
	asked map[messages.CID]int // how often each block was loaded
	under int                  // blocks being loaded, of those held
	most  int                  // the most of them
	hold  bool
	held  []heldLoad

	cache      shell.Ref
	elsewhere  map[messages.CID][]byte // what the pretended fetcher gets
	unfetched  *messages.Error         // answer to every fetch
	fetches    []messages.FetchBlocks
	keepOffers []messages.CID
	mends      []messages.CID
}

type heldLoad struct {
	caller shell.Caller
	load   messages.LoadBlocks
}

// release makes the pretended store answer what it held.
type release struct{ messages.Call }

type released struct{ messages.Answer }

func newLarder(t sim.Test, cfg cache.Config, seed uint64) *larder {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatalf("%v", err)
	}
	l := &larder{
		t: t, rand: rand.New(rand.NewPCG(seed, 1)), world: sim.NewWorld(sim.Options{Seed: seed}),
		blocks: map[messages.CID][]byte{}, bad: map[messages.CID]*messages.Error{},
		rotten: map[messages.CID]*messages.Error{},
		asked:  map[messages.CID]int{}, elsewhere: map[messages.CID][]byte{},
	}
	needs := []string{"store"}
	if cfg.Network {
		needs = append(needs, "fetcher")
	}
	node := l.world.AddNode(t, sim.NodeConfig{
		Name: "n1",
		Spec: tree.Spec{Children: []tree.ChildSpec{
			{Role: "store", Doc: "pretended", New: (&sim.Fake{OnReceive: l.store}).New},
			{
				Role: "fetcher", Doc: "pretended", NeedsLater: []string{cache.Role},
				New: (&sim.Fake{
					OnEnv: func(env *shell.Env) { l.cache = env.Sibling(cache.Role) }, OnReceive: l.fetcher,
				}).New,
			},
			{
				Role: cache.Role, Doc: "cache", Needs: needs,
				New: cache.New(cfg, format.Params{BlockSize: blockSize}),
			},
		}},
	})
	l.client = l.world.Client(t, node)
	return l
}

func (l *larder) store(ctx shell.Ctx, msg any) {
	switch m := msg.(type) {
	case messages.LoadBlocks:
		l.loads++
		for _, cid := range m.CIDs {
			l.asked[cid]++
		}
		l.under += len(m.CIDs)
		l.most = max(l.most, l.under)
		l.held = append(l.held, heldLoad{ctx.Caller(), m})
		if !l.hold {
			l.answer(ctx)
		}
	case messages.KeepCached:
		for _, b := range m.Blocks {
			l.keepOffers = append(l.keepOffers, b.CID)
		}
	case messages.MendBlocks:
		for _, b := range m.Blocks {
			l.mends = append(l.mends, b.CID)
		}
	case release:
		l.hold = false
		l.answer(ctx)
		ctx.Reply(ctx.Caller(), released{ctx.Caller().Answer()})
	}
}

// answer answers what is held, in drawn order.
func (l *larder) answer(ctx shell.Ctx) {
	held := l.held
	l.held = nil
	l.rand.Shuffle(len(held), func(i, j int) { held[i], held[j] = held[j], held[i] })
	for _, h := range held {
		l.under -= len(h.load.CIDs)
		if l.refuse != nil {
			ctx.Fail(h.caller, l.refuse)
			continue
		}
		loaded := messages.BlocksLoaded{Answer: h.caller.Answer()}
		for i, cid := range h.load.CIDs {
			loaded.Blocks = append(loaded.Blocks, messages.Block{CID: cid, Data: l.blocks[cid]})
			err := l.bad[cid]
			if err == nil && h.load.Checked {
				err = l.rotten[cid]
			}
			if err != nil {
				if loaded.Errs == nil {
					loaded.Errs = make([]*messages.Error, len(h.load.CIDs))
				}
				loaded.Errs[i], loaded.Blocks[i].Data = err, nil
			}
		}
		ctx.Reply(h.caller, loaded)
	}
}

func (l *larder) release() {
	l.t.Helper()
	l.client.Must("store", func(call messages.Call) messages.Command { return release{call} })
}

func (l *larder) settle() {
	l.t.Helper()
	if err := l.world.RunUntilIdle(time.Hour); err != nil {
		l.t.Fatalf("%v", err)
	}
}

// add puts n new blocks into the pretended store.
func (l *larder) add(n int) []messages.CID {
	var cids []messages.CID
	for range n {
		data := make([]byte, blockSize)
		for i := range data {
			data[i] = byte(l.rand.Uint32())
		}
		cid := format.Name(data)
		l.blocks[cid] = data
		cids = append(cids, cid)
	}
	return cids
}

func read(cids ...messages.CID) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.ReadBlocks{Call: call, CIDs: cids}
	}
}

func (l *larder) stat() messages.CacheStatted {
	l.t.Helper()
	return l.client.Must(cache.Role, func(call messages.Call) messages.Command {
		return messages.StatCache{Call: call}
	}).(messages.CacheStatted)
}

// check compares a reply with what the pretended store has.
func (l *larder) check(reply messages.Reply, cids []messages.CID) {
	l.t.Helper()
	read, ok := reply.(messages.BlocksRead)
	if !ok || len(read.Blocks) != len(cids) {
		l.t.Fatalf("got %T, want %d blocks", reply, len(cids))
	}
	for i, cid := range cids {
		if read.Blocks[i].CID != cid || !bytes.Equal(read.Blocks[i].Data, l.blocks[cid]) {
			l.t.Fatalf("block %d is another one", i)
		}
	}
}

// TestReadsWhatIsStored reads random sets of blocks, several at a time, some
// missing and some bad, and compares with the pretended store.
func TestReadsWhatIsStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := testConfig()
		cfg.MemoryBytes = rapid.Int64Range(0, 30*blockSize).Draw(t, "memory")
		l := newLarder(t, cfg, rapid.Uint64().Draw(t, "seed"))
		cids := l.add(40)
		for _, cid := range cids[:3] {
			l.blocks[cid] = nil
		}
		l.bad[cids[3]] = messages.Errorf(messages.CodeCorrupt, "pretended")
		l.bad[cids[4]] = messages.Errorf(messages.CodeIO, "pretended")
		l.blocks[cids[5]] = l.blocks[cids[5]][1:]
		want := func(asked []messages.CID) messages.Code {
			for _, cid := range asked {
				switch i := slices.Index(cids, cid); {
				case i < 3:
					return messages.CodeNotFound
				case i == 4:
					return messages.CodeIO
				case i < 6:
					return messages.CodeCorrupt
				}
			}
			return 0
		}
		for range rapid.IntRange(1, 15).Draw(t, "rounds") {
			var checks []func()
			for range rapid.IntRange(1, cfg.AsksMax).Draw(t, "together") {
				asked := rapid.SliceOfN(rapid.SampledFrom(cids), 1, 20).Draw(t, "asked")
				if rapid.Bool().Draw(t, "good") {
					asked = slices.DeleteFunc(asked, func(cid messages.CID) bool {
						return want([]messages.CID{cid}) != 0
					})
				}
				if len(asked) == 0 {
					continue
				}
				p := l.client.Start(cache.Role, read(asked...))
				checks = append(checks, func() {
					reply := p.Wait()
					failed, bad := reply.(messages.Failed)
					switch code := want(asked); {
					case bad != (code != 0), bad && failed.Err.Code != code:
						t.Fatalf("got %T, want code %v", reply, code)
					case !bad:
						l.check(reply, asked)
					}
				})
			}
			for _, check := range checks {
				check()
			}
			if got := l.stat(); got.MemoryBytes > cfg.MemoryBytes {
				t.Fatalf("%d bytes in memory, bound %d", got.MemoryBytes, cfg.MemoryBytes)
			}
		}
	})
}

// TestSingleFlight: asks for one block share a load, also when one ask names
// it twice.
func TestSingleFlight(t *testing.T) {
	l := newLarder(t, testConfig(), 1)
	cids := l.add(3)
	l.hold = true
	asks := [][]messages.CID{
		{cids[0], cids[1]}, {cids[1], cids[0]}, {cids[1], cids[2], cids[1]}, {cids[2]},
	}
	var pending []*sim.Pending
	for _, asked := range asks {
		pending = append(pending, l.client.Start(cache.Role, read(asked...)))
	}
	l.settle()
	l.release()
	for i, p := range pending {
		l.check(p.Wait(), asks[i])
	}
	for _, cid := range cids {
		if l.asked[cid] != 1 {
			t.Errorf("a block was loaded %d times", l.asked[cid])
		}
	}
	// Now they are in memory.
	loads := l.loads
	l.check(l.client.Must(cache.Role, read(cids...)), cids)
	if l.loads != loads {
		t.Error("what is in memory was loaded again")
	}
	got := l.stat()
	if got.MemoryHits != 3 || got.DiskHits != 3 || got.Misses != 0 || got.MemoryBlocks != 3 {
		t.Errorf("counters: %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	l := newLarder(t, testConfig(), 1)
	l.client.Failure(cache.Role, messages.CodeInvalid, read())
	l.client.Failure(cache.Role, messages.CodeInvalid,
		read(make([]messages.CID, messages.LoadMax+1)...))
	missing := messages.CID{7}
	err := l.client.Failure(cache.Role, messages.CodeNotFound, read(missing))
	if !strings.Contains(err.Error(), missing.String()) {
		t.Errorf("%v does not name the block", err)
	}
	l.refuse = messages.Errorf(messages.CodeRestarted, "pretended")
	l.client.Failure(cache.Role, messages.CodeRestarted, read(l.add(2)...))
}

// TestBounds: at most LoadsMax blocks are under way, further asks wait their
// turn, at most AsksMax of them, and what is in memory overtakes them.
func TestBounds(t *testing.T) {
	cfg := testConfig()
	cfg.LoadsMax = messages.LoadMax + 6
	l := newLarder(t, cfg, 1)
	hot := l.add(2)
	l.client.Must(cache.Role, read(hot...))
	l.hold = true
	var pending []*sim.Pending
	var asks [][]messages.CID
	for range cfg.AsksMax {
		asks = append(asks, l.add(30))
		pending = append(pending, l.client.Start(cache.Role, read(asks[len(asks)-1]...)))
	}
	l.settle()
	if l.under != 60 {
		t.Fatalf("%d blocks under way, want two asks of 30", l.under)
	}
	l.client.Failure(cache.Role, messages.CodeOverload, read(l.add(1)...))
	l.check(l.client.Must(cache.Role, read(hot...)), hot)
	l.release()
	for i, p := range pending {
		l.check(p.Wait(), asks[i])
	}
	if l.most > cfg.LoadsMax {
		t.Fatalf("%d blocks were under way, bound %d", l.most, cfg.LoadsMax)
	}
	l.client.Must(cache.Role, read(l.add(1)...)) // the credits are back
}

// TestCreditsComeBack: an ask that had to wait, and finds everything in
// memory when its turn comes, gives its credit back too.
func TestCreditsComeBack(t *testing.T) {
	cfg := testConfig()
	cfg.MemoryBytes = 1000 * blockSize
	l := newLarder(t, cfg, 1)
	first, second := l.add(40), l.add(40)
	for range 3 {
		l.hold = true
		var pending []*sim.Pending
		for _, asked := range [][]messages.CID{first, second, first, first, second} {
			pending = append(pending, l.client.Start(cache.Role, read(asked...)))
		}
		l.settle()
		l.release()
		for _, p := range pending {
			if _, ok := p.Wait().(messages.BlocksRead); !ok {
				t.Fatal("an ask failed")
			}
		}
		first, second = l.add(40), l.add(40)
	}
}

func TestRestart(t *testing.T) {
	l := newLarder(t, testConfig(), 1)
	cids := l.add(3)
	l.client.Must(cache.Role, read(cids...))
	l.hold = true
	p := l.client.Start(cache.Role, read(l.add(1)...))
	l.settle()
	l.world.PanicAt(cache.Role, 1)
	l.client.Failure(cache.Role, messages.CodeRestarted, read(cids...))
	if failed, ok := p.Wait().(messages.Failed); !ok || failed.Err.Code != messages.CodeRestarted {
		t.Fatal("the ask under way was not answered as interrupted")
	}
	l.release()
	if got := l.stat(); got != (messages.CacheStatted{Answer: got.Answer}) {
		t.Fatalf("a restart remembers %+v", got)
	}
	l.check(l.client.Must(cache.Role, read(cids...)), cids)
}

func TestConfigValidate(t *testing.T) {
	for name, change := range map[string]func(*cache.Config){
		"MemoryBytes": func(c *cache.Config) { c.MemoryBytes = -1 },
		"LoadsMax":    func(c *cache.Config) { c.LoadsMax = messages.LoadMax - 1 },
		"AsksMax":     func(c *cache.Config) { c.AsksMax = 0 },
		"KeepFetched": func(c *cache.Config) { c.KeepFetched = true },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			change(&cfg)
			if cfg.Validate() == nil {
				t.Fatal("accepted")
			}
		})
	}
}
