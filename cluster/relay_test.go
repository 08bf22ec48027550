package cluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// relayConfig is a node on loopback that looks after relays often.
func relayConfig(secret *NetworkSecret, listen ...string) Config {
	c := testConfig(testListen)
	c.Listen, c.Secret = listen, secret
	c.Bounds.RelayCheck = 20 * time.Millisecond
	return c
}

// newHidden is a node that listens nowhere, knows a relay, and echoes.
func newHidden(t *testing.T, through *Host) *Host {
	t.Helper()
	c := relayConfig(through.secret)
	c.Relayed, c.Bootstrap = Always, through.Addresses()
	hidden := newHost(t, c)
	var server port.Joined
	server = hidden.Join(func(msg any) {
		if m, ok := msg.(messages.PacketReceived); ok {
			server.Respond(m.Exchange, m.Packet)
		}
	})
	server.Handle(testProtocol)
	server.Handle(messages.ProtocolMember)
	connect(t, hidden, through)
	return hidden
}

// isRelayed reports whether all connections between two nodes lead through a
// relay, and there are some.
func isRelayed(a, b *Host) bool {
	connections := a.host.Network().ConnsToPeer(b.host.ID())
	for _, c := range connections {
		if isDirect(c.RemoteMultiaddr()) {
			return false
		}
	}
	return len(connections) > 0
}

func isReachedBy(h *Host, relay *Host) bool {
	return slices.ContainsFunc(h.Addresses(), func(address string) bool {
		return strings.Contains(address, relay.host.ID().String()+"/p2p-circuit")
	})
}

// Who listens nowhere is found by its ID, and asked, through a node that both
// know; in an open network, and in a private one.
func TestRelay(t *testing.T) {
	for name, secret := range map[string]*NetworkSecret{"Open": nil, "Private": {1, 2, 3}} {
		t.Run(name, func(t *testing.T) {
			c := relayConfig(secret, testListen)
			c.RelayOthers = Always
			relay := newHost(t, c)
			hidden := newHidden(t, relay)
			await(t, func() bool { return isReachedBy(hidden, relay) })
			c = relayConfig(secret, testListen)
			c.Bootstrap = relay.Addresses()
			asker, answers := newHost(t, c), &box{}
			connect(t, asker, relay)
			await(t, func() bool { // what each tells the next one takes a moment
				return asker.finder.own.RoutingTable().Find(relay.host.ID()) != "" &&
					len(relay.host.Peerstore().Addrs(hidden.host.ID())) > 0
			})
			block := make([]byte, DefaultBounds().BlockBytesMax)
			asking := asker.Join(answers.deliver)
			const requests = 20 // 2.5 MiB: more than libp2p's own bound of a circuit
			for i := range messages.Corr(requests) {
				asking.Request(i+1, hidden.Self(), testProtocol,
					messages.Packet{Blocks: [][]byte{block}}, time.Minute)
			}
			await(t, func() bool { return answers.count() == requests })
			for _, msg := range answers.take() {
				got := msg.(messages.RequestAnswered)
				if got.Err != nil || len(got.Packet.Blocks) != 1 {
					t.Fatalf("got %d blocks, %v", len(got.Packet.Blocks), got.Err)
				}
			}
			if !isRelayed(asker, hidden) {
				t.Error("they have a straight way: the test shows nothing")
			}
		})
	}
}

// A relay has no more places than its bounds say, and none for who is no node of
// NoiseFS; one that ends is left for another.
func TestRelaysAreBounded(t *testing.T) {
	c := relayConfig(nil, testListen)
	c.RelayOthers, c.Bounds.ReservationsMax = Always, 1
	relay := newHost(t, c)
	first := newHidden(t, relay)
	await(t, func() bool { return isReachedBy(first, relay) })
	second := newHidden(t, relay)
	other := relayConfig(nil)
	other.Relayed, other.Bootstrap = Always, relay.Addresses()
	stranger := newHost(t, other) // it speaks nothing
	connect(t, stranger, relay)

	c = relayConfig(nil, testListen)
	c.RelayOthers = Always
	next := newHost(t, c)
	for _, h := range []*Host{first, second, stranger} {
		connect(t, h, next)
	}
	await(t, func() bool { return isReachedBy(second, next) })
	if isReachedBy(second, relay) {
		t.Error("there was one place, and two have it")
	}
	if isReachedBy(stranger, relay) || isReachedBy(stranger, next) {
		t.Error("who is no node has a place")
	}
	await(t, func() bool { return isReachedBy(first, next) })
	if err := relay.host.Network().Close(); err != nil { // gone without a word
		t.Fatal(err)
	}
	await(t, func() bool { return !isReachedBy(first, relay) && isReachedBy(first, next) })
}

// What is found out about a node's addresses decides whether it is a relay, or
// is reached through one.
func TestRelaysByReach(t *testing.T) {
	h := newHost(t, relayConfig(nil, testListen))
	relays := func() bool {
		return slices.Contains(h.host.Mux().Protocols(), "/libp2p/circuit/relay/0.2.0/hop")
	}
	if relays() {
		t.Error("it is a relay, and nobody said that it can be dialled")
	}
	emitter, err := h.host.EventBus().Emitter(new(event.EvtHostReachableAddrsChanged))
	if err != nil {
		t.Fatal(err)
	}
	defer emitter.Close()
	one := []multiaddr.Multiaddr{multiaddr.StringCast("/ip4/192.0.2.7/tcp/4021")}
	for _, test := range []struct {
		event event.EvtHostReachableAddrsChanged
		want  bool
	}{
		{event.EvtHostReachableAddrsChanged{Reachable: one}, true},
		{event.EvtHostReachableAddrsChanged{Unreachable: one}, false},
		{event.EvtHostReachableAddrsChanged{Reachable: one}, true},
	} {
		if err := emitter.Emit(test.event); err != nil {
			t.Fatal(err)
		}
		await(t, func() bool { return relays() == test.want })
	}
}
