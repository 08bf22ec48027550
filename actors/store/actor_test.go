package store_test

import (
	"slices"
	"testing"

	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/sim"
)

func TestPutLoadListStat(t *testing.T) {
	d := newDepot(t, testConfig(), 1)
	blocks := d.blocks(100)
	for chunk := range slices.Chunk(blocks, 7) {
		d.client.Must(store.Role, put(chunk))
	}
	d.client.Must(store.Role, put(nil))
	d.check(blocks)
	unknown := d.blocks(1)[0].CID
	loaded := d.client.Must(store.Role, load(blocks[0].CID, unknown)).(messages.BlocksLoaded)
	if loaded.Blocks[1].Data != nil || loaded.Errs != nil && loaded.Errs[1] != nil {
		t.Fatal("a block that is not stored was loaded, or is an error")
	}

	var listed []messages.CID
	for more := true; more; {
		var after messages.CID
		if n := len(listed); n > 0 {
			after = listed[n-1]
		}
		page := d.client.Must(store.Role, func(call messages.Call) messages.Command {
			return messages.ListStored{Call: call, After: after, Limit: 33}
		}).(messages.StoredListed)
		listed, more = append(listed, page.CIDs...), page.More
	}
	want := cidsOf(blocks)
	slices.SortFunc(want, messages.CID.Compare)
	if !slices.Equal(listed, want) {
		t.Fatalf("listed %d blocks, want %d in order", len(listed), len(want))
	}
	got := d.client.Must(store.Role, stat).(messages.StoreStatted)
	if got.Blocks != 100 || got.BlockBytes < 100*blockSize {
		t.Fatalf("statted %+v", got)
	}

	d.node.Crash()
	if err := d.node.Boot(); err != nil {
		t.Fatal(err)
	}
	d.check(blocks)
}

func TestRefusals(t *testing.T) {
	d := newDepot(t, testConfig(), 1)
	short := d.blocks(2)
	short[1].Data = short[1].Data[1:]
	d.client.Failure(store.Role, messages.CodeInvalid, put(short))
	d.client.Failure(store.Role, messages.CodeInvalid, put(d.blocks(65)))
	d.client.Failure(store.Role, messages.CodeInvalid, load())
	tooMany := make([]messages.CID, messages.LoadMax+1)
	d.client.Failure(store.Role, messages.CodeInvalid, load(tooMany...))
	for _, limit := range []int{0, -1, 4097} {
		d.client.Failure(store.Role, messages.CodeInvalid, func(call messages.Call) messages.Command {
			return messages.ListStored{Call: call, Limit: limit}
		})
	}
	d.client.Failure(store.Role, messages.CodeInvalid, func(call messages.Call) messages.Command {
		return messages.Collect{Call: call, Without: "/x"}
	})
}

// codes counts the replies of commands under way: 0 stands for success.
func codes(pending []*sim.Pending) map[messages.Code]int {
	n := map[messages.Code]int{}
	for _, p := range pending {
		if failed, ok := p.Wait().(messages.Failed); ok {
			n[failed.Err.Code]++
		} else {
			n[0]++
		}
	}
	return n
}

func TestOverload(t *testing.T) {
	d := newDepot(t, testConfig(), 1)
	var puts, loads []*sim.Pending
	for range 20 {
		puts = append(puts, d.client.Start(store.Role, put(d.blocks(1))))
	}
	got := codes(puts)
	if got[0] < 8 || got[messages.CodeOverload] == 0 || len(got) != 2 {
		t.Fatalf("puts: %v", got)
	}
	for range 20 {
		loads = append(loads, d.client.Start(store.Role, load(messages.CID{1})))
	}
	got = codes(loads)
	if got[0] < 8 || got[messages.CodeOverload] == 0 || len(got) != 2 {
		t.Fatalf("loads: %v", got)
	}
	d.client.Must(store.Role, put(d.blocks(1))) // the credits are back
	d.client.Must(store.Role, stat)
}

