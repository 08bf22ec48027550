package cluster

import (
	"errors"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	dht "github.com/libp2p/go-libp2p-kad-dht"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

// publicServer is a server of the public DHT's protocol, which knows nothing of
// NoiseFS.
func publicServer(t *testing.T) (*dht.IpfsDHT, string) {
	t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableRelay(),
		libp2p.DisableMetrics())
	if err != nil {
		t.Fatal(err)
	}
	server, err := dht.New(h, dht.Mode(dht.ModeServer))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), h.Close()); err != nil {
			t.Error(err)
		}
	})
	return server, h.Addrs()[0].String() + "/p2p/" + h.ID().String()
}

// Two nodes that know nothing of each other but an ID meet through the public
// DHT when both want that, and not otherwise. They are its clients: no server
// takes them into its routing table.
func TestPublicDHT(t *testing.T) {
	server, address := publicServer(t)
	for _, test := range []struct {
		name   string
		public bool
		want   error
	}{{"On", true, nil}, {"Off", false, port.ErrUnreachable}} {
		t.Run(test.name, func(t *testing.T) {
			var hosts [2]*Host
			for i := range hosts {
				c := testConfig("/ip4/127.0.0.1/tcp/0")
				c.PublicDHT, c.PublicPeers = test.public, []string{address}
				hosts[i] = newHost(t, c)
			}
			seeker, sought := hosts[0], hosts[1]
			if test.public {
				await(t, func() bool {
					return len(server.Host().Peerstore().Addrs(peerOf(sought.Self()))) > 0 &&
						seeker.finder.public.RoutingTable().Size() > 0
				})
			}
			if err := askBy(t, seeker, sought); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			for _, h := range hosts {
				if server.RoutingTable().Find(peerOf(h.Self())) != "" {
					t.Error("a node is in the public DHT's routing table")
				}
			}
		})
	}
	c := testConfig("/ip4/127.0.0.1/tcp/0")
	c.Secret, c.PublicDHT = &NetworkSecret{1}, true
	if _, err := Start(c); !errors.Is(err, ErrConfig) {
		t.Errorf("a private network with the public DHT: %v", err)
	}
}

// askBy has one node ask the other something by its ID.
func askBy(t *testing.T, from, to *Host) error {
	t.Helper()
	var server port.Joined
	server = to.Join(func(msg any) {
		if m, ok := msg.(messages.PacketReceived); ok {
			server.Respond(m.Exchange, messages.Packet{})
		}
	})
	server.Handle(testProtocol)
	defer server.Close()
	answers := make(chan messages.RequestAnswered, 1)
	client := from.Join(func(msg any) { answers <- msg.(messages.RequestAnswered) })
	defer client.Close()
	client.Request(1, to.Self(), testProtocol, messages.Packet{}, 30*time.Second)
	return (<-answers).Err
}
