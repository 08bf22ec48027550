// Package replication sees to it that every block this node looks after has
// enough holders in the network: the blocks of its own files, and those that
// it holds for others.
//
// # Contract
//
// Events: BlocksWritten and BlocksGone of the store, ViewChanged of the
// membership, HotBlocks of the popularity, ReplicasRotten of the store.
// [messages.StatReplication] is answered with counters,
// [messages.DescribeReplicas] with what the last looks found, and
// [messages.RequireReplicas] raises the number of holders of blocks of this
// node's own files, or is refused when not all of them can be watched
// (require.go). Packets of [messages.ProtocolReplica] are offers and pushes of
// other nodes; each is answered once, with a verdict for each block.
//
// It asks the membership once, at its start, with [messages.ListMembers], and
// then follows ViewChanged: when it restarts alone, others see no change, and so
// nobody would tell it. It asks the store (ListKept at the start; LoadBlocks
// before a push; HoldReplicas, DropReplicas), the cache (ReadBlocks with
// Repair, for blocks whose bytes are damaged: who reads them so gets right ones
// from others, and the store writes them anew) and, if the number of holders is
// to follow demand, the popularity (EstimateDemand). It asks other nodes: an offer names
// blocks and the ends of their leases; whoever holds one extends its lease,
// and whoever does not says whether it would; a push brings the bytes.
//
// # Looks
//
// Each block is looked at now and then (look.go). A look asks the nodes that
// are known to hold it, then others near the top of its order, until as many
// hold it as the factor says (factor.go); where nobody else does, it pushes
// the block. One of them is to be somebody who can be dialled, for those who
// cannot do not reach each other. So dispersal, audit, renewal, repair, growth
// and moving after newcomers are one thing: a look finds what is missing and
// adds it.
//
// Who looks when makes sure that it is not done by everybody at once. New
// blocks are looked at by their owner, each at a time drawn from
// Config.DisperseDelay. After a holder went, the others look once RepairDelay
// has passed, each RepairStagger later than the one before it in the order,
// and find it done; when it comes back before, nobody looks. To miss each
// other, holders have to know each other: a new replica is looked at soon, and
// who does not answer that first look is waited for as if it were a holder.
//
// A replica is dropped only when this node is beyond the places where readers
// look, at two looks as many others as the factor says confirmed that they
// hold it, room is short, and no promise of it is under way; or when its bytes
// are damaged and not to be had from others. Own blocks are never dropped.
//
// # Promises
//
// A block is acknowledged as held when HoldReplicas is answered, which is
// when block and lease are durable, and not before. What is held for the
// network is always watched, so a renewal is answered from memory: with
// "held" when the lease was that long already, else when the new one is
// durable. An own block that is not held for the network is answered for
// as one that is not here.
//
// What others may cause is bounded: only members are heard, a node takes
// blocks only where it has a place in their order, up to Config.ReplicasMax,
// and so many per minute and node.
//
// # State and bounds
//
// A watch per block (watch.go): where there are more own blocks than
// WatchedMax, those take turns that this node does not hold for the network, and
// that nobody required. A heap of the next looks and one timer: looks begin at
// most once a second, and when members went or came, all blocks are gone through
// in short steps (sweep.go); without watched blocks nothing runs. Looks,
// requests, requests of others, and the blocks in memory are bounded by
// [Config]; what waits to be sent is bounded by the looks under way.
//
// A restart forgets when blocks were looked at and who held them, and
// nothing that was promised: blocks and leases are read from the store again,
// they are looked at within Config.StartDelay, since it is not known which of
// the own ones had left, and who else holds any.
package replication
