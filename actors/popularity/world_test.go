package popularity_test

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/popularity"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/network"
)

// hall is a world of nodes that gossip.
type hall struct {
	world *sim.World
	rooms []*room
	said  []said
}

// said is a message that was published.
type said struct {
	by      int
	at      time.Duration
	payload []byte
}

// room is a node of a popularity, and of a pretended store and replication.
type room struct {
	hall   *hall
	number int
	client *sim.Client
	told   []messages.HotBlocks
	toldAt []time.Duration
}

// recorder is the node's gossip, and remembers what was published.
type recorder struct {
	port.Gossip
	room *room
}

func (r recorder) Publish(topic string, payload []byte) {
	h := r.room.hall
	h.said = append(h.said, said{r.room.number, h.world.Elapsed(), payload})
	r.Gossip.Publish(topic, payload)
}

// relay makes the pretended store tell the popularity of an event.
type relay struct {
	messages.Call
	event any
}

type relayed struct{ messages.Answer }

// deliver brings an event to the popularity.
func (r *room) deliver(event any) *sim.Pending {
	return r.client.Start("store", func(call messages.Call) messages.Command {
		return relay{call, event}
	})
}

func (r *room) serve(cids ...messages.CID) {
	r.deliver(messages.BlocksServed{CIDs: cids}).Wait()
}

func (r *room) demand(cids ...messages.CID) []float64 {
	reply := r.client.Must(popularity.Role, func(call messages.Call) messages.Command {
		return messages.EstimateDemand{Call: call, CIDs: cids}
	})
	return reply.(messages.DemandEstimated).PerHour
}

func (r *room) stat() messages.PopularityStatted {
	reply := r.client.Must(popularity.Role, func(call messages.Call) messages.Command {
		return messages.StatPopularity{Call: call}
	})
	return reply.(messages.PopularityStatted)
}

func nodeID(n int) messages.NodeID { return messages.NodeID{byte(n), byte(n >> 8), 1} }

// digest returns the n-th of a list of CIDs.
func digest(n byte) messages.CID { return sha256.Sum256([]byte{n}) }

func newHall(
	t *testing.T, cfg popularity.Config, seed uint64, rooms int, skews ...sim.Skew,
) *hall {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	h := &hall{world: sim.NewWorld(sim.Options{Seed: seed, Network: &network.Options{}})}
	newActor := popularity.New(cfg)
	for i := range rooms {
		r, skew := &room{hall: h, number: i}, sim.Skew{}
		if i < len(skews) {
			skew = skews[i]
		}
		var sibling func(string) shell.Ref
		store := &sim.Fake{
			OnEnv: func(env *shell.Env) { sibling = env.Sibling },
			OnReceive: func(ctx shell.Ctx, msg any) {
				ctx.Tell(sibling(popularity.Role), msg.(relay).event)
				ctx.Reply(ctx.Caller(), relayed{ctx.Caller().Answer()})
			},
		}
		replication := &sim.Fake{OnReceive: func(_ shell.Ctx, msg any) {
			r.told = append(r.told, msg.(messages.HotBlocks))
			r.toldAt = append(r.toldAt, h.world.Elapsed())
		}}
		node := h.world.AddNode(t, sim.NodeConfig{
			Name: fmt.Sprint("n", i), ID: nodeID(i), Skew: skew,
			Spec: tree.Spec{Children: []tree.ChildSpec{
				{Role: "replication", Doc: "pretended", New: replication.New},
				{
					Role: popularity.Role, Doc: "popularity", Needs: []string{"replication"},
					New: func(env *shell.Env) shell.Behaviour {
						env.Gossip = recorder{env.Gossip, r}
						return newActor(env)
					},
				},
				{
					Role: "store", Doc: "pretended", Needs: []string{popularity.Role},
					New: store.New,
				},
			}},
		})
		r.client = h.world.Client(t, node)
		h.rooms = append(h.rooms, r)
	}
	return h
}

