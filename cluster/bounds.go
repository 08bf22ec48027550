package cluster

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("cluster: bad configuration")

// Bounds says how much there is of everything. Zero fields take defaults.
type Bounds struct {
	// BlockBytesMax bounds a block of a packet.
	BlockBytesMax int
	// RequestsMax bounds this node's own requests under way; one more is
	// answered with port.ErrUnreachable at once.
	RequestsMax int
	// LanesMax bounds the streams that this node has open to others, or is
	// opening, for what it has to say; each is of one peer and protocol, and
	// costs two goroutines.
	LanesMax int
	// ExchangesMax bounds the requests of others that await a response here;
	// one more is refused. ExchangesPerPeer bounds those of one peer among them,
	// and ExchangesPerStream those of one stream, which is not read from until
	// there are fewer.
	ExchangesMax, ExchangesPerPeer, ExchangesPerStream int
	// StreamsPerPeer bounds the streams of one protocol that one peer may have
	// open here. It needs one, and another while the first one ends.
	StreamsPerPeer int
	// InboundBytesPerPeer bounds the bytes of requests that one peer may have
	// under way here. At least the largest packet.
	InboundBytesPerPeer int64
	// SendsPerSecond bounds the packets that want no answer, of one stream; more
	// are dropped.
	SendsPerSecond int
	// QueueFramesMax and QueueBytesMax bound what waits to be written to one
	// stream. What has no room is lost, or refused; no more requests are read
	// from a stream when half of the bytes are taken.
	QueueFramesMax, QueueBytesMax int
	// ResponseBytesMax bounds what waits to be written to all streams when a
	// response is added to it, and ResponseBytesPerPeer what waits for one peer;
	// one more is refused.
	ResponseBytesMax, ResponseBytesPerPeer int
	// DialTimeout bounds how long it may take to find a peer, to connect, and to
	// open a stream.
	DialTimeout time.Duration
	// FrameTimeout bounds how long one frame may take to be written or read.
	FrameTimeout time.Duration
	// IdleTimeout is when a lane ends that nothing is under way on. The other
	// side waits for twice as long.
	IdleTimeout time.Duration
	// ConnectionsLow and ConnectionsHigh: when there are more connections than
	// the latter, the least useful are closed until there are as many as the
	// former.
	ConnectionsLow, ConnectionsHigh int
	// RelaysMax bounds the relays that this node is reached through, when it
	// cannot be dialled; RelayCheck is how often they are looked after.
	RelaysMax  int
	RelayCheck time.Duration
	// ReservationsMax bounds the nodes that are reached through this one, and
	// CircuitsPerPeer the connections through it that one peer may be an end of.
	// Each of them ends after CircuitTime, or CircuitBytesMax in one direction.
	// UpMax and DownMax do not bound them.
	ReservationsMax, CircuitsPerPeer int
	CircuitBytesMax                  int64
	CircuitTime                      time.Duration
	// UpMax and DownMax bound the bytes per second that go to others and come
	// from them over our own protocols, PeerUpMax and PeerDownMax those of one
	// peer; 0: no bound, otherwise RateMin or more.
	UpMax, DownMax, PeerUpMax, PeerDownMax int64
}

// RateMin is the least that traffic may be bounded to, in bytes per second:
// a block must come through before its reader gives up.
const RateMin = 32 << 10

// DefaultBounds suit a node at home.
func DefaultBounds() Bounds {
	return Bounds{
		BlockBytesMax: format.Production().BlockSize,
		RequestsMax:   8192, LanesMax: 1024,
		ExchangesMax: 4096, ExchangesPerPeer: 128, ExchangesPerStream: 64, StreamsPerPeer: 4,
		InboundBytesPerPeer: 16 << 20, SendsPerSecond: 256,
		QueueFramesMax: 1024, QueueBytesMax: 16 << 20, ResponseBytesMax: 128 << 20,
		ResponseBytesPerPeer: 16 << 20,
		DialTimeout:          10 * time.Second, FrameTimeout: 30 * time.Second, IdleTimeout: time.Minute,
		ConnectionsLow: 64, ConnectionsHigh: 128,
		RelaysMax: 2, RelayCheck: 10 * time.Second,
		ReservationsMax: 64, CircuitsPerPeer: 16,
		CircuitBytesMax: defaultCircuitBytes, CircuitTime: defaultCircuitTime,
	}
}

