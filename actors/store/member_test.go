package store_test

import (
	"math/rand/v2"
	"time"

	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/memindex"
)

var _ port.Net = (*member)(nil)

// member is what a depot has beside when it is one of many: an index, a
// pretended network, and siblings that remember what they are told.
type member struct {
	index    *memindex.Index
	depot    *depot
	handled  []messages.Protocol
	packet   messages.PacketReceived // that the peer sends next
	answers  []answered
	served   []messages.CID // the popularity
	batches  int            // of served
	written  []messages.CID // the replication
	gone     []messages.CID
	rotten   []messages.CID
	admitted []messages.AdmitBlocks // the randomizer
	lost     []messages.CID
}

// answered is a response, and when it was given.
type answered struct {
	exchange messages.Exchange
	packet   messages.Packet
	at       time.Duration
}

func memberConfig() store.Config {
	cfg := testConfig()
	cfg.Network, cfg.KeptMax, cfg.ReplicaBytesMax = true, 1000, 100*blockSize
	cfg.CacheBytesMax, cfg.ChangesMax, cfg.CachesMax = 20*blockSize, 4, 4
	cfg.BacklogMax = time.Second
	cfg.ServesMax, cfg.ServedBatch, cfg.ServedDelay = 4, 8, time.Second
	cfg.OfferedMax = 10
	return cfg
}

func newMember(t sim.Test, cfg store.Config, seed uint64) *depot {
	t.Helper()
	return newDepotOf(t, cfg, seed, &member{})
}

// join adds the siblings that only a member has.
func (m *member) join(d *depot, children []tree.ChildSpec, seed uint64) []tree.ChildSpec {
	m.depot = d
	m.index = memindex.New(memindex.Options{
		Rand: rand.New(rand.NewPCG(seed, 2)), Costs: memindex.DefaultCosts(),
	})
	storeSpec := &children[len(children)-1]
	storeSpec.NeedsLater = []string{"popularity", "replication"}
	newStore := storeSpec.New
	storeSpec.New = func(env *shell.Env) shell.Behaviour {
		env.Net = m
		return newStore(env)
	}
	var toStore shell.Ref
	return append(children,
		tree.ChildSpec{Role: "popularity", Doc: "pretended", New: (&sim.Fake{
			OnReceive: func(_ shell.Ctx, msg any) {
				m.batches++
				m.served = append(m.served, msg.(messages.BlocksServed).CIDs...)
			},
		}).New},
		tree.ChildSpec{Role: "replication", Doc: "pretended", New: (&sim.Fake{
			OnReceive: func(_ shell.Ctx, msg any) {
				switch msg := msg.(type) {
				case messages.BlocksWritten:
					m.written = append(m.written, msg.CIDs...)
				case messages.BlocksGone:
					m.gone = append(m.gone, msg.CIDs...)
				case messages.ReplicasRotten:
					m.rotten = append(m.rotten, msg.CIDs...)
				}
			},
		}).New},
		tree.ChildSpec{
			Role: "peer", Doc: "sends what it is told to", Needs: []string{store.Role},
			New: (&sim.Fake{
				OnEnv: func(env *shell.Env) { toStore = env.Sibling(store.Role) },
				OnReceive: func(ctx shell.Ctx, msg any) {
					switch msg := msg.(type) {
					case messages.PutBlocks:
						ctx.Tell(toStore, messages.KeepCached{Blocks: msg.Blocks})
					case messages.HoldReplicas:
						ctx.Tell(toStore, messages.MendBlocks{Blocks: msg.Blocks})
					default:
						ctx.Tell(toStore, m.packet)
					}
					ctx.Reply(ctx.Caller(), messages.BlocksStored{Answer: ctx.Caller().Answer()})
				},
			}).New,
		},
	)
}

func (m *member) boot(boot sim.Boot) port.IndexEngine {
	if boot.Number > 1 {
		m.index = m.index.Restart()
	}
	return m.index
}

func (m *member) Self() messages.NodeID { return messages.NodeID{0xff} }

