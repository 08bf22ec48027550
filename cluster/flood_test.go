package cluster

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/messages"
)

// Of a flood of gossip as much is heard, and passed on, as its author may say;
// what others say meanwhile is heard.
func TestGossipFlood(t *testing.T) {
	const messagesSent = 500
	c := testConfig(testListen)
	rules := c.Topics[0]
	good, honest, behind := newHost(t, c), newHost(t, testConfig(testListen)), newHost(t, testConfig(testListen))
	connect(t, honest, good)
	connect(t, behind, good)
	heard, passedOn := &box{}, &box{}
	good.Join(heard.deliver).Subscribe(rules.Name)
	behind.Join(passedOn.deliver).Subscribe(rules.Name)
	speaker := honest.Join(func(any) {})
	speaker.Subscribe(rules.Name)

	ctx := t.Context()
	flooder, err := libp2p.New(libp2p.NoListenAddrs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flooder.Close(); err != nil {
			t.Error(err)
		}
	})
	sub, err := pubsub.NewGossipSub(ctx, flooder, pubsub.WithFloodPublish(true))
	if err != nil {
		t.Fatal(err)
	}
	topic, err := sub.Join(rules.Name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topic.Subscribe(); err != nil { // and so it will have a mesh
		t.Fatal(err)
	}
	info, err := peer.AddrInfoFromP2pAddr(multiaddr.StringCast(good.Addresses()[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := flooder.Connect(ctx, *info); err != nil {
		t.Fatal(err)
	}
	author, err := nodeOf(flooder.ID())
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for i := range messagesSent {
		err := topic.Publish(ctx, fmt.Appendf(nil, "flood %d", i),
			pubsub.WithReadiness(pubsub.MinTopicSize(1)))
		if err != nil {
			t.Fatal(err)
		}
	}
	count := func(b *box, from messages.NodeID) int {
		b.mu.Lock()
		defer b.mu.Unlock()
		n := 0
		for _, msg := range b.heard {
			if m, ok := msg.(messages.GossipReceived); ok && m.Author == from {
				n++
			}
		}
		return n
	}
	await(t, func() bool { return count(heard, author) > 0 })
	for i := 0; count(heard, honest.Self()) == 0; i++ { // the first ones may find no mesh
		speaker.Publish(rules.Name, fmt.Appendf(nil, "hello %d", i))
		pause, cancel := context.WithTimeout(ctx, rules.Every)
		await(t, func() bool { return count(heard, honest.Self()) > 0 || pause.Err() != nil })
		cancel()
		if i == rules.Burst {
			t.Fatal("who does not flood is not heard")
		}
	}
	most := rules.Burst + int(time.Since(begin)/rules.Every) + 1
	if n := count(heard, author); n > most {
		t.Errorf("%d messages of the flood were heard, want %d at most", n, most)
	}
	if n := count(passedOn, author); n > most {
		t.Errorf("%d messages of the flood were passed on, want %d at most", n, most)
	}
}
