package replication

import (
	"bytes"
	"container/heap"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim"
)

const blockSize = 64

// network is a pretended world of replication managers: real actors, real
// wire bytes, virtual time, and a small model of the store of each.
type network struct {
	t     sim.Test
	seed  uint64
	rand  *rand.Rand
	now   time.Time
	queue eventQueue
	count int
	nodes []*peerNode

	demand map[messages.CID]float64
	loss   float64 // share of packets lost
	detect time.Duration

	pushes int // blocks on the wire
	checks int
}

type event struct {
	at  time.Time
	seq int
	run func()
}

type eventQueue []*event

func (q eventQueue) Len() int { return len(q) }
func (q eventQueue) Less(i, j int) bool {
	if !q[i].at.Equal(q[j].at) {
		return q[i].at.Before(q[j].at)
	}
	return q[i].seq < q[j].seq
}
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *eventQueue) Push(x any)   { *q = append(*q, x.(*event)) }
func (q *eventQueue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}

func newNetwork(t sim.Test, seed uint64, nodes int, change func(i int, c *Config)) *network {
	t.Helper()
	n := &network{
		t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 1)),
		now:    time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		demand: map[messages.CID]float64{}, detect: 5 * time.Second,
	}
	for i := range nodes {
		cfg := DefaultConfig()
		cfg.RootShare = 0.5 // so that a few requests are many
		if change != nil {
			change(i, &cfg)
		}
		if err := cfg.Validate(); err != nil {
			t.Fatalf("%v", err)
		}
		id := messages.NodeID(sha256.Sum256(fmt.Appendf(nil, "node %d of %d", i, seed)))
		p := &peerNode{
			net: n, cfg: cfg, id: id,
			blocks: map[messages.CID][]byte{}, mine: map[messages.CID]bool{},
			leases: map[messages.CID]int64{},
			member: &messages.Member{
				ID: id, Status: messages.MemberAlive, CapacityBlocks: 1 << 12, UptimeClass: 3,
			},
		}
		n.nodes = append(n.nodes, p)
	}
	for _, p := range n.nodes {
		p.boot()
	}
	n.tellViews()
	return n
}

func (n *network) fatalf(format string, args ...any) {
	n.t.Helper()
	n.t.Fatalf("seed %d: "+format, append([]any{n.seed}, args...)...)
}

func (n *network) after(d time.Duration, run func()) *event {
	n.count++
	e := &event{at: n.now.Add(d), seq: n.count, run: run}
	heap.Push(&n.queue, e)
	return e
}

// run lets virtual time pass.
func (n *network) run(d time.Duration) {
	until := n.now.Add(d)
	for len(n.queue) > 0 && !n.queue[0].at.After(until) {
		e := heap.Pop(&n.queue).(*event)
		n.now = e.at
		if e.run != nil {
			e.run()
		}
	}
	n.now = until
}

// tellViews tells each living node, a little later, whom it can reach.
func (n *network) tellViews() {
	n.after(n.detect, func() {
		for _, p := range n.nodes {
			if !p.up {
				continue
			}
			var members []*messages.Member
			for _, q := range n.nodes {
				if q.up && q.side == p.side {
					members = append(members, q.member)
				}
			}
			slices.SortFunc(members, func(a, b *messages.Member) int {
				return bytes.Compare(a.ID[:], b.ID[:])
			})
			view := messages.NewView(p.id, 0, 0, members, nil)
			p.view = view
			p.receive(messages.ViewChanged{View: view})
		}
	})
}

// write makes new blocks of a node's own files.
func (n *network) write(p *peerNode, count int) []messages.CID {
	var cids []messages.CID
	for range count {
		data := make([]byte, blockSize)
		for i := range data {
			data[i] = byte(n.rand.Uint32())
		}
		cid := format.Name(data)
		p.blocks[cid], p.mine[cid] = data, true
		cids = append(cids, cid)
	}
	p.receive(messages.BlocksWritten{CIDs: cids})
	return cids
}

// holders counts the living nodes that hold a block for the network.
func (n *network) holders(cid messages.CID) int {
	count := 0
	for _, p := range n.nodes {
		if p.up && p.leases[cid] != 0 {
			count++
		}
	}
	return count
}

func (n *network) find(id messages.NodeID) *peerNode {
	for _, p := range n.nodes {
		if p.id == id {
			return p
		}
	}
	return nil
}

// peerNode is one node: an actor, and its pretended store and ports.
type peerNode struct {
	net    *network
	cfg    Config
	id     messages.NodeID
	member *messages.Member
	view   *messages.View
	side   int // of a partition
	up     bool
	boots  int

	actor *actor
	corr  messages.Corr

	// The store, which outlives a boot.
	blocks map[messages.CID][]byte
	mine   map[messages.CID]bool
	leases map[messages.CID]int64
	refuse messages.Code // to every hold
	lie    func(*rand.Rand, messages.Packet) messages.Packet

	responses map[messages.Exchange]func(messages.Packet)
	requests  map[messages.Exchange]wire.ReplicaRequest
	exchange  messages.Exchange
	reply     messages.Reply // the last one
}

