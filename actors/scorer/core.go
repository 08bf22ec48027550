package scorer

import (
	"bytes"
	"math"
	"slices"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

const (
	// samplesMin is how many samples a percentile of one peer needs to count.
	samplesMin = 8
	// failuresMax bounds the exponent of the penalty.
	failuresMax = 10
	// choiceAgeMax is, in TimeoutMax, when a choice that nobody reported the
	// end of is taken back: its asker has restarted.
	choiceAgeMax = 4
)

// What the outcomes add to the failures of a peer. One that does not have a
// block may be right not to: it is one of many that were asked in vain, and
// only who never has anything falls behind.
const (
	failureAbsent = 0.1
	failureBusy   = 0.5
	failureFailed = 1
	failureWrong  = 4
)

// core keeps the scores and makes the choices. It does no I/O.
type core struct {
	cfg    Config
	rand   port.Rand
	policy policy
	view   *messages.View
	self   messages.Coordinate

	peers  peers
	turns  uint64   // choices so far
	asks   uint64   // ChoosePeers so far
	median quantile // of all peers' seconds
	p95    quantile

	room []candidate // reused
}

// candidate is one that may be chosen; peer is nil if nothing is remembered.
type candidate struct {
	id   messages.NodeID
	peer *peer
}

func newCore(cfg Config, rand port.Rand) *core {
	return &core{
		cfg: cfg, rand: rand, policy: newPolicy(cfg), view: &messages.View{},
		peers: peers{max: cfg.PeersMax, byID: make(map[messages.NodeID]*peer)},
	}
}

// see takes in a view of the network.
func (c *core) see(view *messages.View) {
	c.view, c.self = view, messages.Coordinate{}
	if self := view.Find(view.Self); self != nil {
		c.self = self.Coordinate
	}
}

// choose answers a ChoosePeers, or refuses what breaks its bounds.
func (c *core) choose(
	now time.Time, wants [][]messages.NodeID, apart bool,
) ([]messages.PeerChoice, *messages.Error) {
	if len(wants) > messages.ChoicesMax {
		return nil, messages.Errorf(messages.CodeInvalid,
			"peers for %d blocks at once, want %d at most", len(wants), messages.ChoicesMax)
	}
	for _, want := range wants {
		if len(want) > messages.CandidatesMax {
			return nil, messages.Errorf(messages.CodeInvalid,
				"%d candidates for a block, want %d at most", len(want), messages.CandidatesMax)
		}
	}
	nowNS := now.UnixNano()
	c.asks++
	choices := make([]messages.PeerChoice, len(wants))
	for i, want := range wants {
		candidates := c.candidates(nowNS, want, apart)
		if len(candidates) == 0 {
			continue
		}
		chosen := candidates[c.policy.choose(c, nowNS, candidates)]
		c.turns++
		p := c.peers.touch(chosen.id)
		if p != nil {
			c.takeBack(nowNS, p)
			p.inFlight++
			p.chosenNS, p.turn, p.ask = nowNS, c.turns, c.asks
		}
		choices[i].Peer = chosen.id
		choices[i].HedgeAfter, choices[i].Timeout = c.patience(p)
	}
	return choices, nil
}

// badFor is how long a peer that was silent, or sent something else, is not
// chosen for no better reason than being another one: one bad holder of three
// would get a third of what is asked for at one time.
const badFor = time.Minute

// candidates looks up what is remembered of the candidates of a block. Apart
// from others, only those remain that are not bad, and of these only those that
// this ask did not choose yet, if there are any.
func (c *core) candidates(nowNS int64, want []messages.NodeID, apart bool) []candidate {
	those := func(worth func(*peer) bool) []candidate {
		c.room = c.room[:0]
		for _, id := range want {
			if p := c.peers.get(id); p == nil || worth(p) {
				c.room = append(c.room, candidate{id, p})
			}
		}
		return c.room
	}
	if apart {
		good := func(p *peer) bool { return p.badNS <= nowNS }
		if free := those(func(p *peer) bool { return good(p) && p.ask != c.asks }); len(free) > 0 {
			return free
		}
		if all := those(good); len(all) > 0 {
			return all
		}
	}
	return those(func(*peer) bool { return true })
}

// takeBack forgets choices that were made so long ago that nobody will
// report on them.
func (c *core) takeBack(nowNS int64, p *peer) {
	if p.inFlight > 0 && nowNS-p.chosenNS > choiceAgeMax*int64(c.cfg.TimeoutMax) {
		p.inFlight = 0
	}
}

// patience returns when to ask somebody else beside a peer, and when to give
// it up. A peer that is always slow is hedged after what all others take.
func (c *core) patience(p *peer) (hedgeAfter, timeout time.Duration) {
	all := float64(c.p95)
	if all == 0 {
		all = c.cfg.UnknownTime.Seconds()
	}
	soon, late := all, all
	if p != nil && p.samples >= samplesMin {
		soon, late = min(all, float64(p.p95)), max(all, float64(p.p95))
	}
	return min(max(seconds(soon), c.cfg.HedgeMin), c.cfg.HedgeMax),
		min(max(seconds(late*c.cfg.TimeoutFactor), c.cfg.TimeoutMin), c.cfg.TimeoutMax)
}

// secondsMax keeps products of times and penalties within a Duration.
const secondsMax = 1e6

func seconds(s float64) time.Duration {
	return time.Duration(min(s, secondsMax) * float64(time.Second))
}

// expected returns how long a block from the candidate takes, in seconds.
func (c *core) expected(nowNS int64, it candidate) float64 {
	prior := c.prior(it.id)
	if it.peer == nil || it.peer.samples == 0 {
		return prior
	}
	return prior + (it.peer.seconds-prior)*fading(nowNS-it.peer.sampleNS, c.cfg.ForgetTau)
}

// travel is the round trip to a peer that the coordinates foretell, in
// seconds; false when they do not.
func (c *core) travel(id messages.NodeID) (float64, bool) {
	member := c.view.Find(id)
	if member == nil {
		return 0, false
	}
	return distance(&c.self, &member.Coordinate)
}

// prior is what is expected of a peer without samples, in seconds.
func (c *core) prior(id messages.NodeID) float64 {
	if rtt, ok := c.travel(id); ok {
		return rtt + c.cfg.BaseService.Seconds()
	}
	if c.median > 0 {
		return float64(c.median)
	}
	return c.cfg.UnknownTime.Seconds()
}

// queue returns how much the candidate has to do, in requests of ours.
func (c *core) queue(nowNS int64, it candidate) float64 {
	p := it.peer
	if p == nil {
		return 0
	}
	c.takeBack(nowNS, p)
	load := 0.0
	if p.load > 0 {
		load = p.load * fading(nowNS-p.loadNS, c.cfg.LoadTau)
	}
	return float64(p.inFlight) + c.cfg.LoadWeight*load
}

// cost returns what one more block from the candidate costs, in seconds.
func (c *core) cost(nowNS int64, it candidate) float64 {
	expected := c.expected(nowNS, it)
	// Requests travel side by side: of what is before ours, only the sending
	// takes its time.
	rtt, _ := c.travel(it.id)
	sending := max(expected-rtt, c.cfg.BaseService.Seconds())
	cost := expected + sending*c.queue(nowNS, it)
	p := it.peer
	if p != nil && p.freeNS > nowNS {
		// What it said is as old as the answer, and as much of it is done.
		cost += float64(p.freeNS-nowNS) / float64(time.Second)
	}
	if p != nil && p.failures > 0 {
		cost *= math.Exp2(p.failures * fading(nowNS-p.failureNS, c.cfg.PenaltyTau))
	}
	return cost
}

// answered takes in how a request ended.
func (c *core) answered(now time.Time, m messages.PeerAnswered) {
	p := c.peers.get(m.Peer)
	if p == nil {
		return // forgotten, or chosen before a restart
	}
	nowNS := now.UnixNano()
	p.inFlight = max(0, p.inFlight-1)
	if m.Load >= 0 {
		p.load, p.loadNS = float64(m.Load), nowNS
		p.freeNS = nowNS + int64(m.Wait)
	}
	took := m.Took.Seconds()
	switch m.Outcome {
	case messages.OutcomeServed:
		p.served++
		p.badNS = 0
		c.sample(nowNS, p, took)
	case messages.OutcomeAbandoned:
		// Without this, who is always overtaken would never look slow.
		c.slower(nowNS, p, took)
	case messages.OutcomeFailed:
		p.failed++
		p.badNS = nowNS + int64(badFor)
		c.slower(nowNS, p, took)
		c.fail(nowNS, p, failureFailed)
	case messages.OutcomeWrong:
		p.failed++
		p.badNS = nowNS + int64(badFor)
		c.fail(nowNS, p, failureWrong)
	case messages.OutcomeBusy:
		c.fail(nowNS, p, failureBusy)
	case messages.OutcomeAbsent:
		c.fail(nowNS, p, failureAbsent)
	}
}

// sample takes in how long a block took.
func (c *core) sample(nowNS int64, p *peer, took float64) {
	if took <= 0 {
		return
	}
	c.median.add(took, quantileP50, stepOfAll)
	c.p95.add(took, quantileP95, stepOfAll)
	p.p95.add(took, quantileP95, stepOfPeer)
	// The first samples count alike, so that the very first is not believed
	// for a whole time constant.
	p.samples++
	weight := max(1-fading(nowNS-p.sampleNS, c.cfg.Tau), 1/float64(p.samples))
	p.seconds += (took - p.seconds) * weight
	p.sampleNS = nowNS
}

// slower takes in that a block would have taken that long at least: news only
// if it is more than was expected.
func (c *core) slower(nowNS int64, p *peer, took float64) {
	if took <= c.expected(nowNS, candidate{p.id, p}) {
		return
	}
	c.p95.add(took, quantileP95, stepOfAll)
	p.p95.add(took, quantileP95, stepOfPeer)
	p.seconds, p.sampleNS = took, nowNS
	p.samples++
}

// fail adds to the failures of a peer.
func (c *core) fail(nowNS int64, p *peer, weight float64) {
	left := p.failures * fading(nowNS-p.failureNS, c.cfg.PenaltyTau)
	p.failures, p.failureNS = min(left+weight, failuresMax), nowNS
}

// scores lists what is remembered, sorted by peer.
func (c *core) scores(now time.Time) []messages.PeerScore {
	nowNS := now.UnixNano()
	scores := make([]messages.PeerScore, 0, len(c.peers.byID))
	for p := c.peers.oldest; p != nil; p = p.newer {
		score := messages.PeerScore{
			Peer: p.id, Cost: seconds(c.cost(nowNS, candidate{p.id, p})),
			InFlight: p.inFlight, Load: int(p.load), Served: p.served, Failed: p.failed,
		}
		if p.samples > 0 {
			score.Latency = seconds(p.seconds)
		}
		scores = append(scores, score)
	}
	slices.SortFunc(scores, func(a, b messages.PeerScore) int {
		return bytes.Compare(a.Peer[:], b.Peer[:])
	})
	return scores
}
