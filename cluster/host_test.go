package cluster

import (
	"context"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// A node's ID is its public key, and its text that of its peer ID.
func TestIdentity(t *testing.T) {
	seed := messages.Secret{1, 2, 3}
	key, err := keyOf(&seed)
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	node, err := nodeOf(id)
	if err != nil {
		t.Fatal(err)
	}
	want := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
	if node != messages.NodeID(want) || peerOf(node) != id || node.String() != id.String() {
		t.Errorf("%s is the node %s", id, node)
	}
	var again messages.NodeID
	if err := again.UnmarshalText([]byte(id.String())); err != nil || again != node {
		t.Errorf("read %s, %v", again, err)
	}
	other, _, err := crypto.GenerateKeyPair(crypto.Secp256k1, 0)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := peer.IDFromPrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nodeOf(foreign); !errors.Is(err, ErrNotNode) {
		t.Errorf("got %v of a key of another kind, want ErrNotNode", err)
	}
	if err := again.UnmarshalText([]byte(foreign.String())); !errors.Is(err, messages.ErrBadNodeID) {
		t.Errorf("got %v, want ErrBadNodeID", err)
	}
}

func TestBadConfigurations(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"NoListen":      func(c *Config) { c.Listen = nil },
		"ListenText":    func(c *Config) { c.Listen = []string{"localhost:4001"} },
		"ListenUDP":     func(c *Config) { c.Listen = []string{"/ip4/127.0.0.1/udp/0"} },
		"BootstrapNoID": func(c *Config) { c.Bootstrap = []string{"/ip4/127.0.0.1/tcp/4001"} },
		"Connections":   func(c *Config) { c.Bounds.ConnectionsLow = 1000 },
		"OneStream":     func(c *Config) { c.Bounds.StreamsPerPeer = 1 },
		"LittleMemory":  func(c *Config) { c.Bounds.InboundBytesPerPeer = 1 << 20 },
	} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(testListen)
			spoil(&c)
			h, err := Start(c)
			if err == nil {
				_ = h.Close()
				t.Fatal("it started")
			}
			if !errors.Is(err, ErrConfig) && !errors.Is(err, ErrAddress) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Of a node that it has only heard of, a node finds the address by asking
// those that it knows.
func TestNodesAreFoundThroughOthers(t *testing.T) {
	first := newHost(t, testConfig(testListen))
	join := func() *Host {
		c := testConfig(testListen)
		c.Bootstrap = first.Addresses()
		h := newHost(t, c)
		if len(h.Seeds()) != 1 || h.Seeds()[0] != first.Self() {
			t.Fatalf("the seeds are %v", h.Seeds())
		}
		h.Join(func(any) {}).Request(1, first.Self(), testProtocol, messages.Packet{}, time.Minute)
		await(t, func() bool { return len(h.Peers()) >= 1 }) // the DHT may have found the other one
		return h
	}
	second, third := join(), join()
	heard, answers := &box{}, &box{}
	second.Join(heard.deliver).Handle(testProtocol)
	asker := third.Join(answers.deliver)
	for corr := messages.Corr(1); heard.count() == 0; corr++ {
		// Until the others have told each other who they are, it is not found.
		asker.Request(corr, second.Self(), testProtocol, messages.Packet{}, time.Second)
		await(t, func() bool { return heard.count() > 0 || answers.count() >= int(corr) })
		if corr > 30 {
			t.Fatal("it is not found")
		}
	}
}

// What discovery meets before there is a membership is told when there is.
func TestDiscoveryIsTold(t *testing.T) {
	a, b := newHost(t, testConfig(testListen)), newHost(t, testConfig(testListen))
	connect(t, a, b)
	heard := &box{}
	a.Join(heard.deliver).Handle(messages.ProtocolMember)
	await(t, func() bool { return heard.count() == 1 })
	found, ok := heard.take()[0].(messages.PeersFound)
	if !ok || len(found.IDs) != 1 || found.IDs[0] != b.Self() {
		t.Errorf("heard %#v", found)
	}
	if _, err := a.Connect(context.Background(), a.Addresses()[0]); !errors.Is(err, ErrAddress) {
		t.Errorf("got %v of connecting with itself", err)
	}
	gone := "/ip4/127.0.0.1/tcp/1/p2p/" + messages.NodeID{1}.String()
	if _, err := a.Connect(context.Background(), gone); !errors.Is(err, port.ErrUnreachable) {
		t.Errorf("got %v of connecting with nobody", err)
	}
}

func TestTCPIsTriedFirst(t *testing.T) {
	var all []multiaddr.Multiaddr
	for _, text := range []string{
		"/ip4/192.0.2.1/udp/4001/quic-v1", "/ip4/192.0.2.1/tcp/4001",
		"/ip4/10.0.0.1/udp/4001/quic-v1", "/ip4/10.0.0.1/tcp/4001",
	} {
		all = append(all, multiaddr.StringCast(text))
	}
	delays := map[string]time.Duration{}
	for _, next := range tcpFirst(all) {
		delays[next.Addr.String()] = next.Delay
	}
	if len(delays) != len(all) {
		t.Fatalf("%d addresses of %d", len(delays), len(all))
	}
	for _, address := range []string{"/ip4/192.0.2.1", "/ip4/10.0.0.1"} {
		if delays[address+"/tcp/4001"] >= delays[address+"/udp/4001/quic-v1"] {
			t.Errorf("%s: TCP after %s, QUIC after %s", address,
				delays[address+"/tcp/4001"], delays[address+"/udp/4001/quic-v1"])
		}
	}
	if ranked := tcpFirst(all[:1]); len(ranked) != 1 || ranked[0].Delay != 0 {
		t.Errorf("QUIC alone is ranked %v", ranked)
	}
}

// Two nodes with both transports end up on TCP.
func TestNodesMeetOverTCP(t *testing.T) {
	c := testConfig(testListen)
	c.Listen = append(c.Listen, "/ip4/127.0.0.1/udp/0/quic-v1")
	a := newHost(t, c)
	c.Seed[0]++
	c.Bootstrap = a.Addresses()
	b := newHost(t, c)
	b.Join(func(any) {}).Send(a.Self(), testProtocol, messages.Packet{})
	await(t, func() bool {
		return b.host.Network().Connectedness(a.host.ID()) == network.Connected
	})
	address := b.host.Network().ConnsToPeer(a.host.ID())[0].RemoteMultiaddr()
	if _, err := address.ValueForProtocol(multiaddr.P_TCP); err != nil {
		t.Errorf("they met over %s", address)
	}
}
