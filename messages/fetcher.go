package messages

// ForFetcher is what the fetcher receives.
type ForFetcher interface{ forFetcher() }

// Urgency orders what waits for the network. The zero value is the most
// urgent.
type Urgency uint8

// The urgencies.
const (
	UrgencyNow   Urgency = 0 // a person waits for it
	UrgencySoon  Urgency = 1 // read-ahead
	UrgencyLater Urgency = 2 // repair and other background work
)

// FetchMax bounds the CIDs of one [FetchBlocks].
const FetchMax = LoadMax

// FetchBlocks fetches blocks from other nodes. Reply: [BlocksFetched], when
// every block was had or given up; Failed with CodeOverload when too many
// wait already.
type FetchBlocks struct {
	Call
	CIDs    []CID // 1..FetchMax
	Urgency Urgency
	// Tuples tells which of them belong together, also with blocks that are not
	// asked for now: the members of a tuple are asked of different peers.
	Tuples [][3]CID // up to FetchMax
}

// BlocksFetched replies to [FetchBlocks], in the order asked. A block has
// its bytes, which prove its CID, or an entry in Errs (CodeUnavailable).
type BlocksFetched struct {
	Answer
	Blocks []Block
	Errs   []*Error // nil, or as long as Blocks
}

// StatFetcher asks for counters. Reply: [FetcherStatted].
type StatFetcher struct{ Call }

// FetcherStatted replies to [StatFetcher].
type FetcherStatted struct {
	Answer
	Requests, Hedges            uint64 // sent; hedges are among the requests
	Served, Absent, Busy        uint64 // answers
	Failed, Wrong               uint64
	Beyond                      uint64 // requests to those who are no members
	BytesReceived               uint64 // of blocks, also wrong and superfluous ones
	Waiting, InFlight           int
	BlocksFetched, BlocksFailed uint64
}

func (FetchBlocks) forFetcher()     {}
func (StatFetcher) forFetcher()     {}
func (ViewChanged) forFetcher()     {}
func (MembersListed) forFetcher()   {}
func (PeersChosen) forFetcher()     {}
func (RequestAnswered) forFetcher() {}
func (WorkDone) forFetcher()        {}
func (Failed) forFetcher()          {}
