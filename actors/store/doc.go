// Package store keeps blocks: why each is kept, how many may be, which are
// needed, and whether they are whole. The bytes are kept by the Blocks port.
//
// # Why a block is kept
//
// This node's own files need it (it is mine), it is held for the network
// under a lease (a replica), or it was fetched and may be wanted again
// (cached). A stored block without a row of port.TableKept is mine, or
// garbage that a collection will find; a row says what else it is. Only
// replicas are served to others.
//
// A block is written BEFORE its row, and a row is deleted BEFORE its block:
// what a power cut leaves in between is garbage. Whatever changes whether a
// block is stored, or why, first claims it (claims.go), so that a put never
// meets a deletion of the same block half way.
//
// # Contract
//
// [messages.PutBlocks] is answered BlocksStored when all blocks are durable,
// and so is that they, and those to be kept, are mine. It fails with
// CodeQuota or CodeNoSpace when there is no room, with CodeNotFound when a
// block to be kept is not stored, with CodeInvalid when a block has the wrong
// size, with CodeOverload when too many puts wait already, and with
// CodeNoSpace, CodeReadOnly or CodeIO when the disk refuses. After a failure
// none of its blocks is promised.
//
// Before a put or a lease is refused for want of room, replicas whose leases
// have ended are deleted, and then what is cached.
//
// [messages.HoldReplicas] and [messages.DropReplicas] begin and end leases;
// [messages.ListKept] lists them. A lease that has ended costs a replica its
// place only when others need the room, or in a collection.
//
// [messages.KeepCached] offers blocks for the disk tier of the cache, which
// is first in, first out, with a second chance for what was read meanwhile.
//
// [messages.MendBlocks] offers right bytes in the place of damaged copies.
//
// [messages.LoadBlocks], [messages.ListStored] and [messages.StatStore] read.
// A load trusts the bytes, since a read through a ref is proved by its tag,
// unless it is told to check them.
//
// [messages.Collect] and [messages.VerifyStore] are jobs: one runs at a time,
// another is CodeOverload, and [messages.StatJob] tells how far it is. Jobs
// are state machines in files of their own (collect.go, verify.go).
//
// With a network it handles messages.ProtocolBlock: requests for a block, or
// for whether it would be served. A block that is not held
// as a replica is answered absent from memory alone, whether it is stored or
// not, so that nobody learns what this node reads or writes.
//
// It asks: the randomizer (BeginCollection, RetireBlocks, EndCollection),
// the splitter (ListInFlight), the drive (BeginWalk, ContinueWalk, EndWalk,
// HoldImports) and the reader (UnsealBlock), all of them for jobs only; and
// the randomizer, to examine new replicas (AdmitBlocks). It tells the cache,
// the reader and the drive which blocks are gone (ForgetBlocks), the
// randomizer which replicas are (RandomizersLost), and with Config.Network
// the replication (BlocksWritten, BlocksGone, ReplicasRotten) and the
// popularity (BlocksServed).
//
// # State and bounds
//
// It counts what was put since the engine was last asked for its usage, so
// that the quota holds with many puts under way: the estimate is never below
// the truth, and before a put is refused the engine is asked again. Puts,
// loads, changes of leases, serves and jobs are bounded by [Config]; the
// table of why blocks are kept takes 50 to 100 bytes for each that has a row,
// and a collection 8 to 16 bytes for each needed block.
//
// A restart forgets the job that ran, which is then answered CodeRestarted,
// and what was served but not told yet. A new incarnation first ends what an
// earlier one may have begun (undo.go): deletions, the collection of the
// randomizer, and the walks of the drive (EndWalks), so that no import waits
// for nobody. It reads the rows (load.go). What depends on either waits.
package store