func (h *hall) run(t *testing.T, d time.Duration) {
	t.Helper()
	if err := h.world.Run(d); err != nil {
		t.Fatal(err)
	}
	if panics := h.world.Panics(); len(panics) > 0 {
		t.Fatalf("%v", panics[0])
	}
}

// testConfig has a short window and next to no noise.
func testConfig() popularity.Config {
	cfg := popularity.DefaultConfig()
	cfg.Window, cfg.Width, cfg.Epsilon, cfg.Margin = time.Minute, 128, 80, 0
	return cfg
}

// TestDemandSpreads: what two nodes serve is known to all after a window, as
// one figure, and is forgotten after some more.
func TestDemandSpreads(t *testing.T) {
	h := newHall(t, testConfig(), 1, 5)
	cid, other := digest(1), digest(2)
	for range 3 * 60 { // 60 requests a minute at one, 30 at another
		h.rooms[0].serve(cid)
		if h.world.Elapsed()%(2*time.Second) == 0 {
			h.rooms[1].serve(cid)
		}
		h.run(t, time.Second)
	}
	for _, r := range h.rooms {
		got := r.demand(cid, other)
		if got[0] < 3000 || got[0] > 7200 || got[1] != 0 {
			t.Errorf("node %d estimates %.0f and %.0f per hour, want about 5400 and 0",
				r.number, got[0], got[1])
		}
	}
	h.run(t, 6*time.Minute)
	for _, r := range h.rooms {
		if got := r.demand(cid); got[0] > 1 {
			t.Errorf("long after, node %d estimates %.0f per hour", r.number, got[0])
		}
	}
}

// TestIdleNodesPublishToo: once per window, at a time of their own, all
// summaries of one size.
func TestIdleNodesPublishToo(t *testing.T) {
	cfg, start := testConfig(), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	const nodes, windows = 12, 4
	h := newHall(t, cfg, 7, nodes)
	for range windows * 60 {
		h.rooms[0].serve(digest(1), digest(2))
		h.run(t, time.Second)
	}
	if len(h.said) != nodes*windows {
		t.Fatalf("%d summaries in %d windows of %d nodes", len(h.said), windows, nodes)
	}
	phases := make([][]time.Duration, nodes)
	for _, s := range h.said {
		if len(s.payload) != len(h.said[0].payload) {
			t.Errorf("node %d sends %d bytes, others %d", s.by, len(s.payload), len(h.said[0].payload))
		}
		m, err := wire.DecodeDemandSummary(s.payload)
		if want := uint64(start.Add(s.at).Unix() / 60); err != nil || m.Epoch != want {
			t.Errorf("epoch %d, want %d (%v)", m.Epoch, want, err)
		}
		phases[s.by] = append(phases[s.by], s.at%cfg.Window)
	}
	var all []time.Duration
	for by, own := range phases {
		if len(own) != windows || slices.Min(own) != slices.Max(own) {
			t.Errorf("node %d publishes at %v of the window", by, own)
		}
		all = append(all, own[0])
	}
	slices.Sort(all)
	if spread := all[nodes-1] - all[0]; spread < cfg.Window/2 || len(slices.Compact(all)) != nodes {
		t.Errorf("nodes publish at %v of the window", all)
	}
	if got := h.rooms[0].stat(); got.Published != windows || got.Refused != 0 ||
		got.Merged != uint64((nodes-1)*windows) ||
		got.BytesPublished != uint64(windows*len(h.said[0].payload)) {
		t.Errorf("counters: %+v", got)
	}
}

