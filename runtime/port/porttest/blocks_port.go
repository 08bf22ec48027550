package porttest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// BlocksPortHarness makes the ports that the suite of [BlocksPort] tests,
// each over an empty engine.
type BlocksPortHarness struct {
	BlockSize int // bytes
	New       func(tb testing.TB, answer func(any)) port.Blocks
	Await     Await
}

// BlocksPort proves the contract of [port.Blocks].
func BlocksPort(t *testing.T, h BlocksPortHarness) {
	start := func(t *testing.T) (port.Blocks, *inbox) {
		box := &inbox{await: h.Await}
		return h.New(t, box.deliver), box
	}
	t.Run("Calls", func(t *testing.T) {
		p, box := start(t)
		blocksPortCalls(t, h, p, box)
	})
	t.Run("ManyAtOnce", func(t *testing.T) {
		p, box := start(t)
		blocksPortManyAtOnce(t, h, p, box)
	})
	t.Run("DeletionsInOrder", func(t *testing.T) {
		p, box := start(t)
		blocksPortDeletionsInOrder(t, h, p, box)
	})
	t.Run("WrongSize", func(t *testing.T) {
		p, box := start(t)
		bad := []messages.Block{{CID: messages.CID{1}, Data: make([]byte, h.BlockSize-1)}}
		p.Put(1, bad)
		if put := answerAs[messages.BlocksPut](t, box, 1); !errors.Is(put.Err, port.ErrBlockSize) {
			t.Errorf("got %v, want ErrBlockSize", put.Err)
		}
	})
}

func blocksPortCalls(t *testing.T, h BlocksPortHarness, p port.Blocks, box *inbox) {
	const n = 23
	all := RandomBlocks(1, n, h.BlockSize)
	cids := CIDsOf(all)
	mark := p.Position()
	p.Put(1, all)
	if put := answerAs[messages.BlocksPut](t, box, 1); put.Err != nil {
		t.Fatal(put.Err)
	}
	if !p.WrittenSince(cids[0], mark) || p.WrittenSince(cids[0], p.Position()) {
		t.Error("WrittenSince does not tell before from after")
	}

	p.Get(2, cids, true)
	got := answerAs[messages.BlocksGot](t, box, 2)
	if got.Errs != nil || len(got.Blocks) != n {
		t.Fatalf("got %d blocks, errors %v", len(got.Blocks), got.Errs)
	}
	for i := range all {
		if got.Blocks[i].CID != cids[i] || !bytes.Equal(got.Blocks[i].Data, all[i].Data) {
			t.Fatalf("block %d is another", i)
		}
	}

	// Errors stand where their blocks would, in a list that readers share.
	missing := messages.CID{7}
	mixed := slices.Clone(cids)
	mixed[3], mixed[n-1] = missing, missing
	p.Get(3, mixed, false)
	got = answerAs[messages.BlocksGot](t, box, 3)
	if len(got.Errs) != n || len(got.Blocks) != n {
		t.Fatalf("got %d blocks and %d errors", len(got.Blocks), len(got.Errs))
	}
	for i, err := range got.Errs {
		if absent := mixed[i] == missing; absent != errors.Is(err, port.ErrBlockNotFound) {
			t.Errorf("block %d: absent %v, got %v", i, absent, err)
		} else if !absent && !bytes.Equal(got.Blocks[i].Data, all[i].Data) {
			t.Errorf("block %d is another", i)
		}
	}

	p.Delete(4, cids[:5])
	if deleted := answerAs[messages.BlocksDeleted](t, box, 4); deleted.Err != nil {
		t.Fatal(deleted.Err)
	}
	p.Has(5, cids)
	for i, has := range answerAs[messages.BlocksHad](t, box, 5).Has {
		if has != (i >= 5) {
			t.Errorf("has block %d: %v", i, has)
		}
	}
	p.Usage(6)
	if usage := answerAs[messages.BlocksUsage](t, box, 6); usage.Blocks != n-5 ||
		usage.LiveBytes != int64((n-5)*h.BlockSize) {
		t.Errorf("got %+v", usage)
	}
	blocksPortList(t, p, box, cids[5:])
	blocksPortCompact(t, p, box)
}

func blocksPortList(t *testing.T, p port.Blocks, box *inbox, want []messages.CID) {
	t.Helper()
	var listed []messages.CID
	var after messages.CID
	for page := messages.Corr(100); ; page++ {
		p.List(page, after, 4)
		answer := answerAs[messages.BlocksListed](t, box, page)
		listed = append(listed, answer.CIDs...)
		if !answer.More {
			break
		}
		after = listed[len(listed)-1]
	}
	want = slices.Clone(want)
	slices.SortFunc(want, messages.CID.Compare)
	if !slices.Equal(listed, want) {
		t.Errorf("listed %d CIDs, want the %d that are there in order", len(listed), len(want))
	}
}

// blocksPortCompact compacts until there is no more; each call does at most
// one segment, so it must come to an end.
func blocksPortCompact(t *testing.T, p port.Blocks, box *inbox) {
	t.Helper()
	for corr := messages.Corr(200); corr < 300; corr++ {
		p.Compact(corr, 0.01)
		answer := answerAs[messages.BlocksCompacted](t, box, corr)
		if answer.Err != nil {
			t.Fatal(answer.Err)
		}
		if !answer.More {
			return
		}
	}
	t.Error("compaction does not come to an end")
}

func blocksPortManyAtOnce(t *testing.T, h BlocksPortHarness, p port.Blocks, box *inbox) {
	const calls, each = 50, 3
	for i := range calls {
		p.Put(messages.Corr(i), RandomBlocks(uint64(i), each, h.BlockSize))
	}
	for corr, answer := range box.all(t, calls) {
		if err := answer.(messages.BlocksPut).Err; err != nil {
			t.Fatalf("put %d: %v", corr, err)
		}
	}
	for i := range calls {
		p.Get(messages.Corr(i), CIDsOf(RandomBlocks(uint64(i), each, h.BlockSize)), true)
	}
	for corr, answer := range box.all(t, calls) {
		got := answer.(messages.BlocksGot)
		want := RandomBlocks(uint64(corr), each, h.BlockSize)
		for i := range want {
			if got.Errs != nil || !bytes.Equal(got.Blocks[i].Data, want[i].Data) {
				t.Fatalf("get %d: block %d is another, or %v", corr, i, got.Errs)
			}
		}
	}
}

// blocksPortDeletionsInOrder: when a deletion of nothing is answered, all
// those before it are done.
func blocksPortDeletionsInOrder(t *testing.T, h BlocksPortHarness, p port.Blocks, box *inbox) {
	const n = 40
	all := RandomBlocks(1, n, h.BlockSize)
	p.Put(1, all)
	if put := answerAs[messages.BlocksPut](t, box, 1); put.Err != nil {
		t.Fatal(put.Err)
	}
	for i, b := range all {
		p.Delete(messages.Corr(100+i), []messages.CID{b.CID})
	}
	p.Delete(2, nil)
	for answer := messages.Corr(0); answer != 2; {
		deleted, ok := box.next(t).(messages.BlocksDeleted)
		if !ok || deleted.Err != nil {
			t.Fatalf("a deletion failed: %v", deleted.Err)
		}
		answer = deleted.Corr
	}
	if left := box.count(); left > 0 {
		t.Errorf("%d deletions were overtaken", left)
	}
	p.Has(3, CIDsOf(all))
	if has := answerAs[messages.BlocksHad](t, box, 3).Has; slices.Contains(has, true) {
		t.Error("a deletion was answered that is not done")
	}
}
