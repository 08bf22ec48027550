// Package draft has the files that are being changed: what was written to an
// open file and is no content of the drive yet.
//
// # What lies between a write and a block
//
// A block is written once, under a key used once; a program writes a few bytes
// at a time, in any order. A [Draft] keeps the chunks that differ from the file's
// content. A chunk is, from young to old:
//
//   - bytes in memory, while it is being written;
//   - a block of its own, sealed when the chunk is full, when drafts have too
//     many bytes in memory, or at a commit. It is written to again by reading it
//     back: it becomes bytes, and later another block under another key;
//   - part of the content, once a commit named it.
//
// So memory is bounded whatever is open, nothing is on disk in the clear, and no
// journal stands beside the blocks. [Draft.Commit] seals what is in memory, waits
// until all of it is durable, writes the nodes above it (format.EditContent), and
// gives the file its new content in one durable transaction: after a crash a file
// is as its last commit left it, and never shows bytes that were not written. A
// chunk costs one block and the nodes above it, not the file. A file of up to
// Params.PackMax bytes is no block at all, but a row of the index.
//
// # Failure
//
// When a block cannot be stored (the disk is full), the bytes that it had are
// gone: the draft fails for good, every later call says so, and the file stays as
// it was last committed. A commit that fails before or after that (a time limit,
// a full index) loses nothing and may be tried again.
//
// # Removed files
//
// A file that was removed while it is open has no content to commit to. Its draft
// goes on, and Commit does nothing.
//
// # Threads
//
// All methods may be called at the same time; they take turns.
package draft
