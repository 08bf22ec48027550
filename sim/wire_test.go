package sim_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/port/porttest"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/network"
)

const testProtocol messages.Protocol = "/noisefs/test/1"

// asker asks another node for a block on each ping, and answers with how
// many bytes it got.
type asker struct {
	env  *shell.Env
	from messages.NodeID
	open map[messages.Corr]shell.Caller
}

func (a *asker) Start(shell.Ctx) {}

func (a *asker) Receive(ctx shell.Ctx, msg any) {
	switch m := msg.(type) {
	case ping:
		corr := ctx.NextCorr()
		a.open[corr] = ctx.Caller()
		a.env.Net.Request(corr, a.from, testProtocol, messages.Packet{Head: []byte{1}}, 10*time.Second)
	case messages.RequestAnswered:
		caller := a.open[m.Corr]
		delete(a.open, m.Corr)
		if m.Err != nil {
			ctx.Fail(caller, messages.Errorf(messages.CodeUnavailable, "%v", m.Err))
			return
		}
		ctx.Reply(caller, pong{caller.Answer(), len(m.Packet.Blocks[0])})
	}
}

func (a *asker) Due(shell.Ctx, any) {}

// responder responds to each request with a block, unless it is silent.
type responder struct {
	env    *shell.Env
	silent *bool
	heard  *int
}

func (r *responder) Start(shell.Ctx) { r.env.Net.Handle(testProtocol) }

func (r *responder) Receive(_ shell.Ctx, msg any) {
	if m, ok := msg.(messages.PacketReceived); ok {
		*r.heard++
		if !*r.silent {
			r.env.Net.Respond(m.Exchange, messages.Packet{Blocks: [][]byte{make([]byte, 1000)}})
		}
	}
}

func (r *responder) Due(shell.Ctx, any) {}

// pair is a node that asks, one that responds, and their world.
type pair struct {
	world    *sim.World
	from, to *sim.Node
	silent   bool
	heard    int
}

func newPair(t *testing.T, exchangesMax int) *pair {
	t.Helper()
	p := &pair{}
	preset, _ := network.PresetNamed("internet")
	preset.Options.Loss, preset.Options.DialRounds = 0, 0
	p.world = sim.NewWorld(sim.Options{Seed: 5, Network: &preset.Options, AllowPanics: true})
	link := network.Link{Place: 1, Up: 20e6, Down: 40e6}
	p.to = p.world.AddNode(t, sim.NodeConfig{
		Name: "to", Link: link, ExchangesMax: exchangesMax, Spec: one("responder",
			func(env *shell.Env) shell.Behaviour { return &responder{env, &p.silent, &p.heard} }),
	})
	p.from = p.world.AddNode(t, sim.NodeConfig{
		Name: "from", Link: link, Spec: one("asker", func(env *shell.Env) shell.Behaviour {
			return &asker{env, p.to.ID(), make(map[messages.Corr]shell.Caller)}
		}),
	})
	return p
}

func one(role string, new func(*shell.Env) shell.Behaviour) tree.Spec {
	return tree.Spec{Children: []tree.ChildSpec{{Role: role, Doc: "is the only one", New: new}}}
}

func TestOneAsksTheOtherResponds(t *testing.T) {
	p := newPair(t, 0)
	client := p.world.Client(t, p.from)
	start := p.world.Elapsed()
	for range 10 {
		if got := client.Must("asker", makePing).(pong).Served; got != 1000 {
			t.Errorf("got %d bytes", got)
		}
	}
	// Ten round trips within Europe are 110 ms.
	if took := p.world.Elapsed() - start; took < 110*time.Millisecond || took > 200*time.Millisecond {
		t.Errorf("ten requests took %s", took)
	}
	sent := p.world.Network().Counters(p.to.Peer()).Sent[0]
	if sent.Packets != 10 || sent.BlockBytes != 10_000 {
		t.Errorf("the responder sent %+v", sent)
	}
}

