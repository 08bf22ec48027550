package reader_test

import (
	"time"

	"github.com/noisefs/noisefs/actors/reader"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
)

func testConfig() reader.Config {
	return reader.Config{
		HandlesMax: 8, ReadsMax: 8, UnsealsMax: 8,
		BatchChunks: 8, BatchesMax: 4,
		ReadAheadMax: 16, ReadAheadBytesMax: 1 << 20,
		UnsealedBlocksMax: 4,
	}
}

// held is an ask that the pretended cache keeps unanswered.
type held struct {
	caller shell.Caller
	ask    messages.ReadBlocks
}

// release makes the pretended cache answer what it held.
type release struct{ messages.Call }

type released struct{ messages.Answer }

// forget makes the pretended cache tell the reader that blocks are gone.
type forget struct {
	messages.Call
	event messages.ForgetBlocks
}

// room is a node of a reader and a pretended cache that serves a library.
type room struct {
	*library
	world  *sim.World
	node   *sim.Node
	client *sim.Client

	env       *shell.Env            // of the pretended cache
	asks      []messages.ReadBlocks // all that the cache was asked
	forgotten []messages.CID
	others    map[messages.CID][]byte // what a repair has from other nodes
	hold      bool                    // keep asks unanswered until release
	held      []held
	refuse    *messages.Error // answer to every ask
	refusals  int             // how often, if refuse is set; 0: always
}

func newRoom(t sim.Test, cfg reader.Config, blockSize int, seed uint64) *room {
	t.Helper()
	r := &room{library: newLibrary(t, blockSize, seed)}
	if err := cfg.Validate(); err != nil {
		t.Fatalf("%v", err)
	}
	r.world = sim.NewWorld(sim.Options{Seed: seed})
	cache := &sim.Fake{OnReceive: r.serve, OnEnv: func(env *shell.Env) { r.env = env }}
	r.node = r.world.AddNode(t, sim.NodeConfig{
		Name: "n1",
		Spec: tree.Spec{Children: []tree.ChildSpec{
			{
				Role: "cache", Doc: "serves the library", New: cache.New,
				NeedsLater: []string{reader.Role},
			},
			{
				Role: reader.Role, Doc: "reads", New: reader.New(cfg, r.params),
				Needs: []string{"cache"},
			},
		}},
	})
	r.client = r.world.Client(t, r.node)
	return r
}

// serve is what the pretended cache does.
func (r *room) serve(ctx shell.Ctx, msg any) {
	switch m := msg.(type) {
	case messages.ForgetBlocks:
		r.forgotten = append(r.forgotten, m.CIDs...)
	case messages.ReadBlocks:
		r.asks = append(r.asks, m)
		caller := ctx.Caller()
		if r.hold {
			r.held = append(r.held, held{caller, m})
			return
		}
		r.answer(ctx, caller, m)
	case forget:
		ctx.Tell(r.env.Sibling(reader.Role), m.event)
		ctx.Reply(ctx.Caller(), released{ctx.Caller().Answer()})
	case release:
		r.hold = false
		for _, h := range r.held {
			r.answer(ctx, h.caller, h.ask)
		}
		r.held = nil
		ctx.Reply(ctx.Caller(), released{ctx.Caller().Answer()})
	}
}

// release lets the pretended cache answer.
func (r *room) release() {
	r.t.Helper()
	r.client.Must("cache", func(call messages.Call) messages.Command { return release{call} })
}

// forget tells the reader that blocks are gone.
func (r *room) forget(event messages.ForgetBlocks) {
	r.t.Helper()
	r.client.Must("cache", func(call messages.Call) messages.Command { return forget{call, event} })
	r.settle()
}

// settle runs the world until nothing is left to do.
func (r *room) settle() {
	r.t.Helper()
	if err := r.world.RunUntilIdle(time.Hour); err != nil {
		r.t.Fatalf("%v", err)
	}
}

func (r *room) answer(ctx shell.Ctx, caller shell.Caller, m messages.ReadBlocks) {
	if r.refuse != nil {
		err := r.refuse
		if r.refusals--; r.refusals == 0 {
			r.refuse = nil
		}
		ctx.Fail(caller, err)
		return
	}
	blocks := make([]messages.Block, len(m.CIDs))
	for i, cid := range m.CIDs {
		data, ok := r.blocks[cid]
		if whole, had := r.others[cid]; had && m.Repair {
			data = whole
		}
		if !ok {
			ctx.Fail(caller, messages.Errorf(messages.CodeNotFound, "block %v is not stored here", cid))
			return
		}
		blocks[i] = messages.Block{CID: cid, Data: data}
	}
	ctx.Reply(caller, messages.BlocksRead{Answer: caller.Answer(), Blocks: blocks})
}

func (r *room) open(content messages.Content) messages.HandleID {
	r.t.Helper()
	reply := r.client.Must(reader.Role, func(call messages.Call) messages.Command {
		return messages.OpenContent{Call: call, Content: content}
	})
	return reply.(messages.ContentOpened).Handle
}

func (r *room) close(handle messages.HandleID) {
	r.t.Helper()
	r.client.Must(reader.Role, func(call messages.Call) messages.Command {
		return messages.CloseContent{Call: call, Handle: handle}
	})
}

func readRange(handle messages.HandleID, offset uint64, length int) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.ReadRange{Call: call, Handle: handle, Offset: offset, Length: length}
	}
}

func unseal(ref messages.BlockRef, kind messages.BlockKind) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.UnsealBlock{Call: call, Ref: ref, Kind: kind}
	}
}

// read reads a range, which must work.
func (r *room) read(handle messages.HandleID, offset uint64, length int) []byte {
	r.t.Helper()
	return joined(r.client.Must(reader.Role, readRange(handle, offset, length)))
}

// tryRead reads a range, or returns why not.
func (r *room) tryRead(
	handle messages.HandleID, offset uint64, length int,
) ([]byte, *messages.Error) {
	r.t.Helper()
	reply := r.client.Ask(reader.Role, readRange(handle, offset, length))
	if failed, ok := reply.(messages.Failed); ok {
		return nil, failed.Err
	}
	return joined(reply), nil
}

// joined puts the parts of a RangeRead together.
func joined(reply messages.Reply) []byte {
	var all []byte
	for _, p := range reply.(messages.RangeRead).Parts {
		if p.Data == nil {
			all = append(all, make([]byte, p.Zeros)...)
			continue
		}
		all = append(all, p.Data...)
	}
	return all
}

// blocksAsked counts how often each block was asked of the cache.
func (r *room) blocksAsked() map[messages.CID]int {
	n := make(map[messages.CID]int)
	for _, ask := range r.asks {
		for _, cid := range ask.CIDs {
			n[cid]++
		}
	}
	return n
}

// slice is what a read of data should return.
func slice(data []byte, offset uint64, length int) []byte {
	if offset >= uint64(len(data)) {
		return nil
	}
	return data[offset:min(uint64(len(data)), offset+uint64(length))]
}

// damage returns a copy of a block with one bit changed.
func damage(data []byte, bit int) []byte {
	bad := append([]byte(nil), data...)
	bad[bit/8%len(bad)] ^= 1 << (bit % 8)
	return bad
}
