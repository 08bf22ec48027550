package cluster

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
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
	flooder, topic := newFlooder(t, good, rules.Name)
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

// newFlooder is a host of libp2p that publishes what it likes, to one node.
func newFlooder(t *testing.T, to *Host, name string) (host.Host, *pubsub.Topic) {
	t.Helper()
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
	topic, err := sub.Join(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topic.Subscribe(); err != nil { // and so it will have a mesh
		t.Fatal(err)
	}
	info, err := peer.AddrInfoFromP2pAddr(multiaddr.StringCast(to.Addresses()[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := flooder.Connect(ctx, *info); err != nil {
		t.Fatal(err)
	}
	return flooder, topic
}

// Keys cost nothing. A neighbour that signs each message with another one is
// heard as often as it may bring new authors; one that brings few is heard
// meanwhile, and so is who is known.
func TestGossipFloodOfAuthors(t *testing.T) {
	const messagesSent = 200
	c := testConfig(testListen)
	rules := c.Topics[0]
	good, honest := newHost(t, c), newHost(t, testConfig(testListen))
	connect(t, honest, good)
	heard := &box{}
	good.Join(heard.deliver).Subscribe(rules.Name)
	speaker := honest.Join(func(any) {})
	speaker.Subscribe(rules.Name)
	_, topic := newFlooder(t, good, rules.Name)
	for i := range messagesSent {
		key, _, err := crypto.GenerateEd25519Key(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		id, err := peer.IDFromPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		err = topic.Publish(t.Context(), fmt.Appendf(nil, "flood %d", i),
			pubsub.WithSecretKeyAndPeerId(key, id), pubsub.WithReadiness(pubsub.MinTopicSize(1)))
		if err != nil {
			t.Fatal(err)
		}
	}
	count := func() (flood, honestly int) {
		heard.mu.Lock()
		defer heard.mu.Unlock()
		for _, msg := range heard.heard {
			if m, ok := msg.(messages.GossipReceived); ok && m.Author == honest.Self() {
				honestly++
			} else if ok {
				flood++
			}
		}
		return flood, honestly
	}
	for i := 0; ; i++ { // the first ones may find no mesh
		if i == rules.Burst {
			t.Fatal("who does not flood is not heard")
		}
		speaker.Publish(rules.Name, fmt.Appendf(nil, "hello %d", i))
		end := time.Now().Add(rules.Every)
		await(t, func() bool {
			_, honestly := count()
			return honestly > 0 || time.Now().After(end)
		})
		if _, honestly := count(); honestly > 0 {
			break
		}
	}
	// It began before, and what it may say it has said.
	if flood, _ := count(); flood == 0 || flood > rules.Authors+1 {
		t.Errorf("%d authors of one neighbour were heard, want %d at most", flood, rules.Authors+1)
	}
}
