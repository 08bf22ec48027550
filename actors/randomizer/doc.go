// Package randomizer chooses the blocks A and B of every tuple D = W XOR A
// XOR B, and owns the pool that they come from.
//
// # The rules
//
// Slot A. With the probability of the profile a block is drawn uniformly
// from the eligible ones: stored by a committed tuple (or admitted from
// others), never used by this node in slot A or B, and not of the same
// stream. Otherwise A is generated. Whatever was in slot A never is again.
//
// Slot B. A block of the reuse pool, which is small, so that the same few
// blocks serve many tuples: they are cached, and a file is fetched with
// about two blocks per chunk. A block serves at most Config.UsesMax tuples,
// is never equal to A, and never occurs twice within Config.SpacingTuples
// tuples of one stream. The pool is refilled with blocks that have been in
// slot A of a committed tuple, which costs nothing; only when nothing
// qualifies is B generated. A block used in slot B is never eligible for A.
//
// The choice is a secret and drawn from Entropy.
//
// # The order of things
//
//   - A and the unordered pair of every tuple are durable in the history
//     BEFORE [messages.TuplesReserved] is sent. The index enforces that no
//     row repeats, so a choice made from wrong memory is found out, the
//     block is dropped, and A is generated instead.
//   - D becomes eligible, and A and B serve in slot B, only AFTER
//     [messages.CommitTuples] said that they are durable. A generated B may
//     serve a second tuple earlier: then its bytes are handed out again, and
//     whoever gets bytes stores them.
//   - When the history is not known to be complete (its marker row is
//     missing, or Config.HistoryStale), the candidates that the index lists
//     are removed before the first choice, and only then is the marker
//     written: blocks from before are never used in slot A. They may still
//     serve in slot B, next to an A that is new.
//
// # Contract
//
// It receives [messages.ReserveTuples], [messages.CommitTuples],
// [messages.EndStream], [messages.AdmitBlocks], [messages.BeginCollection],
// [messages.RetireBlocks], [messages.EndCollection] and
// [messages.StatRandomizer], each answered once, and the event
// [messages.RandomizersLost]. It asks no other actor; it uses the ports
// Index, Workers and Entropy. Refusals: CodeOverload over a bound of Config,
// CodeInvalid for a request that makes no sense, CodeNoSpace, CodeCorrupt or
// CodeIO when the index fails; nothing was reserved then.
//
// Reservations that arrive while earlier ones are generated or committed
// are merged into the next transaction.
//
// # State, bounds, restart
//
// Rows: TableSlotA (every block that has been in slot A, and every generated
// B), TablePairs, TableCandidates (CID; stream and origin), TableReuse (CID;
// uses and origin), and two settings. Use counts are written ahead in steps,
// so that after a crash a block counts as used a little more than it was.
//
// Memory: at most Config.CandidatesMax candidates (a uniform sample when the
// index has more, refilled when it runs low), the reuse pool, and one record
// per reserved tuple that is not committed, at most Config.ReservedMax.
//
// A restart forgets reservations under way and the collection: RetireBlocks
// is then refused, so that nothing is deleted on the word of a predecessor.
// A tuple that is committed after a restart makes D eligible; its A and B do
// not enter the reuse pool.
package randomizer