func TestNodesThatCrash(t *testing.T) {
	p := newPair(t, 0)
	client := p.world.Client(t, p.from)
	p.silent = true
	pending := client.Start("asker", makePing)
	pass(t, p.world, time.Second)
	p.to.Crash()
	if err := p.to.Boot(); err != nil {
		t.Fatal(err)
	}
	// Nobody tells of a power cut.
	pass(t, p.world, 8*time.Second)
	if pending.Done() {
		t.Error("a request to a node that crashed was answered at once")
	}
	if _, err := shell.Result(pending.Wait()); err == nil {
		t.Error("a request to a node that crashed succeeded")
	}
	p.silent = false
	client.Must("asker", makePing)

	// An actor that restarts resets what it owes.
	p.silent = true
	pending = client.Start("asker", makePing)
	pass(t, p.world, time.Second)
	p.world.PanicAt("responder", 1)
	p.silent = false
	start := p.world.Elapsed()
	client.Start("asker", makePing) // is what it panics at
	pending.Wait()
	if took := p.world.Elapsed() - start; took > time.Second {
		t.Errorf("after a restart the request ended in %s", took)
	}

	// What was asked before a crash is not answered after it.
	p.silent = true
	client.Start("asker", makePing)
	pass(t, p.world, time.Second)
	heard := p.heard
	p.from.Crash()
	if err := p.from.Boot(); err != nil {
		t.Fatal(err)
	}
	p.silent = false
	client.Must("asker", makePing)
	if p.heard != heard+1 {
		t.Errorf("%d requests since, want 1", p.heard-heard)
	}
	p.to.Crash()
	client.Failure("asker", messages.CodeUnavailable, makePing)
	if err := p.world.RunUntilIdle(time.Minute); err != nil {
		t.Fatal(err)
	}
}

func TestExchangesAreBounded(t *testing.T) {
	const most = 4
	p := newPair(t, most)
	p.silent = true
	client := p.world.Client(t, p.from)
	var pending []*sim.Pending
	for range most + 3 {
		pending = append(pending, client.Start("asker", makePing))
	}
	pass(t, p.world, time.Second)
	refused := 0
	for _, x := range pending {
		if x.Done() {
			refused++
		}
	}
	if refused != 3 || p.heard != most {
		t.Errorf("%d refused, %d heard, want 3 and %d", refused, p.heard, most)
	}
	// Those that time out make room.
	pass(t, p.world, time.Minute)
	p.silent = false
	for range 2 * most {
		client.Must("asker", makePing)
	}
}

func TestHeadsAreCopiedAndBlocksShared(t *testing.T) {
	world := sim.NewWorld(sim.Options{Network: &network.Options{}})
	var got []messages.PacketReceived
	to := newEnv(t, world, sim.NodeConfig{Name: "to"}, func(msg any) {
		got = append(got, msg.(messages.PacketReceived))
	})
	from := newEnv(t, world, sim.NodeConfig{Name: "from"}, func(any) {})
	to.Net.Handle(testProtocol)
	head, block := []byte("head"), []byte("block")
	blocks := [][]byte{block}
	from.Net.Send(to.Net.Self(), testProtocol, messages.Packet{Head: head, Blocks: blocks})
	clear(head)
	blocks[0] = nil
	if err := world.RunUntilIdle(time.Minute); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || string(got[0].Packet.Head) != "head" ||
		&got[0].Packet.Blocks[0][0] != &block[0] {
		t.Errorf("got %+v", got)
	}
}

// An exchange belongs to the actor that it was handed to.
func TestAnotherActorCannotRespond(t *testing.T) {
	p := newPair(t, 0)
	p.silent = true
	var envs []*shell.Env
	var exchange messages.Exchange
	spec := tree.Spec{}
	for _, role := range []string{"handler", "other"} {
		spec.Children = append(spec.Children, tree.ChildSpec{
			Role: role, Doc: "hears", New: func(env *shell.Env) shell.Behaviour {
				envs = append(envs, env)
				return &sim.Fake{OnReceive: func(_ shell.Ctx, msg any) {
					exchange = msg.(messages.PacketReceived).Exchange
				}}
			},
		})
	}
	node := p.world.AddNode(t, sim.NodeConfig{Name: "two", Link: network.Link{Place: 1}, Spec: spec})
	pass(t, p.world, time.Second)
	envs[0].Net.Handle(testProtocol)
	var answers []messages.RequestAnswered
	from := newEnv(t, p.world, sim.NodeConfig{Name: "third"}, func(msg any) {
		answers = append(answers, msg.(messages.RequestAnswered))
	})
	from.Net.Request(1, node.ID(), testProtocol, messages.Packet{}, 5*time.Second)
	pass(t, p.world, time.Second)
	envs[1].Net.Respond(exchange, messages.Packet{})
	pass(t, p.world, time.Second)
	if exchange == 0 || len(answers) != 0 {
		t.Errorf("exchange %d was answered %d times by another actor", exchange, len(answers))
	}
	envs[0].Net.Respond(exchange, messages.Packet{})
	pass(t, p.world, time.Second)
	if len(answers) != 1 || answers[0].Err != nil {
		t.Errorf("got %+v", answers)
	}
}

