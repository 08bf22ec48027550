// Package reader turns block refs into bytes: single blocks, and ranges of
// files, with read-ahead.
//
// # Contract
//
// [messages.UnsealBlock] is answered BlockUnsealed with the plaintext of one
// block. [messages.OpenContent] makes a handle for range reads,
// [messages.ReadRange] reads from it, [messages.CloseContent] ends it and
// [messages.CloseContents] all of the asker. They fail with
//
//   - CodeNotFound, when a block is not to be had (the text names its CID),
//     or the handle is unknown: closed, or of an incarnation before a
//     restart. Handles are drawn at random, so an old one never opens
//     another file.
//   - CodeCorrupt, when the bytes do not prove what the ref claims. The text
//     names the stored block at fault, found by hashing D, A and B. Before,
//     the cache is told to forget it, and asked once more, with Repair, since
//     others may have it. Wrong bytes are never returned.
//   - CodeInvalid, for a request that makes no sense or content that
//     contradicts itself.
//   - CodeOverload, when a bound of [Config] is reached.
//
// It asks the cache (role "cache") with ReadBlocks for D, A and B of up to
// Config.BatchChunks blocks at once, in shuffled order, so that the order
// tells nothing about which block has which part. Opening (XOR, AES-GCM)
// runs in Workers, one closure per block, and parses content nodes there.
//
// # How a range is read
//
// A file is a row of chunks. A read takes the chunks it touches; each is
// found by going down the content tree (tree.go), opened, and handed over
// as a slice of the opened buffer, without copying. Holes are handed over as
// counts of zeros. A small file that is inline or in a pack is one chunk that
// is made in another way, and all else is the same.
//
// Sequential reading is detected per handle (readahead.go), and chunks ahead
// are opened before they are asked for. What a person waits for goes first:
// the queue for it is always emptied before the one for read-ahead, and
// read-ahead never has all batches.
//
// # State and bounds
//
// Handles, reads, unsealings, batches under way and opened bytes that are
// kept are bounded by [Config]. Opened chunks are kept per handle until they
// were read to their last byte or are out of the window. Node blocks and
// pack chunks, which are asked for again and again, are kept in a small LRU.
// One block that several ask for is opened once. [messages.ForgetBlocks] takes
// what was opened of blocks that are gone out of the LRU; opened chunks of
// open handles stay.
//
// A restart forgets all of it, handles included.
//
// # Ownership
//
// Opened buffers are made in the Workers closure that fills them, are never
// written to again, and are shared by everybody who was given a slice of
// them. Nobody can tell when the last reader of a shared slice is done, so
// the garbage collector takes buffers back and none is used twice. Making one
// costs about a third of opening a block, a tenth of hashing it in software
// (BenchmarkSequential).
package reader
