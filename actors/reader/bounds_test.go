package reader_test

import (
	"bytes"
	"testing"

	"github.com/noisefs/noisefs/actors/reader"
	"github.com/noisefs/noisefs/messages"
)

// wide is a block size at which a file of 100 chunks needs no nodes.
const wide = 16 << 10

func TestConfigValidate(t *testing.T) {
	for name, change := range map[string]func(*reader.Config){
		"HandlesMax":        func(c *reader.Config) { c.HandlesMax = 0 },
		"ReadsMax":          func(c *reader.Config) { c.ReadsMax = 0 },
		"UnsealsMax":        func(c *reader.Config) { c.UnsealsMax = 0 },
		"BatchChunksLow":    func(c *reader.Config) { c.BatchChunks = 0 },
		"BatchChunksHigh":   func(c *reader.Config) { c.BatchChunks = 22 },
		"BatchesMax":        func(c *reader.Config) { c.BatchesMax = 1 },
		"ReadAheadMax":      func(c *reader.Config) { c.ReadAheadMax = -1 },
		"ReadAheadBytesMax": func(c *reader.Config) { c.ReadAheadBytesMax = -1 },
		"UnsealedBlocksMax": func(c *reader.Config) { c.UnsealedBlocksMax = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig()
			change(&cfg)
			if cfg.Validate() == nil {
				t.Fatal("accepted")
			}
		})
	}
	if err := testConfig().Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestRefusals(t *testing.T) {
	cfg := testConfig()
	r := newRoom(t, cfg, 1024, 1)
	data := r.random(40 * 1024)
	content := r.chunked(data, 100, noHoles)
	open := func(call messages.Call) messages.Command {
		return messages.OpenContent{Call: call, Content: content}
	}
	var handles []messages.HandleID
	for range cfg.HandlesMax {
		handles = append(handles, r.open(content))
	}
	r.client.Failure(reader.Role, messages.CodeOverload, open)
	r.close(handles[0])
	handles[0] = r.open(content)

	h := handles[0]
	r.client.Failure(reader.Role, messages.CodeInvalid, readRange(h, 0, 0))
	r.client.Failure(reader.Role, messages.CodeInvalid, readRange(h, 0, -1))
	r.client.Failure(reader.Role, messages.CodeInvalid, readRange(h, 0, messages.ReadRangeMax+1))
	r.client.Failure(reader.Role, messages.CodeNotFound, readRange(h+1, 0, 10))
	r.client.Failure(reader.Role, messages.CodeNotFound,
		func(call messages.Call) messages.Command {
			return messages.CloseContent{Call: call, Handle: h + 1}
		})
	if got := r.read(h, 1<<40, 10); len(got) > 0 {
		t.Fatalf("%d bytes past the end", len(got))
	}
	if got := r.read(h, ^uint64(0), messages.ReadRangeMax); len(got) > 0 {
		t.Fatalf("%d bytes past the end", len(got))
	}
}

func TestReadsAndUnsealsAreBounded(t *testing.T) {
	cfg := testConfig()
	r := newRoom(t, cfg, wide, 1)
	data := r.random(40 * wide)
	content := r.chunked(data, 100, noHoles)
	h := r.open(content)
	r.hold = true
	var waits []func() messages.Reply
	for i := range cfg.ReadsMax {
		p := r.client.Start(reader.Role, readRange(h, uint64(i)*wide, wide))
		waits = append(waits, p.Wait)
	}
	for i := range cfg.UnsealsMax {
		p := r.client.Start(reader.Role, unseal(content.Children[20+i], messages.KindChunk))
		waits = append(waits, p.Wait)
	}
	r.client.Failure(reader.Role, messages.CodeOverload, readRange(h, 0, 1))
	r.client.Failure(reader.Role, messages.CodeOverload,
		unseal(content.Children[30], messages.KindChunk))
	if len(r.held) > cfg.BatchesMax {
		t.Fatalf("%d batches under way, bound %d", len(r.held), cfg.BatchesMax)
	}
	r.release()
	for _, wait := range waits {
		if failed, ok := wait().(messages.Failed); ok {
			t.Fatalf("failed: %v", failed.Err)
		}
	}
	if got := r.read(h, 0, 100); !bytes.Equal(got, data[:100]) { // the credits are back
		t.Fatal("wrong bytes")
	}
}

