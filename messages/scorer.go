package messages

import "time"

// ForScorer is what the scorer receives.
type ForScorer interface{ forScorer() }

// Bounds of [ChoosePeers].
const (
	ChoicesMax    = 64 // wants of one ask
	CandidatesMax = 32 // candidates of one want
)

// ChoosePeers asks whom to ask for each of some blocks that are wanted at
// once. Reply: [PeersChosen]. The scorer counts each choice as in flight
// until its [PeerAnswered].
type ChoosePeers struct {
	Call
	// Wants has the candidates of each block, in order of placement, without
	// those that were tried.
	Wants [][]NodeID
	// Apart tells that the blocks may belong together: they go to different
	// peers as far as the candidates allow that did not fail lately.
	Apart bool
}

// PeerChoice is whom to ask, and for how long to wait.
type PeerChoice struct {
	Peer NodeID // zero: there was no candidate
	// HedgeAfter is the 95th percentile of what this peer was seen to take, or
	// of what all peers take, if that is less: after it a second holder may be
	// asked.
	HedgeAfter time.Duration
	// Timeout is when to give the peer up.
	Timeout time.Duration
}

// PeersChosen replies to [ChoosePeers], in the order asked.
type PeersChosen struct {
	Answer
	Choices []PeerChoice
}

// Outcome is how a request to a peer ended.
type Outcome uint8

// The outcomes.
const (
	OutcomeServed    Outcome = iota + 1 // the block came, and it is the right one
	OutcomeAbsent                       // it does not have it, or does not say so
	OutcomeBusy                         // it refused for now
	OutcomeFailed                       // timeout, or unreachable
	OutcomeWrong                        // bytes that are not the block
	OutcomeAbandoned                    // another was quicker; counts if it took longer than expected
)

// PeerAnswered tells how a request ended. An event, one per choice.
type PeerAnswered struct {
	Peer    NodeID
	Outcome Outcome
	Took    time.Duration
	// Load is how many requests the peer was serving, as it said; -1: unknown.
	Load int
	// Wait is how long what it had to send would take, as it said.
	Wait time.Duration
}

// StatPeers asks for the scores. Reply: [PeersStatted].
type StatPeers struct{ Call }

// PeerScore is what is known of a peer. Lower cost is better.
type PeerScore struct {
	Peer     NodeID
	Cost     time.Duration // expected time for one more block
	Latency  time.Duration // EWMA; 0 without samples
	InFlight int
	Load     int
	Served   uint64
	Failed   uint64 // timeouts and wrong bytes
}

// PeersStatted replies to [StatPeers], sorted by peer.
type PeersStatted struct {
	Answer
	Peers []PeerScore
}

func (ChoosePeers) forScorer()   {}
func (PeerAnswered) forScorer()  {}
func (StatPeers) forScorer()     {}
func (ViewChanged) forScorer()   {}
func (MembersListed) forScorer() {}
func (Failed) forScorer()        {}
