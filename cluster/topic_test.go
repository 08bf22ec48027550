package cluster

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// FuzzGossip judges what a peer may have published: what is passed on is a
// summary of now, and whatever is not is stale or no summary at all.
func FuzzGossip(f *testing.F) {
	now := time.Unix(1_900_000_000, 0)
	for _, epoch := range []uint64{0, 1_900_000_000 / 60, 1 << 62} {
		f.Add(wire.DemandSummary{
			Epoch: epoch, WindowSeconds: 60, Depth: 2, Cells: []byte{1, 2, 3, 4},
		}.Append(nil))
	}
	f.Add(make([]byte, messages.GossipMax+1))
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, topic := range Topics() {
			author := rate.NewLimiter(rate.Every(topic.Every), 1)
			err := topic.judge(now, author, payload)
			if err != nil && !errors.Is(err, errStale) && !errors.Is(err, errContent) {
				t.Fatalf("judged as %v", err)
			}
			if err != nil {
				continue
			}
			summary, err := wire.DecodeDemandSummary(payload)
			if err != nil || len(payload) > topic.BytesMax {
				t.Fatalf("%d bytes are passed on: %v", len(payload), err)
			}
			window := time.Duration(summary.WindowSeconds) * time.Second
			if about := time.Unix(int64(summary.Epoch*uint64(summary.WindowSeconds)), 0); about.Sub(now).Abs() > 2*window {
				t.Fatalf("at %s a summary of %s is passed on", now, about)
			}
			if err := topic.judge(now, author, payload); !errors.Is(err, errStale) {
				t.Fatalf("the second one of an author is judged as %v", err)
			}
		}
	})
}