func TestOneBlockIsOpenedOnce(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 1)
	ref := r.seal(messages.KindChunk, 0, r.random(1000))
	r.hold = true
	var waits []func() messages.Reply
	for range 5 {
		waits = append(waits, r.client.Start(reader.Role, unseal(ref, messages.KindChunk)).Wait)
	}
	r.settle()
	r.release()
	for _, wait := range waits {
		if _, ok := wait().(messages.BlockUnsealed); !ok {
			t.Fatal("failed")
		}
	}
	if n := r.blocksAsked()[ref.D]; n != 1 {
		t.Fatalf("the block was asked for %d times", n)
	}
}

// TestNodesAreKept: nodes and pack chunks are opened once while they are in
// the LRU, and again when they are not.
func TestNodesAreKept(t *testing.T) {
	cfg := testConfig()
	cfg.UnsealedBlocksMax = 2
	r := newRoom(t, cfg, 1024, 1)
	var refs []messages.BlockRef
	for range 3 {
		refs = append(refs, r.seal(messages.KindNode, 1, r.random(1000)))
	}
	for _, i := range []int{0, 0, 1, 0, 2, 0, 1} { // 1 was pushed out by 2
		r.client.Must(reader.Role, unseal(refs[i], messages.KindNode))
	}
	asked := r.blocksAsked()
	for i, want := range []int{1, 2, 1} {
		if got := asked[refs[i].D]; got != want {
			t.Errorf("node %d was asked for %d times, want %d", i, got, want)
		}
	}

	packed := r.packed(r.random(100), r.random(100), r.random(100))
	for _, content := range packed {
		r.read(r.open(content), 0, 100)
	}
	if got := r.blocksAsked()[packed[0].Pack.Chunks[0].D]; got != 1 {
		t.Errorf("the pack chunk was asked for %d times", got)
	}
}

// TestGoneBlocksAreNotKept: a node whose blocks are gone is read again, and so
// is one that is being opened when they go.
func TestGoneBlocksAreNotKept(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 1)
	gone := r.seal(messages.KindNode, 1, r.random(1000))
	stays := r.seal(messages.KindNode, 1, r.random(1000))
	for _, ref := range []messages.BlockRef{gone, stays} {
		r.client.Must(reader.Role, unseal(ref, messages.KindNode))
	}
	r.forget(messages.ForgetBlocks{CIDs: []messages.CID{gone.B}})
	r.hold = true
	waiting := r.client.Start(reader.Role, unseal(gone, messages.KindNode))
	r.settle()
	r.forget(messages.ForgetBlocks{All: true})
	block := r.blocks[gone.A]
	r.release() // with what was read before
	if _, ok := waiting.Wait().(messages.BlockUnsealed); !ok {
		t.Fatal("what is there was not had")
	}
	delete(r.blocks, gone.A)
	r.forget(messages.ForgetBlocks{CIDs: []messages.CID{gone.A}})
	r.client.Failure(reader.Role, messages.CodeNotFound, unseal(gone, messages.KindNode))
	r.blocks[gone.A] = block
	r.client.Must(reader.Role, unseal(stays, messages.KindNode))
	asked := r.blocksAsked()
	if n := asked[gone.D]; n != 4 { // at first, twice as they went, and in vain
		t.Errorf("the node that was gone was asked for %d times, want 4", n)
	}
	if n := asked[stays.D]; n != 2 { // at first, and when all was forgotten
		t.Errorf("the node that stays was asked for %d times, want 2", n)
	}
}

// TestSequentialReadingIsAhead: after the first reads every chunk is there
// before it is asked for, in few asks, and each is asked for once.
func TestSequentialReadingIsAhead(t *testing.T) {
	r := newRoom(t, testConfig(), wide, 1)
	data := r.random(100 * wide)
	content := r.chunked(data, 817, noHoles)
	h := r.open(content)
	waited := 0
	for i := range 100 {
		p := r.client.Start(reader.Role, readRange(h, uint64(i)*wide, wide))
		before := r.world.Elapsed()
		if got := joined(p.Wait()); !bytes.Equal(got, data[i*wide:(i+1)*wide]) {
			t.Fatal("wrong bytes")
		}
		if r.world.Elapsed() > before {
			waited++
		}
		r.settle()
	}
	if waited > 1 {
		t.Errorf("%d reads had to wait", waited)
	}
	if len(r.asks) > 30 {
		t.Errorf("%d asks for 100 chunks", len(r.asks))
	}
	for _, ref := range content.Children {
		if n := r.blocksAsked()[ref.D]; n != 1 {
			t.Errorf("a chunk was asked for %d times", n)
		}
	}
}

