// Package blockstore keeps blocks of one size on a [port.Disk] and is the
// [port.BlockEngine] of NoiseFS, in the daemon and in the simulation.
//
// # Files
//
//	format            magic, version, block size, twice over
//	0000000007.pack   a segment: a header, then records of one size
//	0000000007.index  the record headers of that segment again
//	0000000003.dead   a log of tombstones
//
// A record is a 64-byte header (CID, segment, slot, CRCs) and the block.
// All records are equally long, so slot n of a segment is at a fixed place,
// and one unreadable header hides nothing but itself. Segments are appended
// to and never changed; when one is full the next begins. What is dead in a
// segment is given back by Compact, which moves the living to the newest
// segment and removes the file.
//
// In memory each stored block costs about 55 bytes: CID, segment, slot, CRC
// of the data, and its age, in sorted leaves (see table).
//
// # When is a block durable?
//
// Put appends records to the pack, in shuffled order, and syncs it once for
// all callers that wait at that time. AFTER the sync, and without a sync of
// their own, the headers are appended to the index file. So a header in the
// index file proves that its record was durable; the same goes for the count
// of durable slots in every header. This is the high-water mark that tells
// rot from a torn tail:
//
//   - a record that is known to have been durable and does not prove itself
//     is damage: Check, and Get with verify, report it;
//   - a record beyond the mark that does not prove itself was never
//     acknowledged, and is dropped; one that does prove itself is kept. It
//     is written once more, since after a failed sync the system serves from
//     memory what never reached the disk.
//
// Opening reads the index files only. Records are read in full only where
// the pack is longer than its index file knows, which is the tail of what
// was being written when the power went. If power goes, and a byte of the
// very last batch also rots, and the index file had not reached the disk,
// then rot cannot be told from tearing: the loss is logged, not reported.
//
// # Deletion
//
// A tombstone names a segment and a slot, never a CID: it kills one copy, so
// a block that is put again lives, whatever the order in which logs are
// read. Segment numbers are not used twice while a tombstone names them.
// While a block has several copies (compaction was cut short), all are
// known, and deleting it kills all.
//
// # Failure
//
// A full disk is an ordinary error: the partial tail is cut off, and reads,
// deletes and compaction go on; Put leaves [Options.Reserve] bytes free for
// them. Any other failed write or sync ends writing until the store is
// reopened (port.ErrEngineFailed), because what the disk then holds is
// unknown; the unproven tail is cut off at once, so that a reopening does
// not take pages that never reached the disk for stored blocks.
//
// A corrupt block stays in the store, and stays an error, until it is
// deleted; after that it may be put again.
//
// # Privacy
//
// Files hold blocks and nothing else: no owner, no time, no tuple. The order
// of records within a Put is drawn from [Options.Shuffle].
package blockstore
