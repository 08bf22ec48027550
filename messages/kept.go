package messages

import "time"

// The store keeps a block for one or more reasons: this node's own files
// need it (mine), it is held for the network under a lease (replica), or it
// was fetched and may be wanted again (cached). Only replicas are served to
// others.

// HoldReplicas keeps blocks for the network until a time, or longer if they
// were held longer already. A block with Data is stored; one without is
// held only if it is stored here for whatever reason. Reply: [ReplicasHeld]
// when blocks and leases are durable; Failed with CodeQuota or CodeNoSpace
// when there is no room, and then none of them is promised.
type HoldReplicas struct {
	Call
	Blocks []Block // 1..LoadMax; the asker made the CIDs from the bytes
	Until  time.Time
	// Origin is who pushed them, if anybody did: blocks of one origin fill
	// at most one slot of a tuple, should they serve as randomizers.
	Origin NodeID
}

// ReplicasHeld replies to [HoldReplicas], in the order asked.
type ReplicasHeld struct {
	Answer
	Held []bool // false: it came without Data and is not stored here
}

// DropReplicas ends leases. What nothing else needs is deleted. Reply:
// [ReplicasDropped].
type DropReplicas struct {
	Call
	CIDs []CID // 1..4096
}

// ReplicasDropped replies to [DropReplicas].
type ReplicasDropped struct {
	Answer
	FreedBlocks int64
}

// ListKept lists what is stored as mine or replica, in CID order. A page may
// hold fewer than Limit, even none, and More still be set: go on after Last.
// What no collection has found to be garbage yet counts as mine. Reply:
// [KeptListed].
type ListKept struct {
	Call
	After CID // start with the zero CID
	Limit int // 1..4096
}

// KeptBlock tells why a block is kept.
type KeptBlock struct {
	CID     CID
	Mine    bool
	Replica bool
	Until   time.Time // of the lease, if Replica
}

// KeptListed replies to [ListKept].
type KeptListed struct {
	Answer
	Blocks []KeptBlock
	More   bool
	Last   CID // where the next page goes on, if More
}

// KeepCached offers blocks that were fetched to the disk tier of the cache.
// The store keeps what has room under its cache quota and evicts others. An
// event of the cache.
type KeepCached struct{ Blocks []Block }

// MendBlocks brings right bytes of blocks whose stored copies may be damaged,
// or gone although they are held for the network. Whoever sends it has
// compared the bytes with the CIDs. A copy that is whole is left alone, and a
// block that nothing here needs is not stored. An offer: the store may drop
// it. An event of the cache.
type MendBlocks struct{ Blocks []Block }

func (HoldReplicas) forStore()   {}
func (DropReplicas) forStore()   {}
func (ListKept) forStore()       {}
func (KeepCached) forStore()     {}
func (MendBlocks) forStore()     {}
func (PacketReceived) forStore() {}
func (IndexCommitted) forStore() {}
func (IndexScanned) forStore()   {}
func (BlocksAdmitted) forStore() {}
