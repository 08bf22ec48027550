// Package memindex simulates the index of a node: the same contract as
// runtime/index, in memory, deterministic, with a bill in virtual time and
// faults on demand.
//
// It keeps rows in the clear in a tree and lives as long as its process.
// What it models is what callers can notice:
//
//   - transactions with the same conditions, bounds and errors;
//   - a scan order that tells nothing about keys, and cursors;
//   - durability: transactions that were not durable wait in a log, of
//     which [Index.PowerCut] loses a suffix of random length;
//   - a disk that is full, and a log that cannot be written: as in the real
//     engine the index then refuses to write until it is opened again, and
//     the caller of the failing commit does not know whether it happened;
//   - time: every call adds to a bill that [Index.TakeCost] takes. Syncs of
//     one bill are shared, as concurrent commits share them.
//
// What it does not model: sealing, damage to files, merges in the
// background.
package memindex