// Whoever publishes more than is passed on is heard by nobody beyond that, and
// pays for it with its own uplink alone.
func TestGossipFlood(t *testing.T) {
	options := network.Options{GossipBurst: 3, GossipEvery: 10 * time.Second}
	world := sim.NewWorld(sim.Options{Network: &options})
	heard := 0
	flooder := newEnv(t, world, sim.NodeConfig{Name: "flooder"}, func(any) {})
	listener := newEnv(t, world, sim.NodeConfig{Name: "listener"}, func(any) { heard++ })
	listener.Gossip.Subscribe("topic")
	flood := func(wanted int) {
		t.Helper()
		heard = 0
		for range 100 {
			flooder.Gossip.Publish("topic", make([]byte, 100))
		}
		pass(t, world, 10*time.Second)
		if heard != wanted {
			t.Errorf("%d messages are heard, want %d", heard, wanted)
		}
	}
	flood(3)
	flood(1)
	flood(1)
}

func TestNodesOfANetwork(t *testing.T) {
	world := sim.NewWorld(sim.Options{Network: &network.Options{}})
	id := messages.NodeID{1}
	if _, err := world.NewNode(sim.NodeConfig{Name: "a", ID: id}); err != nil {
		t.Fatal(err)
	}
	if _, err := world.NewNode(sim.NodeConfig{Name: "b", ID: id}); !errors.Is(err, sim.ErrNodeID) {
		t.Errorf("got %v, want ErrNodeID", err)
	}
	if _, err := world.NewNode(sim.NodeConfig{Name: "c", Link: network.Link{Place: 5}}); !errors.Is(
		err, network.ErrOptions) {
		t.Errorf("got %v, want ErrOptions", err)
	}
	env := newEnv(t, sim.NewWorld(sim.Options{}), sim.NodeConfig{Name: "a"}, func(any) {})
	if env.Net != nil || env.Gossip != nil {
		t.Error("a world without a network has ports of it")
	}
}

func TestClocksDrift(t *testing.T) {
	world := sim.NewWorld(sim.Options{})
	var fired time.Duration
	skew := sim.Skew{Offset: -time.Hour, Drift: 0.001}
	config := sim.NodeConfig{Name: "n", Skew: skew}
	env := newEnv(t, world, config, func(any) { fired = world.Elapsed() })
	if got := env.Clock.Now().Sub(world.Now()); got != -time.Hour {
		t.Errorf("the clock is off by %s", got)
	}
	before := env.Clock.Now()
	env.Clock.After(1001*time.Second, nil)
	if err := world.RunUntilIdle(time.Hour); err != nil {
		t.Fatal(err)
	}
	if off := fired - 1000*time.Second; off < 0 || off > time.Microsecond {
		t.Errorf("1001 s of a fast clock took %s", fired)
	}
	if passed := env.Clock.Now().Sub(before); passed < 1001*time.Second {
		t.Errorf("a timer of 1001 s fired after %s of its clock", passed)
	}
	if _, err := world.NewNode(sim.NodeConfig{Name: "m", Skew: sim.Skew{Drift: 0.5}}); err == nil {
		t.Error("a clock half as fast again was accepted")
	}
	porttest.Clock(t, porttest.ClockHarness{
		Await: await(world),
		New: func(tb testing.TB, due func(any)) port.Clock {
			config := sim.NodeConfig{Name: tb.Name(), Skew: skew}
			return newEnv(tb, world, config, due).Clock
		},
	})
}

// gossipers publish once a second and ask one of their peers for something.
func gossipers(tb testing.TB, nodes int, o sim.Options) *sim.World {
	tb.Helper()
	preset, _ := network.PresetNamed("internet")
	o.Network = &preset.Options
	world := sim.NewWorld(o)
	var ids []messages.NodeID
	for i := range nodes {
		node := world.AddNode(tb, sim.NodeConfig{
			Name: fmt.Sprintf("n%04d", i), Link: preset.Link(1, i),
			Spec: one("a", func(env *shell.Env) shell.Behaviour {
				return &sim.Fake{
					OnStart: func(shell.Ctx) {
						env.Net.Handle(testProtocol)
						env.Gossip.Subscribe("topic")
						env.Clock.After(time.Duration(env.Rand.IntN(1000))*time.Millisecond, nil)
					},
					OnReceive: func(_ shell.Ctx, msg any) {
						if m, ok := msg.(messages.PacketReceived); ok {
							env.Net.Respond(m.Exchange, messages.Packet{Head: make([]byte, 100)})
						}
					},
					OnDue: func(ctx shell.Ctx, _ any) {
						env.Gossip.Publish("topic", make([]byte, 100))
						to := ids[env.Rand.IntN(len(ids))]
						env.Net.Request(ctx.NextCorr(), to, testProtocol, messages.Packet{}, 3*time.Second)
						env.Clock.After(time.Second, nil)
					},
				}
			}),
		})
		ids = append(ids, node.ID())
	}
	return world
}