func (p *peerNode) boot() {
	p.boots++
	p.up = true
	p.responses = map[messages.Exchange]func(messages.Packet){}
	p.requests = map[messages.Exchange]wire.ReplicaRequest{}
	env := &shell.Env{
		Clock: modelClock{p, p.boots}, Net: modelNet{p}, Workers: modelWorkers{p},
		Rand:    rand.New(rand.NewPCG(p.net.rand.Uint64(), 2)),
		Sibling: func(string) shell.Ref { return shell.Ref{} },
	}
	p.actor = New(p.cfg, format.Params{BlockSize: blockSize})(env).(*actor)
	p.actor.Start(modelCtx{p})
}

// crash ends the node, losing nothing that is durable.
func (p *peerNode) crash() {
	p.up = false
	p.boots++
	p.view = nil
}

// members is what the membership answers: it always knows of this node.
func (p *peerNode) members() *messages.View {
	if p.view != nil {
		return p.view
	}
	return messages.NewView(p.id, 0, 0, []*messages.Member{p.member}, nil)
}

func (p *peerNode) receive(msg any) {
	if p.up {
		p.actor.Receive(modelCtx{p}, msg)
		p.check()
	}
}

// later runs f unless the node ended meanwhile.
func (p *peerNode) later(d time.Duration, f func()) {
	boot := p.boots
	p.net.after(d, func() {
		if p.up && p.boots == boot {
			f()
		}
	})
}

// ask returns the reply to a command that is answered at once.
func (p *peerNode) ask(command messages.Command) messages.Reply {
	p.reply = nil
	p.receive(command)
	return p.reply
}

func (p *peerNode) stats() messages.ReplicationStatted {
	return p.ask(messages.StatReplication{}).(messages.ReplicationStatted)
}

// check compares what the core believes with what the store has, and its
// counters with what they count. It is slow, so only some steps are checked.
func (p *peerNode) check() {
	if p.net.checks++; p.net.checks%13 != 0 {
		return
	}
	c := p.actor.core
	replicas, foreign, under, coming, kept := 0, 0, 0, 0, 0
	for cid, w := range c.watched {
		if w.mine && (w.replica || w.others > 0) {
			kept++
		}
		if w.replica {
			replicas++
			if !w.mine {
				foreign++
			}
			if p.leases[cid] < w.until {
				p.net.fatalf("a lease is believed that is not durable")
			}
		} else if w.promising > 0 {
			coming++
		}
		if w.under {
			under++
		}
		if c.rows[w.row] != w {
			p.net.fatalf("a block has another one's row")
		}
		if !w.looking && w.place < 0 && w.promising == 0 {
			p.net.fatalf("a block is watched, but nobody ever looks at it")
		}
	}
	if replicas != c.replicas || foreign != c.foreign || under != c.under ||
		coming != c.guard.coming {
		p.net.fatalf("%d replicas (%d), %d foreign (%d), %d under (%d), %d coming (%d)",
			c.replicas, replicas, c.foreign, foreign, c.under, under, c.guard.coming, coming)
	}
	if kept != c.kept {
		p.net.fatalf("%d own blocks are always watched (%d)", kept, c.kept)
	}
	if len(c.rows) != len(c.watched) {
		p.net.fatalf("%d rows of %d watched blocks", len(c.rows), len(c.watched))
	}
	if len(c.watched) > p.cfg.WatchedMax || c.looks > p.cfg.LooksMax ||
		c.outbox.inFlight > p.cfg.RequestsInFlightMax {
		p.net.fatalf("a bound is broken: %d watched, %d looks, %d requests",
			len(c.watched), c.looks, c.outbox.inFlight)
	}
}

type modelCtx struct{ *peerNode }

func (modelCtx) Self() shell.Ref      { return shell.Ref{} }
func (modelCtx) Tell(shell.Ref, any)  {}
func (modelCtx) Caller() shell.Caller { return shell.Caller{} }
func (x modelCtx) Fail(_ shell.Caller, err *messages.Error) {
	x.reply = messages.Failed{Err: err}
}
func (modelCtx) Spawn(string, shell.Child) shell.Ref { return shell.Ref{} }
func (modelCtx) StopChild(shell.Ref)                 {}

func (x modelCtx) NextCorr() messages.Corr {
	x.corr++
	return x.corr
}

func (x modelCtx) Reply(_ shell.Caller, reply messages.Reply) {
	x.reply = reply
}

