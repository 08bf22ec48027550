// Package cluster connects a node with others over libp2p: it has the
// production implementations of port.Net and port.Gossip.
//
// # Who is who
//
// A node's identity is an Ed25519 key, and its messages.NodeID is the public
// half of it. libp2p's peer ID of such a key holds the same 32 bytes, so that
// each can be made of the other, and From of what arrives is what the
// handshake (Noise or TLS) has proved. Peers with other kinds of keys may
// connect, and are not spoken with.
//
// # How packets travel
//
// For each peer and protocol that a node has something to say to, it keeps one
// stream open: a lane. Packets are frames on it (frame.go): requests that carry a
// number, sends, and cancels of what nobody waits for any more; the other side
// answers on the same stream, in any order, with responses or refusals. What
// the other side asks comes on streams of its own. So a ping never waits
// behind a block, since they are of different protocols, and many requests
// share one stream. A lane begins with its first packet, which is when the
// peer is dialled, and ends when nothing was under way for a while.
//
// A node that is not connected is found by the addresses that are known of
// it, or by the DHT, which runs under a prefix of our own: nodes of the public
// DHT do not enter it. If that is wanted, the public one is asked when ours does
// not know (public.go).
//
// A node that cannot be dialled is reached through others, which carry what is
// said to it (reach.go, reserve.go, relay.go).
//
// Nodes of IPFS are spoken with by package bitswap, which asks this node's own
// actors by Host.Ask as a peer would.
//
// # What others can do
//
// Every frame is bounded before anything is allocated, and has a time to
// arrive in whole; one that breaks a rule ends its stream. What a peer may have
// under way is bounded per stream, per peer (by the resource manager, limits.go,
// which also bounds connections and memory), and for the node. Whoever does not
// read what it asked for is cut off. Gossip is signed, and checked for its
// size, rate and content before it is passed on (gossip.go).
//
// # Threads and ending
//
// Calls of the ports never block. [Host.Close] ends all streams and waits for
// every goroutine of this package; call it after the node has stopped.
package cluster
