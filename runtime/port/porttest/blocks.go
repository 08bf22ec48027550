package porttest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// BlocksHarness makes the engines that the suite of [Blocks] tests. What it
// returns, the suite closes.
type BlocksHarness struct {
	// BlockSize of the engines in bytes, at least 64.
	BlockSize int
	// New makes an empty engine.
	New func(tb testing.TB) port.BlockEngine
	// Reopen closes an engine and opens its data again.
	Reopen func(tb testing.TB, engine port.BlockEngine) port.BlockEngine
}

// Blocks proves the contract of [port.BlockEngine].
func Blocks(t *testing.T, h BlocksHarness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, BlocksHarness, port.BlockEngine)
	}{
		{"PutGetHas", blocksPutGetHas},
		{"Sizes", blocksSizes},
		{"Buffers", blocksBuffers},
		{"PutTwice", blocksPutTwice},
		{"Delete", blocksDelete},
		{"ListPages", blocksListPages},
		{"Marks", blocksMarks},
		{"CompactGivesBack", blocksCompact},
		{"CompactStops", blocksCompactStops},
		{"Reopen", blocksReopen},
		{"Closed", blocksClosed},
		{"Concurrent", blocksConcurrent},
	} {
		t.Run(test.name, func(t *testing.T) {
			engine := h.New(t)
			test.run(t, h, engine)
			if err := engine.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

// RandomBlocks returns n blocks that seed decides.
func RandomBlocks(seed uint64, n, blockSize int) []messages.Block {
	blocks := make([]messages.Block, n)
	for i := range blocks {
		var key [32]byte
		binary.LittleEndian.PutUint64(key[:], seed)
		binary.LittleEndian.PutUint64(key[8:], uint64(i))
		data := make([]byte, blockSize)
		_, _ = rand.NewChaCha8(key).Read(data)
		blocks[i] = messages.Block{CID: sha256.Sum256(data), Data: data}
	}
	return blocks
}

// CIDsOf returns the names of blocks.
func CIDsOf(blocks []messages.Block) []messages.CID {
	cids := make([]messages.CID, len(blocks))
	for i := range blocks {
		cids[i] = blocks[i].CID
	}
	return cids
}

// wantBlocks checks that blocks are there and whole.
func wantBlocks(t *testing.T, e port.BlockEngine, blocks []messages.Block) {
	t.Helper()
	has := e.Has(CIDsOf(blocks))
	for i, b := range blocks {
		got, err := e.Get(b.CID, nil, true)
		if err != nil || !bytes.Equal(got, b.Data) || !has[i] {
			t.Fatalf("block %s: has %v, error %v, equal %v",
				b.CID.Short(), has[i], err, bytes.Equal(got, b.Data))
		}
	}
}

// wantNoBlocks checks that blocks are not there.
func wantNoBlocks(t *testing.T, e port.BlockEngine, blocks []messages.Block) {
	t.Helper()
	for i, has := range e.Has(CIDsOf(blocks)) {
		_, err := e.Get(blocks[i].CID, nil, false)
		if has || !errors.Is(err, port.ErrBlockNotFound) {
			t.Fatalf("block %s: has %v, error %v, want ErrBlockNotFound",
				blocks[i].CID.Short(), has, err)
		}
	}
}

func blocksPutGetHas(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	blocks := RandomBlocks(1, 20, h.BlockSize)
	wantNoBlocks(t, e, blocks)
	must(t, "Put of nothing", e.Put(nil))
	must(t, "Put", e.Put(blocks[:15]))
	must(t, "Put", e.Put(blocks[15:19]))
	wantBlocks(t, e, blocks[:19])
	wantNoBlocks(t, e, blocks[19:])
	usage := e.Usage()
	live := int64(19 * h.BlockSize)
	if usage.Blocks != 19 || usage.LiveBytes != live || usage.DiskBytes < live ||
		usage.FreeBytes <= 0 {
		t.Fatalf("Usage: %+v", usage)
	}
}

func blocksSizes(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	good := RandomBlocks(2, 1, h.BlockSize)
	for _, size := range []int{0, 1, h.BlockSize - 1, h.BlockSize + 1} {
		bad := RandomBlocks(3, 1, size)
		wantError(t, fmt.Sprintf("Put of %d bytes", size),
			e.Put(append(slices.Clone(good), bad...)), port.ErrBlockSize)
		wantNoBlocks(t, e, bad)
	}
}

func blocksBuffers(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	blocks := RandomBlocks(4, 1, h.BlockSize)
	data := bytes.Clone(blocks[0].Data)
	must(t, "Put", e.Put([]messages.Block{{CID: blocks[0].CID, Data: data}}))
	clear(data) // the engine keeps no reference
	wantBlocks(t, e, blocks)
	for _, size := range []int{0, h.BlockSize - 1, h.BlockSize, h.BlockSize + 7} {
		buf := make([]byte, size)
		got, err := e.Get(blocks[0].CID, buf[:0], true)
		if err != nil || !bytes.Equal(got, blocks[0].Data) {
			t.Fatalf("Get into %d bytes: %v", size, err)
		}
		if size >= h.BlockSize && &got[0] != &buf[:1][0] {
			t.Errorf("Get into %d bytes: did not use the buffer", size)
		}
	}
}

func blocksPutTwice(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	blocks := RandomBlocks(5, 4, h.BlockSize)
	must(t, "Put", e.Put(blocks))
	before := e.Usage()
	must(t, "Put again", e.Put(blocks))
	if after := e.Usage(); after.Blocks != 4 || after.DiskBytes != before.DiskBytes {
		t.Fatalf("Usage: got %+v, want %+v", after, before)
	}
	more := RandomBlocks(6, 1, h.BlockSize)
	must(t, "Put of one block three times", e.Put([]messages.Block{more[0], more[0], more[0]}))
	if after := e.Usage(); after.Blocks != 5 {
		t.Fatalf("Usage: %+v, want 5 blocks", after)
	}
	wantBlocks(t, e, append(blocks, more...))
}

func blocksDelete(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	blocks := RandomBlocks(7, 10, h.BlockSize)
	must(t, "Delete of what is not there", e.Delete(CIDsOf(blocks)))
	must(t, "Put", e.Put(blocks))
	must(t, "Delete", e.Delete(CIDsOf(blocks[:5])))
	must(t, "Delete again", e.Delete(CIDsOf(blocks[:6])))
	wantNoBlocks(t, e, blocks[:6])
	wantBlocks(t, e, blocks[6:])
	must(t, "Put again", e.Put(blocks[:3]))
	wantBlocks(t, e, blocks[:3])
	wantNoBlocks(t, e, blocks[3:6])
	e = h.Reopen(t, e)
	wantBlocks(t, e, blocks[:3])
	wantNoBlocks(t, e, blocks[3:6])
	wantBlocks(t, e, blocks[6:])
	must(t, "Close", e.Close())
}

func blocksListPages(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	if cids, more := e.List(messages.CID{}, 10); len(cids) != 0 || more {
		t.Fatalf("List of nothing: %d, %v", len(cids), more)
	}
	blocks := RandomBlocks(8, 300, h.BlockSize)
	must(t, "Put", e.Put(blocks))
	must(t, "Delete", e.Delete(CIDsOf(blocks[250:])))
	want := CIDsOf(blocks[:250])
	slices.SortFunc(want, messages.CID.Compare)
	for _, limit := range []int{1, 7, 250, 251, 1000} {
		var got []messages.CID
		after, more := messages.CID{}, true
		for more {
			var page []messages.CID
			page, more = e.List(after, limit)
			if len(page) > limit || more && len(page) != limit {
				t.Fatalf("List: page of %d with limit %d, more %v", len(page), limit, more)
			}
			got = append(got, page...)
			if len(page) > 0 {
				after = page[len(page)-1]
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("List by %d: got %d CIDs, want %d, or another order",
				limit, len(got), len(want))
		}
	}
	// From a CID that is not there.
	after := blocks[260].CID
	n, _ := slices.BinarySearchFunc(want, after, messages.CID.Compare)
	if got, _ := e.List(after, 1000); !slices.Equal(got, want[n:]) {
		t.Fatalf("List after an absent CID: got %d CIDs, want %d", len(got), len(want)-n)
	}
}

func blocksMarks(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	blocks := RandomBlocks(9, 3, h.BlockSize)
	must(t, "Put", e.Put(blocks[:1]))
	mark := e.Position()
	if e.WrittenSince(blocks[0].CID, mark) {
		t.Error("a block put before the mark counts as written since")
	}
	must(t, "Put", e.Put(blocks[1:2]))
	if !e.WrittenSince(blocks[1].CID, mark) || e.WrittenSince(blocks[2].CID, mark) {
		t.Error("WrittenSince of a block put after the mark, or of one not put, is wrong")
	}
	if e.Position() <= mark {
		t.Error("Position does not grow with a write")
	}
	mark = e.Position()
	must(t, "Put again", e.Put(blocks[:1]))
	if !e.WrittenSince(blocks[0].CID, mark) {
		t.Error("a block put again after the mark does not count as written since")
	}
	mark = e.Position()
	must(t, "Delete", e.Delete(CIDsOf(blocks[1:2])))
	_, err := e.Compact(0, nil)
	must(t, "Compact", err)
	if e.WrittenSince(blocks[0].CID, mark) {
		t.Error("compaction made a block young")
	}
	e = h.Reopen(t, e)
	if e.WrittenSince(blocks[0].CID, e.Position()) {
		t.Error("a block of before the reopening counts as written since")
	}
	must(t, "Close", e.Close())
}

func blocksCompact(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	blocks := RandomBlocks(10, 200, h.BlockSize)
	must(t, "Put", e.Put(blocks))
	full := e.Usage().DiskBytes
	must(t, "Delete", e.Delete(CIDsOf(blocks[:150])))
	freed, err := e.Compact(0.25, nil)
	must(t, "Compact", err)
	after := e.Usage()
	if freed <= 0 || after.DiskBytes > full/2 {
		t.Fatalf("Compact: freed %d, %d bytes on disk, of %d before", freed, after.DiskBytes, full)
	}
	wantNoBlocks(t, e, blocks[:150])
	wantBlocks(t, e, blocks[150:])
	freed, err = e.Compact(0.5, nil)
	if err != nil || freed > 0 && e.Usage().DiskBytes >= after.DiskBytes {
		t.Fatalf("Compact again: freed %d, %v", freed, err)
	}
	e = h.Reopen(t, e)
	wantNoBlocks(t, e, blocks[:150])
	wantBlocks(t, e, blocks[150:])
	must(t, "Close", e.Close())
}

func blocksCompactStops(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	blocks := RandomBlocks(11, 100, h.BlockSize)
	must(t, "Put", e.Put(blocks))
	must(t, "Delete", e.Delete(CIDsOf(blocks[:90])))
	freed, err := e.Compact(0, func() bool { return true })
	if freed != 0 || err != nil {
		t.Fatalf("Compact that is stopped at once: freed %d, %v", freed, err)
	}
	wantBlocks(t, e, blocks[90:])
}

func blocksReopen(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	blocks := RandomBlocks(12, 60, h.BlockSize)
	for round := range 6 {
		must(t, "Put", e.Put(blocks[round*10:][:10]))
		e = h.Reopen(t, e)
		wantBlocks(t, e, blocks[:(round+1)*10])
		wantNoBlocks(t, e, blocks[(round+1)*10:])
		if got := e.Usage().Blocks; got != int64(round+1)*10 {
			t.Fatalf("Usage after reopening: %d blocks", got)
		}
	}
	must(t, "Close", e.Close())
}

func blocksClosed(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	blocks := RandomBlocks(13, 1, h.BlockSize)
	must(t, "Put", e.Put(blocks))
	must(t, "Close", e.Close())
	wantError(t, "Put", e.Put(blocks), port.ErrEngineClosed)
	wantError(t, "Delete", e.Delete(CIDsOf(blocks)), port.ErrEngineClosed)
	_, err := e.Get(blocks[0].CID, nil, false)
	wantError(t, "Get", err, port.ErrEngineClosed)
	_, err = e.Compact(0, nil)
	wantError(t, "Compact", err, port.ErrEngineClosed)
}

func blocksConcurrent(t *testing.T, h BlocksHarness, e port.BlockEngine) {
	const workers, each = 8, 24
	var work, upkeep sync.WaitGroup
	for w := range workers {
		work.Go(func() {
			// Neighbours share half of their blocks, which nobody deletes.
			shared := RandomBlocks(uint64(1000+w/2), each, h.BlockSize)
			own := RandomBlocks(uint64(2000+w), each, h.BlockSize)
			for i := range shared {
				if err := blocksWork(e, shared[i], own[i], i%2 == 0); err != nil {
					t.Errorf("worker %d, step %d: %v", w, i, err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	upkeep.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := e.Compact(0.3, nil); err != nil {
				t.Errorf("Compact: %v", err)
				return
			}
			e.List(messages.CID{}, 100)
			e.Usage()
		}
	})
	work.Wait()
	close(done)
	upkeep.Wait()
	if got, want := e.Usage().Blocks, int64(workers/2*each+workers*each/2); got != want {
		t.Fatalf("Usage: got %d blocks, want %d", got, want)
	}
	for w := range workers {
		wantBlocks(t, e, RandomBlocks(uint64(1000+w/2), each, h.BlockSize))
	}
}

// blocksWork puts two blocks and perhaps deletes the second, which is the
// caller's own.
func blocksWork(e port.BlockEngine, shared, own messages.Block, remove bool) error {
	if err := e.Put([]messages.Block{shared, own}); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	for _, b := range []messages.Block{shared, own} {
		got, err := e.Get(b.CID, nil, true)
		if err != nil || !bytes.Equal(got, b.Data) {
			return fmt.Errorf("get: equal %v: %w", bytes.Equal(got, b.Data), err)
		}
	}
	if !remove {
		return nil
	}
	if err := e.Delete([]messages.CID{own.CID}); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	if _, err := e.Get(own.CID, nil, true); !errors.Is(err, port.ErrBlockNotFound) {
		return fmt.Errorf("get after delete: %w", err)
	}
	return nil
}
