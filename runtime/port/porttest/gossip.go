package porttest

import (
	"testing"

	"github.com/noisefs/noisefs/messages"
)

const gossipTopic = "/noisefs/test/gossip/1"

// Gossip proves the contract of [port.Gossip]. A network of the harness must
// carry gossip between a handful of nodes at once.
func Gossip(t *testing.T, h NetHarness) {
	t.Run("ReachesSubscribersOnce", func(t *testing.T) { gossipReaches(t, h) })
	t.Run("EndsWithTheIncarnation", func(t *testing.T) { gossipEnds(t, h) })
}

// heardGossip waits for a gossip message.
func (e *netEnd) heardGossip(t *testing.T) messages.GossipReceived {
	t.Helper()
	msg := e.next(t)
	heard, ok := msg.(messages.GossipReceived)
	if !ok {
		t.Fatalf("got a %T, want gossip", msg)
	}
	return heard
}

func gossipReaches(t *testing.T, h NetHarness) {
	const said = 5
	ends := newNetEnds(t, h, 6)
	author, hearers, deaf := ends[0], ends[:5], ends[5]
	for _, e := range hearers {
		e.Gossip.Subscribe(gossipTopic)
		e.Gossip.Subscribe(gossipTopic) // twice is once
	}
	deaf.Gossip.Subscribe("/noisefs/test/other/1")
	author.Gossip.Publish(gossipTopic, make([]byte, messages.GossipMax+1))
	for i := range said {
		author.Gossip.Publish(gossipTopic, []byte{byte(i)})
	}
	for _, e := range hearers[1:] {
		heard := make(map[byte]bool)
		for range said {
			m := e.heardGossip(t)
			if m.Topic != gossipTopic || m.Author != author.id || len(m.Payload) != 1 {
				t.Fatalf("heard %d bytes of topic %s from %x", len(m.Payload), m.Topic, m.Author[:4])
			}
			heard[m.Payload[0]] = true
		}
		if len(heard) != said {
			t.Errorf("%d of %d messages: some came twice", len(heard), said)
		}
	}
	wantSilence(t, h, ends...)
	hearers[1].Gossip.Publish(gossipTopic, make([]byte, messages.GossipMax))
	if m := author.heardGossip(t); len(m.Payload) != messages.GossipMax {
		t.Errorf("the largest message has %d bytes", len(m.Payload))
	}
}

func gossipEnds(t *testing.T, h NetHarness) {
	ends := newNetEnds(t, h, 3)
	author, hearer, other := ends[0], ends[1], ends[2]
	hearer.Gossip.Subscribe(gossipTopic)
	other.Gossip.Subscribe(gossipTopic)
	next := hearer.again(t)
	author.Gossip.Publish(gossipTopic, []byte("one"))
	other.heardGossip(t)
	wantSilence(t, h, author, hearer, next, other)
	next.Gossip.Subscribe(gossipTopic)
	author.Gossip.Publish(gossipTopic, []byte("two"))
	if m := next.heardGossip(t); string(m.Payload) != "two" {
		t.Errorf("the next incarnation heard %q", m.Payload)
	}
}
