package fleet_test

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/fetcher"
	"github.com/noisefs/noisefs/actors/replication"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/runtime/tree"
	"github.com/noisefs/noisefs/sim/fleet"
	"github.com/noisefs/noisefs/sim/plan"
)

// measuredAt is when the measured span of small begins.
const measuredAt = 2 * time.Minute

// The plans in which rules are broken.
var worlds = map[string]func(*plan.Plan){
	"Quiet": nil,
	"Liars": func(p *plan.Plan) {
		p.Faults = []plan.Fault{{Kind: plan.FaultLiar, Lie: plan.LieWrongBytes, Share: 0.3}}
	},
	"Uploads": func(p *plan.Plan) {
		p.Workloads = append(p.Workloads, uploadsUntil(15*time.Second))
	},
	"NoRest": func(p *plan.Plan) {
		p.Workloads, p.Liveness = append(p.Workloads, uploadsUntil(15*time.Second)), 0
	},
	"PowerCuts": func(p *plan.Plan) {
		p.Duration = 90 * time.Second
		p.Timings.RepairDelay, p.Timings.LookInterval = 20*time.Second, 20*time.Second
		p.Workloads = append(p.Workloads, uploadsUntil(time.Minute))
		for at := 10 * time.Second; at <= time.Minute; at += 10 * time.Second {
			p.Faults = append(p.Faults, plan.Fault{
				Kind: plan.FaultCrash, At: at, For: 2 * time.Second, Share: 0.3,
			})
		}
	},
	"DiskCache": func(p *plan.Plan) {
		p.Policies.Cache, p.Node.CacheBlocks = plan.CacheDisk, 8
		p.Workloads[0].Rate, p.Duration = 4, time.Minute
		// Some holders serve nothing, so that others are asked too.
		p.Faults = []plan.Fault{{Kind: plan.FaultLiar, Lie: plan.LieTaker, Share: 0.5}}
	},
	"Windows": func(p *plan.Plan) { p.Timings.PopularityWindow = 10 * time.Second },
	"LittleRoom": func(p *plan.Plan) {
		p.Node.StorageBlocks, p.Liveness = littleRoom, 0
	},
	"Massacre": func(p *plan.Plan) {
		p.Faults = []plan.Fault{{Kind: plan.FaultMassacre, At: time.Second, Node: new(int)}}
		*p.Faults[0].Node = 7
		p.Content.Owners = 0.5
		p.Timings.RepairDelay, p.Timings.LookInterval = 20*time.Second, 20*time.Second
	},
}

const littleRoom = 30

// uploadsUntil leaves the time to spread what was stored last.
func uploadsUntil(stop time.Duration) plan.Workload {
	return plan.Workload{Kind: plan.WorkUploads, Rate: 0.1, Share: 1, Stop: stop}
}

// sloppyStorage holds more for others than it was told to.
func sloppyStorage(t *testing.T) func(tree.Spec) tree.Spec {
	c, err := fleet.NodeConfig(small(worlds["LittleRoom"]))
	if err != nil {
		t.Fatal(err)
	}
	c.Store.ReplicaBytesMax *= 10
	c.Network.Replication.ReplicasMax *= 10
	return both(
		inRole("store", func(maker) maker { return store.New(c.Store, c.Params) }),
		inRole("replication", func(maker) maker {
			return replication.New(c.Network.Replication, c.Params)
		}),
	)
}

// patientFetcher takes whatever it is asked for.
func patientFetcher(t *testing.T) func(tree.Spec) tree.Spec {
	c, err := fleet.NodeConfig(small(nil))
	if err != nil {
		t.Fatal(err)
	}
	c.Network.Fetcher.AsksMax, c.Network.Fetcher.BlocksMax = 1<<20, 1<<20
	return inRole("fetcher", func(maker) maker { return fetcher.New(c.Network.Fetcher, c.Params) })
}

func both(first, second func(tree.Spec) tree.Spec) func(tree.Spec) tree.Spec {
	return func(spec tree.Spec) tree.Spec { return second(first(spec)) }
}

func ownBlocks(msg any) []messages.Block {
	m, _ := msg.(messages.PutBlocks)
	return m.Blocks
}

func cachedBlocks(msg any) []messages.Block {
	m, _ := msg.(messages.KeepCached)
	return m.Blocks
}

func heldBlocks(msg any) []messages.Block {
	m, _ := msg.(messages.HoldReplicas)
	return m.Blocks
}

// onlyOwn names the blocks that a node stores for itself, and that nobody
// was seen to hold for the network.
func onlyOwn() func(any) []messages.CID {
	held := map[messages.CID]bool{}
	return func(msg any) []messages.CID {
		for _, b := range heldBlocks(msg) {
			held[b.CID] = true
		}
		return slices.DeleteFunc(cids(ownBlocks)(msg), func(cid messages.CID) bool {
			return held[cid]
		})
	}
}