func TestOneSeedOneTraceOverTheNetwork(t *testing.T) {
	run := func(seed uint64) *sim.World {
		world := gossipers(t, 20, sim.Options{Seed: seed})
		pass(t, world, 10*time.Second)
		world.Network().Cut("half", []network.Peer{0, 1, 2, 3, 4}, nil, false)
		pass(t, world, 10*time.Second)
		world.Network().HealAll()
		pass(t, world, 10*time.Second)
		return world
	}
	first, same, other := run(1), run(1), run(2)
	if first.TraceHash() != same.TraceHash() || first.Network().Total() != same.Network().Total() {
		t.Error("two runs of a seed differ")
	}
	if first.TraceHash() == other.TraceHash() {
		t.Error("two seeds have one trace")
	}
	if n := first.Deliveries(); n < 10_000 {
		t.Errorf("only %d deliveries", n)
	}
}

// BenchmarkGossip is one message to a thousand nodes, with its delivery.
func BenchmarkGossip(b *testing.B) {
	const nodes = 1000
	preset, _ := network.PresetNamed("internet")
	world := sim.NewWorld(sim.Options{Network: &preset.Options})
	heard := 0
	var author *shell.Env
	for i := range nodes {
		author = newEnv(b, world, sim.NodeConfig{Name: fmt.Sprint("n", i), Link: preset.Link(1, i)},
			func(any) { heard++ })
		author.Gossip.Subscribe("topic")
	}
	payload := make([]byte, 8192)
	b.ReportAllocs()
	porttest.ReportCPU(b)
	steps := world.Steps()
	for b.Loop() {
		author.Gossip.Publish("topic", payload)
		if err := world.Run(10 * time.Second); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(heard), "ns/receiver")
	b.ReportMetric(float64(world.Steps()-steps)/float64(heard), "steps/receiver")
}

// BenchmarkFetch is a request and the block that responds to it, between
// two of a thousand nodes that all ask.
func BenchmarkFetch(b *testing.B) {
	const nodes = 1000
	preset, _ := network.PresetNamed("internet")
	preset.Options.Scale = 128
	world := sim.NewWorld(sim.Options{Network: &preset.Options})
	block := make([]byte, 1024)
	fetched := 0
	var ids []messages.NodeID
	for i := range nodes {
		link := preset.Link(1, i)
		link.Undialable = false
		node := world.AddNode(b, sim.NodeConfig{
			Name: fmt.Sprint("n", i), Link: link, Spec: one("a", func(env *shell.Env) shell.Behaviour {
				ask := func(ctx shell.Ctx) {
					to := ids[env.Rand.IntN(len(ids))]
					env.Net.Request(ctx.NextCorr(), to, testProtocol,
						messages.Packet{Head: make([]byte, 40)}, 20*time.Second)
				}
				return &sim.Fake{
					OnStart: func(shell.Ctx) {
						env.Net.Handle(testProtocol)
						env.Clock.After(time.Duration(env.Rand.IntN(1000))*time.Millisecond, nil)
					},
					OnDue: func(ctx shell.Ctx, _ any) {
						ask(ctx)
						env.Clock.After(time.Second, nil)
					},
					OnReceive: func(_ shell.Ctx, msg any) {
						switch m := msg.(type) {
						case messages.PacketReceived:
							env.Net.Respond(m.Exchange, messages.Packet{Head: []byte{1, 2}, Blocks: [][]byte{block}})
						case messages.RequestAnswered:
							if m.Err == nil {
								fetched++
							}
						}
					},
				}
			}),
		})
		ids = append(ids, node.ID())
	}
	if err := world.Run(5 * time.Second); err != nil {
		b.Fatal(err)
	}
	before, steps := fetched, world.Steps()
	b.ReportAllocs()
	porttest.ReportCPU(b)
	for b.Loop() {
		if err := world.Run(time.Second); err != nil {
			b.Fatal(err)
		}
	}
	done := float64(fetched - before)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/done, "ns/fetch")
	b.ReportMetric(float64(world.Steps()-steps)/done, "steps/fetch")
}
