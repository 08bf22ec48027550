// Package disk simulates a port.Disk in memory: one that takes virtual time,
// fills up, errs, rots, tears writes and loses what was not synced, all from
// a seed.
//
// # Power cuts
//
// PowerCut, or CutAt with the number of an operation, turns the power off:
// everything fails with [ErrPowerCut] until Restart returns a disk with what
// survived. The operation at which the power goes may have happened, in part
// or not at all. Of the rest:
//
//   - synced bytes stand;
//   - of the bytes appended since, all, none, a prefix, a prefix and garbage,
//     or any of their 512-byte sectors (the others zero) survive;
//   - an unsynced Truncate happened or not;
//   - of the directory operations since the last SyncDir, some first ones
//     happened, the rest did not.
//
// A process that is killed loses nothing: open its disk again.
//
// # Failed syncs
//
// As on a real system, a Sync that fails loses the bytes silently: they can
// still be read, and a later Sync reports success without writing them, but
// the next power cut damages them.
//
// # Deliberate limits
//
// A removed file frees its space at once, although open handles can still
// read it. Operations are numbered without reads, Size, List, Free, Open and
// Close, since nothing that a power cut could separate happens in them.
// Directory operations survive in order, as on journaling file systems.
package disk