func TestRandomReadingAsksForNothingElse(t *testing.T) {
	r := newRoom(t, testConfig(), wide, 1)
	data := r.random(100 * wide)
	content := r.chunked(data, 817, noHoles)
	h := r.open(content)
	want := map[messages.CID]bool{}
	for i := range 15 {
		chunk := 20 + i*37%80
		r.read(h, uint64(chunk)*wide+5, 100)
		r.settle()
		for _, ref := range content.Children {
			want[ref.D] = want[ref.D] || ref == content.Children[chunk]
		}
	}
	for cid := range r.blocksAsked() {
		if needed, isD := want[cid]; isD && !needed {
			t.Fatal("a chunk was asked for that nobody read")
		}
	}
}

// TestPeopleGoFirst: with read-ahead under way and queued, what somebody
// waits for is asked of the cache next.
func TestPeopleGoFirst(t *testing.T) {
	cfg := testConfig()
	cfg.BatchesMax, cfg.BatchChunks = 4, 1
	r := newRoom(t, cfg, wide, 1)
	data := r.random(100 * wide)
	content := r.chunked(data, 817, noHoles)
	h := r.open(content)
	for i := range 8 {
		r.read(h, uint64(i)*wide, wide)
	}
	r.settle()
	r.hold = true
	for i := 8; i < 16; i++ { // there already; the last one starts read-ahead
		r.client.Must(reader.Role, readRange(h, uint64(i)*wide, wide))
	}
	r.settle()
	if n := len(r.held); n != 3 {
		t.Fatalf("%d batches of read-ahead under way, want 3 of 4", n)
	}
	p := r.client.Start(reader.Role, readRange(h, 90*wide, wide))
	r.settle()
	last := r.asks[len(r.asks)-1]
	found := false
	for _, cid := range last.CIDs {
		found = found || cid == content.Children[90].D
	}
	if !found {
		t.Fatal("the read that somebody waits for was not asked for")
	}
	r.release()
	if got := joined(p.Wait()); !bytes.Equal(got, data[90*wide:91*wide]) {
		t.Fatal("wrong bytes")
	}
	r.settle()
	asked := r.blocksAsked()
	for i := 27; i < 90; i++ {
		if asked[content.Children[i].D] > 0 {
			t.Fatalf("chunk %d was read ahead after the seek", i)
		}
	}
}

// TestPeopleGoFirstOnAnotherHandle: what is queued as read-ahead of one handle
// and waited for on another is asked for at once.
func TestPeopleGoFirstOnAnotherHandle(t *testing.T) {
	cfg := testConfig()
	cfg.BatchesMax, cfg.BatchChunks = 4, 1
	r := newRoom(t, cfg, wide, 1)
	content := r.chunked(r.random(100*wide), 817, noHoles)
	h, other := r.open(content), r.open(content)
	for i := range 16 {
		if i == 15 {
			r.hold = true
		}
		r.client.Must(reader.Role, readRange(h, uint64(i)*wide, wide))
		r.settle()
	}
	p := r.client.Start(reader.Role, readRange(other, 30*wide, wide))
	r.settle()
	if len(r.held) != 4 {
		t.Fatalf("%d batches under way, want 4", len(r.held))
	}
	if r.blocksAsked()[content.Children[29].D] > 0 {
		t.Fatal("the read-ahead is not bounded")
	}
	if r.blocksAsked()[content.Children[30].D] != 1 {
		t.Fatal("the read that somebody waits for was not asked for")
	}
	r.release()
	p.Wait()
}

// TestPeopleGoFirstOnOneHandle: read-ahead that is queued and then waited for
// is asked for at once.
func TestPeopleGoFirstOnOneHandle(t *testing.T) {
	cfg := testConfig()
	cfg.BatchesMax, cfg.BatchChunks = 4, 1
	r := newRoom(t, cfg, wide, 1)
	content := r.chunked(r.random(100*wide), 817, noHoles)
	h := r.open(content)
	for i := range 16 {
		if i == 15 {
			r.hold = true
		}
		r.client.Must(reader.Role, readRange(h, uint64(i)*wide, wide))
		r.settle()
	}
	p := r.client.Start(reader.Role, readRange(h, 23*wide, 8*wide)) // 27..30 are queued
	r.settle()
	if r.blocksAsked()[content.Children[27].D] != 1 {
		t.Fatal("the read that somebody waits for was not asked for")
	}
	r.release()
	p.Wait()
}

