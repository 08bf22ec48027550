// Package fetcher fetches blocks from other nodes: whom to ask, when to ask
// somebody else, and whether what came is what was asked for.
//
// # Contract
//
// [messages.FetchBlocks] is answered with [messages.BlocksFetched] when every
// block was had or given up, Config.FetchTimeout after it at the latest.
// Bytes are handed on only after their SHA-256 was found to be the CID. A
// block that nobody had, or not in time, is CodeUnavailable, and the text
// tells how many holders were asked. [messages.StatFetcher] is answered with
// counters.
//
// It asks the membership once, at its start, with [messages.ListMembers], and
// then follows [messages.ViewChanged]; what is asked for before the first view
// waits for it. In the first Config.JoinWait, a block that nobody had waits for
// the next one. It asks the scorer with [messages.ChoosePeers],
// and tells it with [messages.PeerAnswered] how each choice ended, exactly
// once, unless it restarts before. Other nodes are asked through the port Net,
// one block a request (wire.BlockRequest of messages.ProtocolBlock).
//
// # Whom to ask
//
// Who should hold a block is computed (runtime/placement). Of that order, the
// first Config.Width that were not tried are candidates, and when they all
// have been, the next ones, up to Config.TriedMax. The scorer chooses among
// candidates. Blocks that start at one time go to different peers as far as
// possible and in shuffled order, for nobody is to learn which blocks belong
// together. Of blocks of which it is told that they do, the members of one tuple,
// no two go to one peer, now or as long as it is remembered, while one of the
// present candidates was asked for none of them and did not fail lately
// (apart.go). When all of them were, those are asked that were asked for the
// fewest; the next ones of the order are no way out, since they are unlikely to
// hold the block. A peer that was busy is asked again after a pause, during
// which others are asked; one that was silent when all others have been tried.
//
// A request that takes longer than usual is hedged: a second holder is asked,
// and the first right answer wins. Hedges are at most Config.HedgeShare of all
// requests, so that they cannot feed an overload. A request that takes longer
// than Config.LateAfter is given up by half: others are asked as after a
// timeout, and its answer is still welcome.
//
// When no member had a block, those who are no members are asked, once, if
// Config.BeyondTimeout allows it: by a request to the zero ID, of which the port
// knows whom it stands for.
//
// # State and bounds
//
// At most Config.InFlightMax requests are under way, and fewer when this
// node's own link turns out to be too slow for so many (window.go). Read-ahead may use
// three quarters of them and background work a half; and at most
// Config.InFlightPerPeerMax at one peer. Beyond that blocks wait in order of
// urgency, then of arrival. Two asks for one block share one fetch, at the
// urgency of the more urgent one. Who was asked for the last Config.ToldMax blocks
// is remembered. At most Config.AsksMax asks for
// Config.BlocksMax blocks are being answered: one more is CodeOverload. There
// is one timer, and none while nothing is asked for. A restart forgets all of
// it, and what waited is answered by the shell.
package fetcher
