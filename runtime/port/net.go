package port

import (
	"errors"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Errors of [Net.Request].
var (
	// ErrTimeout: no response came in time. The request may have been handled.
	ErrTimeout = errors.New("net: no answer in time")
	// ErrUnreachable: the node could not be reached, or is not there. The
	// request may have been handled.
	ErrUnreachable = errors.New("net: cannot be reached")
	// ErrPacket: the packet breaks a bound of messages.Packet.
	ErrPacket = errors.New("net: bad packet")
)

// Net sends packets to other nodes. It never blocks. A node that is not
// connected is dialled. Bytes of a packet pass to the port, which only reads
// them: Blocks may be shared with others.
//
// Peers are authenticated: From of what arrives is proved. Nothing is
// retried. Packets between two nodes may overtake each other.
type Net interface {
	// Self is this node's own ID.
	Self() messages.NodeID
	// Send may be lost, duplicated or reordered, and nobody says so.
	Send(to messages.NodeID, protocol messages.Protocol, packet messages.Packet)
	// Request is answered by exactly one RequestAnswered to the calling
	// incarnation, at the latest after timeout. A response that comes later
	// is dropped. The request may be handled more than once.
	//
	// A request of messages.ProtocolBlock to the zero ID is for whoever has the
	// block and is no node, such as peers of IPFS, where the port knows any.
	// Without a timely answer of these it is ErrUnreachable or ErrTimeout.
	Request(corr messages.Corr, to messages.NodeID, protocol messages.Protocol,
		packet messages.Packet, timeout time.Duration)
	// Handle delivers inbound packets of a protocol to the calling
	// incarnation as PacketReceived, until it ends. One actor handles a
	// protocol; a packet of a protocol that nobody handles is dropped. Who
	// handles messages.ProtocolMember is told PeersFound of nodes that
	// discovery meets, where there is discovery, and ReachFound when it is found
	// out whether others can connect to this node, where that is ever done.
	Handle(protocol messages.Protocol)
	// Backlog is about how long it will take until what this node has yet to
	// send has left it. Who is far behind had better ask others to ask
	// elsewhere than to wait.
	Backlog() time.Duration
	// Respond answers an inbound request, once. An exchange that is unknown
	// (answered, timed out, of an earlier incarnation) is ignored.
	Respond(exchange messages.Exchange, packet messages.Packet)
}

// Gossip spreads small messages to all subscribers of a topic: at most once
// each per incarnation, in no order, perhaps not at all. A node does not
// hear its own.
type Gossip interface {
	// Publish sends up to messages.GossipMax bytes; more is dropped.
	Publish(topic string, payload []byte)
	// Subscribe delivers to the calling incarnation as GossipReceived, until
	// it ends.
	Subscribe(topic string)
}

// Wire connects a node with others.
type Wire interface {
	// Join makes the ports of one incarnation, which their answers go to.
	// answer never blocks; any goroutine may call it.
	Join(answer func(any)) Joined
}

// Joined is the network as one incarnation has it.
type Joined interface {
	Net
	Gossip
	// Close ends what the incarnation has under way, as its end does: nobody
	// answers its requests, what it owes a response is refused, and nothing is
	// delivered any more.
	Close()
}
