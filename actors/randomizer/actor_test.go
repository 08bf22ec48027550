package randomizer_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/memindex"
)

func TestReserveAndCommit(t *testing.T) {
	n := newNode(t, 1, randomizer.DefaultConfig())
	defer n.stop()
	h := newHistory(t)
	for stream := messages.StreamID(1); stream <= 4; stream++ {
		for _, tuple := range n.write(stream, 500) {
			h.add(tuple[1], tuple[2])
		}
	}
	stats := n.stats()
	if stats.Generated+stats.Reused != 4000 {
		t.Errorf("%d slots generated, %d reused, want 4000 together", stats.Generated, stats.Reused)
	}
	// 500 A of the first stream, a tenth of 1500, about 72 B.
	if stats.Generated < 650 || stats.Generated > 850 {
		t.Errorf("%d blocks were generated, want about 722", stats.Generated)
	}
	if want := 2000 - (4000 - stats.Generated - (2000 - 72)); stats.Candidates < want-100 {
		t.Errorf("%d candidates", stats.Candidates)
	}
}

func TestGeneratedBytesHaveTheirNames(t *testing.T) {
	n := newNode(t, 2, randomizer.DefaultConfig())
	defer n.stop()
	for _, tuple := range n.reserve(1, 100) {
		for _, r := range []messages.Randomizer{tuple.A, tuple.B} {
			// Nothing was committed, so even a B that recurs comes with its bytes.
			if len(r.Data) != blockSize || format.Name(r.Data) != r.CID {
				t.Fatalf("%d bytes that are not those of %s", len(r.Data), r.CID.Short())
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	cfg := randomizer.DefaultConfig()
	cfg.ReservedMax = messages.ReserveMax
	n := newNode(t, 3, cfg)
	defer n.stop()
	cid := func(b byte) messages.CID { return messages.CID{b} }
	invalid := map[string]func(messages.Call) messages.Command{
		"NoTuples":      reserve(1, 0),
		"TooManyTuples": reserve(1, messages.ReserveMax+1),
		"NoStream":      reserve(0, 1),
		"EmptyCommit":   commit(1, nil),
		"EqualMembers":  commit(1, [][3]messages.CID{{cid(1), cid(2), cid(2)}}),
		"ZeroMember":    commit(1, [][3]messages.CID{{cid(1), cid(2), {}}}),
		"TwiceTheSameD": commit(1, [][3]messages.CID{{cid(1), cid(2), cid(3)}, {cid(1), cid(4), cid(3)}}),
		"HugeCommit":    commit(1, make([][3]messages.CID, 4*messages.ReserveMax+1)),
		"HugeRetire":    retire(make([]messages.CID, 4097)...),
		"NoCollection":  retire(cid(1)),
		"NothingToAdmit": func(c messages.Call) messages.Command {
			return messages.AdmitBlocks{Call: c, Origin: messages.NodeID{1}}
		},
		"NoOrigin": func(c messages.Call) messages.Command {
			return messages.AdmitBlocks{Call: c, Blocks: make([]messages.Block, 1)}
		},
	}
	for name, build := range invalid {
		t.Run(name, func(*testing.T) {
			n.client.Failure(randomizer.Role, messages.CodeInvalid, build)
		})
	}
	n.reserve(1, messages.ReserveMax)
	n.client.Failure(randomizer.Role, messages.CodeOverload, reserve(1, 1))
	n.must(end(1)) // what was reserved is void
	n.reserve(2, messages.ReserveMax)
}

func TestTooManyCommandsAreRefused(t *testing.T) {
	cfg := randomizer.DefaultConfig()
	cfg.WaitingMax = 4
	n := newNode(t, 4, cfg)
	defer n.stop()
	var pending []*sim.Pending
	for range 20 {
		pending = append(pending, n.client.Start(randomizer.Role, reserve(1, 1)))
	}
	reserved, refused := 0, 0
	for _, p := range pending {
		switch reply := p.Wait().(type) {
		case messages.TuplesReserved:
			reserved++
		case messages.Failed:
			if reply.Err.Code != messages.CodeOverload {
				t.Errorf("failed with %v", reply.Err)
			}
			refused++
		}
	}
	if reserved < 4 || reserved+refused != 20 || refused == 0 {
		t.Errorf("%d reserved, %d refused", reserved, refused)
	}
}

func TestEndStreamCancelsWhatWaits(t *testing.T) {
	n := newNode(t, 5, randomizer.DefaultConfig())
	defer n.stop()
	n.stats() // loaded
	var pending []*sim.Pending
	for range 8 {
		pending = append(pending, n.client.Start(randomizer.Role, reserve(9, 256)))
	}
	ended := n.client.Start(randomizer.Role, end(9))
	for _, p := range append(pending, ended) {
		p.Wait() // each gets one reply, done or canceled
	}
	// Nothing of it is left reserved.
	got := n.must(beginCollection).(messages.CollectionBegun)
	if len(got.Reserved) != 0 {
		t.Errorf("%d blocks are reserved after the stream ended", len(got.Reserved))
	}
}

func TestHistoryOutlivesCrashes(t *testing.T) {
	cfg := randomizer.DefaultConfig()
	n := newNode(t, 6, cfg)
	h := newHistory(t)
	stream := messages.StreamID(0)
	for range 12 {
		for range 3 {
			stream++
			for _, tuple := range n.write(stream, 60) {
				h.add(tuple[1], tuple[2])
			}
		}
		// Reserved and never committed: the history has it all the same.
		stream++
		for _, tuple := range n.reserve(stream, 20) {
			h.add(tuple.A.CID, tuple.B.CID)
		}
		pending := n.client.Start(randomizer.Role, reserve(stream, 50))
		if err := n.world.Run(200_000); err != nil { // crash somewhere in the middle
			t.Fatal(err)
		}
		if pending.Done() {
			for _, tuple := range pending.Wait().(messages.TuplesReserved).Tuples {
				h.add(tuple.A.CID, tuple.B.CID)
			}
		}
		n.reboot(cfg)
	}
	if stats := n.stats(); stats.Reused == 0 {
		t.Error("nothing was reused: the test shows nothing")
	}
	n.stop()
}

func TestWrongMemoryNeverReuses(t *testing.T) {
	n := newNode(t, 7, randomizer.DefaultConfig())
	defer n.stop()
	tuples := n.write(1, 200)
	n.stats()
	// Behind its back, half of its candidates were used in slot A.
	var txn port.Txn
	used := make(map[messages.CID]bool)
	for _, tuple := range tuples[:100] {
		used[tuple[0]] = true
		txn.Changes = append(txn.Changes, port.Change{
			Op: port.OpInsert, Row: port.RowKey{Table: port.TableSlotA, Key: tuple[0][:]},
		})
	}
	if err := n.index.Commit(txn); err != nil {
		t.Fatal(err)
	}
	reused := 0
	for range 3 {
		for _, tuple := range n.reserve(2, 60) {
			if used[tuple.A.CID] {
				t.Fatal("slot A has a block that the history knows")
			}
			if tuple.A.Data == nil {
				reused++
			}
		}
	}
	if reused < 50 {
		t.Errorf("%d slots A were reused of 180, want about 81", reused)
	}
}

func TestStaleHistoryStartsAnew(t *testing.T) {
	cfg := randomizer.DefaultConfig()
	for _, how := range []string{"Configured", "MarkerMissing"} {
		t.Run(how, func(t *testing.T) {
			cfg := cfg
			cfg.ScanRows = 64 // many pages
			n := newNode(t, 8, cfg)
			before := make(map[messages.CID]bool)
			for _, tuple := range n.write(1, 300) {
				before[tuple[0]] = true
			}
			if how == "Configured" {
				stale := cfg
				stale.HistoryStale = true
				n.restart(stale)
			} else {
				err := n.index.Commit(port.Txn{Durable: true, Changes: []port.Change{{
					Op: port.OpDelete, Row: port.RowKey{
						Table: port.TableSettings, Group: []byte("randomizer"), Key: []byte("history"),
					},
				}}})
				if err != nil {
					t.Fatal(err)
				}
				n.restart(cfg)
			}
			if got := n.stats().Candidates; got != 0 {
				t.Errorf("%d candidates after the history began anew", got)
			}
			for _, tuple := range n.write(2, 100) {
				if before[tuple[1]] {
					t.Fatal("slot A has a block from before")
				}
			}
			// The history is complete from here on.
			n.restart(cfg)
			fromSecond := 0
			for _, tuple := range n.reserve(3, 100) {
				if before[tuple.A.CID] {
					t.Fatal("slot A has a block from before")
				}
				if tuple.A.Data == nil {
					fromSecond++
				}
			}
			if fromSecond < 60 {
				t.Errorf("%d slots A were reused, want about 90", fromSecond)
			}
			n.stop()
		})
	}
}

func TestManyCandidatesAreScannedAndRefilled(t *testing.T) {
	cfg := randomizer.DefaultConfig()
	n := newNode(t, 9, cfg)
	n.write(1, 3000)
	small := cfg
	small.CandidatesMax, small.CandidatesReady, small.ScanRows = 256, 16, 32
	n.restart(small)
	defer n.stop()
	h := newHistory(t)
	reused := 0
	for stream := messages.StreamID(2); stream < 8; stream++ {
		for range 25 {
			for _, tuple := range n.reserve(stream, 16) {
				h.add(tuple.A.CID, tuple.B.CID)
				if tuple.A.Data == nil {
					reused++
				}
			}
		}
		n.must(end(stream))
	}
	// 2400 slots, 9 of 10 from the pool.
	if reused < 2050 || reused > 2270 {
		t.Errorf("%d slots A were reused, want about 2160", reused)
	}
}

func TestIndexFailures(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		code messages.Code
	}{
		{"Full", port.ErrIndexFull, messages.CodeNoSpace},
		{"ReadOnly", port.ErrDiskReadOnly, messages.CodeReadOnly},
		{"Broken", errors.New("the disk is gone"), messages.CodeIO},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := randomizer.DefaultConfig()
			n := newNode(t, 13, cfg)
			tuples := n.write(1, 50)
			n.reserve(2, 10)
			n.index.Inject(memindex.Fault{Err: test.err})
			n.client.Failure(randomizer.Role, test.code, reserve(2, 20))
			n.index.Inject(memindex.Fault{Err: test.err})
			n.client.Failure(randomizer.Role, test.code, commit(1, tuples[:1]))
			n.must(beginCollection)
			n.index.Inject(memindex.Fault{Err: test.err})
			n.client.Failure(randomizer.Role, test.code, retire(messages.CID{9}))
			n.must(end(2))
			n.reboot(cfg)
			n.write(3, 50) // as before
			n.stop()
		})
	}
}

