// Package bitswap is the IPFS lane: nodes of IPFS fetch the blocks that this
// node holds for the network, and blocks that no node has are had from them.
//
// # Serving
//
// The protocol is spoken by boxo, the library of IPFS. Its server thinks that
// it reads a blockstore; that one (replicas.go) turns each of its questions
// into a message of messages.ProtocolBlock to this node's own store, as another
// node would send it. So quotas, load and "whom we serve" hold on every lane
// alike: own and cached blocks are answered as absent ones are, from memory and
// in the same steps. Bitswap has no word for "busy": a peer waits instead, and
// with it the few workers that serve all of bitswap, which so gives way.
//
// # Fetching
//
// Blocks are asked only of peers that were named (Config.Sources), one peer at
// a time for one block, by want-block; nobody is asked whether it has one, and
// nothing is ever broadcast. boxo's client broadcasts by design, so the asking
// is our own (source.go), on boxo's messages and streams.
//
// # What is known to go wrong, and what is done about it
//
//   - A bitswap server opens a stream for each message, which is about one
//     block, and never learns that it was reset: by libp2p's default limits on
//     the receiving side, or by those on its own. So peers may have
//     StreamsPerPeer streams here (limits.go of package cluster), what we serve
//     goes out up to MessageBytes at a time, few enough wants are outstanding
//     for the limits of others, and what did not come is asked for again.
//   - So many streams are a way to take memory, since a reader allocates what a
//     message announces. So that is reserved first, and a message has
//     MessageTimeout to arrive in whole (inbound.go).
//   - A server forgets wants beyond the first 1,024 of a peer. So WantsMax are
//     outstanding to one, at most 512.
//   - A peer that does not read holds a worker. So a message has MessageTimeout
//     to leave, and then the peer is disconnected.
//
// # Threads and ending
//
// All methods may be called from any goroutine. Close ends what is under way
// and waits for it; streams end with the host.
package bitswap
