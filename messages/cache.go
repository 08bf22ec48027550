package messages

// ForCache is what the cache receives.
type ForCache interface{ forCache() }

// ReadBlocks asks for blocks, wherever they are: memory, the local store, the
// network. Reply: [BlocksRead].
type ReadBlocks struct {
	Call
	CIDs []CID // 1..LoadMax
	// Checked is for bytes that no tag will prove: see [LoadBlocks]. What is
	// in memory was checked, or is being read through a ref, whose tag tells.
	// Nothing is fetched: what becomes part of a tuple is to be stored here.
	Checked bool
	// Repair is for blocks of which a copy was found damaged. What is stored
	// here is checked, what is damaged is fetched, and the store is given
	// the right bytes. It excludes Checked.
	Repair bool
	// Urgency is for what has to be fetched, and Tuples tells which blocks of
	// it belong together: see [FetchBlocks].
	Urgency Urgency
	Tuples  [][3]CID // up to LoadMax
}

// BlocksRead replies to [ReadBlocks], in the order asked, when all were
// had; otherwise the reply is Failed with CodeNotFound, CodeUnavailable,
// CodeCorrupt or CodeIO for the first that was not.
type BlocksRead struct {
	Answer
	Blocks []Block
}

// ForgetBlocks drops what is kept in memory of blocks, and of what was opened
// of them, since they were deleted or proved corrupt. What is being read is
// read again before it is kept. An event.
type ForgetBlocks struct {
	CIDs []CID
	All  bool // whatever is kept, since it is not known which are gone
}

// StatCache asks for counters. Reply: [CacheStatted].
type StatCache struct{ Call }

// CacheStatted replies to [StatCache].
type CacheStatted struct {
	Answer
	MemoryBlocks, MemoryBytes    int64
	MemoryHits, DiskHits, Misses uint64 // a miss is not stored here
	NetworkHits                  uint64 // misses that were fetched
}

func (ReadBlocks) forCache()    {}
func (ForgetBlocks) forCache()  {}
func (StatCache) forCache()     {}
func (BlocksLoaded) forCache()  {}
func (BlocksFetched) forCache() {}
func (Failed) forCache()        {}