func TestTransactionOfUnknownOutcome(t *testing.T) {
	// The index says that a reservation failed, and yet it took effect.
	cfg := randomizer.DefaultConfig()
	n := newNode(t, 14, cfg)
	n.write(1, 100)
	n.index.Inject(memindex.Fault{Err: errors.New("no answer"), Applied: true})
	n.client.Failure(randomizer.Role, messages.CodeIO, reserve(2, 50))
	n.reboot(cfg)
	h := newHistory(t)
	for stream := messages.StreamID(3); stream < 6; stream++ {
		for _, tuple := range n.write(stream, 50) {
			h.add(tuple[1], tuple[2])
		}
	}
	n.stop()
}

func TestLostBlocksLeaveThePool(t *testing.T) {
	cfg := randomizer.DefaultConfig()
	n := newNode(t, 15, cfg)
	defer n.stop()
	lost := make(map[messages.CID]bool)
	var event messages.RandomizersLost
	for _, tuple := range n.write(1, 90) {
		for _, cid := range tuple {
			if !lost[cid] {
				lost[cid] = true
				event.CIDs = append(event.CIDs, cid)
			}
		}
	}
	n.tell(event)
	for range 2 {
		for _, tuple := range n.reserve(2, 80) {
			if lost[tuple.A.CID] || lost[tuple.B.CID] {
				t.Fatal("a tuple has a block that cannot be read")
			}
		}
		n.reboot(cfg)
	}
}

