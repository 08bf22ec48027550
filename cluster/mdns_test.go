package cluster

import (
	"net"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// needMulticast skips where no network carries multicasts back to this machine.
func needMulticast(t *testing.T) {
	t.Helper()
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Skip(err)
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 && echoes(i) {
			return
		}
	}
	t.Skip("no network interface of this machine carries multicasts back to it")
}

// echoes reports whether what is sent to a group on an interface comes back. The
// group is that of mDNS, the port is not.
func echoes(i net.Interface) bool {
	group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 45353}
	in, err := net.ListenMulticastUDP("udp4", &i, group)
	if err != nil {
		return false
	}
	defer in.Close()
	out, err := net.DialUDP("udp4", nil, group)
	if err != nil {
		return false
	}
	defer out.Close()
	if _, err := out.Write([]byte("noisefs")); err != nil {
		return false
	}
	_ = in.SetReadDeadline(time.Now().Add(time.Second))
	n, _, err := in.ReadFromUDP(make([]byte, 16))
	return err == nil && n == len("noisefs")
}

// Two nodes of a local network that were told nothing find each other. Their
// addresses are of this machine alone; what tells of them is multicast.
func TestMDNS(t *testing.T) {
	needMulticast(t)
	var hosts [2]*Host
	var found [2]chan messages.NodeID
	for i := range hosts {
		c := testConfig("/ip4/127.0.0.1/tcp/0")
		c.MDNS = true
		hosts[i], found[i] = newHost(t, c), make(chan messages.NodeID, metMax)
		joined := hosts[i].Join(func(msg any) {
			if m, ok := msg.(messages.PeersFound); ok {
				for _, id := range m.IDs {
					found[i] <- id
				}
			}
		})
		joined.Handle(messages.ProtocolMember)
		t.Cleanup(joined.Close)
	}
	for i := range hosts {
		want := hosts[1-i].Self()
		for end := time.After(30 * time.Second); ; {
			select {
			case id := <-found[i]: // others of this network may be there, too
				if id == want {
					break
				}
				continue
			case <-end:
				t.Fatal("a node was not found by the other")
			}
			break
		}
		if addresses := hosts[i].host.Peerstore().Addrs(peerOf(want)); len(addresses) == 0 {
			t.Error("it is found, and its address is not known")
		}
	}
}
