package store_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
)

// rot changes a byte of every stored block of a small store.
func (d *depot) rot() {
	d.t.Helper()
	names, err := d.disk.List()
	if err != nil {
		d.t.Fatalf("%v", err)
	}
	for _, name := range names {
		for at := int64(300); at < 20*blockSize; at += blockSize {
			_ = d.disk.Corrupt(name, at, 1) // beyond the end of some
		}
	}
}

// mend offers right bytes to the store.
func (d *depot) mend(blocks ...messages.Block) {
	d.t.Helper()
	d.client.Must("peer", func(call messages.Call) messages.Command {
		return messages.HoldReplicas{Call: call, Blocks: blocks}
	})
	d.settle()
}

// Damaged copies are replaced, for whatever reason they are kept; whole ones
// are left alone, and what is not kept is not stored.
func TestMend(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	mine, replicas, other := d.blocks(2), d.blocks(2), d.blocks(1)
	d.client.Must(store.Role, put(mine))
	until := d.after(time.Hour)
	d.client.Must(store.Role, hold(until, replicas...))
	damaged := slices.Concat(mine, replicas)
	d.rot()
	d.mend(slices.Concat(damaged, other)...)
	d.check(damaged)
	if n := d.statted().MendedBlocks; n != 4 {
		t.Errorf("%d blocks were mended, want 4", n)
	}
	d.mend(damaged...)
	if stats := d.statted(); stats.MendedBlocks != 4 || stats.Blocks != 4 {
		t.Errorf("whole blocks were mended: %+v", stats)
	}
	d.reboot()
	d.check(damaged)
	for _, b := range replicas {
		if k := d.kept()[b.CID]; !k.Replica || k.Mine || k.Until.Before(until) {
			t.Errorf("a mended replica is kept as %+v", k)
		}
	}
}

// A byte that rots beside a block's own bytes costs nothing: they prove
// themselves, and are written anew.
func TestSalvage(t *testing.T) {
	damaged, mended := 0, 0
	for at := int64(0); ; at += 3 {
		d := newMember(t, memberConfig(), 1)
		mine := d.blocks(1)
		d.client.Must(store.Role, put(mine))
		if d.disk.Corrupt("0000000001.pack", at, 1) != nil {
			break
		}
		loaded := d.client.Must(store.Role, func(call messages.Call) messages.Command {
			return messages.LoadBlocks{Call: call, CIDs: cidsOf(mine), Checked: true}
		}).(messages.BlocksLoaded)
		if loaded.Errs != nil && loaded.Errs[0] != nil {
			damaged++
		} else if !bytes.Equal(loaded.Blocks[0].Data, mine[0].Data) {
			t.Fatalf("a byte at %d gave wrong bytes", at)
		}
		d.settle()
		mended += int(d.statted().MendedBlocks)
	}
	if least := blockSize / 3; damaged < least || damaged > least+1 || mended == 0 {
		t.Errorf("%d rotten bytes made a block unreadable, want %d; %d were mended",
			damaged, least, mended)
	}
}
