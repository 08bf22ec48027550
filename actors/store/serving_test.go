package store_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

func TestServe(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	if !slices.Equal(d.member.handled, []messages.Protocol{messages.ProtocolBlock}) {
		t.Fatalf("handles %v", d.member.handled)
	}
	mine, pushed := d.blocks(2), d.blocks(6)
	d.client.Must(store.Role, put(mine))
	d.client.Must(store.Role, hold(d.after(time.Hour), slices.Concat(pushed, named(mine[:1]))...))
	for _, b := range slices.Concat(pushed, mine[:1]) {
		response, packet, _ := d.fetch(b.CID)
		if response.Status != wire.BlockServed || response.Load != 1 ||
			len(packet.Blocks) != 1 || !bytes.Equal(packet.Blocks[0], b.Data) {
			t.Fatalf("got %+v with %d blocks", response, len(packet.Blocks))
		}
	}
	if err := d.world.Run(2 * time.Second); err != nil {
		t.Fatal(err)
	}
	if len(d.member.served) != 7 || d.member.batches != 1 {
		t.Errorf("the popularity was told of %d blocks in %d messages, want 7 in 1",
			len(d.member.served), d.member.batches)
	}

	// Malformed requests are not answered.
	n := len(d.member.answers)
	d.send(50, messages.Packet{Head: []byte{0xff}})
	d.send(51, messages.Packet{
		Head: wire.BlockRequest{CID: pushed[0].CID}.Append(nil), Blocks: [][]byte{{1}},
	})
	d.send(0, messages.Packet{Head: wire.BlockRequest{CID: pushed[0].CID}.Append(nil)})
	d.settle()
	if stats := d.statted(); len(d.member.answers) != n || stats.BadRequests != 3 {
		t.Errorf("%d answers to bad requests, %d counted", len(d.member.answers)-n, stats.BadRequests)
	}

	// More at a time than ServesMax.
	for i := range 10 { // at one instant, since the peer answers at once
		d.send(messages.Exchange(60+i), messages.Packet{
			Head: wire.BlockRequest{CID: pushed[i%6].CID}.Append(nil),
		})
	}
	d.settle()
	for _, got := range d.member.answers[n:] {
		response, err := wire.DecodeBlockResponse(got.packet.Head)
		if err != nil || response.Load < 1 || response.Load > 5 {
			t.Fatalf("got %+v, %v", response, err)
		}
	}
	if busy := d.statted().BusyAnswers; len(d.member.answers) != n+10 || busy == 0 || busy > 6 {
		t.Errorf("%d answers to 10 requests, %d times busy", len(d.member.answers)-n, busy)
	}
}

// Whoever asks around learns nothing of what this node has for itself: own,
// cached and unknown blocks are answered with the same bytes, equally fast,
// and without a look at the disk.
func TestProbing(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	mine, cached, dropped, unknown := d.blocks(4), d.blocks(4), d.blocks(4), d.blocks(4)
	d.client.Must(store.Role, put(mine))
	d.keepCached(cached)
	d.client.Must(store.Role, hold(d.after(time.Hour), dropped...))
	d.client.Must(store.Role, drop(cidsOf(dropped)...))
	d.settle()
	_, want, took := d.fetch(unknown[0].CID)
	for i, b := range slices.Concat(mine, cached, dropped, unknown) {
		response, got, time := d.fetch(b.CID)
		if response.Status != wire.BlockAbsent || !bytes.Equal(got.Head, want.Head) ||
			len(got.Blocks) != 0 || time != took {
			t.Errorf("block %d: %+v after %s, want the answer after %s", i, response, time, took)
		}
		presence := wire.BlockRequest{CID: b.CID, Presence: true}
		if response, got, time := d.request(presence); !bytes.Equal(got.Head, want.Head) || time != took {
			t.Errorf("presence of block %d: %+v after %s", i, response, time)
		}
	}
	if len(d.member.served) > 0 || took != 0 {
		t.Errorf("%d blocks were served; an answer took %s", len(d.member.served), took)
	}
}

// Presence tells of a replica without a look at the disk.
func TestPresence(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	pushed := d.blocks(1)
	d.client.Must(store.Role, hold(d.after(time.Hour), pushed...))
	response, packet, took := d.request(wire.BlockRequest{CID: pushed[0].CID, Presence: true})
	if response.Status != wire.BlockHeld || len(packet.Blocks) > 0 || took != 0 {
		t.Errorf("got %+v with %d blocks after %s", response, len(packet.Blocks), took)
	}
	if d.settle(); len(d.member.served) > 0 {
		t.Error("it counts as served")
	}
}

func TestServeAll(t *testing.T) {
	cfg := memberConfig()
	cfg.ServeAll = true
	d := newMember(t, cfg, 1)
	mine := d.blocks(1)
	d.client.Must(store.Role, put(mine))
	if response, _, _ := d.fetch(mine[0].CID); response.Status != wire.BlockServed {
		t.Errorf("got %+v", response)
	}
	if response, _, _ := d.fetch(d.blocks(1)[0].CID); response.Status != wire.BlockAbsent {
		t.Errorf("got %+v for a block that is not stored", response)
	}
	for _, test := range []struct {
		cid  messages.CID
		want wire.BlockStatus
	}{{mine[0].CID, wire.BlockHeld}, {d.blocks(1)[0].CID, wire.BlockAbsent}} {
		presence := wire.BlockRequest{CID: test.cid, Presence: true}
		if response, _, _ := d.request(presence); response.Status != test.want {
			t.Errorf("got presence %+v, want status %d", response, test.want)
		}
	}
	if n := d.statted().RottenReplicas; n != 0 {
		t.Errorf("%d rotten replicas", n)
	}
}

// A replica that rotted is absent, and never served.
func TestServeRotten(t *testing.T) {
	d := newMember(t, memberConfig(), 1)
	pushed := d.blocks(2)
	d.client.Must(store.Role, hold(d.after(time.Hour), pushed...))
	d.rot()
	for _, b := range pushed {
		if response, packet, _ := d.fetch(b.CID); response.Status != wire.BlockAbsent ||
			len(packet.Blocks) > 0 {
			t.Errorf("got %+v with %d blocks", response, len(packet.Blocks))
		}
	}
	if n := d.statted().RottenReplicas; n != 2 {
		t.Errorf("%d rotten replicas are counted, want 2", n)
	}
	if d.settle(); !slices.Equal(d.member.rotten, cidsOf(pushed)) {
		t.Errorf("the replication was told of %d rotten replicas, want 2", len(d.member.rotten))
	}
}
