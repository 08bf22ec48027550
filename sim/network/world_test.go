package network_test

import (
	"container/heap"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/sim/network"
)

const testProtocol messages.Protocol = "/noisefs/test/1"

// blockBytes is what a block is billed as, without its overhead.
const blockBytes = 128 << 10

// arrival is a packet that came, or failed.
type arrival struct {
	network.Packet
	at     time.Duration
	failed bool
}

// world runs a network by itself.
type world struct {
	tb  testing.TB
	net *network.Network
	now int64
	due dues
	seq int
	// heard is what came, in order; hear replaces the noting of it.
	heard []arrival
	hear  func(arrival)
}

func newWorld(tb testing.TB, o network.Options) *world {
	tb.Helper()
	w := &world{tb: tb}
	w.hear = func(a arrival) { w.heard = append(w.heard, a) }
	net, err := network.New(o, w, w)
	if err != nil {
		tb.Fatal(err)
	}
	w.net = net
	return w
}

// add adds nodes that are on.
func (w *world) add(links ...network.Link) []network.Peer {
	w.tb.Helper()
	var peers []network.Peer
	for _, link := range links {
		p, err := w.net.Add(link)
		if err != nil {
			w.tb.Fatal(err)
		}
		w.net.Switch(p, true)
		peers = append(peers, p)
	}
	return peers
}

// NowNS implements network.Timers.
func (w *world) NowNS() int64 { return w.now }

// AtNS implements network.Timers.
func (w *world) AtNS(atNS int64, f func()) {
	if atNS < w.now {
		w.tb.Fatalf("a timer for %d, and it is %d", atNS, w.now)
	}
	w.seq++
	heap.Push(&w.due, due{atNS, w.seq, f})
}

// Arrived implements network.Receiver.
func (w *world) Arrived(p *network.Packet) { w.hear(arrival{*p, time.Duration(w.now), false}) }

// Failed implements network.Receiver.
func (w *world) Failed(p *network.Packet) { w.hear(arrival{*p, time.Duration(w.now), true}) }

// run runs until nothing is under way, or the time is over.
func (w *world) run(limit time.Duration) {
	until := w.now + int64(limit)
	for len(w.due) > 0 && w.due[0].atNS <= until {
		next := heap.Pop(&w.due).(due)
		w.now = next.atNS
		next.run()
	}
	w.now = until
}

// at runs f at a time from now.
func (w *world) at(d time.Duration, f func()) { w.AtNS(w.now+int64(d), f) }

func datagram(from, to network.Peer, head int) network.Packet {
	return network.Packet{From: from, To: to, Protocol: testProtocol, Head: head}
}

func stream(from, to network.Peer, blocks int) network.Packet {
	return network.Packet{
		From: from, To: to, Protocol: testProtocol, Head: 20, Blocks: blocks, Stream: true,
	}
}

// count returns how many of the packets between two nodes have come.
func (w *world) count(from, to network.Peer) int {
	n := 0
	for _, a := range w.heard {
		if a.From == from && a.To == to && !a.failed {
			n++
		}
	}
	return n
}

type due struct {
	atNS int64
	seq  int
	run  func()
}

type dues []due

func (d dues) Len() int { return len(d) }
func (d dues) Less(i, j int) bool {
	return d[i].atNS < d[j].atNS || d[i].atNS == d[j].atNS && d[i].seq < d[j].seq
}
func (d dues) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *dues) Push(x any)   { *d = append(*d, x.(due)) }
func (d *dues) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// matrixOf makes a matrix of round trips, or fails the test.
func matrixOf(tb testing.TB, roundTripsMS ...[]float64) *network.Matrix {
	tb.Helper()
	m, err := network.NewMatrix(roundTripsMS)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}