func TestQuota(t *testing.T) {
	cfg := testConfig()
	cfg.QuotaBytes = 100 << 10
	d := newDepot(t, cfg, 1)
	var stored []messages.Block
	refused := 0
	for range 40 {
		blocks := d.blocks(5)
		var pending []*sim.Pending
		for _, b := range blocks {
			pending = append(pending, d.client.Start(store.Role, put([]messages.Block{b})))
		}
		for i, p := range pending {
			switch reply := p.Wait().(type) {
			case messages.Failed:
				if reply.Err.Code != messages.CodeQuota {
					t.Fatalf("got %v, want a refusal for quota", reply.Err)
				}
				refused++
			default:
				stored = append(stored, blocks[i])
			}
		}
		got := d.client.Must(store.Role, stat).(messages.StoreStatted)
		if got.BlockBytes > cfg.QuotaBytes {
			t.Fatalf("%d bytes, quota %d", got.BlockBytes, cfg.QuotaBytes)
		}
	}
	if refused == 0 || len(stored) < 80 {
		t.Fatalf("%d stored, %d refused", len(stored), refused)
	}
	d.check(stored)
	// What a collection gives back can be used again.
	d.need(stored[:30])
	d.client.Must(store.Role, collect)
	d.client.Must(store.Role, put(d.blocks(20)))
}

func TestReserveAndFullDisk(t *testing.T) {
	cfg := testConfig()
	cfg.ReserveBytes, cfg.RefreshBytes = 20<<10, 4<<10
	d := newDepot(t, cfg, 1)
	d.disk.SetCapacity(100 << 10)
	d.client.Must(store.Role, stat)
	stored := 0
	for {
		reply := d.client.Ask(store.Role, put(d.blocks(3)))
		if failed, ok := reply.(messages.Failed); ok {
			if failed.Err.Code != messages.CodeNoSpace {
				t.Fatalf("got %v, want no space", failed.Err)
			}
			break
		}
		if stored += 3; stored > 200 {
			t.Fatal("the disk does not fill up")
		}
	}
	if free, _ := d.disk.Free(); free < 20<<10 || stored < 20 {
		t.Fatalf("%d bytes are free after %d blocks", free, stored)
	}
	d.client.Failure(store.Role, messages.CodeNoSpace, put(d.blocks(3)))
	d.disk.SetCapacity(1 << 20) // somebody made room
	d.client.Must(store.Role, put(d.blocks(3)))
}

func TestDiskErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want messages.Code
	}{
		"Full":     {port.ErrDiskFull, messages.CodeNoSpace},
		"ReadOnly": {port.ErrDiskReadOnly, messages.CodeReadOnly},
		"IO":       {port.ErrDiskIO, messages.CodeIO},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDepot(t, testConfig(), 1)
			before := d.blocks(5)
			d.client.Must(store.Role, put(before))
			d.disk.FailAt(1, c.err)
			d.client.Failure(store.Role, c.want, put(d.blocks(2)))
			d.check(before)
			if name == "Full" { // an ordinary error: later puts may succeed
				d.client.Must(store.Role, put(d.blocks(1)))
			}
		})
	}
}

func TestCollect(t *testing.T) {
	d := newDepot(t, testConfig(), 1)
	keep, garbage := d.blocks(60), d.blocks(90)
	mixed := slices.Concat(keep, garbage)
	d.rand.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	for chunk := range slices.Chunk(mixed, 10) {
		d.client.Must(store.Role, put(chunk))
	}
	d.need(keep)
	dry := d.client.Must(store.Role, func(call messages.Call) messages.Command {
		return messages.Collect{Call: call, DryRun: true}
	}).(messages.Collected)
	if dry.Needed != 60 || dry.FreedBlocks != 90 || dry.FreedBytes != 90*blockSize {
		t.Fatalf("dry run: %+v", dry)
	}
	d.check(mixed)

	before := d.client.Must(store.Role, stat).(messages.StoreStatted)
	pending := d.client.Start(store.Role, collect)
	young := d.blocks(8) // put while it runs
	putting := d.client.Start(store.Role, put(young))
	got := pending.Wait().(messages.Collected)
	if _, ok := putting.Wait().(messages.BlocksStored); !ok {
		t.Fatal("a put failed while the collection ran")
	}
	after := d.client.Must(store.Role, stat).(messages.StoreStatted)
	if got.FreedBlocks != 90 || after.Blocks != 68 {
		t.Fatalf("freed %d, %d left", got.FreedBlocks, after.Blocks)
	}
	if got.FreedBytes <= 0 || before.BlockBytes-after.BlockBytes < 40*blockSize {
		t.Fatalf("freed %d bytes: from %d to %d", got.FreedBytes, before.BlockBytes, after.BlockBytes)
	}
	d.check(keep)
	d.check(young)
	d.settle()
	if len(d.forgotten) != 90 {
		t.Fatalf("the cache was told of %d blocks", len(d.forgotten))
	}
	loaded := d.client.Must(store.Role, load(garbage[0].CID)).(messages.BlocksLoaded)
	if loaded.Blocks[0].Data != nil {
		t.Fatal("garbage is still there")
	}
}