// withDefaults fills in what is zero.
func (b Bounds) withDefaults() Bounds {
	d := DefaultBounds()
	for _, number := range []struct{ value, fallback *int }{
		{&b.BlockBytesMax, &d.BlockBytesMax},
		{&b.RequestsMax, &d.RequestsMax},
		{&b.LanesMax, &d.LanesMax},
		{&b.ExchangesMax, &d.ExchangesMax},
		{&b.ExchangesPerPeer, &d.ExchangesPerPeer},
		{&b.ExchangesPerStream, &d.ExchangesPerStream},
		{&b.StreamsPerPeer, &d.StreamsPerPeer},
		{&b.SendsPerSecond, &d.SendsPerSecond},
		{&b.QueueFramesMax, &d.QueueFramesMax},
		{&b.QueueBytesMax, &d.QueueBytesMax},
		{&b.ResponseBytesMax, &d.ResponseBytesMax},
		{&b.ResponseBytesPerPeer, &d.ResponseBytesPerPeer},
		{&b.ConnectionsLow, &d.ConnectionsLow},
		{&b.ConnectionsHigh, &d.ConnectionsHigh},
		{&b.RelaysMax, &d.RelaysMax},
		{&b.ReservationsMax, &d.ReservationsMax},
		{&b.CircuitsPerPeer, &d.CircuitsPerPeer},
	} {
		if *number.value == 0 {
			*number.value = *number.fallback
		}
	}
	for _, span := range []struct{ value, fallback *time.Duration }{
		{&b.DialTimeout, &d.DialTimeout},
		{&b.FrameTimeout, &d.FrameTimeout},
		{&b.IdleTimeout, &d.IdleTimeout},
		{&b.RelayCheck, &d.RelayCheck},
		{&b.CircuitTime, &d.CircuitTime},
	} {
		if *span.value == 0 {
			*span.value = *span.fallback
		}
	}
	if b.InboundBytesPerPeer == 0 {
		b.InboundBytesPerPeer = d.InboundBytesPerPeer
	}
	if b.CircuitBytesMax == 0 {
		b.CircuitBytesMax = d.CircuitBytesMax
	}
	return b
}

// Validate says what is wrong with the bounds, if anything.
func (b Bounds) Validate() error {
	largest := int64(messages.PacketHeadMax + messages.PacketBlocksMax*b.BlockBytesMax)
	for _, bound := range []struct {
		name     string
		got, min int64
	}{
		{"BlockBytesMax", int64(b.BlockBytesMax), 1},
		{"RequestsMax", int64(b.RequestsMax), 1},
		{"LanesMax", int64(b.LanesMax), 1},
		{"ExchangesMax", int64(b.ExchangesMax), 1},
		{"ExchangesPerPeer", int64(b.ExchangesPerPeer), 1},
		{"ExchangesPerStream", int64(b.ExchangesPerStream), 1},
		{"StreamsPerPeer", int64(b.StreamsPerPeer), 2},
		{"InboundBytesPerPeer", b.InboundBytesPerPeer, largest},
		{"SendsPerSecond", int64(b.SendsPerSecond), 1},
		{"QueueFramesMax", int64(b.QueueFramesMax), 1},
		{"QueueBytesMax", int64(b.QueueBytesMax), 1},
		{"ResponseBytesMax", int64(b.ResponseBytesMax), 1},
		{"ResponseBytesPerPeer", int64(b.ResponseBytesPerPeer), 1},
		{"DialTimeout", int64(b.DialTimeout), int64(time.Millisecond)},
		{"FrameTimeout", int64(b.FrameTimeout), int64(time.Millisecond)},
		{"IdleTimeout", int64(b.IdleTimeout), int64(time.Millisecond)},
		{"ConnectionsLow", int64(b.ConnectionsLow), 1},
		{"ConnectionsHigh", int64(b.ConnectionsHigh), int64(b.ConnectionsLow)},
		{"RelaysMax", int64(b.RelaysMax), 1},
		{"RelayCheck", int64(b.RelayCheck), int64(time.Millisecond)},
		{"ReservationsMax", int64(b.ReservationsMax), 1},
		{"CircuitsPerPeer", int64(b.CircuitsPerPeer), 1},
		{"CircuitBytesMax", b.CircuitBytesMax, 2 * largest},
		{"CircuitTime", int64(b.CircuitTime), int64(time.Second)},
	} {
		if bound.got < bound.min {
			return fmt.Errorf("%w: %s is %d, want %d or more",
				ErrConfig, bound.name, bound.got, bound.min)
		}
	}
	for _, rate := range []int64{b.UpMax, b.DownMax, b.PeerUpMax, b.PeerDownMax} {
		if rate != 0 && rate < RateMin {
			return fmt.Errorf("%w: traffic is bounded to %d bytes per second, want %d or more, or 0",
				ErrConfig, rate, RateMin)
		}
	}
	return nil
}
