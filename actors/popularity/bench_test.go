package popularity

import (
	"fmt"
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// sizes are the sketches of the public network and of a large simulation.
var sizes = []struct{ depth, width int }{{4, 2048}, {3, 256}, {2, 64}}

func forSizes(b *testing.B, f func(b *testing.B, cfg Config)) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("%dx%d", size.depth, size.width), func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Depth, cfg.Width = size.depth, size.width
			b.ReportAllocs()
			f(b, cfg)
		})
	}
}

// BenchmarkReceive is one summary of another node, from its bytes to the sum.
func BenchmarkReceive(b *testing.B) {
	forSizes(b, func(b *testing.B, cfg Config) {
		c, author := newTestCore(cfg), testNode(1)
		payload := summaryOf(cfg, newSeeded(1), testCID(1))
		for i := 0; b.Loop(); i++ {
			clear(c.merged)
			if i%64 == 63 { // one author does not fill cells to their ends
				clear(c.heard[0].cells)
			}
			c.receive(start, author, payload)
		}
		if c.refused > 0 {
			b.Fatal("refused")
		}
	})
}

// BenchmarkPublish is one summary of this node.
func BenchmarkPublish(b *testing.B) {
	forSizes(b, func(b *testing.B, cfg Config) {
		c, entropy := newTestCore(cfg), newSeeded(1)
		for b.Loop() {
			if c.publish(c.due(), entropy) == nil {
				b.Fatal("nothing")
			}
		}
	})
}

// BenchmarkServe counts one block that was served.
func BenchmarkServe(b *testing.B) {
	forSizes(b, func(b *testing.B, cfg Config) {
		c := newTestCore(cfg)
		cids := make([]messages.CID, 1024)
		for i := range cids {
			cids[i] = testCID(i)
		}
		for i := 0; b.Loop(); i++ {
			at := i % len(cids)
			c.serve(start, cids[at:at+1])
		}
	})
}

// BenchmarkEstimate is one block of an EstimateDemand, three windows heard.
func BenchmarkEstimate(b *testing.B) {
	forSizes(b, func(b *testing.B, cfg Config) {
		c, entropy, cid := newTestCore(cfg), newSeeded(1), testCID(1)
		for range 3 {
			c.serve(c.due(), []messages.CID{cid})
			c.publish(c.due(), entropy)
		}
		now := c.due()
		for b.Loop() {
			c.estimate(now, &cid)
		}
	})
}