func TestOneJobAtATime(t *testing.T) {
	d := newDepot(t, testConfig(), 1)
	if got := d.client.Must(store.Role, statJob).(messages.JobStatted); got.Phase != "" {
		t.Fatalf("idle, and in phase %q", got.Phase)
	}
	d.silent = true
	d.client.Start(store.Role, collect)
	d.settle()
	d.client.Failure(store.Role, messages.CodeOverload, verify)
	d.client.Failure(store.Role, messages.CodeOverload, collect)
	if got := d.client.Must(store.Role, statJob).(messages.JobStatted); got.Phase == "" {
		t.Fatal("a job runs, and has no phase")
	}
}

// TestRestartEndsTheJob: a store that restarts in the middle of a collection
// answers it, tells the randomizer that it is over, and works on.
func TestRestartEndsTheJob(t *testing.T) {
	d := newDepot(t, testConfig(), 1)
	blocks := d.blocks(10)
	d.client.Must(store.Role, put(blocks))
	d.silent = true
	pending := d.client.Start(store.Role, collect)
	d.settle()
	d.world.PanicAt(store.Role, 1)
	d.client.Failure(store.Role, messages.CodeRestarted, stat)
	failed, ok := pending.Wait().(messages.Failed)
	if !ok || failed.Err.Code != messages.CodeRestarted {
		t.Fatal("the job was not answered as interrupted")
	}
	d.settle()
	if d.ended != 1 || d.walksEnded != 1 {
		t.Fatalf("the collection was ended %d times at the randomizer, %d at the drive, want 1",
			d.ended, d.walksEnded)
	}
	d.silent = false
	d.check(blocks)
	d.client.Must(store.Role, collect)
}

// TestPanicsOfTheStore panics it at every message of a collection with puts
// beside it: each command gets one reply, and nothing needed is lost.
func TestPanicsOfTheStore(t *testing.T) {
	for n := 1; ; n += 3 {
		d := newDepot(t, testConfig(), uint64(n))
		keep := d.blocks(30)
		d.client.Must(store.Role, put(slices.Concat(keep, d.blocks(10))))
		d.need(keep)
		fault := d.world.PanicAt(store.Role, n)
		pending := []*sim.Pending{d.client.Start(store.Role, collect)}
		young := d.blocks(4)
		for i := range young {
			pending = append(pending, d.client.Start(store.Role, put(young[i:i+1])))
		}
		for i, p := range pending {
			_, failed := p.Wait().(messages.Failed)
			if i > 0 && !failed {
				keep = append(keep, young[i-1])
			}
		}
		d.settle()
		if !fault.Fired() {
			if n < 20 {
				t.Fatalf("the store handled only %d messages", n)
			}
			return
		}
		d.check(keep)
	}
}

func TestVerify(t *testing.T) {
	d := newDepot(t, testConfig(), 1)
	blocks := d.blocks(60)
	for chunk := range slices.Chunk(blocks, 10) {
		d.client.Must(store.Role, put(chunk))
	}
	d.need(blocks[:30])
	got := d.client.Must(store.Role, verify).(messages.StoreVerified)
	if got.Blocks != 60 || got.Refs != 10 || got.Count != 0 {
		t.Fatalf("got %+v", got)
	}

	// A block under a wrong name, a ref whose block is gone, and rot.
	misnamed := d.blocks(1)
	misnamed[0].CID[0] ^= 1
	if err := d.engine.Put(misnamed); err != nil {
		t.Fatal(err)
	}
	if err := d.engine.Delete([]messages.CID{blocks[4].CID}); err != nil {
		t.Fatal(err)
	}
	got = d.client.Must(store.Role, verify).(messages.StoreVerified)
	if got.Blocks != 60 || got.Refs != 10 || got.Count != 2 {
		t.Fatalf("got %+v, want two problems", got)
	}
	named := []messages.CID{got.Problems[0].Block, got.Problems[1].Block}
	if !slices.Contains(named, misnamed[0].CID) || !slices.Contains(named, blocks[3].CID) {
		t.Fatalf("problems: %+v", got.Problems)
	}
}
