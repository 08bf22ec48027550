package network

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// ErrFull reports more nodes than Options.NodesMax.
var ErrFull = errors.New("network: too many nodes")

// Purposes of draws that belong to no packet.
const (
	hashStrides = iota + 1
	hashWeather
	hashGossip
	hashPreset
)

// Timers is the virtual time that a network runs in.
type Timers interface {
	// NowNS returns the time in nanoseconds.
	NowNS() int64
	// AtNS runs f when that time has come, not before AtNS has returned.
	AtNS(atNS int64, f func())
}

// Receiver is who gets packets. A packet is valid only during the call.
type Receiver interface {
	// Arrived hands over a packet at its receiver, which is up.
	Arrived(p *Packet)
	// Failed tells that a stream packet could not be sent: there is no way,
	// nobody answers, or too much is under way. What is lost later, as when
	// the receiver goes down, nobody tells.
	Failed(p *Packet)
}

// Peer is a node of a network: the count of those added before it.
type Peer int32

// Network is a simulated network. It is used by one goroutine.
type Network struct {
	options   Options
	timers    Timers
	receiver  Receiver
	peers     []peer
	protocols []messages.Protocol
	cuts      []cut
	strides   []Peer
	free      []*transit
}

// peer is what the network knows of a node.
type peer struct {
	link        Link
	up, down    pipe
	on          bool
	boot        uint32 // how often it was switched on
	slow        Slowness
	weather     weather
	numbering   numbering
	connections []connection // nil until the first
	counters    Counters
}

// New makes a network without nodes.
func New(o Options, timers Timers, receiver Receiver) (*Network, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.ensureDefaults()
	return &Network{
		options: o, timers: timers, receiver: receiver, strides: o.Topology.drawStrides(o.Seed),
	}, nil
}

// Options returns the options, with defaults filled in.
func (n *Network) Options() Options { return n.options }

// Add adds a node, which is off.
func (n *Network) Add(link Link) (Peer, error) {
	if len(n.peers) >= n.options.NodesMax {
		return 0, fmt.Errorf("%w: more than %d", ErrFull, n.options.NodesMax)
	}
	if err := link.validate(n.options.Latency.Places()); err != nil {
		return 0, err
	}
	p := Peer(len(n.peers))
	n.peers = append(n.peers, peer{
		link: link, up: pipe{bitsPerSecond: link.Up}, down: pipe{bitsPerSecond: link.Down},
		slow: Slowness{Factor: 1},
		// It begins with the end of a burst: the first state is good.
		weather: weather{draws: keyed(n.options.Seed, hashWeather, uint64(p)), bad: true},
	})
	return p, nil
}

// Len returns the number of nodes.
func (n *Network) Len() int { return len(n.peers) }

// Link returns how a node is connected.
func (n *Network) Link(p Peer) Link { return n.peers[p].link }

// Switch turns a node on or off. What waits at its links is lost with it.
func (n *Network) Switch(p Peer, on bool) {
	x := &n.peers[p]
	if on && !x.on {
		x.boot++
	}
	x.on = on
	for _, p := range [...]*pipe{&x.up, &x.down} {
		p.advance(n.timers.NowNS()) // what has left by now has left
		p.empty()
	}
	clear(x.connections)
}

// Slow makes a node slow, or with the zero value as it was.
func (n *Network) Slow(p Peer, s Slowness) {
	if !(s.Factor > 0) {
		s.Factor = 1
	}
	n.peers[p].slow = s
}

// Backlog returns how long a node's uplink will take for what waits at it.
func (n *Network) Backlog(p Peer) time.Duration {
	x := &n.peers[p]
	x.up.advance(n.timers.NowNS())
	return time.Duration(x.up.work(x.up.waiting[0]+x.up.waiting[1], x.slow.Factor))
}

// OneWay returns the least latency from one node to another.
func (n *Network) OneWay(from, to Peer) time.Duration {
	a, b := &n.peers[from], &n.peers[to]
	return n.options.Latency.OneWay(a.link.Place, b.link.Place) +
		a.link.Delay + b.link.Delay + a.slow.Delay + b.slow.Delay
}

// connectionsKept is how many connections a node keeps: between the marks of
// the connection manager of a home node and those of a hub. Each has one
// place it may be in; a newer one takes the place of an older.
const connectionsKept = 128

// connection is to a boot of a node. The zero value is none, since boots
// count from 1.
type connection struct {
	peer Peer
	boot uint32
}

// connect makes sure that two nodes are connected, and returns how many
// round trips that takes.
func (n *Network) connect(from, to Peer) int64 {
	if n.options.DialRounds == 0 {
		return 0
	}
	a, b := n.connectionOf(from, to), n.connectionOf(to, from)
	toWant := connection{to, n.peers[to].boot}
	fromWant := connection{from, n.peers[from].boot}
	if *a == toWant && *b == fromWant {
		return 0
	}
	*a, *b = toWant, fromWant
	return int64(n.options.DialRounds)
}

func (n *Network) connectionOf(p, other Peer) *connection {
	x := &n.peers[p]
	if x.connections == nil {
		x.connections = make([]connection, connectionsKept)
	}
	return &x.connections[splitmix(uint64(other))%connectionsKept]
}
