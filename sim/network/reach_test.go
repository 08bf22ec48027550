package network_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/noisefs/noisefs/sim/network"
)

func TestTopologies(t *testing.T) {
	hub := network.Link{Hub: true}
	away := network.Link{Region: 1}
	awayHub := network.Link{Region: 1, Hub: true}
	hidden := network.Link{Undialable: true}
	links := []network.Link{hub, {}, awayHub, away, hidden, hidden}
	for _, test := range []struct {
		name     string
		topology network.Topology
		want     func(a, b network.Link) bool
	}{
		{"Full", network.Topology{}, func(a, b network.Link) bool { return true }},
		{"Regional", network.Topology{Kind: network.Regional}, func(a, b network.Link) bool {
			return a.Region == b.Region || a.Hub && b.Hub
		}},
		{"Hubs", network.Topology{Kind: network.Hubs}, func(a, b network.Link) bool {
			return a.Hub || b.Hub
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, network.Options{Topology: test.topology})
			p := w.add(links...)
			for i, a := range links {
				for j, b := range links {
					want := i != j && test.want(a, b) && !(a.Undialable && b.Undialable)
					if got := w.net.Connectable(p[i], p[j]); got != want {
						t.Errorf("%d and %d: got %v, want %v", i, j, got, want)
					}
				}
			}
		})
	}
}

func TestKRegular(t *testing.T) {
	for _, test := range []struct{ nodes, k int }{{5, 4}, {6, 4}, {100, 2}, {100, 8}, {101, 100}} {
		w := newWorld(t, network.Options{Seed: 3, Topology: network.Topology{
			Kind: network.KRegular, K: test.k, Nodes: test.nodes,
		}})
		p := w.add(make([]network.Link, test.nodes+1)...)
		near := func(a network.Peer) (to []network.Peer) {
			for _, b := range p {
				if w.net.Connectable(a, b) != w.net.Connectable(b, a) {
					t.Fatalf("%d and %d do not agree", a, b)
				}
				if w.net.Connectable(a, b) {
					to = append(to, b)
				}
			}
			return to
		}
		seen := map[network.Peer]bool{0: true}
		for queue := []network.Peer{0}; len(queue) > 0; queue = queue[1:] {
			to := near(queue[0])
			if len(to) != test.k {
				t.Fatalf("%d of %d nodes: degree %d, want %d", queue[0], test.nodes, len(to), test.k)
			}
			for _, b := range to {
				if !seen[b] {
					seen[b] = true
					queue = append(queue, b)
				}
			}
		}
		if len(seen) != test.nodes {
			t.Errorf("%d-regular: %d of %d nodes are connected", test.k, len(seen), test.nodes)
		}
		if to := near(p[test.nodes]); len(to) > 0 {
			t.Errorf("a node beyond those declared connects to %v", to)
		}
	}
}

func TestUndialableNodesFailAfterADial(t *testing.T) {
	w := newWorld(t, network.Options{DialTimeout: 2 * time.Second})
	p := w.add(network.Link{Undialable: true}, network.Link{Undialable: true}, network.Link{})
	w.net.Send(stream(p[0], p[1], 0))
	w.net.Send(datagram(p[0], p[1], 0))
	w.net.Send(stream(p[0], p[2], 0))
	w.net.Send(stream(p[2], p[1], 0))
	w.run(time.Minute)
	if len(w.heard) != 3 || !w.heard[2].failed || w.heard[2].at != 2*time.Second ||
		w.heard[0].failed || w.heard[1].failed {
		t.Errorf("got %+v", w.heard)
	}
}

func TestValidate(t *testing.T) {
	for _, o := range []network.Options{
		{Loss: -0.1},
		{Loss: 1.1},
		{Loss: math.NaN()},
		{Duplicate: 2},
		{Reorder: -1},
		{Jitter: -1},
		{Jitter: math.Inf(1)},
		{Scale: -1},
		{QueueBytes: -1},
		{StreamBytes: -1},
		{DialTimeout: -1},
		{DialRounds: -1},
		{GossipDegree: -1},
		{GossipDegree: 1},
		{GossipCopies: -1},
		{NodesMax: -1},
		{ReorderDelay: -1},
		{Topology: network.Topology{Kind: 9}},
		{Topology: network.Topology{Kind: network.KRegular, K: 3, Nodes: 10}},
		{Topology: network.Topology{Kind: network.KRegular, K: 4, Nodes: 4}},
		{Topology: network.Topology{Kind: network.KRegular, Nodes: 4}},
	} {
		if _, err := network.New(o, nil, nil); !errors.Is(err, network.ErrOptions) {
			t.Errorf("%+v: got %v, want ErrOptions", o, err)
		}
	}
}

func TestGossipArrival(t *testing.T) {
	w := newWorld(t, network.Options{Seed: 1, Latency: matrixOf(t, []float64{100})})
	const nodes = 1000
	p := w.add(make([]network.Link, nodes)...)
	hops := map[time.Duration]int{}
	for _, to := range p[1:] {
		atNS, ok := w.net.GossipArrival(p[0], to, nodes, 1)
		if !ok {
			t.Fatalf("gossip does not reach %d", to)
		}
		hops[time.Duration(atNS)/(50*time.Millisecond)]++
	}
	// 6, 30, 150 and 750 nodes are that many hops away, and 63 are left.
	for hop, want := range map[time.Duration]int{1: 6, 2: 30, 3: 150, 4: 750, 5: 63} {
		if got := hops[hop]; math.Abs(float64(got-want)) > 5*math.Sqrt(float64(want)) {
			t.Errorf("%d nodes are %d hops away, want about %d", got, hop, want)
		}
	}
	reached := func() (n int) {
		for _, to := range p[1:] {
			if _, ok := w.net.GossipArrival(p[0], to, nodes, 2); ok {
				n++
			}
		}
		return n
	}
	w.net.Cut("half", p[:nodes/2], nil, false)
	if got := reached(); got != nodes/2-1 {
		t.Errorf("cut in halves, it reaches %d others", got)
	}
	w.net.Cut("half", p[:1], p[1:2], false)
	if got := reached(); got != nodes-1 {
		t.Errorf("with one way cut, it reaches %d others", got)
	}
	w.net.Switch(p[7], false)
	if got := reached(); got != nodes-2 {
		t.Errorf("with one node off, it reaches %d others", got)
	}
}

func TestGossipIsBilled(t *testing.T) {
	w := newWorld(t, network.Options{})
	p := w.add(network.Link{Up: 1e6, Down: 1e6}, network.Link{})
	w.net.BillGossip(p[0], 8192)
	c := w.net.Counters(p[0])
	want := network.Tally{Packets: 4, HeadBytes: 4 * 8192, OverheadBytes: 4 * (30 + 6*52)}
	if c.GossipReceived != want || c.GossipSent != want {
		t.Errorf("received %+v, sent %+v, want %+v", c.GossipReceived, c.GossipSent, want)
	}
	// It takes its share of the link: 34 KB at 1 Mbit/s and half of it for
	// each are 0.54 s.
	w.net.Send(stream(p[0], p[1], blockBytes/4))
	w.run(time.Minute)
	if at := w.heard[0].at; at < 500*time.Millisecond || at > 580*time.Millisecond {
		t.Errorf("a packet beside it took %s", at)
	}
}
