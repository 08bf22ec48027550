package drive_test

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/actors/drive"
	"github.com/noisefs/noisefs/actors/reader"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/messages"
)

func collect(c messages.Call) messages.Command { return messages.Collect{Call: c} }

// TestCollectedLinksAreForgotten: what was decoded of a link before its
// blocks were deleted does not let it in again afterwards.
func TestCollectedLinksAreForgotten(t *testing.T) {
	h := newHouse(t, newSettings(21))
	link, err := h.put(text(5000), "n", messages.Place{})
	if err != nil {
		t.Fatal(err)
	}
	h.must(statTarget(messages.Target{Link: &link})) // the root is decoded now
	h.must(unshare(link))
	if freed := h.client.Must(store.Role, collect).(messages.Collected); freed.FreedBlocks == 0 {
		t.Fatal("nothing was collected")
	}
	h.refused(messages.CodeNotFound, statTarget(messages.Target{Link: &link}))
	h.refused(messages.CodeNotFound, importLink(link, "/dead"))
	h.client.Must(store.Role, collect)
	h.stop()
}

// TestStorePanicsWhileImportsWait panics the store at each message of a
// collection: no import waits for one that is no more.
func TestStorePanicsWhileImportsWait(t *testing.T) {
	waited := 0
	for n := 1; ; n++ {
		s := newSettings(uint64(n))
		s.panics = true
		h := newHouse(t, s)
		link := h.mustPut(text(900), "/kept")
		dead := h.mustPut(text(3000), "/dead")
		h.must(remove("/dead", false))
		settle(h)
		fault := h.world.PanicAt(store.Role, n)
		collection := h.client.Start(store.Role, collect)
		for !collection.Done() && !fault.Fired() {
			if err := h.world.Run(100 * time.Microsecond); err != nil {
				t.Fatal(err)
			}
		}
		if !fault.Fired() {
			break
		}
		waited++
		begun := h.world.Elapsed()
		h.must(importLink(link, "/again"))
		if took := h.world.Elapsed() - begun; took > time.Second {
			t.Fatalf("an import took %v after message %d of the store", took, n)
		}
		if _, err := h.result(importLink(dead, "/revived")); err == nil {
			// Then its blocks are there, and stay.
			h.client.Must(store.Role, collect)
			h.cat(messages.Target{Path: "/revived"})
		}
		h.client.Must(store.Role, collect)
		h.stop()
	}
	if waited < 10 {
		t.Fatalf("the store handled only %d messages", waited)
	}
}

// TestDrivePanicsWhileSharing panics the drive at each message of a share:
// its stream and its handle are closed, and not only by a restart of all.
func TestDrivePanicsWhileSharing(t *testing.T) {
	panics := 0
	for n := 1; ; n++ {
		s := newSettings(uint64(n))
		s.panics = true
		h := newHouse(t, s)
		putWide(h, "/t")
		settle(h)
		fault := h.world.PanicAt(drive.Role, n)
		for _, path := range []string{"/t", "/t/f09"} {
			_, _ = h.result(share(path))
		}
		settle(h)
		if !fault.Fired() {
			break
		}
		panics++
		h.fillsUp(splitter.Role, splitter.DefaultConfig().StreamsMax,
			func(c messages.Call) messages.Command {
				return messages.OpenStream{Call: c, ChildrenMax: 1}
			})
		h.fillsUp(reader.Role, 8, func(c messages.Call) messages.Command {
			return messages.OpenContent{Call: c}
		})
		h.stop()
	}
	if panics < 10 {
		t.Fatalf("the drive handled only %d messages", panics)
	}
}

// fillsUp expects room for exactly so many.
func (h *house) fillsUp(role string, room int, open func(messages.Call) messages.Command) {
	h.t.Helper()
	for range room {
		h.client.Must(role, open)
	}
	h.client.Failure(role, messages.CodeOverload, open)
}
