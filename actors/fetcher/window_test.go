package fetcher

import (
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Whoever is far from everybody, and slow to send, gets all answers late
// although its link is empty. The window closes, and yet leaves enough that
// some reads at a time are answered.
func TestWindowOfAFarNode(t *testing.T) {
	cfg := DefaultConfig()
	cfg.HedgeShare = 0
	blocks := newBlocks(160)
	h := newHouse(t, cfg, newView(40), 1)
	h.scorer = func(want []messages.NodeID) (messages.PeerChoice, bool) {
		return messages.PeerChoice{
			Peer: want[0], HedgeAfter: 5 * time.Second, Timeout: 15 * time.Second,
		}, true
	}
	h.peer = func(_ messages.NodeID, cid messages.CID) reply {
		return served(4*time.Second, blocks...)(cid)
	}
	for at := 0; at < 160; at += 40 {
		h.fetch(messages.UrgencyNow, blocks[at:at+40]...)
		h.settle()
	}
	if failed := h.core.stats.BlocksFailed; failed > 0 {
		t.Errorf("%d blocks failed", failed)
	}
}
