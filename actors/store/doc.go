// Package store keeps the node's own blocks: how many may be kept, which are
// needed, and whether they are whole. The bytes are kept by the Blocks port.
//
// # Contract
//
// [messages.PutBlocks] is answered BlocksStored when all blocks are durable.
// It fails with CodeQuota or CodeNoSpace when there is no room, with
// CodeInvalid when a block has the wrong size, with CodeOverload when too
// many puts wait already, and with CodeNoSpace, CodeReadOnly or CodeIO when
// the disk refuses. After a failure none of its blocks is promised.
//
// [messages.LoadBlocks], [messages.ListStored] and [messages.StatStore] read.
// A load trusts the bytes, since a read through a ref is proved by its tag,
// unless it is told to check them.
//
// [messages.Collect] and [messages.VerifyStore] are jobs: one runs at a time,
// another is CodeOverload, and [messages.StatJob] tells how far it is. Jobs
// are state machines in files of their own (collect.go, verify.go).
//
// It asks: the randomizer (BeginCollection, RetireBlocks, EndCollection),
// the splitter (ListInFlight), the drive (BeginWalk, ContinueWalk, EndWalk,
// HoldImports) and the reader (UnsealBlock), all of them for jobs only. It
// tells the cache, the reader and the drive which blocks are gone
// (ForgetBlocks).
//
// # State and bounds
//
// It counts what was put since the engine was last asked for its usage, so
// that the quota holds with many puts under way: the estimate is never below
// the truth, and before a put is refused the engine is asked again. Puts,
// loads and jobs are bounded by [Config]; a collection keeps 8 to 16 bytes
// for each needed block.
//
// A restart forgets the job that ran, which is then answered CodeRestarted.
// A new incarnation first ends what an earlier one may have begun (undo.go):
// the collection of the randomizer, and the walks of the drive (EndWalks), so
// that no import waits for nobody. A job that is started meanwhile waits.
package store
