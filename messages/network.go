package messages

import "time"

// Protocol names what packets between nodes are for.
type Protocol string

// The protocols. A change that older nodes cannot read gets a new number.
const (
	ProtocolBlock   Protocol = "/noisefs/block/1"   // store: asks for a block; answered with it, or with nothing
	ProtocolMember  Protocol = "/noisefs/member/1"  // membership: who is there
	ProtocolReplica Protocol = "/noisefs/replica/1" // replication: offers, pushes, renewals
)

// TopicPopularity is the gossip topic of demand summaries.
const TopicPopularity = "/noisefs/popularity/1"

// Bounds of a [Packet] and of a gossip message, in bytes.
const (
	PacketHeadMax   = 64 << 10
	PacketBlocksMax = 16 // blocks
	GossipMax       = 64 << 10
)

// Packet is what one node sends another at a time. Bulk bytes stand beside
// the head, so that a port may move them without copying.
type Packet struct {
	Head   []byte   // a message of messages/wire
	Blocks [][]byte // raw blocks that Head speaks of; nobody writes to them
}

// Exchange names an inbound request that awaits a response from this
// incarnation. 0 names none: the packet was sent, and awaits nothing.
type Exchange uint64

// PacketReceived is an inbound packet of a protocol that the actor handles.
type PacketReceived struct {
	From     NodeID // proved by the transport
	Protocol Protocol
	Packet   Packet
	Exchange Exchange
}

// RequestAnswered answers Net.Request: Packet is the response, or Err wraps
// port.ErrTimeout or port.ErrUnreachable.
type RequestAnswered struct {
	Answer
	From   NodeID // whom was asked
	Packet Packet
	Took   time.Duration // from the request to this answer
	Err    error
}

// GossipReceived is a message of a topic that the actor subscribed to.
type GossipReceived struct {
	Topic   string
	Author  NodeID // proved by its signature
	Payload []byte // nobody writes to it
}
