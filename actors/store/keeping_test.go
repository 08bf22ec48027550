package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/sim"
	"github.com/noisefs/noisefs/sim/memindex"
)

func TestHoldAndDrop(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	mine, pushed, unknown := d.blocks(3), d.blocks(5), d.blocks(1)
	d.client.Must(store.Role, put(mine))
	until := d.after(time.Hour)
	blocks := slices.Concat(pushed, named(mine), named(unknown))
	got := d.client.Must(store.Role, hold(until, blocks...))
	want := []bool{true, true, true, true, true, true, true, true, false}
	if held := got.(messages.ReplicasHeld).Held; !slices.Equal(held, want) {
		t.Fatalf("held %v, want %v", held, want)
	}
	check := func(when string) {
		t.Helper()
		kept := d.kept()
		for i, b := range slices.Concat(mine, pushed) {
			k := kept[b.CID]
			if k.Mine != (i < len(mine)) || !k.Replica || k.Until.Before(until) {
				t.Errorf("%s: block %d is kept as %+v", when, i, k)
			}
		}
		if len(kept) != 8 {
			t.Errorf("%s: %d blocks are kept", when, len(kept))
		}
	}
	check("held")
	d.client.Must(store.Role, hold(d.after(time.Minute), named(pushed)...)) // no shorter
	check("held for a shorter time")
	d.reboot()
	check("after a power cut")
	if n := d.statted().Replicas; n != 5 {
		t.Errorf("%d replicas, want 5", n)
	}

	dropped := d.client.Must(store.Role, drop(cidsOf(slices.Concat(pushed[:2], mine, unknown))...))
	if n := dropped.(messages.ReplicasDropped).FreedBlocks; n != 2 {
		t.Errorf("%d blocks were deleted, want 2", n)
	}
	d.check(slices.Concat(mine, pushed[2:]))
	d.settle()
	if !slices.Equal(d.forgotten, cidsOf(pushed[:2])) || !slices.Equal(d.member.lost, d.forgotten) {
		t.Errorf("cache and randomizer were told of %d and %d blocks, want 2",
			len(d.forgotten), len(d.member.lost))
	}
	for _, b := range mine {
		if k := d.kept()[b.CID]; !k.Mine || k.Replica {
			t.Errorf("a block of this node is kept as %+v", k)
		}
	}
}

func TestHoldRefusals(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	until, b := d.after(time.Hour), d.blocks(2)
	short := messages.Block{CID: b[0].CID, Data: b[0].Data[1:]}
	for name, make := range map[string][]messages.Block{
		"None": nil, "Short": {short}, "Twice": {b[0], b[1], b[0]}, "TooMany": d.blocks(65),
	} {
		t.Run(name, func(t *testing.T) {
			d.client.Failure(store.Role, messages.CodeInvalid, hold(until, make...))
		})
	}
	d.client.Failure(store.Role, messages.CodeInvalid, drop())
	d.client.Failure(store.Role, messages.CodeInvalid, drop(make([]messages.CID, 4097)...))
	var pending []*sim.Pending
	for range 20 {
		pending = append(pending, d.client.Start(store.Role, hold(until, d.blocks(1)...)))
	}
	if got := codes(pending); got[0] < 4 || got[messages.CodeOverload] == 0 || len(got) != 2 {
		t.Errorf("replies: %v", got)
	}
	d.client.Must(store.Role, hold(until, b...)) // the credits are back
	if n := d.statted().Replicas; n < 6 {
		t.Errorf("%d replicas, want 6 or more", n)
	}
}

