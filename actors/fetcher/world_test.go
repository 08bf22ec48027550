package fetcher_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/noisefs/noisefs/actors/fetcher"
	"github.com/noisefs/noisefs/actors/scorer"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/network"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const blockSize = 1024

// village is a network of holders, and one node that fetches from them, with
// the real scorer.
type village struct {
	t      testing.TB
	world  *sim.World
	client *sim.Client
	view   *messages.View
	blocks map[messages.CID][]byte // of each holder
	served map[messages.NodeID]int
	asked  int // requests that arrived
	// lie is what a holder says instead, if not nil.
	lie func(id messages.NodeID, cid messages.CID) *messages.Packet
}

func newVillage(t testing.TB, seed uint64, holders int) *village {
	t.Helper()
	preset, ok := network.PresetNamed("internet")
	if !ok {
		t.Fatal("there is no such preset")
	}
	v := &village{
		t: t, world: sim.NewWorld(sim.Options{Seed: seed, Network: &preset.Options}),
		blocks: map[messages.CID][]byte{}, served: map[messages.NodeID]int{},
	}
	var members []*messages.Member
	member := func(name string) messages.NodeID {
		id := messages.NodeID(sha256.Sum256([]byte(name)))
		members = append(members, &messages.Member{
			ID: id, Status: messages.MemberAlive, CapacityBlocks: 64, UptimeClass: 3,
		})
		return id
	}
	asker := member("asker")
	for i := range holders {
		name := fmt.Sprint("holder", i)
		id := member(name)
		link := preset.Link(seed, i)
		link.Undialable = false
		v.world.AddNode(t, sim.NodeConfig{Name: name, ID: id, Link: link, Spec: v.holder(id)})
	}
	slices.SortFunc(members, func(a, b *messages.Member) int {
		return bytes.Compare(a.ID[:], b.ID[:])
	})
	v.view = messages.NewView(asker, 1, 1, members, nil)
	membership := &sim.Fake{OnReceive: func(ctx shell.Ctx, msg any) {
		ctx.Reply(ctx.Caller(), messages.MembersListed{Answer: ctx.Caller().Answer(), View: v.view})
	}}
	node := v.world.AddNode(t, sim.NodeConfig{
		Name: "asker", ID: v.view.Self, Link: preset.Link(seed, holders),
		Spec: tree.Spec{Children: []tree.ChildSpec{
			{Role: "membership", Doc: "pretended", New: membership.New},
			{
				Role: scorer.Role, Doc: "scorer", Needs: []string{"membership"},
				New: scorer.New(scorer.DefaultConfig()),
			},
			{
				Role: fetcher.Role, Doc: "fetcher", Needs: []string{"membership", scorer.Role},
				New: fetcher.New(fetcher.DefaultConfig(), format.Params{BlockSize: blockSize}),
			},
		}},
	})
	v.client = v.world.Client(t, node)
	return v
}

// holder is the tree of a node that serves what is in v.blocks.
func (v *village) holder(id messages.NodeID) tree.Spec {
	var env *shell.Env
	fake := &sim.Fake{
		OnEnv:   func(e *shell.Env) { env = e },
		OnStart: func(shell.Ctx) { env.Net.Handle(messages.ProtocolBlock) },
		OnReceive: func(_ shell.Ctx, msg any) {
			m := msg.(messages.PacketReceived)
			request, err := wire.DecodeBlockRequest(m.Packet.Head)
			if err != nil {
				v.t.Errorf("a request cannot be read: %v", err)
			}
			v.asked++
			env.Net.Respond(m.Exchange, v.serve(id, request.CID))
		},
	}
	return tree.Spec{Children: []tree.ChildSpec{{Role: "store", Doc: "pretended", New: fake.New}}}
}

func (v *village) serve(id messages.NodeID, cid messages.CID) messages.Packet {
	if v.lie != nil {
		if packet := v.lie(id, cid); packet != nil {
			return *packet
		}
	}
	data := v.blocks[cid]
	if data == nil {
		return messages.Packet{Head: wire.BlockResponse{Status: wire.BlockAbsent}.Append(nil)}
	}
	v.served[id]++
	return messages.Packet{
		Head: wire.BlockResponse{Status: wire.BlockServed, Load: 1}.Append(nil), Blocks: [][]byte{data},
	}
}

func (v *village) add(n int) []messages.CID {
	var cids []messages.CID
	for range n {
		data := bytes.Repeat(fmt.Appendf(nil, "%15d.", len(v.blocks)), blockSize/16)
		cid := format.Name(data)
		v.blocks[cid] = data
		cids = append(cids, cid)
	}
	return cids
}

func fetch(urgency messages.Urgency, cids ...messages.CID) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.FetchBlocks{Call: call, CIDs: cids, Urgency: urgency}
	}
}

