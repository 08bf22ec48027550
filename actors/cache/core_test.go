package cache

import (
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
)

// TestForget: a forgotten block is loaded anew, and one that is on its way
// when it is forgotten is handed on but not kept.
func TestForget(t *testing.T) {
	c := newCore(Config{MemoryBytes: 10, LoadsMax: messages.LoadMax, AsksMax: 4}, 1)
	cid := testCID(1)
	read := func() effects {
		t.Helper()
		out, refused := c.read(shell.Caller{}, messages.ReadBlocks{CIDs: []messages.CID{cid}})
		if refused != nil {
			t.Fatal(refused)
		}
		return out
	}
	load := func() {
		t.Helper()
		out := c.loaded([]outcome{{cid: cid, data: []byte("x")}})
		if len(out.done) != 1 || out.done[0].err != nil || out.done[0].blocks[0].CID != cid {
			t.Fatal("the ask was not answered")
		}
	}
	if out := read(); len(out.loads) != 1 || len(out.done) > 0 {
		t.Fatal("a block that nobody has was not loaded")
	}
	c.forget([]messages.CID{cid}) // on its way
	load()
	if out := read(); len(out.loads) != 1 {
		t.Fatal("a forgotten block was kept when it came")
	}
	load()
	if out := read(); len(out.loads) > 0 || len(out.done) != 1 {
		t.Fatal("a block in memory was not served")
	}
	c.forget([]messages.CID{cid, testCID(2)})
	if out := read(); len(out.loads) != 1 {
		t.Fatal("a forgotten block was served")
	}
	load()
}

func BenchmarkReadFromMemory(b *testing.B) {
	c := newCore(Config{MemoryBytes: 1000, LoadsMax: messages.LoadMax, AsksMax: 4}, 1)
	var cids []messages.CID
	for n := range uint64(24) {
		cids = append(cids, testCID(n))
		c.memory.put(messages.Block{CID: cids[n], Data: []byte("x")})
	}
	b.ReportAllocs()
	for b.Loop() {
		if out, _ := c.read(shell.Caller{}, messages.ReadBlocks{CIDs: cids}); len(out.done) != 1 {
			b.Fatal("not served")
		}
	}
}
