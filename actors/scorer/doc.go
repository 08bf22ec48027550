// Package scorer ranks the nodes that blocks are asked of: who serves well,
// who is near, who is busy, and who failed.
//
// # Contract
//
// [messages.ChoosePeers] is answered with [messages.PeersChosen]: one peer
// for each block that is wanted, from its candidates, and how long to wait
// for it. Each choice counts as in flight until its [messages.PeerAnswered],
// an event. [messages.StatPeers] is answered with the scores.
// [messages.ViewChanged] brings the members and their coordinates.
//
// It asks the membership once, at its start, with [messages.ListMembers]: a
// view that changed before a restart is not told again.
//
// # Cost
//
// The policy "adaptive" compares what one more block is expected to cost:
//
//	(time per block + sending × (in flight + weight × load)) × 2^failures
//
// The time per block is a moving average of the samples (EWMA) that rises at
// once to what a request took that was given up or overtaken. Without samples,
// and again when samples grow old, it is a prior: the distance of the network
// coordinates and a base time of service; where there is no coordinate, the
// median of what was seen. Sending is the part of it that is not distance:
// requests that are under way to one peer wait for each other's bytes, and
// share the way. The load is what the peer said last, and fades. So does how
// far it was behind with sending, which is added. Failures fade too. Nothing
// is decayed by a timer: each value knows how old it is.
//
// The cheapest of a few candidates, drawn at random, is chosen (the power of
// d choices: Mitzenmacher 2001), so that not everybody runs to the one best
// peer; a block has few holders, and these are all compared. A small share of
// the choices is drawn from all candidates, so that a peer is not judged for
// ever by what it once was. docs/decisions/005-peer-choice.md has what each of
// this brought. The other policies are baselines to compare with: see
// policy.go.
//
// Quantiles are estimated from the stream by multiplicative steps (Yazidi
// and Hammer, "Multiplicative update methods for incremental quantile
// estimation", IEEE Transactions on Cybernetics 2019): one number each, and
// old samples fade.
//
// # State and bounds
//
// At most Config.PeersMax peers are remembered; beyond that the one that was
// not chosen for the longest time is forgotten, unless it is being asked. An
// idle scorer holds its configuration and the view. A restart forgets all
// scores.
package scorer
