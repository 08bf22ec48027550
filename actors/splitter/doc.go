// Package splitter turns chunks into tuples of stored blocks: it pads and
// seals each chunk under a key of its own, mixes it with two randomizers,
// stores what is new, and builds the tree of refs over a file.
//
// # A block's way
//
//  1. It waits for a tuple. All blocks of a stream that wait at that moment
//     share one [messages.ReserveTuples]; while it is under way more gather.
//  2. The bytes of A and B are read from the cache, unless the randomizer
//     sent them or they were used lately (B recurs).
//  3. One piece of work fills the padding and a fresh key from Entropy,
//     seals in place, mixes in place, and names D. The ref is known now.
//  4. D, and A and B where they were generated, go to the store, gathered
//     with those of other blocks and in random order. With Config.Foreign
//     the store is told to keep the others.
//  5. When the store says that they are durable, the randomizer is told
//     ([messages.CommitTuples]) and the writer gets its credit.
//
// Refs of chunks go to the stream's content builder; the nodes that it emits
// go the same way.
//
// # Contract
//
// It receives [messages.OpenStream], [messages.WriteChunk],
// [messages.FinishStream], [messages.SealBlock], [messages.SyncStream],
// [messages.CloseStream], [messages.CloseStreams] and [messages.ListInFlight],
// each answered once.
//
// ChunkWritten is sent when the chunk is durable (for a hole: when it is in
// the content tree), so a writer that keeps Window commands unanswered bounds
// what is in memory. Chunks come in order of their index. To seal without a
// copy, Data needs the capacity of format.Params.NewBuffer.
//
// The first failure of anything a stream needs (randomizer, cache, store, a
// restart of one of them) fails the stream: what waits in it and every later
// command is answered with that error, and nothing of it is promised.
// CloseStream always works. Refusals of single commands: CodeNotFound for an
// unknown stream, CodeInvalid for a request that makes no sense,
// CodeOverload over a window or bound.
//
// A failed CommitTuples fails nothing: the blocks are durable, they only do
// not serve others.
//
// It asks the randomizer, the cache and the store. It tells the randomizer
// [messages.RandomizersLost] when pool blocks cannot be read.
//
// # What open streams keep from the collector
//
// [messages.ListInFlight] lists the blocks of all tuples under way, and the
// durable refs that are not inside a durable node of the stream yet. Nodes
// are opened for that as they are sealed, so the list stays short however
// large the stream grows.
//
// # State, bounds, restart
//
// The windows of all streams together are at most Config.InFlightChunksMax
// chunks. A stream that opens gets a quarter of what is free, at least
// windowMin and at most Config.WindowChunks, so that neither the first nor
// the last is starved. A restart forgets all streams; their blocks are
// garbage unless something in the index names them.
package splitter
