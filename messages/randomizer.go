package messages

// ForRandomizer is what the randomizer receives.
type ForRandomizer interface{ forRandomizer() }

// StreamID names one stream of blocks written together: a file, or the packs
// and nodes of a tree. It is drawn at random, so it is unique across
// restarts too.
type StreamID uint64

// ReserveTuples asks for randomizers for Count new blocks of a stream, in
// order. Reply: [TuplesReserved], after slot A and the pair of each are
// durable in the history.
type ReserveTuples struct {
	Call
	Stream StreamID
	Count  int // 1..ReserveMax
}

// ReserveMax bounds Count of one [ReserveTuples].
const ReserveMax = 256

// Randomizer is a block chosen for slot A or B. Data is set when it was
// generated just now: then the asker must store it before it commits the
// tuple. Otherwise the block is in the pool, and Data is nil.
type Randomizer struct {
	CID  CID
	Data []byte
}

// ReservedTuple is a pair (A, B) that no tuple of this node has had.
type ReservedTuple struct{ A, B Randomizer }

// TuplesReserved replies to [ReserveTuples].
type TuplesReserved struct {
	Answer
	Tuples []ReservedTuple
}

// CommitTuples tells that the blocks of these tuples are durable, so that D
// (and a generated A or B) may serve as randomizers for others. Reply:
// [TuplesCommitted].
type CommitTuples struct {
	Call
	Stream StreamID
	Tuples [][3]CID // D, A, B
}

// TuplesCommitted replies to [CommitTuples].
type TuplesCommitted struct{ Answer }

// EndStream tells that nothing more comes for a stream: reservations that
// were not committed are void (their history stays). Reply: [StreamEnded].
type EndStream struct {
	Call
	Stream StreamID
}

// StreamEnded replies to [EndStream].
type StreamEnded struct{ Answer }

// RandomizersLost tells that blocks, of the pool or not, are gone or could
// not be read: they leave the pool. An event of the splitter and the store.
type RandomizersLost struct {
	CIDs []CID // up to 4096
}

// AdmitBlocks offers blocks of others as randomizers. The asker has checked
// size and CID. Reply: [BlocksAdmitted].
type AdmitBlocks struct {
	Call
	Blocks []Block
	Origin NodeID
}

// BlocksAdmitted replies to [AdmitBlocks]: Refused[i] is empty, or why block
// i does not look random or is there already.
type BlocksAdmitted struct {
	Answer
	Refused []string
}

// BeginCollection tells that a collector starts. From now until
// [EndCollection] the randomizer remembers each pool block that it reserves.
// Reply: [CollectionBegun].
type BeginCollection struct{ Call }

// CollectionBegun replies to [BeginCollection] with the pool blocks of
// reservations that are not committed yet.
type CollectionBegun struct {
	Answer
	Reserved []CID
}

// RetireBlocks asks leave to delete blocks: those that were not reserved
// since [BeginCollection] leave the pool, durably. Reply: [BlocksRetired].
type RetireBlocks struct {
	Call
	CIDs []CID // up to 4096
}

// BlocksRetired replies to [RetireBlocks] with those that may be deleted.
type BlocksRetired struct {
	Answer
	CIDs []CID
}

// EndCollection ends what [BeginCollection] began. Reply: [CollectionEnded].
type EndCollection struct{ Call }

// CollectionEnded replies to [EndCollection].
type CollectionEnded struct{ Answer }

// StatRandomizer asks for counters. Reply: [RandomizerStatted].
type StatRandomizer struct{ Call }

// RandomizerStatted replies to [StatRandomizer]. Generated and Reused count
// slots filled since the repository was made.
type RandomizerStatted struct {
	Answer
	Profile           string
	Generated, Reused uint64
	Candidates        uint64 // blocks eligible for slot A
	ReusePool         uint64 // blocks in use for slot B
}

func (ReserveTuples) forRandomizer()   {}
func (CommitTuples) forRandomizer()    {}
func (EndStream) forRandomizer()       {}
func (RandomizersLost) forRandomizer() {}
func (AdmitBlocks) forRandomizer()     {}
func (BeginCollection) forRandomizer() {}
func (RetireBlocks) forRandomizer()    {}
func (EndCollection) forRandomizer()   {}
func (StatRandomizer) forRandomizer()  {}
func (IndexCommitted) forRandomizer()  {}
func (IndexGot) forRandomizer()        {}
func (IndexScanned) forRandomizer()    {}
func (WorkDone) forRandomizer()        {}