// tellEvent asks the teller to send an event, since clients only ask.
type tellEvent struct {
	messages.Call
	event any
}

func newTeller(env *shell.Env) shell.Behaviour {
	to := env.Sibling(randomizer.Role)
	return &sim.Fake{OnReceive: func(ctx shell.Ctx, msg any) {
		ctx.Tell(to, msg.(tellEvent).event)
		ctx.Reply(ctx.Caller(), messages.StreamEnded{Answer: ctx.Caller().Answer()})
	}}
}

func (n *node) tell(event any) {
	n.t.Helper()
	n.client.Must("teller", func(c messages.Call) messages.Command {
		return tellEvent{c, event}
	})
	n.must(stat)
}

func TestAdmission(t *testing.T) {
	n := newNode(t, 16, randomizer.DefaultConfig())
	defer n.stop()
	source := rand.NewChaCha8([32]byte{9})
	fresh := func() messages.Block {
		data := make([]byte, blockSize)
		_, _ = source.Read(data)
		return messages.Block{CID: format.Name(data), Data: data}
	}
	admit := func(blocks ...messages.Block) []string {
		t.Helper()
		return n.must(func(c messages.Call) messages.Command {
			return messages.AdmitBlocks{Call: c, Blocks: blocks, Origin: messages.NodeID{5}}
		}).(messages.BlocksAdmitted).Refused
	}
	zeros := messages.Block{CID: format.Name(make([]byte, blockSize)), Data: make([]byte, blockSize)}
	own := n.write(1, 3)
	good := fresh()
	got := admit(good, zeros, fresh(), good)
	if got[0] != "" || got[1] == "" || got[2] != "" || got[3] == "" {
		t.Errorf("refused %q, want the second and the last", got)
	}
	used := fresh()
	used.CID = own[0][1] // in the history of slot A
	candidate := fresh()
	candidate.CID = own[0][0]
	reusable := fresh()
	reusable.CID = own[0][2]
	for i, why := range admit(good, used, candidate, reusable) {
		if why == "" {
			t.Errorf("block %d, which is known, was admitted", i)
		}
	}
	if got := n.stats().Candidates; got != 5 {
		t.Errorf("%d candidates, want 5", got)
	}
	foreign := 0
	for _, tuple := range n.reserve(2, 30) {
		if tuple.A.CID == good.CID {
			foreign++
		}
	}
	if foreign != 1 {
		t.Errorf("an admitted block stands in slot A %d times, want once", foreign)
	}
}

func TestOneSeedOneTrace(t *testing.T) {
	run := func(seed uint64) uint64 {
		n := newNode(t, seed, randomizer.DefaultConfig())
		for stream := messages.StreamID(1); stream < 5; stream++ {
			n.write(stream, 100)
		}
		n.stop()
		return n.world.TraceHash()
	}
	if a, b := run(1), run(1); a != b {
		t.Errorf("two runs of one seed have traces %x and %x", a, b)
	}
	if a, b := run(1), run(2); a == b {
		t.Error("two seeds have one trace")
	}
}
