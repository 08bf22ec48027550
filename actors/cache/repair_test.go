package cache_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/shell"
	"github.com/noisefs/noisefs/sim"
)

// damage makes blocks of the pretended store unreadable with checksums alone:
// other loads give wrong bytes.
func (l *larder) damage(cids ...messages.CID) {
	for _, cid := range cids {
		l.elsewhere[cid] = l.blocks[cid]
		l.blocks[cid] = bytes.Clone(l.blocks[cid])
		l.blocks[cid][7] ^= 1
		l.rotten[cid] = messages.Errorf(messages.CodeCorrupt, "pretended")
	}
}

func repair(cids ...messages.CID) shell.Make {
	return func(call messages.Call) messages.Command {
		return messages.ReadBlocks{Call: call, CIDs: cids, Repair: true}
	}
}

// What is stored and damaged is fetched by who found it so, and the store is
// given the right bytes.
func TestRepair(t *testing.T) {
	l := newLarder(t, networkConfig(), 1)
	cids := l.add(3)
	whole := l.blocks[cids[0]]
	l.damage(cids[0])
	l.check(l.client.Ask(cache.Role, read(cids...)), cids) // wrong bytes, also in memory now
	got := l.client.Ask(cache.Role, repair(cids...)).(messages.BlocksRead)
	if !bytes.Equal(got.Blocks[0].Data, whole) {
		t.Error("a repair gave the damaged bytes")
	}
	l.settle()
	if !slices.Equal(l.mends, cids[:1]) || len(l.keepOffers) != 0 {
		t.Errorf("%d blocks were to be mended and %d kept, want 1 and 0", len(l.mends), len(l.keepOffers))
	}
	if got := l.client.Ask(cache.Role, read(cids[0])).(messages.BlocksRead); !bytes.Equal(
		got.Blocks[0].Data, whole) {
		t.Error("the damaged bytes were kept in memory")
	}
}

// A repair that joins a load which trusts the disk has the block checked.
func TestRepairJoinsALoad(t *testing.T) {
	l := newLarder(t, networkConfig(), 1)
	cids := l.add(1)
	whole := l.blocks[cids[0]]
	l.damage(cids...)
	l.hold = true
	trusting := l.client.Start(cache.Role, read(cids...))
	l.settle()
	repairing := l.client.Start(cache.Role, repair(cids...))
	l.settle()
	l.release()
	for _, pending := range []*sim.Pending{trusting, repairing} {
		if got := pending.Wait().(messages.BlocksRead); !bytes.Equal(got.Blocks[0].Data, whole) {
			t.Error("the damaged bytes were handed on")
		}
	}
}

// A block that cannot be read here is had from elsewhere. When nobody else has
// it, the error tells what is wrong here.
func TestUnreadableIsFetched(t *testing.T) {
	for _, code := range []messages.Code{messages.CodeIO, messages.CodeCorrupt} {
		t.Run(code.String(), func(t *testing.T) {
			l := newLarder(t, networkConfig(), 1)
			cids := l.add(2)
			l.bad[cids[0]] = messages.Errorf(code, "pretended")
			l.client.Failure(cache.Role, code, read(cids...))
			l.elsewhere[cids[0]] = l.blocks[cids[0]]
			l.client.Failure(cache.Role, code, readUrgently(true, messages.UrgencyNow, cids...))
			l.check(l.client.Ask(cache.Role, read(cids...)), cids)
			l.settle()
			if mends := len(l.mends); (mends == 1) != (code == messages.CodeCorrupt) {
				t.Errorf("%d blocks were to be mended", mends)
			}
		})
	}
}