// TestFlashCrowd: a holder tells of a block that many ask for within
// HotInterval, once per interval at most, and of its end.
func TestFlashCrowd(t *testing.T) {
	cfg := testConfig()
	h := newHall(t, cfg, 3, 1)
	r, crowd, calm := h.rooms[0], digest(1), digest(2)
	for second := range 60 {
		if second%20 == 0 {
			r.serve(calm)
		}
		h.run(t, time.Second)
	}
	if len(r.told) != 0 {
		t.Fatalf("told %v of a calm block", r.told[0].ServedPerHour)
	}
	began := h.world.Elapsed()
	for range 60 {
		r.serve(slices.Repeat([]messages.CID{crowd}, 20)...)
		h.run(t, time.Second)
	}
	if len(r.told) == 0 || r.toldAt[0]-began > cfg.HotInterval {
		t.Fatalf("told at %v of a crowd at %v", r.toldAt, began)
	}
	if last := r.told[len(r.told)-1]; last.CIDs[0] != crowd || last.ServedPerHour[0] < 72000/2 {
		t.Errorf("told %v, want up to 72000", last.ServedPerHour)
	}
	if got := r.demand(crowd)[0]; got < 72000/2 || got > 72000*1.1 {
		t.Errorf("estimates %.0f per hour, want about 72000", got)
	}
	h.run(t, 10*time.Minute)
	for i := 1; i < len(r.toldAt); i++ {
		if r.toldAt[i]-r.toldAt[i-1] < cfg.HotInterval {
			t.Errorf("told at %v", r.toldAt)
		}
	}
	if last := r.told[len(r.told)-1]; last.ServedPerHour[0] > cfg.HotPerHourMin {
		t.Errorf("the last word is %.0f per hour", last.ServedPerHour[0])
	}
	for _, told := range r.told {
		if slices.Contains(told.CIDs, calm) {
			t.Error("told of the calm block")
		}
	}
}

// TestIdleNodesRest: a node that nobody asks has one timer per window and no
// more.
func TestIdleNodesRest(t *testing.T) {
	h := newHall(t, testConfig(), 5, 1)
	h.run(t, 0) // the actors start
	before := h.world.Deliveries()
	h.run(t, time.Hour)
	if got := h.world.Deliveries() - before; got != 60 {
		t.Errorf("%d deliveries in 60 windows", got)
	}
}

// TestStrangersDoNotCount once the node knows who is a member.
func TestStrangersDoNotCount(t *testing.T) {
	h := newHall(t, testConfig(), 6, 3)
	view := &messages.View{Members: []*messages.Member{{ID: nodeID(0)}, {ID: nodeID(1)}}}
	h.rooms[0].deliver(messages.ViewChanged{View: view}).Wait()
	h.run(t, time.Minute)
	if got := h.rooms[0].stat(); got.Merged != 1 || got.Refused != 1 {
		t.Errorf("counters: %+v", got)
	}
}

