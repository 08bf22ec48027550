package scorer

// The policies of [Config]. All but the first are baselines.
const (
	PolicyAdaptive   = "adaptive"    // the cheapest of a few, some exploration
	PolicyRandom     = "random"      // any candidate
	PolicyRoundRobin = "round-robin" // the one that was not chosen for the longest time
	PolicyLowestRTT  = "lowest-rtt"  // the lowest expected time, whatever it is doing
	PolicyTwoChoices = "two-choices" // the less busy of two
)

// policy chooses one of some candidates. A policy of one's own is a type with
// this method and a line in newPolicy.
type policy interface {
	// choose returns the index of one of the candidates, of which there is at
	// least one. It may reorder them first.
	choose(c *core, nowNS int64, candidates []candidate) int
}

// newPolicy returns the policy that the configuration names, or nil.
func newPolicy(cfg Config) policy {
	switch cfg.Policy {
	case PolicyAdaptive:
		return adaptive{draws: cfg.Draws, exploreShare: cfg.ExploreShare}
	case PolicyRandom:
		return random{}
	case PolicyRoundRobin:
		return roundRobin{}
	case PolicyLowestRTT:
		return lowestRTT{}
	case PolicyTwoChoices:
		return twoChoices{}
	}
	return nil
}

// adaptive takes the cheapest of a few candidates.
type adaptive struct {
	draws        int
	exploreShare float64
}

func (a adaptive) choose(c *core, nowNS int64, candidates []candidate) int {
	if len(candidates) == 1 {
		return 0
	}
	if a.exploreShare > 0 && c.rand.Float64() < a.exploreShare {
		return c.rand.IntN(len(candidates))
	}
	return cheapestOf(c, a.draws, candidates, func(it candidate) float64 {
		return c.cost(nowNS, it)
	})
}

// random takes any.
type random struct{}

func (random) choose(c *core, _ int64, candidates []candidate) int {
	return c.rand.IntN(len(candidates))
}

// roundRobin takes turns. The candidates differ from block to block, so the
// turn is that of who waited longest.
type roundRobin struct{}

func (roundRobin) choose(_ *core, _ int64, candidates []candidate) int {
	best := 0
	for i, it := range candidates {
		if it.turn() < candidates[best].turn() {
			best = i
		}
	}
	return best
}

func (it candidate) turn() uint64 {
	if it.peer == nil {
		return 0
	}
	return it.peer.turn
}

// lowestRTT takes who answers soonest by experience, else by distance.
type lowestRTT struct{}

func (lowestRTT) choose(c *core, nowNS int64, candidates []candidate) int {
	best, bestSeconds := 0, c.expected(nowNS, candidates[0])
	for i, it := range candidates[1:] {
		if seconds := c.expected(nowNS, it); seconds < bestSeconds {
			best, bestSeconds = i+1, seconds
		}
	}
	return best
}

// twoChoices takes the one of two with less to do, as far as it is known.
// Source: Mitzenmacher, "The power of two choices in randomized load
// balancing", IEEE TPDS 2001.
type twoChoices struct{}

func (twoChoices) choose(c *core, nowNS int64, candidates []candidate) int {
	return cheapestOf(c, 2, candidates, func(it candidate) float64 { return c.queue(nowNS, it) })
}

// cheapestOf draws some candidates and returns the index of the cheapest, the
// first one drawn among equals.
func cheapestOf(c *core, draws int, candidates []candidate, cost func(candidate) float64) int {
	best, bestCost := 0, 0.0
	for i := range min(draws, len(candidates)) {
		drawn := i + c.rand.IntN(len(candidates)-i)
		candidates[i], candidates[drawn] = candidates[drawn], candidates[i]
		if at := cost(candidates[i]); i == 0 || at < bestCost {
			best, bestCost = i, at
		}
	}
	return best
}
