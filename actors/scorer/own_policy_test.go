package scorer

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// What follows, up to the test, is shown in docs/simulation.md as an example
// of a policy of one's own.

// reliable takes the candidate that failed the least lately, and of those
// that failed as little the one that answers soonest.
type reliable struct{}

func (reliable) choose(c *core, nowNS int64, candidates []candidate) int {
	best, bestFailures, bestSeconds := 0, 0.0, 0.0
	for i, it := range candidates {
		failures, seconds := 0.0, c.expected(nowNS, it)
		if p := it.peer; p != nil {
			failures = p.failures * fading(nowNS-p.failureNS, c.cfg.PenaltyTau)
		}
		if i == 0 || failures < bestFailures ||
			failures == bestFailures && seconds < bestSeconds {
			best, bestFailures, bestSeconds = i, failures, seconds
		}
	}
	return best
}

// The policy of the example prefers who keeps answering to who is quick.
func TestOwnPolicy(t *testing.T) {
	c := newCore(DefaultConfig(), rand.New(rand.NewPCG(1, 1)))
	c.policy = reliable{}
	ids := nodeIDs(3)
	now := time.Unix(1e9, 0)
	choose := func() messages.NodeID {
		t.Helper()
		choices, err := c.choose(now, [][]messages.NodeID{ids}, false)
		if err != nil {
			t.Fatal(err)
		}
		return choices[0].Peer
	}
	tell := func(id messages.NodeID, outcome messages.Outcome, took time.Duration) {
		c.peers.touch(id)
		c.answered(now, messages.PeerAnswered{Peer: id, Outcome: outcome, Took: took, Load: -1})
	}

	tell(ids[0], messages.OutcomeServed, time.Second)
	tell(ids[1], messages.OutcomeServed, 10*time.Millisecond)
	tell(ids[2], messages.OutcomeServed, 2*time.Second)
	if got := choose(); got != ids[1] {
		t.Errorf("chose %v, want the quickest, %v", got, ids[1])
	}
	tell(ids[1], messages.OutcomeFailed, time.Second)
	if got := choose(); got != ids[0] {
		t.Errorf("chose %v, want the quickest that did not fail, %v", got, ids[0])
	}
}