func cids(of func(any) []messages.Block) func(any) []messages.CID {
	return func(msg any) []messages.CID {
		var cids []messages.CID
		for _, b := range of(msg) {
			cids = append(cids, b.CID)
		}
		return cids
	}
}

// TestUnbroken is the control of TestBroken: whole nodes break no rule in
// any of its worlds.
func TestUnbroken(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(worlds)) {
		change := worlds[name]
		t.Run(name, func(t *testing.T) { run(t, small(change)) })
	}
}

// TestBroken breaks one rule at a time, and wants the checker of that rule to
// report it.
func TestBroken(t *testing.T) {
	for _, test := range []struct {
		name  string
		world string
		broke func(tree.Spec) tree.Spec
		check string // the beginning of the first violation
	}{
		{"PairReused", "Quiet", sameTuple(
			func(last, _ messages.ReservedTuple) messages.ReservedTuple {
				return messages.ReservedTuple{A: last.B, B: last.A}
			}), "no pair and no slot A is used twice"},
		{"SlotAReused", "Quiet", sameTuple(
			func(last, next messages.ReservedTuple) messages.ReservedTuple {
				return messages.ReservedTuple{A: last.A, B: next.B}
			}), "no pair and no slot A is used twice"},
		{"StructuredRandomizer", "Quiet", structuredRandomizer(), "blocks are unlike plaintext"},
		{"PlaintextBlock", "Quiet", plaintextBlock(), "blocks are unlike plaintext"},
		{"BlockNotHashed", "Liars", trusting(), "blocks handed on prove their names"},
		{"ReplicaNotStored", "Quiet", forgetful(), "replicas stay until their lease ends"},
		{
			"ReplicaDeleted", "Quiet", deleting(cids(heldBlocks), 0, 20*time.Second),
			"replicas stay until their lease ends",
		},
		{"AcknowledgedBeforeDurable", "PowerCuts", hasty(), "replicas stay until their lease ends"},
		{
			"AcknowledgedBeforeStored", "Uploads", deleting(onlyOwn(), measuredAt, 10*time.Millisecond),
			"what is acknowledged is on its owner's disk",
		},
		{
			"AcknowledgedFileLost", "NoRest", deleting(onlyOwn(), measuredAt, 150*time.Millisecond),
			"what was acknowledged is read back",
		},
		{"OwnBlockServed", "Uploads", serving(ownBlocks), "only replicas are served"},
		{"CachedBlockServed", "DiskCache", serving(cachedBlocks), "only replicas are served"},
		{"WrongBytesRead", "Quiet", replying("reader",
			func(_ shell.Ctx, m messages.RangeRead) []messages.Reply {
				m.Parts = slices.Clone(m.Parts)
				data := bytes.Clone(m.Parts[0].Data)
				data[len(data)/2] ^= 1
				m.Parts[0].Data = data
				return []messages.Reply{m}
			}), "bytes read are the bytes stored"},
		{"ReplyDropped", "Quiet", replying("reader",
			func(ctx shell.Ctx, m messages.RangeRead) []messages.Reply {
				if strings.HasPrefix(ctx.Self().String(), "n0003/") {
					return nil
				}
				return []messages.Reply{m}
			}), "every command gets its reply"},
		{"RepliedTwice", "Quiet", replying("store",
			func(_ shell.Ctx, m messages.ReplicasHeld) []messages.Reply {
				return []messages.Reply{m, m}
			}), "panic"},
		{"GossipCountedTwice", "Windows", twofold(), "gossip is counted once"},
		{"RoomExceeded", "LittleRoom", sloppyStorage(t), "nothing grows beyond its bound"},
		{"QueueGrows", "Quiet", both(patientFetcher(t), greedy(30)), "nothing grows beyond its bound"},
		{"NoEnd", "Quiet", endless(), "progress"},
		{"NoRepair", "Massacre", idle(measuredAt), "the network converges"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := small(worlds[test.world])
			result, err := fleet.RunBroken(p, fleet.Options{Context: t.Context()},
				func(_ int, spec tree.Spec) tree.Spec { return test.broke(spec) })
			if err != nil {
				t.Fatal(err)
			}
			found := result.InvariantsViolated
			if len(found) == 0 {
				t.Fatalf("nothing was reported, want %q", test.check)
			}
			if !strings.HasPrefix(found[0], test.check) {
				t.Errorf("reported %q, want %q", found, test.check)
			}
			t.Log(found[0])
			lastEventsAreAbout(t, found[0], result.LastEvents)
		})
	}
}

// lastEventsAreAbout checks that a violation is shown with what the nodes
// that it names were told last.
func lastEventsAreAbout(t *testing.T, violation string, events []string) {
	t.Helper()
	if len(events) < 2 {
		t.Errorf("shown with the events %q", events)
	}
	names := regexp.MustCompile(`n\d{4}`).FindAllString(violation, -1)
	for _, event := range events {
		if len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool {
			return strings.Contains(event, name+"/")
		}) {
			t.Errorf("%q is not about %v", event, names)
		}
	}
}
