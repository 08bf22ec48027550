// Package popularity counts how often blocks are asked for: what this node
// served, and what all members say they served, in a form that is harmless
// to those who say it.
//
// # Contract
//
// It receives the event [messages.BlocksServed] from the store and answers
// [messages.EstimateDemand] with [messages.DemandEstimated], Failed with
// CodeInvalid for no block or more than [messages.DemandMax].
// [messages.StatPopularity] is answered with counters. [messages.ViewChanged]
// says who is a member. [messages.GossipReceived] brings the summaries of
// others.
//
// It tells the siblings named in Config.TellHot of [messages.HotBlocks] while
// this node serves some blocks a lot: at most once per Config.HotInterval,
// and only of rates that have doubled or halved since they were told. So a
// flash crowd is known within seconds to the holders that serve it.
//
// # Summaries
//
// Time is cut into windows, numbered from 1970: epochs. In each window a node
// publishes one summary, at a time after the window's beginning that it drew
// when it started, whether it served anything or not. The summary is a
// count-min sketch of what the node served to others since the last one; its
// own requests are never counted. The places of blocks in the sketch depend
// on the epoch. Each count is clipped, noise is added to each cell, empty
// cells included, and the result is clipped again. Every summary has the same
// size.
//
// A receiver checks a summary before it uses it: the shape, the epoch (its
// own, give or take one), the bounds on each cell and on their sum, and that
// the author is a member, once a view is known. It merges one summary per
// author and epoch. So one author moves the estimate of any block by no more
// than those bounds allow.
//
// # What is promised to the author
//
// One request changes one cell of each row by one. With two-sided geometric
// noise, a summary is Config.Epsilon-differentially private for a single
// request: whether one block was served once more or less in a window changes
// the odds of any summary by at most a factor of exp(Epsilon). A request is
// counted in one window only, and counts are not carried over, so this holds
// for it for all time.
//
// It is a promise about single requests. For k requests of one person, of a
// block's many readers or of a file's many blocks, that reached this node the
// factor is exp(k·Epsilon), and there is no budget that ends it: who serves a
// block hundreds of times in a window says so. That something popular is
// popular is what the summaries are for. Nothing is promised against whoever
// sees a node's traffic, nor about when a node is up, which the summaries
// show. The decisions that are made with an estimate use this node's own
// counts without noise, and are visible to others.
//
// # Estimates
//
// An estimate is the largest of three figures: what the summaries of the last
// windows say above their noise, with earlier windows weighing less; what
// this node served in its last two windows; and what it served in the last
// half minute. All are lower bounds of what the network asks for, as far as
// noise and shared cells allow, and 0 for a block that does not stand out.
// The noise of n members grows as the root of n, so in a large network only
// popular blocks do.
//
// # State and bounds
//
// It keeps the sums of the summaries of Config.EpochsMax windows and two
// windows of its own counts, 2·Depth·Width bytes each, made when there is
// something to put in; the last epoch of at most Config.AuthorsMax authors; and
// Config.HotMax blocks with their rates. A restart forgets all of it, and
// draws another time of publication. A second summary in a window is of no
// harm: it counts other requests, and others refuse it.
package popularity