// TestAnotherTry: what could not be read is tried again when it is asked for
// again.
func TestAnotherTry(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 1)
	data := r.random(3000)
	content := r.chunked(data, 4, noHoles)
	h := r.open(content)
	lost := r.blocks[content.Children[1].D]
	delete(r.blocks, content.Children[1].D)
	for range 2 {
		if _, err := r.tryRead(h, 0, 3000); err == nil || err.Code != messages.CodeNotFound {
			t.Fatalf("got %v, want not found", err)
		}
	}
	r.blocks[content.Children[1].D] = lost
	if got := r.read(h, 0, 3000); !bytes.Equal(got, data) {
		t.Fatal("wrong bytes")
	}
}

// TestReadChunksAreLetGo: a chunk that was handed over to its last byte is
// not kept.
func TestReadChunksAreLetGo(t *testing.T) {
	r := newRoom(t, testConfig(), wide, 1)
	data := r.random(20 * wide)
	content := r.chunked(data, 817, noHoles)
	h := r.open(content)
	for range 2 {
		r.read(h, 0, wide/2)
		r.read(h, wide/2, wide/2) // kept until here
	}
	if n := r.blocksAsked()[content.Children[0].D]; n != 2 {
		t.Fatalf("the chunk was asked for %d times in two passes", n)
	}
}

// TestIdleHandlesGiveWay: chunks kept for handles that are not read any more
// make room for those that are.
func TestIdleHandlesGiveWay(t *testing.T) {
	cfg := testConfig()
	cfg.ReadAheadBytesMax = 20 * wide
	r := newRoom(t, cfg, wide, 1)
	content := r.chunked(r.random(100*wide), 817, noHoles)
	for range 3 {
		h := r.open(content)
		waited := 0
		for i := range 40 {
			p := r.client.Start(reader.Role, readRange(h, uint64(i)*wide, wide))
			before := r.world.Elapsed()
			p.Wait()
			if r.world.Elapsed() > before {
				waited++
			}
			r.settle()
		}
		if waited > 1 {
			t.Fatalf("%d of 40 sequential reads had to wait", waited)
		}
	}
}

func TestCloseUnderWay(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 1)
	data := r.random(50 * 1024)
	content := r.chunked(data, 4, noHoles)
	h := r.open(content)
	r.hold = true
	p := r.client.Start(reader.Role, readRange(h, 1000, 9000))
	r.settle()
	r.close(h)
	r.client.Failure(reader.Role, messages.CodeNotFound, readRange(h, 0, 1))
	r.release()
	if got := joined(p.Wait()); !bytes.Equal(got, data[1000:10000]) {
		t.Fatal("wrong bytes")
	}
	r.settle()
}

func TestRestart(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 1)
	data := r.random(50 * 1024)
	content := r.chunked(data, 4, noHoles)
	h := r.open(content)
	r.hold = true
	p := r.client.Start(reader.Role, readRange(h, 0, 2000))
	r.settle()
	r.world.PanicAt(reader.Role, 1)
	r.client.Failure(reader.Role, messages.CodeRestarted, readRange(h, 0, 1))
	if failed, ok := p.Wait().(messages.Failed); !ok || failed.Err.Code != messages.CodeRestarted {
		t.Fatal("the read under way was not answered as interrupted")
	}
	r.release() // replies of before the restart
	again := r.open(content)
	r.client.Failure(reader.Role, messages.CodeNotFound, readRange(h, 0, 1))
	if got := r.read(again, 0, 2000); !bytes.Equal(got, data[:2000]) {
		t.Fatal("wrong bytes")
	}
}

func TestFailuresOfTheCache(t *testing.T) {
	r := newRoom(t, testConfig(), 1024, 1)
	ref := r.seal(messages.KindChunk, 0, r.random(1000))
	fail := func(code messages.Code, times int) {
		r.refuse, r.refusals = messages.Errorf(code, "pretended"), times
	}
	fail(messages.CodeRestarted, 1)
	r.client.Must(reader.Role, unseal(ref, messages.KindChunk))
	fail(messages.CodeRestarted, 2)
	r.client.Failure(reader.Role, messages.CodeRestarted, unseal(ref, messages.KindChunk))
	for _, code := range []messages.Code{
		messages.CodeOverload, messages.CodeIO, messages.CodeUnavailable,
	} {
		fail(code, 1)
		r.client.Failure(reader.Role, code, unseal(ref, messages.KindChunk))
	}
	r.client.Must(reader.Role, unseal(ref, messages.KindChunk))
}
