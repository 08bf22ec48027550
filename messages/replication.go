package messages

import "time"

// ForReplication is what the replication manager receives.
type ForReplication interface{ forReplication() }

// BlocksWritten tells that blocks which this node's own files need became
// durable here: they are to be spread. An event of the store.
type BlocksWritten struct{ CIDs []CID }

// BlocksGone tells that this node's own files need blocks no more: their
// leases are not renewed from here. An event of the store.
type BlocksGone struct{ CIDs []CID }

// ReplicasRotten tells that blocks which are held for the network could not
// be read when somebody asked for them. An event of the store.
type ReplicasRotten struct{ CIDs []CID }

// StatReplication asks for counters. Reply: [ReplicationStatted].
type StatReplication struct{ Call }

// ReplicationStatted replies to [StatReplication].
type ReplicationStatted struct {
	Answer
	Watched         int64 // blocks that this node looks after: its own and its replicas
	Replicas        int64 // of them, held for the network
	UnderReplicated int64 // of the watched: fewer holders at the last look than the factor says
	Waiting         int64 // pushes and looks that wait for their turn
	PushedBlocks    uint64
	PushedBytes     uint64
	RepairedBlocks  uint64 // of the pushed: because a holder was lost
	RefusedOffers   uint64 // of others, by this node
	DroppedReplicas uint64
	MendedBlocks    uint64 // found damaged here, and had from others
	BadRequests     uint64 // of others: malformed, and not answered
}

// ReplicasMax bounds the blocks of one [RequireReplicas] and one
// [DescribeReplicas].
const ReplicasMax = 1024

// RequireReplicas has blocks of this node's own files held by at least that
// many other nodes, until it restarts, whatever demand says, and has them
// looked at soon. Reply: [ReplicasRequired], at once; CodeInvalid for more
// holders than are ever looked for; CodeOverload when not all of them can be
// looked after, and then some may be.
type RequireReplicas struct {
	Call
	CIDs   []CID // up to ReplicasMax
	Others int   // 0: as many as before, but look soon
}

// ReplicasRequired replies to [RequireReplicas].
type ReplicasRequired struct{ Answer }

// DescribeReplicas asks who holds blocks that this node looks after, as far
// as it knows from its last looks. Reply: [ReplicasDescribed].
type DescribeReplicas struct {
	Call
	CIDs []CID // up to ReplicasMax
}

// ReplicasDescribed replies to [DescribeReplicas], in the order of the CIDs.
type ReplicasDescribed struct {
	Answer
	Blocks []ReplicaState
}

// ReplicaState is what is known of the holders of a block.
type ReplicaState struct {
	Watched bool      // this node looks after it; the rest is zero otherwise
	Here    bool      // this node holds it for the network
	Factor  int       // how many holders it should have, this node included; 0: not known yet
	Others  []NodeID  // other nodes that hold it
	Looked  time.Time // when they were asked last; zero: not yet
}

func (BlocksWritten) forReplication()    {}
func (BlocksGone) forReplication()       {}
func (HotBlocks) forReplication()        {}
func (ReplicasRotten) forReplication()   {}
func (BlocksRead) forReplication()       {}
func (StatReplication) forReplication()  {}
func (RequireReplicas) forReplication()  {}
func (DescribeReplicas) forReplication() {}
func (ViewChanged) forReplication()      {}
func (MembersListed) forReplication()    {}
func (PacketReceived) forReplication()   {}
func (RequestAnswered) forReplication()  {}
func (WorkDone) forReplication()         {}
func (ReplicasHeld) forReplication()     {}
func (ReplicasDropped) forReplication()  {}
func (KeptListed) forReplication()       {}
func (BlocksLoaded) forReplication()     {}
func (DemandEstimated) forReplication()  {}
func (Failed) forReplication()           {}
