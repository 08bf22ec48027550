package sim

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/sim/network"
)

// Bounds of the exchanges of a node, per boot.
const (
	// ExchangesMaxDefault bounds the requests of others that await a
	// response: 16 blocks each of 64 peers.
	ExchangesMaxDefault = 1024
	// requestsMax bounds a node's own requests under way; more are answered
	// with port.ErrUnreachable at once.
	requestsMax = 8192
)

// ErrNodeID reports two nodes with one ID.
var ErrNodeID = errors.New("sim: another node has that ID")

// wire connects the nodes of a world by its network.
type wire struct {
	world   *World
	network *network.Network
	group   timerGroup // what is under way: outlives the nodes it is between
	nodes   []*Node    // by network.Peer
	peers   map[messages.NodeID]network.Peer
	topics  []*topic
	gossips uint64 // messages published
}

var (
	_ network.Timers   = (*wire)(nil)
	_ network.Receiver = (*wire)(nil)
)

func newWire(w *World, o network.Options) *wire {
	o.Seed = w.options.Seed
	x := &wire{world: w, peers: make(map[messages.NodeID]network.Peer)}
	net, err := network.New(o, x, x)
	if err != nil {
		panic(err) // see Options.Network
	}
	x.network = net
	return x
}

// Network returns what lies between the nodes, to part and slow them and to
// read its counters; nil in a world without a network.
func (w *World) Network() *network.Network {
	if w.wire == nil {
		return nil
	}
	return w.wire.network
}

// add gives a node its place.
func (x *wire) add(n *Node) error {
	if n.config.ID == (messages.NodeID{}) {
		n.config.ID = sha256.Sum256([]byte("node of a simulation " + n.config.Name))
	}
	if n.config.ExchangesMax == 0 {
		n.config.ExchangesMax = ExchangesMaxDefault
	}
	if _, taken := x.peers[n.config.ID]; taken {
		return ErrNodeID
	}
	peer, err := x.network.Add(n.config.Link)
	if err != nil {
		return err
	}
	n.peer = peer
	x.peers[n.config.ID] = peer
	x.nodes = append(x.nodes, n)
	return nil
}

// boot connects a node that starts.
func (x *wire) boot(n *Node, group *timerGroup) *netBoot {
	x.network.Switch(n.peer, true)
	return &netBoot{wire: x, node: n, group: group}
}

// NowNS implements [network.Timers].
func (x *wire) NowNS() int64 { return x.world.loop.nowNS }

// AtNS implements [network.Timers].
func (x *wire) AtNS(atNS int64, f func()) {
	x.world.loop.after(time.Duration(atNS-x.world.loop.nowNS), &x.group, f)
}

// parcel is what goes over the wire.
type parcel struct {
	kind     parcelKind
	packet   messages.Packet
	exchange *exchange // nil for a datagram
}

type parcelKind uint8

const (
	datagram parcelKind = iota
	request
	response
	reset // of an exchange that will have no response
)

// send copies a packet's head, so that nodes share nothing but blocks, and
// sends it.
func (x *wire) send(from, to network.Peer, protocol messages.Protocol, p parcel) {
	size := 0
	for _, block := range p.packet.Blocks {
		size += len(block)
	}
	p.packet.Head = bytes.Clone(p.packet.Head)
	p.packet.Blocks = slices.Clone(p.packet.Blocks)
	x.network.Send(network.Packet{
		From: from, To: to, Protocol: protocol, Stream: p.kind != datagram,
		Head: len(p.packet.Head), Blocks: size, Body: &p,
	})
}

// Arrived implements [network.Receiver].
func (x *wire) Arrived(p *network.Packet) {
	parcel := p.Body.(*parcel)
	e := parcel.exchange
	switch parcel.kind {
	case datagram:
		if handler := x.nodes[p.To].ports.net.handler(p.Protocol); handler != nil {
			handler.answer(messages.PacketReceived{
				From: x.nodes[p.From].config.ID, Protocol: p.Protocol, Packet: parcel.packet,
			})
		}
	case request:
		if e.ended() {
			return // the asker has reset the stream meanwhile
		}
		boot := x.nodes[p.To].ports.net
		handler := boot.handler(p.Protocol)
		if handler == nil || !boot.serve(e, handler) {
			x.send(p.To, p.From, p.Protocol, parcelOf(reset, e))
			return
		}
		handler.answer(messages.PacketReceived{
			From: x.nodes[p.From].config.ID, Protocol: p.Protocol, Packet: parcel.packet,
			Exchange: e.number,
		})
	case response:
		e.end(parcel.packet, nil)
	case reset:
		e.end(messages.Packet{}, port.ErrUnreachable)
	}
}

func parcelOf(kind parcelKind, e *exchange) parcel { return parcel{kind: kind, exchange: e} }

// Failed implements [network.Receiver]. A response that finds no way back
// leaves the asker to its timeout.
func (x *wire) Failed(p *network.Packet) {
	if parcel := p.Body.(*parcel); parcel.kind == request {
		parcel.exchange.end(messages.Packet{}, port.ErrUnreachable)
	}
}

// netBoot is a node's side of the network, for one boot.
type netBoot struct {
	wire     *wire
	node     *Node
	group    *timerGroup
	handlers []handler
	asked    []*exchange // own requests under way, in no order
	served   []*exchange // requests of others that await a response; nil: free
	free     []int       // of served
	serial   uint64
	expiry   *timer // for the first deadline of what was asked, or before
	expiryNS int64
	ended    bool
}

type handler struct {
	protocol messages.Protocol
	port     *netPort
}

func (b *netBoot) handler(protocol messages.Protocol) *netPort {
	if b == nil {
		return nil
	}
	for i := range b.handlers {
		if b.handlers[i].protocol == protocol {
			return b.handlers[i].port
		}
	}
	return nil
}

// off ends the boot as a power cut does: nobody is told.
func (b *netBoot) off() {
	b.ended = true
	for _, e := range slices.Clone(b.asked) {
		e.forget()
	}
	for _, e := range b.served {
		if e != nil {
			e.server = nil
		}
	}
	b.served, b.handlers = nil, nil
	b.wire.unsubscribe(func(p *netPort) bool { return p.boot == b })
	b.wire.network.Switch(b.node.peer, false)
}

// expire answers the requests whose time is over.
func (b *netBoot) expire() {
	b.expiry = nil
	now := b.wire.NowNS()
	var late []*exchange
	for _, e := range b.asked {
		if e.deadlineNS <= now {
			late = append(late, e)
		}
	}
	for _, e := range late {
		e.end(messages.Packet{}, e.late)
	}
	if len(b.asked) > 0 {
		first := slices.MinFunc(b.asked, func(a, c *exchange) int {
			return int(a.deadlineNS - c.deadlineNS)
		})
		b.expireAt(first.deadlineNS)
	}
}

// expireAt makes sure that expire runs at that time.
func (b *netBoot) expireAt(atNS int64) {
	if b.expiry != nil {
		if b.expiryNS <= atNS {
			return
		}
		b.wire.world.loop.stop(b.expiry)
	}
	wait := time.Duration(atNS - b.wire.NowNS())
	b.expiry, b.expiryNS = b.wire.world.loop.after(wait, b.group, b.expire), atNS
}
