// Package cache finds blocks wherever they are: in memory, else in the local
// store, else in the network.
//
// # Contract
//
// It receives [messages.ReadBlocks] and answers [messages.BlocksRead] when
// every block was had, in the order asked; otherwise Failed for the first
// block, in that order, that was not: CodeNotFound when it is not stored,
// CodeUnavailable when nobody else had it either, CodeCorrupt or CodeIO when
// it is stored and cannot be read, and could not be had elsewhere,
// CodeOverload when a bound below is reached, and whatever the store or the
// fetcher failed with. [messages.StatCache] is answered with
// counters. [messages.ForgetBlocks] is an event: the blocks leave the memory
// tier, and a copy that is on its way is not kept.
//
// It asks the store (role "store") with [messages.LoadBlocks]: all blocks of
// one ask that are neither in memory nor already on their way, in one
// command. Several asks for one missing block wait for one load (single
// flight).
//
// With Config.Network, what the store does not have or cannot read is asked of
// the fetcher (role "fetcher") with [messages.FetchBlocks], at the urgency of
// the most urgent ask that waits for it, and told which of them belong together;
// and with Config.KeepFetched, what came
// is offered to the store with [messages.KeepCached], an event. Blocks that are
// to be checked are not fetched: they are to become part of a tuple, which
// has to be stored here, so that one that is missing is not found.
//
// Loads trust the disk; who reads through a ref finds out by its tag, and asks
// again with Repair: what is stored is then checked, and what is damaged is
// fetched. The right bytes of a damaged block are offered to the store with
// [messages.MendBlocks], an event.
//
// # State and bounds
//
// The memory tier keeps blocks under S3-FIFO (see s3fifo.go), bounded by
// Config.MemoryBytes. At most Config.LoadsMax blocks are being loaded or
// fetched at any time; asks beyond that wait in order of arrival, and at most
// Config.AsksMax asks wait at all, for a load or for their turn.
//
// A restart forgets the memory tier and the counters, and nothing else: what
// waited is answered by the shell.
//
// # Ownership
//
// The bytes of a block are shared by everybody who was given it and by the
// memory tier. Nobody writes to them.
package cache