// Over the quota a lease that has ended gives way, a living one does not.
func TestReplicaQuota(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	ending, living := d.blocks(40), d.blocks(60)
	d.client.Must(store.Role, hold(d.after(time.Minute), ending...))
	d.client.Must(store.Role, hold(d.after(time.Hour), living...))
	d.client.Failure(store.Role, messages.CodeQuota, hold(d.after(time.Hour), d.blocks(1)...))
	mine := d.blocks(2)
	d.client.Must(store.Role, put(mine))
	d.client.Must(store.Role, hold(d.after(time.Hour), named(mine)...)) // they take no more room
	if err := d.world.Run(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	d.check(ending) // nobody needs the room
	more := d.blocks(30)
	d.client.Must(store.Role, hold(d.after(time.Hour), more...))
	d.client.Failure(store.Role, messages.CodeQuota, hold(d.after(time.Hour), d.blocks(11)...))
	d.settle()
	d.check(slices.Concat(living, more, mine))
	stats := d.statted()
	if stats.Replicas != 90 || stats.Blocks != 92 {
		t.Errorf("%d replicas in %d blocks, want 90 in 92", stats.Replicas, stats.Blocks)
	}
}

// TestLeasesSurvivePowerCuts cuts the power at every message of a few holds,
// puts and drops: what was acknowledged is there, and all works on.
func TestLeasesSurvivePowerCuts(t *testing.T) {
	for steps := uint64(1); ; steps += 2 {
		d := newMember(t, memberConfig(), steps)
		held, both, put1 := d.blocks(4), d.blocks(4), d.blocks(2)
		until := d.after(time.Hour)
		d.client.Must(store.Role, hold(until, both...))
		from := d.world.Steps()
		holding := d.client.Start(store.Role, hold(until, held...))
		putting := d.client.Start(store.Role, put(slices.Concat(both[:2], put1)))
		dropping := d.client.Start(store.Role, drop(cidsOf(both)...))
		over := func() bool { return holding.Done() && putting.Done() && dropping.Done() }
		cut := func() bool { return d.world.Steps() >= from+steps || over() }
		if err := d.world.RunUntil(time.Hour, cut); err != nil {
			t.Fatal(err)
		}
		end := over()
		wasHeld, wasPut := holding.Done(), putting.Done()
		d.reboot()
		kept := d.kept()
		for _, b := range held {
			if k := kept[b.CID]; wasHeld && (!k.Replica || k.Mine || k.Until.Before(until)) {
				t.Fatalf("cut after %d steps: a lease that was acknowledged is %+v", steps, k)
			}
		}
		if wasHeld {
			d.check(held)
		}
		if wasPut {
			d.check(slices.Concat(both[:2], put1))
			for _, b := range slices.Concat(both[:2], put1) {
				if k := kept[b.CID]; !k.Mine {
					t.Fatalf("cut after %d steps: a block that was put is %+v", steps, k)
				}
			}
		}
		// What was interrupted harms nothing: all of it can be done again.
		d.client.Must(store.Role, hold(until, slices.Concat(held, both, put1)...))
		d.check(slices.Concat(held, both, put1))
		if end {
			if steps < 10 {
				t.Fatalf("all was done after %d steps", steps)
			}
			return
		}
	}
}

// TestRestartsWhileKeeping panics the store at every message of the same.
func TestRestartsWhileKeeping(t *testing.T) {
	for n := 1; ; n++ {
		d := newMember(t, memberConfig(), uint64(n))
		held, both := d.blocks(4), d.blocks(4)
		until := d.after(time.Hour)
		d.client.Must(store.Role, hold(until, both...))
		fault := d.world.PanicAt(store.Role, n)
		holding := d.client.Start(store.Role, hold(until, held...))
		dropping := d.client.Start(store.Role, drop(cidsOf(both)...))
		putting := d.client.Start(store.Role, put(both[:2]))
		_, unheld := holding.Wait().(messages.Failed)
		_, unput := putting.Wait().(messages.Failed)
		dropping.Wait()
		d.settle()
		if !fault.Fired() {
			if n < 8 {
				t.Fatalf("the store handled only %d messages", n)
			}
			return
		}
		if !unheld {
			d.check(held)
		}
		if !unput {
			d.check(both[:2])
		}
		d.client.Must(store.Role, put(both[:2])) // the asker tries again
		d.client.Must(store.Role, drop(cidsOf(both)...))
		d.settle()
		d.check(both[:2])
	}
}

// A put that meets the deletion of the same block waits for its end.
func TestPutsDoNotMeetDeletions(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	for range 20 {
		blocks := d.blocks(3)
		d.client.Must(store.Role, hold(d.after(time.Hour), blocks...))
		dropping := d.client.Start(store.Role, drop(cidsOf(blocks)...))
		putting := d.client.Start(store.Role, put(blocks[:2]))
		again := d.client.Start(store.Role, hold(d.after(time.Hour), named(blocks[1:])...))
		if codes([]*sim.Pending{dropping, putting, again})[0] != 3 {
			t.Fatal("one of them failed")
		}
		d.check(blocks[:2])
		if held := again.Wait().(messages.ReplicasHeld).Held; !held[0] || held[1] {
			t.Fatalf("held %v, want only what was put", held)
		}
	}
}

func TestKeep(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	replica, cached, mine, gone := d.blocks(1), d.blocks(1), d.blocks(1), d.blocks(1)
	d.client.Must(store.Role, hold(d.after(time.Hour), replica...))
	d.keepCached(cached)
	d.client.Must(store.Role, put(mine))
	all := slices.Concat(replica, cached, mine)
	d.client.Failure(store.Role, messages.CodeNotFound, keep(cidsOf(append(all, gone...))...))
	if d.kept()[replica[0].CID].Mine || d.statted().CachedBlocks != 1 {
		t.Fatal("a put that failed has kept something")
	}
	d.member.written = nil
	d.client.Must(store.Role, keep(cidsOf(all)...))
	d.settle()
	d.reboot()
	kept := d.kept()
	for i, b := range all {
		if k := kept[b.CID]; !k.Mine || k.Replica != (i == 0) {
			t.Errorf("block %d is kept as %+v", i, k)
		}
	}
	if !slices.Equal(d.member.written, cidsOf(all)) {
		t.Errorf("the replication was told of %d blocks, want 3", len(d.member.written))
	}
	d.client.Must(store.Role, drop(cidsOf(all)...))
	d.check(all)
	tooMany := make([]messages.CID, messages.KeepMax+1)
	d.client.Failure(store.Role, messages.CodeInvalid, keep(tooMany...))
}

func TestCollectKeepsWhatOthersNeed(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	needed, shared, garbage := d.blocks(3), d.blocks(6), d.blocks(5)
	d.client.Must(store.Role, put(slices.Concat(needed, shared, garbage)))
	living, ended, cached := d.blocks(4), d.blocks(4), d.blocks(4)
	d.client.Must(store.Role, hold(d.after(time.Hour), slices.Concat(living, named(shared))...))
	d.client.Must(store.Role, hold(d.after(time.Minute), ended...))
	d.keepCached(cached)
	if err := d.world.Run(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	d.need(slices.Concat(needed, shared[:3]))
	dry := d.client.Must(store.Role, func(call messages.Call) messages.Command {
		return messages.Collect{Call: call, DryRun: true}
	}).(messages.Collected)
	got := d.client.Must(store.Role, collect).(messages.Collected)
	if dry.FreedBlocks != 9 || got.FreedBlocks != 9 || got.Needed != 6 || dry.Needed != 6 {
		t.Errorf("freed %d (dry: %d), needed %d (dry: %d); want 9 and 6",
			got.FreedBlocks, dry.FreedBlocks, got.Needed, dry.Needed)
	}
	d.reboot()
	d.check(slices.Concat(needed, shared, living, cached))
	kept := d.kept()
	for i, b := range shared {
		if k := kept[b.CID]; !k.Replica || k.Mine != (i < 3) {
			t.Errorf("shared block %d is kept as %+v", i, k)
		}
	}
	gone := slices.Clone(d.member.gone)
	slices.SortFunc(gone, messages.CID.Compare)
	want := cidsOf(slices.Concat(shared[3:], garbage, ended))
	slices.SortFunc(want, messages.CID.Compare)
	if !slices.Equal(gone, want) {
		t.Errorf("the replication was told of %d blocks, want %d", len(gone), len(want))
	}
	// What was given up can be needed again, and then stays.
	d.client.Must(store.Role, keep(shared[5].CID))
	d.client.Must(store.Role, drop(shared[5].CID))
	d.check(shared[5:])
}

// A lease on garbage that comes while a collection is about to delete it
// holds, if it is acknowledged.
func TestHoldDuringCollection(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	garbage := d.blocks(6)
	d.client.Must(store.Role, put(garbage))
	var holding *sim.Pending
	d.onRetire = func() {
		holding = d.client.Start(store.Role, hold(d.after(time.Hour), named(garbage[:3])...))
	}
	got := d.client.Must(store.Role, collect).(messages.Collected)
	if held := holding.Wait().(messages.ReplicasHeld).Held; slices.Contains(held, false) {
		t.Fatalf("held %v", held)
	}
	if got.FreedBlocks != 3 {
		t.Errorf("%d blocks were freed, want 3", got.FreedBlocks)
	}
	d.check(garbage[:3])
}

func TestKeepCached(t *testing.T) {
	cfg := memberConfig()
	cfg.CompactBytes = 10 * blockSize
	d := newMember(t, cfg, 1)
	mine, first := d.blocks(2), d.blocks(20)
	d.client.Must(store.Role, put(mine))
	d.keepCached(slices.Concat(mine, first)) // what is mine stays mine
	if n := d.statted().CachedBlocks; n != 20 {
		t.Fatalf("%d blocks are cached, want 20", n)
	}
	d.check(first[:5]) // and so they are wanted
	more := d.blocks(10)
	d.keepCached(more)
	stats := d.statted()
	if stats.CachedBlocks != 20 || stats.Blocks != 22 {
		t.Fatalf("%d cached of %d, want 20 of 22", stats.CachedBlocks, stats.Blocks)
	}
	d.check(slices.Concat(mine, first[:5], first[15:], more))
	if len(d.forgotten) != 10 || len(d.member.lost) > 0 {
		t.Errorf("cache and randomizer were told of %d and %d blocks, want 10 and none",
			len(d.forgotten), len(d.member.lost))
	}
	d.client.Must(store.Role, put(more[:1]))
	d.client.Must(store.Role, hold(d.after(time.Hour), named(more[1:2])...))
	if k := d.kept(); len(k) != 4 || !k[more[0].CID].Mine || k[more[1].CID].Mine {
		t.Errorf("kept: %+v", k)
	}
	for range 20 { // far more than there is room for
		d.keepCached(d.blocks(10))
	}
	d.check(slices.Concat(mine, more[:2]))
	stats = d.statted()
	if stats.CachedBlocks > 20 || stats.BlockBytes > 80*blockSize {
		t.Errorf("%d cached, %d bytes on disk: space is not given back",
			stats.CachedBlocks, stats.BlockBytes)
	}
	d.client.Must(store.Role, put(d.blocks(1))) // a durable commit, and all before it
	d.reboot()
	if n := d.statted().CachedBlocks; n != stats.CachedBlocks {
		t.Errorf("%d blocks are cached after a restart, were %d", n, stats.CachedBlocks)
	}
}

// Before this node's own files are refused, what nobody was promised goes.
func TestFullDiskGivesWay(t *testing.T) {
	cfg := memberConfig()
	cfg.QuotaBytes = 120 * blockSize
	d := newMember(t, cfg, 1)
	living, ended, cached := d.blocks(10), d.blocks(50), d.blocks(20)
	d.client.Must(store.Role, hold(d.after(time.Hour), living...))
	d.client.Must(store.Role, hold(d.after(time.Minute), ended...))
	d.keepCached(cached)
	if err := d.world.Run(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	var stored []messages.Block
	for range 8 {
		mine := d.blocks(10)
		d.client.Must(store.Role, put(mine))
		stored = append(stored, mine...)
	}
	d.settle()
	d.check(slices.Concat(living, stored))
	d.client.Failure(store.Role, messages.CodeQuota, put(d.blocks(40)))
	stats := d.statted()
	if stats.Replicas != 10 || stats.BlockBytes > cfg.QuotaBytes {
		t.Errorf("%d replicas, %d bytes of %d", stats.Replicas, stats.BlockBytes, cfg.QuotaBytes)
	}
	d.check(slices.Concat(living, stored))
}

func TestOffersToTheRandomizer(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	mine, pushed := d.blocks(1), d.blocks(4)
	d.client.Must(store.Role, put(mine))
	d.client.Must(store.Role, hold(d.after(time.Hour), slices.Concat(named(mine), pushed)...))
	d.client.Must(store.Role, hold(d.after(2*time.Hour), pushed...)) // known by now
	d.client.Must(store.Role, hold(d.after(time.Hour), d.blocks(11)...))
	d.settle()
	if len(d.member.admitted) != 1 {
		t.Fatalf("%d offers, want 1: of what is new and not too much", len(d.member.admitted))
	}
	offer := d.member.admitted[0]
	if offer.Origin != (messages.NodeID{7}) || !slices.Equal(cidsOf(offer.Blocks), cidsOf(pushed)) {
		t.Errorf("offered %d blocks of %v", len(offer.Blocks), offer.Origin)
	}
}

// A store that cannot read why blocks are kept changes nothing of it, and
// tries again.
func TestKeptCannotBeRead(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	pushed := d.blocks(2)
	d.client.Must(store.Role, hold(d.after(time.Hour), pushed...))
	bad := port.Change{
		Op: port.OpPut, Row: port.RowKey{Table: port.TableKept, Key: []byte("x")}, Value: []byte("y"),
	}
	if err := d.member.index.Commit(port.Txn{Changes: []port.Change{bad}, Durable: true}); err != nil {
		t.Fatal(err)
	}
	d.reboot()
	d.client.Failure(store.Role, messages.CodeCorrupt, put(pushed))
	d.client.Failure(store.Role, messages.CodeCorrupt, hold(d.after(time.Hour), pushed...))
	d.client.Failure(store.Role, messages.CodeCorrupt, drop(cidsOf(pushed)...))
	d.client.Failure(store.Role, messages.CodeCorrupt, collect)
	if response, _, _ := d.fetch(pushed[0].CID); response.Status != wire.BlockBusy {
		t.Errorf("got %+v before it is known what is held", response)
	}
	d.check(pushed)
	bad.Op, bad.Value = port.OpDelete, nil
	if err := d.member.index.Commit(port.Txn{Changes: []port.Change{bad}, Durable: true}); err != nil {
		t.Fatal(err)
	}
	d.client.Must(store.Role, put(pushed))
	if k := d.kept()[pushed[0].CID]; !k.Mine || !k.Replica {
		t.Errorf("kept as %+v", k)
	}
}

// When a commit fails nobody knows whether there is a row: a block that is
// put afterwards is mine all the same.
func TestCommitOfALeaseFails(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	pushed := d.blocks(2)
	d.member.index.Inject(memindex.Fault{Err: port.ErrIndexFull})
	d.client.Failure(store.Role, messages.CodeNoSpace, hold(d.after(time.Hour), pushed...))
	row := port.Change{ // as if it had been written all the same: a lease, and not mine
		Op: port.OpPut, Row: port.RowKey{Table: port.TableKept, Key: pushed[0].CID[:]},
		Value: []byte{2, 0, 0, 0, 1},
	}
	if err := d.member.index.Commit(port.Txn{Changes: []port.Change{row}, Durable: true}); err != nil {
		t.Fatal(err)
	}
	d.client.Must(store.Role, put(pushed))
	d.reboot()
	if k := d.kept()[pushed[0].CID]; !k.Mine {
		t.Errorf("kept as %+v", k)
	}
}
