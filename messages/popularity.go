package messages

// ForPopularity is what the popularity receives.
type ForPopularity interface{ forPopularity() }

// BlocksServed tells that blocks were served to other nodes. An event of
// the store. Requests of this node itself are never counted.
type BlocksServed struct{ CIDs []CID }

// DemandMax bounds the CIDs of one [EstimateDemand].
const DemandMax = 256

// EstimateDemand asks how often blocks are asked for across the network.
// Reply: [DemandEstimated].
type EstimateDemand struct {
	Call
	CIDs []CID // 1..DemandMax
}

// DemandEstimated replies to [EstimateDemand], in the order asked.
type DemandEstimated struct {
	Answer
	PerHour []float64 // requests of the whole network; noisy, never below 0
}

// StatPopularity asks for counters. Reply: [PopularityStatted].
type StatPopularity struct{ Call }

// PopularityStatted replies to [StatPopularity].
type PopularityStatted struct {
	Answer
	Published, Merged, Refused uint64 // summaries
	BytesPublished             uint64
}

// HotBlocks tells of blocks that this node served lately at a rate that is
// new: twice or half of what was told of them last. An event of the
// popularity, once per its Config.HotInterval at most. A block that is told
// of no more has kept its rate, or made room for hotter ones: what was told
// is to age.
type HotBlocks struct {
	CIDs []CID
	// ServedPerHour is what this node alone served lately, never below 0: its
	// share of what the network asks for, and not an estimate of the whole.
	ServedPerHour []float64
}

func (BlocksServed) forPopularity()   {}
func (EstimateDemand) forPopularity() {}
func (StatPopularity) forPopularity() {}
func (ViewChanged) forPopularity()    {}
func (GossipReceived) forPopularity() {}