// Ask is the pretended store, cache, popularity and membership. A hold becomes
// durable when it is answered, not before.
func (x modelCtx) Ask(_ shell.Ref, command messages.Command) {
	p, corr := x.peerNode, messages.Answer{Corr: command.Correlation()}
	if _, ok := command.(messages.ListMembers); ok {
		p.later(time.Millisecond, func() {
			p.receive(messages.MembersListed{Answer: corr, View: p.members()})
		})
		return
	}
	delay := time.Millisecond + time.Duration(p.net.rand.IntN(20))*time.Millisecond
	p.later(delay, func() {
		switch m := command.(type) {
		case messages.HoldReplicas:
			p.receive(p.hold(corr, m))
		case messages.DropReplicas:
			for _, cid := range m.CIDs {
				p.drop(cid)
			}
			p.receive(messages.ReplicasDropped{Answer: corr})
		case messages.ListKept:
			p.receive(p.list(corr, m))
		case messages.LoadBlocks:
			loaded := messages.BlocksLoaded{Answer: corr}
			for _, cid := range m.CIDs {
				block := messages.Block{CID: cid, Data: p.blocks[cid]}
				loaded.Blocks = append(loaded.Blocks, block)
			}
			p.receive(loaded)
		case messages.ReadBlocks:
			p.receive(p.repair(corr, m))
		case messages.EstimateDemand:
			estimated := messages.DemandEstimated{Answer: corr}
			for _, cid := range m.CIDs {
				estimated.PerHour = append(estimated.PerHour, p.net.demand[cid])
			}
			p.receive(estimated)
		default:
			p.net.fatalf("unexpected %T", m)
		}
	})
}

func (p *peerNode) hold(corr messages.Answer, m messages.HoldReplicas) messages.Reply {
	if p.refuse != 0 {
		return messages.Failed{Answer: corr, Err: messages.Errorf(p.refuse, "pretended")}
	}
	if len(m.Blocks) == 0 || len(m.Blocks) > messages.LoadMax {
		p.net.fatalf("%d blocks in a hold", len(m.Blocks))
	}
	held := messages.ReplicasHeld{Answer: corr}
	for _, b := range m.Blocks {
		if b.Data != nil {
			if format.Name(b.Data) != b.CID {
				p.net.fatalf("a block that is not what it is called reached the store")
			}
			p.blocks[b.CID] = b.Data
		}
		stored := p.blocks[b.CID] != nil
		if stored {
			p.leases[b.CID] = max(p.leases[b.CID], m.Until.Unix())
		}
		held.Held = append(held.Held, stored)
	}
	return held
}

// repair is the pretended cache: what is not here is had from whoever holds it.
func (p *peerNode) repair(corr messages.Answer, m messages.ReadBlocks) messages.Reply {
	if !m.Repair || len(m.CIDs) != 1 {
		p.net.fatalf("a read of %d blocks, to repair: %v", len(m.CIDs), m.Repair)
	}
	cid := m.CIDs[0]
	for _, q := range p.net.nodes {
		if p.blocks[cid] == nil && q.up && q.leases[cid] != 0 && q.blocks[cid] != nil {
			p.blocks[cid] = q.blocks[cid]
		}
	}
	if p.blocks[cid] == nil {
		err := messages.Errorf(messages.CodeUnavailable, "nobody has it")
		return messages.Failed{Answer: corr, Err: err}
	}
	return messages.BlocksRead{Answer: corr, Blocks: []messages.Block{{CID: cid, Data: p.blocks[cid]}}}
}

// drop ends a lease. A block that is dropped has enough other holders.
func (p *peerNode) drop(cid messages.CID) {
	delete(p.leases, cid)
	if p.blocks[cid] == nil {
		return // its bytes are gone anyway
	}
	if p.net.holders(cid) < p.cfg.RMin {
		p.net.fatalf("a replica was dropped that too few others hold")
	}
	if p.mine[cid] {
		p.net.fatalf("an own block was dropped")
	}
	delete(p.blocks, cid)
}

func (p *peerNode) list(corr messages.Answer, m messages.ListKept) messages.Reply {
	var all []messages.CID
	for cid := range p.blocks {
		if cid.Compare(m.After) > 0 {
			all = append(all, cid)
		}
	}
	slices.SortFunc(all, messages.CID.Compare)
	listed := messages.KeptListed{Answer: corr, More: len(all) > m.Limit}
	for _, cid := range all[:min(len(all), m.Limit)] {
		listed.Last = cid
		listed.Blocks = append(listed.Blocks, messages.KeptBlock{
			CID: cid, Mine: p.mine[cid], Replica: p.leases[cid] != 0,
			Until: time.Unix(p.leases[cid], 0),
		})
	}
	return listed
}
