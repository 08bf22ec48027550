package messages

// ForStore is what the store receives.
type ForStore interface{ forStore() }

// PutBlocks stores blocks of this node's own files. The asker made the CIDs
// from the bytes. Reply: [BlocksStored] when all are durable; Failed with
// CodeQuota or CodeNoSpace when there is no room, and then none of them is
// promised.
type PutBlocks struct {
	Call
	Blocks []Block
	// Keep names stored blocks that this node's own files need from now on:
	// randomizers that came from elsewhere. When one of them is not stored
	// any more, the put fails with CodeNotFound.
	Keep []CID // up to KeepMax
}

// KeepMax bounds the Keep of one [PutBlocks].
const KeepMax = 4096

// BlocksStored replies to [PutBlocks].
type BlocksStored struct{ Answer }

// LoadBlocks reads stored blocks. Reply: [BlocksLoaded].
type LoadBlocks struct {
	Call
	CIDs []CID // up to LoadMax
	// Checked compares the bytes with the checksum that was made when they
	// were stored. Those of a block that is read through a ref are proved by
	// its tag; those of a randomizer by nothing, and a tuple over rotten
	// bytes could be read only as long as they stay rotten.
	Checked bool
}

// LoadMax bounds the CIDs of one [LoadBlocks] or [ReadBlocks].
const LoadMax = 64

// BlocksLoaded replies to [LoadBlocks], in the order asked. A block that is
// not stored has nil Data; one that cannot be read has an entry in Errs.
type BlocksLoaded struct {
	Answer
	Blocks []Block
	Errs   []*Error // nil, or as long as Blocks
}

// ListStored lists stored blocks in CID order. Reply: [StoredListed].
type ListStored struct {
	Call
	After CID
	Limit int // up to 4096
}

// StoredListed replies to [ListStored].
type StoredListed struct {
	Answer
	CIDs []CID
	More bool
}

// StatStore asks for usage. Reply: [StoreStatted].
type StatStore struct{ Call }

// StoreStatted replies to [StatStore].
type StoreStatted struct {
	Answer
	Blocks     int64 // live blocks
	BlockBytes int64 // bytes on disk, dead blocks included
	FreeBytes  int64 // what the disk can still take
	QuotaBytes int64 // 0: no quota

	Replicas     int64 // blocks held for the network alone
	CachedBlocks int64 // blocks kept as cached

	// Since the store was started:
	ServedBlocks   uint64 // to other nodes
	AbsentAnswers  uint64 // requests of others for what is not held for the network
	BusyAnswers    uint64 // requests of others that were too many
	BadRequests    uint64 // of others: malformed, and not answered
	RottenReplicas uint64 // replicas that could not be read when asked for
	MendedBlocks   uint64 // damaged ones that were written anew, with bytes from others
}

// Collect frees the blocks that no name, share or open stream needs. One
// runs at a time (else CodeOverload). Reply: [Collected].
type Collect struct {
	Call
	DryRun  bool   // only say what would be freed
	Without string // with DryRun: as if this path of the drive were removed
}

// Collected replies to [Collect].
type Collected struct {
	Answer
	Needed      int64 // blocks that something needs
	FreedBlocks int64 // deleted, or with DryRun what would be
	FreedBytes  int64 // given back to the disk by compaction (DryRun: the size of the blocks)
}

// VerifyStore checks every block's hash and reads every ref of every name
// and share. One job at a time. Reply: [StoreVerified].
type VerifyStore struct{ Call }

// Problem is one thing that [VerifyStore] found wrong.
type Problem struct {
	Block  CID    `json:"block,omitzero"` // zero where no one block is to blame
	Reason string `json:"reason"`         // without names or keys
}

// StoreVerified replies to [VerifyStore].
type StoreVerified struct {
	Answer
	Blocks   int64     // hashed
	Refs     int64     // opened
	Problems []Problem // the first ProblemsMax
	Count    int64     // of all problems
}

// ProblemsMax bounds the problems that a reply lists.
const ProblemsMax = 100

// StatJob asks how far the running [Collect] or [VerifyStore] is. Reply:
// [JobStatted].
type StatJob struct{ Call }

// JobStatted replies to [StatJob]. Phase is empty when no job runs.
type JobStatted struct {
	Answer
	Phase       string
	Done, Total int64 // blocks or refs; Total is 0 while unknown
}

// CancelJob ends the running [Collect] or [VerifyStore] early, if there is
// one: its command fails with CodeCanceled once nothing of it is under way.
// What a collection has freed by then stays freed. Reply: [JobCanceled].
type CancelJob struct{ Call }

// JobCanceled replies to [CancelJob], at once.
type JobCanceled struct{ Answer }

func (CancelJob) forStore()       {}
func (PutBlocks) forStore()       {}
func (LoadBlocks) forStore()      {}
func (ListStored) forStore()      {}
func (StatStore) forStore()       {}
func (Collect) forStore()         {}
func (VerifyStore) forStore()     {}
func (StatJob) forStore()         {}
func (BlocksPut) forStore()       {}
func (BlocksGot) forStore()       {}
func (BlocksHad) forStore()       {}
func (BlocksDeleted) forStore()   {}
func (BlocksListed) forStore()    {}
func (BlocksUsage) forStore()     {}
func (BlocksCompacted) forStore() {}
func (CollectionBegun) forStore() {}
func (BlocksRetired) forStore()   {}
func (CollectionEnded) forStore() {}
func (InFlightListed) forStore()  {}
func (WalkBegun) forStore()       {}
func (WalkContinued) forStore()   {}
func (WalkEnded) forStore()       {}
func (WalksEnded) forStore()      {}
func (ImportsHeld) forStore()     {}
func (BlockUnsealed) forStore()   {}
func (WorkDone) forStore()        {}
func (Failed) forStore()          {}
