package store

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

// TestRoomNeverAdmitsTooMuch plays puts and looks against an engine that
// writes each put at some moment while it is under way, and proves that what
// it holds never passes the quota, whatever the timing.
func TestRoomNeverAdmitsTooMuch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const quota, disk, reserve = 2000, 2400, 500
		r := room{quotaBytes: quota, reserveBytes: reserve}
		if rapid.Bool().Draw(t, "noQuota") {
			r.quotaBytes = 0
		}
		type put struct {
			bytes   int64
			written bool
		}
		var under []put
		var held int64 // by the engine
		usage := func() messages.BlocksUsage {
			return messages.BlocksUsage{DiskBytes: held, FreeBytes: disk - held}
		}
		r.look()
		r.looked(usage())
		var looked *messages.BlocksUsage // measured, not delivered yet
		admitted := 0
		for range rapid.IntRange(100, 400).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "step") {
			case 0:
				bytes := rapid.SampledFrom([]int64{100, 300, 700}).Draw(t, "bytes")
				if r.refusal(bytes) == nil {
					r.begin(bytes)
					under = append(under, put{bytes: bytes})
					admitted++
				}
			case 1: // the engine writes, or finds that it has the block, or fails
				for i := range under {
					if !under[i].written {
						under[i].written = true
						if rapid.Bool().Draw(t, "new") {
							held += under[i].bytes
						}
						break
					}
				}
			case 2: // a put that was written is answered
				i := slices.IndexFunc(under, func(p put) bool { return p.written })
				if i >= 0 {
					r.end(under[i].bytes)
					under = slices.Delete(under, i, i+1)
				}
			case 3:
				if !r.looking() {
					r.look()
				} else if looked == nil {
					u := usage()
					looked = &u
				} else {
					r.looked(*looked)
					looked = nil
				}
			case 4: // something was deleted and given back
				held -= min(held, rapid.Int64Range(0, 100).Draw(t, "freed"))
			}
			if r.quotaBytes > 0 && held > quota {
				t.Fatalf("%d bytes are held, quota %d", held, quota)
			}
			if disk-held < reserve {
				t.Fatalf("%d bytes are free, reserve %d", disk-held, reserve)
			}
		}
	})
}

// TestRoomComesBack: what puts took in the estimate, a look gives back.
func TestRoomComesBack(t *testing.T) {
	r := room{quotaBytes: 100, reserveBytes: 10}
	r.look()
	r.looked(messages.BlocksUsage{FreeBytes: 1000})
	r.begin(90)
	if r.refusal(11) == nil {
		t.Fatal("the quota does not count what is under way")
	}
	r.end(90)
	if r.refusal(11) == nil || r.final(0) {
		t.Fatal("the quota does not count what was put since the last look")
	}
	r.look() // all 90 were there already
	r.looked(messages.BlocksUsage{FreeBytes: 1000})
	if err := r.refusal(100); err != nil || !r.final(1) || r.final(2) {
		t.Fatalf("refused after a look: %v", err)
	}
	if err := r.refusal(101); err == nil || err.Code != messages.CodeQuota {
		t.Fatalf("got %v, want a refusal for quota", err)
	}
	r.look()
	r.looked(messages.BlocksUsage{FreeBytes: 59})
	if err := r.refusal(50); err == nil || err.Code != messages.CodeNoSpace {
		t.Fatalf("got %v, want a refusal for the reserve", err)
	}
}

// People look for the word: the disk's own errors have it too.
func TestRefusalNamesSpace(t *testing.T) {
	full := room{freeBytes: 10, reserveBytes: 10}
	if err := full.refusal(1); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("a full disk is refused with %v", err)
	}
}
