package cluster

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/messages/wire"
)

// What Topic.Check may say.
var (
	// errStale: it was all right once, or will be. Whoever passes it on may not
	// know better.
	errStale = errors.New("cluster: stale gossip")
	// errContent: no honest node passes it on.
	errContent = errors.New("cluster: malformed gossip")
)

// Topic is what may be gossiped about, and its rules. What breaks them is not
// passed on.
type Topic struct {
	Name string
	// BytesMax bounds a message.
	BytesMax int
	// Burst is how many messages an author may have spread at once, and Every
	// how long it takes until it may spread one more.
	Burst int
	Every time.Duration
	// Authors is how many authors that were not heard of before one neighbour may
	// bring at once, and AuthorEvery how long it takes until it may bring one
	// more; both over 0. Keys cost nothing: without it one that signs each message
	// with another key says as much as it likes.
	Authors     int
	AuthorEvery time.Duration
	// Check judges the content, as errStale or errContent; nil: anything goes.
	Check func(now time.Time, payload []byte) error
}

// Topics are what nodes gossip about.
func Topics() []Topic {
	return []Topic{{
		Name: messages.TopicPopularity, BytesMax: messages.GossipMax,
		Burst: 4, Every: time.Minute, Check: checkDemand,
		// When this node has just come, its neighbours bring it everybody: some of
		// them, 4,096 members. Later they bring those who join.
		Authors: 1024, AuthorEvery: 10 * time.Second,
	}}
}

// checkDemand admits summaries of this window and of those next to it.
func checkDemand(now time.Time, payload []byte) error {
	summary, err := wire.DecodeDemandSummary(payload)
	if err != nil {
		return fmt.Errorf("%w: %w", errContent, err)
	}
	window := uint64(summary.WindowSeconds)
	current := uint64(now.Unix()) / window
	if summary.Epoch+1 < current || summary.Epoch > current+1 {
		return errStale
	}
	return nil
}

// judge applies the rules of a topic; nil, errStale or errContent.
func (t *Topic) judge(now time.Time, author *rate.Limiter, payload []byte) error {
	if len(payload) > t.BytesMax {
		return errContent
	}
	if t.Check != nil {
		if err := t.Check(now, payload); err != nil {
			return err
		}
	}
	if !author.AllowN(now, 1) {
		return errStale // whoever passed it on may have heard less of its author
	}
	return nil
}