func (m *member) Handle(protocol messages.Protocol) { m.handled = append(m.handled, protocol) }

func (m *member) Backlog() time.Duration { return 0 }

func (m *member) Respond(exchange messages.Exchange, packet messages.Packet) {
	m.answers = append(m.answers, answered{exchange, packet, m.depot.world.Elapsed()})
}

func (m *member) Send(messages.NodeID, messages.Protocol, messages.Packet) {
	panic("the store sends nothing unasked")
}

func (m *member) Request(messages.Corr, messages.NodeID, messages.Protocol, messages.Packet,
	time.Duration,
) {
	panic("the store asks no other node")
}

// send has the peer send a packet, and does not wait for the response.
func (d *depot) send(exchange messages.Exchange, packet messages.Packet) {
	d.t.Helper()
	d.member.packet = messages.PacketReceived{
		From: messages.NodeID{9}, Protocol: messages.ProtocolBlock, Packet: packet, Exchange: exchange,
	}
	d.client.Must("peer", stat)
}

// fetch asks for a block as another node does, and returns the answer with
// the time it took.
func (d *depot) fetch(cid messages.CID) (wire.BlockResponse, messages.Packet, time.Duration) {
	d.t.Helper()
	return d.request(wire.BlockRequest{CID: cid})
}

func (d *depot) request(
	request wire.BlockRequest,
) (wire.BlockResponse, messages.Packet, time.Duration) {
	d.t.Helper()
	before, n := d.world.Elapsed(), len(d.member.answers)
	d.send(messages.Exchange(n+1), messages.Packet{Head: request.Append(nil)})
	answered := func() bool { return len(d.member.answers) > n }
	if err := d.world.RunUntil(time.Minute, answered); err != nil || !answered() {
		d.t.Fatalf("no answer: %v", err)
	}
	got := d.member.answers[n]
	response, err := wire.DecodeBlockResponse(got.packet.Head)
	if err != nil || got.exchange != messages.Exchange(n+1) {
		d.t.Fatalf("exchange %d: %v", got.exchange, err)
	}
	return response, got.packet, got.at - before
}

// keepCached offers blocks as the cache does.
func (d *depot) keepCached(blocks []messages.Block) {
	d.t.Helper()
	d.client.Must("peer", put(blocks))
	d.settle()
}

func (d *depot) after(t time.Duration) time.Time { return d.world.Now().Add(t) }

func hold(until time.Time, blocks ...messages.Block) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.HoldReplicas{
			Call: call, Blocks: blocks, Until: until, Origin: messages.NodeID{7},
		}
	}
}

func drop(cids ...messages.CID) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.DropReplicas{Call: call, CIDs: cids}
	}
}

func keep(cids ...messages.CID) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.PutBlocks{Call: call, Keep: cids}
	}
}

func named(blocks []messages.Block) []messages.Block {
	var names []messages.Block
	for _, b := range blocks {
		names = append(names, messages.Block{CID: b.CID})
	}
	return names
}

// kept lists all that is kept.
func (d *depot) kept() map[messages.CID]messages.KeptBlock {
	d.t.Helper()
	all := map[messages.CID]messages.KeptBlock{}
	for after := (messages.CID{}); ; {
		page := d.client.Must(store.Role, func(call messages.Call) messages.Command {
			return messages.ListKept{Call: call, After: after, Limit: 7}
		}).(messages.KeptListed)
		for _, b := range page.Blocks {
			all[b.CID] = b
		}
		if !page.More {
			return all
		}
		after = page.Last
	}
}

func (d *depot) statted() messages.StoreStatted {
	d.t.Helper()
	return d.client.Must(store.Role, stat).(messages.StoreStatted)
}

// reboot lets the machine lose what was not synced.
func (d *depot) reboot() {
	d.t.Helper()
	d.node.Crash()
	if err := d.node.Boot(); err != nil {
		d.t.Fatalf("%v", err)
	}
	d.settle()
}