// had fails the test unless all blocks came.
func (v *village) had(reply messages.Reply, cids []messages.CID) {
	v.t.Helper()
	fetched, ok := reply.(messages.BlocksFetched)
	if !ok || len(fetched.Blocks) != len(cids) || fetched.Errs != nil {
		v.t.Fatalf("got %T, want %d blocks", reply, len(cids))
	}
	for i, cid := range cids {
		if fetched.Blocks[i].CID != cid || !bytes.Equal(fetched.Blocks[i].Data, v.blocks[cid]) {
			v.t.Fatalf("block %d is another one", i)
		}
	}
}

func (v *village) stat() messages.FetcherStatted {
	v.t.Helper()
	return v.client.Must(fetcher.Role, func(call messages.Call) messages.Command {
		return messages.StatFetcher{Call: call}
	}).(messages.FetcherStatted)
}

// Blocks come from many holders, and afterwards nothing is left to do.
func TestFetchesFromMany(t *testing.T) {
	v := newVillage(t, 1, 30)
	cids := v.add(messages.FetchMax)
	v.had(v.client.Ask(fetcher.Role, fetch(messages.UrgencyNow, cids...)), cids)
	if len(v.served) < 15 {
		t.Errorf("%d holders served 64 blocks, want most of 30", len(v.served))
	}
	if err := v.world.RunUntilIdle(time.Minute); err != nil {
		t.Fatal(err)
	}
	if stat := v.stat(); stat.InFlight != 0 || stat.Waiting != 0 || stat.BlocksFetched != 64 ||
		stat.BytesReceived < 64*blockSize {
		t.Errorf("afterwards: %+v", stat)
	}
}

// Liars, deaf ones and nodes that are down cost time, and no block.
func TestFetchesInSpiteOfBadHolders(t *testing.T) {
	v := newVillage(t, 2, 30)
	absent := wire.BlockResponse{Status: wire.BlockAbsent}.Append(nil)
	yes := wire.BlockResponse{Status: wire.BlockServed}.Append(nil)
	v.lie = func(id messages.NodeID, _ messages.CID) *messages.Packet {
		switch id[0] % 6 {
		case 0:
			return &messages.Packet{Head: absent}
		case 1:
			return &messages.Packet{Head: yes, Blocks: [][]byte{make([]byte, blockSize)}}
		case 2:
			return &messages.Packet{Head: []byte("nonsense")}
		}
		return nil
	}
	requests := func(reads int) int {
		before := v.asked
		for range reads {
			cids := v.add(3)
			v.had(v.client.Ask(fetcher.Role, fetch(messages.UrgencyNow, cids...)), cids)
		}
		return v.asked - before
	}
	first := requests(20)
	if stat := v.stat(); stat.Wrong == 0 || stat.Absent == 0 {
		t.Fatalf("nobody lied: %+v", stat)
	}
	// Who lied is asked less: later blocks cost fewer requests.
	second := requests(20)
	if second >= first {
		t.Errorf("%d requests for the second 60 blocks, %d for the first", second, first)
	}
	t.Logf("60 blocks took %d requests, then %d", first, second)
}

// A restart of the scorer or of the fetcher itself costs no block for good.
func TestRestarts(t *testing.T) {
	v := newVillage(t, 3, 10)
	cids := v.add(3)
	v.world.PanicAt(scorer.Role, 1)
	v.had(v.client.Ask(fetcher.Role, fetch(messages.UrgencyNow, cids...)), cids)
	v.world.PanicAt(fetcher.Role, 2) // the peers that were chosen never matter
	v.client.Failure(fetcher.Role, messages.CodeRestarted, fetch(messages.UrgencyNow, cids...))
	v.had(v.client.Ask(fetcher.Role, fetch(messages.UrgencyNow, cids...)), cids)
}

func TestSameSeedSameTrace(t *testing.T) {
	run := func(seed uint64) uint64 {
		v := newVillage(t, seed, 20)
		cids := v.add(30)
		v.had(v.client.Ask(fetcher.Role, fetch(messages.UrgencySoon, cids...)), cids)
		return v.world.TraceHash()
	}
	first, again := run(1), run(1)
	if first != again {
		t.Error("two runs of a seed differ")
	}
	if first == run(2) {
		t.Error("the seed makes no difference")
	}
}

// BenchmarkFetchThree is a read of a block: three blocks of the network, with
// the scorer, the port and the holders' part of it.
func BenchmarkFetchThree(b *testing.B) {
	v := newVillage(b, 1, 100)
	cids := v.add(3 * b.N)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		v.had(v.client.Ask(fetcher.Role, fetch(messages.UrgencyNow, cids[3*i:3*i+3]...)), cids[3*i:3*i+3])
	}
}