// TestClocksThatAreWrong: within a window of each other nodes understand each
// other; one that is further off neither hears nor is heard.
func TestClocksThatAreWrong(t *testing.T) {
	h := newHall(t, testConfig(), 8, 4,
		sim.Skew{}, sim.Skew{Offset: 45 * time.Second}, sim.Skew{Offset: -10 * time.Second, Drift: 1e-3},
		sim.Skew{Offset: time.Hour})
	h.run(t, 10*time.Minute)
	for _, r := range h.rooms[:3] {
		if got := r.stat(); got.Merged < 18 || got.Refused < 9 {
			t.Errorf("node %d: counters %+v, want 20 of two others and 10 of the third",
				r.number, got)
		}
	}
	if got := h.rooms[3].stat(); got.Merged != 0 || got.Refused < 27 || got.Published < 9 {
		t.Errorf("the one far off: counters %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	h := newHall(t, testConfig(), 1, 1)
	for _, n := range []int{0, messages.DemandMax + 1} {
		h.rooms[0].client.Failure(popularity.Role, messages.CodeInvalid,
			func(call messages.Call) messages.Command {
				return messages.EstimateDemand{Call: call, CIDs: make([]messages.CID, n)}
			})
	}
	most := make([]messages.CID, messages.DemandMax)
	if got := h.rooms[0].demand(most...); len(got) != len(most) {
		t.Errorf("%d estimates for %d blocks", len(got), len(most))
	}
}

// TestRestart: an actor that restarts forgets, and goes on. Others count no
// second summary of a window.
func TestRestart(t *testing.T) {
	h := newHall(t, testConfig(), 2, 2)
	h.rooms[0].serve(slices.Repeat([]messages.CID{digest(1)}, 50)...)
	h.run(t, time.Minute)
	if got := h.rooms[0].demand(digest(1)); got[0] < 1000 {
		t.Fatalf("estimates %.0f per hour, want about 3000", got[0])
	}
	h.world.PanicAt(popularity.Role, 1)
	h.rooms[0].serve(digest(1)) // falls to the panic
	h.run(t, 0)
	if got := h.rooms[0].stat(); got != (messages.PopularityStatted{Answer: got.Answer}) {
		t.Errorf("a restart remembers %+v", got)
	}
	if got := h.rooms[0].demand(digest(1)); got[0] != 0 {
		t.Errorf("a restart remembers %.0f requests per hour", got[0])
	}
	h.run(t, 3*time.Minute)
	if got := h.rooms[0].stat(); got.Published != 3 || got.Merged != 3 {
		t.Errorf("counters after a restart: %+v", got)
	}
	if got := h.rooms[1].stat(); got.Published != 4 || got.Merged != 4 {
		t.Errorf("counters of the other: %+v", got)
	}
}

// TestSameSeedSameWords: two runs of a seed are one.
func TestSameSeedSameWords(t *testing.T) {
	run := func(seed uint64) uint64 {
		h := newHall(t, testConfig(), seed, 3)
		for range 100 {
			h.rooms[0].serve(digest(1))
			h.run(t, time.Second)
		}
		return h.world.TraceHash()
	}
	if a, b, c := run(1), run(1), run(2); a != b || a == c {
		t.Errorf("trace hashes %x, %x and of another seed %x", a, b, c)
	}
}

func TestConfigValidate(t *testing.T) {
	for name, change := range map[string]func(*popularity.Config){
		"WindowShort":   func(c *popularity.Config) { c.Window = time.Millisecond },
		"WindowOdd":     func(c *popularity.Config) { c.Window = 1500 * time.Millisecond },
		"WindowLong":    func(c *popularity.Config) { c.Window = 8 * 24 * time.Hour },
		"Depth":         func(c *popularity.Config) { c.Depth = wire.DemandDepthMax + 1 },
		"DepthZero":     func(c *popularity.Config) { c.Depth = 0 },
		"Width":         func(c *popularity.Config) { c.Width = 1 },
		"WidthLarge":    func(c *popularity.Config) { c.Width = wire.DemandCellsMax },
		"CellMax":       func(c *popularity.Config) { c.CellMax = 128 },
		"CellMaxZero":   func(c *popularity.Config) { c.CellMax = 0 },
		"CellMeanMax":   func(c *popularity.Config) { c.CellMeanMax = 128 },
		"NoiseTooLarge": func(c *popularity.Config) { c.Epsilon = 0.1 },
		"Epsilon":       func(c *popularity.Config) { c.Epsilon = 0 },
		"EpochsMax":     func(c *popularity.Config) { c.EpochsMax = 1 },
		"EpochDecay":    func(c *popularity.Config) { c.EpochDecay = 0 },
		"Margin":        func(c *popularity.Config) { c.Margin = -1 },
		"AuthorsMax":    func(c *popularity.Config) { c.AuthorsMax = 0 },
		"HotMax":        func(c *popularity.Config) { c.HotMax = 0 },
		"HotHalfLife":   func(c *popularity.Config) { c.HotHalfLife = 0 },
		"HotInterval":   func(c *popularity.Config) { c.HotInterval = 0 },
		"HotPerHourMin": func(c *popularity.Config) { c.HotPerHourMin = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := popularity.DefaultConfig()
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			change(&cfg)
			if cfg.Validate() == nil {
				t.Fatal("accepted")
			}
		})
	}
}
