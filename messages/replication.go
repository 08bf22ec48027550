package messages

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

func (BlocksWritten) forReplication()   {}
func (BlocksGone) forReplication()      {}
func (HotBlocks) forReplication()       {}
func (ReplicasRotten) forReplication()  {}
func (BlocksRead) forReplication()      {}
func (StatReplication) forReplication() {}
func (ViewChanged) forReplication()     {}
func (PacketReceived) forReplication()  {}
func (RequestAnswered) forReplication() {}
func (WorkDone) forReplication()        {}
func (ReplicasHeld) forReplication()    {}
func (ReplicasDropped) forReplication() {}
func (KeptListed) forReplication()      {}
func (BlocksLoaded) forReplication()    {}
func (DemandEstimated) forReplication() {}
func (Failed) forReplication()          {}
